//! The lengths in an ONNX file, which is a protocol buffer (<https://protobuf.dev/programming-guides/encoding/>).
//!
//! The library that reads models trusts every length: a damaged one makes it read the same bytes without end, or take memory
//! without bounds. So each length is checked first.

use std::ops::Range;

/// Most messages inside one another, as in Google's own readers.
const DEEPEST: usize = 100;
/// Most bytes of a number: 7 bits of 64 in each.
const LONGEST: usize = 10;

/// A message, by its messages in turn (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>).
#[derive(Debug, Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TensorType,
    Sequence,
    Shape,
    /// It holds no message.
    Plain,
}

impl Message {
    /// The message in a field; `None` if the field holds text, numbers or something that models here do not have.
    fn in_field(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6) => Self::Graph,
            (Self::Model, 14) | (Self::Tensor, 13) | (Self::Shape, 1) => Self::Plain,
            (Self::Graph, 1) => Self::Node,
            (Self::Graph, 5) | (Self::Attribute, 5) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::Value,
            (Self::Node, 5) => Self::Attribute,
            (Self::Value, 2) | (Self::Sequence, 1) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::Type, 4) => Self::Sequence,
            (Self::TensorType, 2) => Self::Shape,
            _ => return None,
        })
    }
}

/// The place of the first field that does not end inside its message, if there is one.
pub fn damage(bytes: &[u8]) -> Option<usize> {
    // The messages that are read, each with the rest of its bytes.
    let mut open = vec![(Message::Model, 0..bytes.len())];
    while let Some((message, rest)) = open.pop() {
        if rest.is_empty() {
            continue;
        }
        let Some((field, content)) = field(bytes, rest.clone()) else {
            return Some(rest.start);
        };
        open.push((message, content.end..rest.end));
        if let Some(inner) = field.and_then(|number| message.in_field(number)) {
            if open.len() == DEEPEST {
                return Some(rest.start);
            }
            open.push((inner, content));
        }
    }
    None
}

/// The first field of some bytes: its number, if it has a length, and the place of its content. `None` where it is damaged.
fn field(bytes: &[u8], rest: Range<usize>) -> Option<(Option<u64>, Range<usize>)> {
    let (tag, at) = number(bytes, rest.clone())?;
    let (start, length) = match tag & 7 {
        0 => (at, number(bytes, at..rest.end)?.1 - at),
        1 => (at, 8),
        2 => {
            let (length, start) = number(bytes, at..rest.end)?;
            (start, usize::try_from(length).ok()?)
        }
        5 => (at, 4),
        // Groups, which are of old, and types that do not exist.
        _ => return None,
    };
    let end = start.checked_add(length).filter(|end| *end <= rest.end)?;
    Some(((tag & 7 == 2).then_some(tag >> 3), start..end))
}

/// A number of variable length, and where it ends.
fn number(bytes: &[u8], rest: Range<usize>) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for (k, byte) in bytes[rest.clone()].iter().take(LONGEST).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * k);
        if byte & 0x80 == 0 {
            return Some((value, rest.start + k + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with a length.
    fn with_length(field: u8, length: &[u8], content: &[u8]) -> Vec<u8> {
        [&[field << 3 | 2], length, content].concat()
    }

    #[test]
    fn lengths_end_inside_their_message() {
        let name = with_length(3, &[2], b"ab");
        let node = with_length(1, &[4], &name);
        let graph = with_length(7, &[6], &node);
        let model = [&[0x08, 0x96, 0x01], &graph[..]].concat();
        assert_eq!(damage(&model), None);
        assert_eq!(damage(&[]), None);
        // The file ends too early.
        assert_eq!(damage(&model[..model.len() - 1]), Some(3));
        // The name is longer than its node, but not than the file.
        let long = with_length(7, &[6], &with_length(1, &[4], &with_length(3, &[3], b"ab")));
        let long = [&long[..], &[0x08, 0x01]].concat();
        assert_eq!(damage(&long), Some(4));
        // Read as a signed number it leads back to the start.
        let negative = with_length(
            2,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[],
        );
        assert_eq!(damage(&negative), Some(0));
        // A number without end, and a group.
        assert_eq!(damage(&[0x08, 0xff]), Some(0));
        assert_eq!(damage(&[0x0b]), Some(0));
    }

    #[test]
    fn messages_may_not_be_too_deep() {
        // A graph in an attribute of a node of a graph, and so on.
        let mut graph = Vec::new();
        for depth in 1..200 {
            for field in [6, 5, 1] {
                let mut length = Vec::new();
                let mut left = graph.len();
                while left > 0x7f {
                    length.push((left & 0x7f) as u8 | 0x80);
                    left >>= 7;
                }
                length.push(left as u8);
                graph = with_length(field, &length, &graph);
            }
            let content = graph.len();
            let model = [
                &[
                    7 << 3 | 2,
                    (content & 0x7f) as u8 | 0x80,
                    (content >> 7) as u8,
                ],
                &graph[..],
            ]
            .concat();
            assert_eq!(damage(&model).is_some(), depth > 32, "{depth}");
        }
    }
}
