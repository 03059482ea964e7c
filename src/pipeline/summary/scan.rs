//! What the parts of a summary are, before any value is read.

use std::io::{BufReader, Read};

use super::cannot;
use crate::block::DType;
use crate::command::{ChunkId, ChunkName, Summary};
use crate::formats::part::{Part, PartAxis};
use crate::formats::{FormatError, npy};
use crate::pipeline::output::{Folder, OutputError};

/// What a chunk adds to an array.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Which.
    pub chunk: ChunkId,
    /// Times at its beginning that the chunk before it gives.
    pub skip: usize,
    /// Times after those. More times may follow, which the next chunk gives.
    pub times: usize,
    /// The first and last of them, in nanoseconds since 1970.
    pub span: [i64; 2],
}

impl Piece {
    /// Leaves out the times from `middle` on. `times` are all times of the chunk.
    fn end_before(&mut self, middle: i64, times: &[i64]) {
        let end = times.partition_point(|time| *time < middle);
        self.times = end.saturating_sub(self.skip);
        if self.times > 0 {
            self.span[1] = times[end - 1];
        }
    }

    /// Leaves out the times before `middle`. `times` are all times of the chunk.
    fn begin_at(&mut self, middle: i64, times: &[i64]) {
        self.skip = times.partition_point(|time| *time < middle);
        self.times = times.len() - self.skip;
        self.span[0] = times.get(self.skip).copied().unwrap_or(self.span[1]);
    }
}

/// An array and what it is made of.
#[derive(Debug)]
pub struct Variable {
    /// What the command file says.
    pub summary: Summary,
    /// The shape of its parts.
    pub part: Part,
    /// The type of its values.
    pub dtype: DType,
    /// In the order of time.
    pub pieces: Vec<Piece>,
}

impl Variable {
    /// How many times it has.
    pub fn times(&self) -> usize {
        self.pieces.iter().map(|piece| piece.times).sum()
    }
}

/// Looks at the parts of some chunks, and tells `alive` of each. A chunk whose parts are bad, or of another shape than most, is
/// left out with a warning.
pub fn scan(
    output: &Folder,
    summaries: &[Summary],
    chunks: &[ChunkName],
    alive: &dyn Fn(),
) -> Result<Vec<Variable>, OutputError> {
    let mut shapes = vec![Shapes::default(); summaries.len()];
    let mut looked: Vec<(ChunkId, Vec<Looked>)> = Vec::new();
    let mut odd = Vec::new();
    'chunks: for &name in chunks {
        alive();
        let chunk = ChunkId::of_name(name);
        let mut parts = Vec::new();
        for (summary, shapes) in summaries.iter().zip(&mut shapes) {
            match look(output, summary, &chunk) {
                Ok((part, times)) => parts.push(Looked {
                    shape: shapes.add(&part),
                    single: part.dtype() == Some(DType::F32),
                    times: times.len(),
                    span: [times[0], times[times.len() - 1]],
                }),
                Err(FormatError::Io { path, source }) => return Err(OutputError { path, source }),
                Err(error) => {
                    odd.push(format!("{error}; remove it and run again"));
                    continue 'chunks;
                }
            }
        }
        looked.push((chunk, parts));
    }
    for (k, (summary, shapes)) in summaries.iter().zip(&shapes).enumerate() {
        let usual = shapes.usual();
        looked.retain(|(chunk, parts)| {
            let fits = parts[k].shape == usual;
            if !fits {
                let path = output.full(&summary.part(chunk));
                let found = described(&shapes.0[parts[k].shape].0);
                let expected = described(&shapes.0[usual].0);
                odd.push(format!(
                    "{}: found {found}, expected {expected}, as most chunks have",
                    path.display()
                ));
            }
            fits
        });
    }
    if let [first, others @ ..] = &odd[..] {
        let target = output.full(&summaries[0].target);
        let more = match others.len() {
            0 => String::new(),
            n => format!(" ({n} more chunks are left out)"),
        };
        tracing::warn!("{first}; left out of {}{more}", target.display());
    }
    let mut variables = Vec::new();
    for (k, (summary, shapes)) in summaries.iter().zip(&shapes).enumerate() {
        let Some((part, _)) = shapes.0.get(shapes.usual()) else {
            continue;
        };
        let parts = || looked.iter().map(|(chunk, parts)| (chunk, &parts[k]));
        // Single precision is written where all parts have it.
        let single = parts().all(|(_, it)| it.single);
        variables.push(Variable {
            dtype: match part.dtype() {
                Some(DType::F64) if single => DType::F32,
                other => other.unwrap_or(DType::F64),
            },
            summary: summary.clone(),
            part: part.clone(),
            pieces: in_order(output, summary, parts())?,
        });
    }
    Ok(variables)
}

