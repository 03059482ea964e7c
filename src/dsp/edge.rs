//! How an array continues beyond its ends: the modes of scipy's ndimage filters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What lies beyond the ends of `a b c d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Edge {
    /// Zeros.
    #[serde(alias = "grid-constant")]
    Constant,
    /// The end's sample: `a a | a b c d | d d`.
    Nearest,
    /// Mirrored about the end, whose sample is repeated: `b a | a b c d | d c`.
    #[serde(alias = "grid-mirror")]
    Reflect,
    /// Mirrored about the end's sample: `c b | a b c d | c b`.
    Mirror,
    /// From the other end: `c d | a b c d | a b`.
    #[serde(alias = "grid-wrap")]
    Wrap,
}

impl Edge {
    /// The sample that stands at position `at` of an axis of `n` samples; none where zeros stand.
    pub fn index(self, at: isize, n: usize) -> Option<usize> {
        let len = n as isize;
        if (0..len).contains(&at) {
            return Some(at as usize);
        }
        let index = match self {
            Edge::Constant => return None,
            Edge::Nearest => at.clamp(0, len - 1),
            Edge::Wrap => at.rem_euclid(len),
            Edge::Reflect => {
                let k = at.rem_euclid(2 * len);
                if k < len { k } else { 2 * len - 1 - k }
            }
            Edge::Mirror if len == 1 => 0,
            Edge::Mirror => {
                let k = at.rem_euclid(2 * len - 2);
                if k < len { k } else { 2 * len - 2 - k }
            }
        };
        Some(index as usize)
    }

    /// Writes `row` with `before` samples before and the rest of `out` after it.
    pub fn extend<S: Copy>(self, row: &[S], before: usize, zero: S, out: &mut [S]) {
        let n = row.len();
        let beyond = |at: isize| self.index(at, n).map_or(zero, |k| row[k]);
        for (k, to) in out[..before].iter_mut().enumerate() {
            *to = beyond(k as isize - before as isize);
        }
        out[before..before + n].copy_from_slice(row);
        for (k, to) in out[before + n..].iter_mut().enumerate() {
            *to = beyond((n + k) as isize);
        }
    }
}
