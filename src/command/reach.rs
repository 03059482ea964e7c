//! Dependence of a result on its input along time, which gives the length of an edge buffer.

/// Dependence of the result at a time on the input along time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On so many samples before and after that time.
    Near {
        /// Samples before it.
        before: usize,
        /// Samples after it.
        after: usize,
    },
    /// On the whole axis, or the result has another axis.
    Whole,
}

impl Reach {
    /// On that time only.
    pub const NONE: Self = Self::Near {
        before: 0,
        after: 0,
    };
}