/// The shapes of parts, each with how many have it.
#[derive(Debug, Clone, Default)]
struct Shapes(Vec<(Part, usize)>);

impl Shapes {
    fn add(&mut self, part: &Part) -> usize {
        let shape = part.shape();
        let known = self.0.iter().position(|(known, _)| *known == shape);
        let at = known.unwrap_or_else(|| {
            self.0.push((shape, 0));
            self.0.len() - 1
        });
        self.0[at].1 += 1;
        at
    }

    /// The one that most have, of equals the first.
    fn usual(&self) -> usize {
        let most = self.0.iter().map(|(_, count)| *count).max();
        let first = self.0.iter().position(|(_, count)| Some(*count) == most);
        first.unwrap_or(0)
    }
}

/// A part, without its values.
#[derive(Debug)]
struct Looked {
    /// Among the shapes of all.
    shape: usize,
    /// Whether it is in single precision.
    single: bool,
    times: usize,
    /// The first and last of them.
    span: [i64; 2],
}

fn look(
    output: &Folder,
    summary: &Summary,
    chunk: &ChunkId,
) -> Result<(Part, Vec<i64>), FormatError> {
    let path = summary.part(chunk);
    let full = output.full(&path);
    let file = output
        .open(&path)
        .map_err(|e| FormatError::io(&full, e.source))?;
    let length = file
        .metadata()
        .map_err(|e| FormatError::io(&full, e))?
        .len();
    let mut file = BufReader::new(file);
    let part = Part::read(&full, &mut file)?;
    let dtype = part.dtype().ok_or_else(|| {
        let expected = "a type of this version of the program";
        FormatError::content(&full, "dtype", part.dtype.clone(), expected)
    })?;
    let expected = part
        .row()
        .checked_mul(dtype.size())
        .and_then(|row| row.checked_add(8)?.checked_mul(part.times))
        .and_then(|body| body.checked_add(part.head().len()));
    if expected.is_none_or(|expected| expected as u64 != length) {
        let expected = expected.map_or("fewer".into(), |n| n.to_string());
        return Err(FormatError::content(
            &full,
            "size",
            length.to_string(),
            expected,
        ));
    }
    let mut bytes = vec![0; part.times * 8];
    file.read_exact(&mut bytes)
        .map_err(|e| FormatError::io(&full, e))?;
    Ok((part, bytemuck::pod_collect_to_vec(&bytes)))
}

fn described(part: &Part) -> String {
    let axis = |axis: &PartAxis| format!("{} {} ({})", axis.len, axis.name, axis.file);
    match &part.columns {
        Some(columns) => format!("{} by {}", axis(&part.channels), axis(columns)),
        None => axis(&part.channels),
    }
}

/// Puts parts in the order of time, each time once. Two chunks that overlap join in the middle of the overlap: the ends of both
/// may have edge effects of filters and windows, and the middle is as far from both ends as possible.
fn in_order<'a>(
    output: &Folder,
    summary: &Summary,
    parts: impl Iterator<Item = (&'a ChunkId, &'a Looked)>,
) -> Result<Vec<Piece>, OutputError> {
    let times = |chunk: &ChunkId| Ok(look(output, summary, chunk).map_err(cannot)?.1);
    let mut end = i64::MIN;
    let mut pieces: Vec<Piece> = Vec::new();
    for (&chunk, part) in parts {
        let [first, last] = part.span;
        if last <= end {
            // The chunks before it have all of its times.
            continue;
        }
        let mut piece = Piece {
            chunk,
            skip: 0,
            times: part.times,
            span: part.span,
        };
        if let Some(before) = pieces.last_mut().filter(|_| first <= end) {
            let middle = first.midpoint(end).max(before.span[0] + 1);
            before.end_before(middle, &times(&before.chunk)?);
            piece.begin_at(middle, &times(&chunk)?);
        }
        end = last;
        pieces.push(piece);
    }
    Ok(pieces)
}

/// The values of an axis.
pub fn axis(output: &Folder, summary: &Summary, axis: &PartAxis) -> Result<Vec<f64>, OutputError> {
    let path = output.full(&summary.parts.join(&axis.file));
    let array = npy::open(&path).map_err(cannot)?;
    let found = match array.to_f64_vec() {
        Some(values) if values.len() == axis.len => return Ok(values),
        Some(values) => format!("found {} values, expected {}", values.len(), axis.len),
        None => format!(
            "found values of another type, expected {} numbers",
            axis.len
        ),
    };
    Err(OutputError::io(&path, std::io::Error::other(found)))
}
