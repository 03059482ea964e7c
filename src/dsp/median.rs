//! Order statistics of a sliding two-dimensional window.

use ndarray::Array2;
use rayon::prelude::*;

use super::edge::Edge;
use super::rows;
use crate::block::Real;

/// Samples of a window up to which comparing them all is faster than keeping a structure between windows.
const SMALL: usize = 25;

/// Sorted element number `size.0 * size.1 / 2` of the window that begins `size / 2` before each sample (scipy's `median_filter`: the
/// median, of an even number the upper one). NaNs count as largest.
///
/// A window moves by one column at a time: what leaves and enters it are `size.0` samples, so the cost hardly depends on its width.
pub fn median<T: Real>(x: &Array2<T>, size: (usize, usize), edge: Edge) -> Array2<T> {
    if size == (1, 1) {
        return x.clone();
    }
    let (nx, nt) = x.dim();
    let (height, width) = size;
    let wide = nt + width - 1;
    let extended = rows::each(
        x,
        wide,
        || (),
        |row, out, ()| {
            edge.extend(row, width / 2, T::zero(), out);
        },
    );
    let nan = x.iter().any(|v| v.is_nan());
    let small = height * width <= SMALL && !nan;
    let zeros = vec![T::zero(); wide];
    // Each row in order: rows that are sorted already are merged quickly.
    let orders: Vec<Vec<u32>> = match small {
        true => Vec::new(),
        false => (0..nx)
            .into_par_iter()
            .map(|row| {
                let row = extended.row(row);
                let mut order: Vec<u32> = (0..wide as u32).collect();
                order.sort_unstable_by(|&a, &b| in_order(&row[a as usize], &row[b as usize]));
                order
            })
            .collect(),
    };
    let identity: Vec<u32> = (0..wide as u32).collect();
    let mut out = Array2::zeros((nx, nt));
    out.as_slice_mut()
        .expect("a new array is contiguous")
        .par_chunks_exact_mut(nt)
        .enumerate()
        .for_each_init(Slider::default, |slider, (i, out)| {
            let at = |k: usize| edge.index(i as isize + k as isize - (height / 2) as isize, nx);
            let line = |k: usize| match at(k) {
                Some(row) => extended.row(row).to_slice().expect("rows are contiguous"),
                None => &zeros[..],
            };
            let lines: Vec<&[T]> = (0..height).map(line).collect();
            if small {
                compared(&lines, width, out);
                return;
            }
            let order = |k: usize| at(k).map_or(&identity[..], |row| &orders[row]);
            slider.run(&lines, (0..height).map(order), width, out);
        });
    out
}

/// Windows that are compared side by side.
const LANES: usize = 8;

/// Selection by comparisons only, for several windows at once. As many samples are held as there may lie between the median and what
/// is known to be beyond it; the smallest and the largest of them leave, the next one enters.
fn compared<T: Real>(lines: &[&[T]], width: usize, out: &mut [T]) {
    let count = lines.len() * width;
    let n = out.len();
    for start in (0..n).step_by(LANES) {
        // The last windows are computed with ones before them that are known already.
        let start = start.min(n.saturating_sub(LANES));
        let lanes = LANES.min(n);
        let sample = |k: usize| {
            let line = &lines[k / width][start + k % width..];
            std::array::from_fn(|lane| line[lane.min(lanes - 1)])
        };
        let found = select(count, sample);
        out[start..start + lanes].copy_from_slice(&found[..lanes]);
    }
}

/// Element number `count / 2` of each lane's `count` samples.
fn select<T: Real>(count: usize, sample: impl Fn(usize) -> [T; LANES]) -> [T; LANES] {
    // How many have to be thrown away at either end.
    let (mut low, mut high) = (count / 2, count - 1 - count / 2);
    let mut held: [[T; LANES]; SMALL] = [[T::zero(); LANES]; SMALL];
    let first = (low.max(high) + 2).min(count);
    (0..first).for_each(|k| held[k] = sample(k));
    let (mut size, mut next) = (first, first);
    while low + high > 0 {
        // The smallest, or the largest, goes to the end and is left there.
        if low > 0 {
            (1..size).for_each(|k| exchange(&mut held, k, k - 1));
            (low, size) = (low - 1, size - 1);
        }
        if high > 0 {
            (1..size).for_each(|k| exchange(&mut held, k - 1, k));
            (high, size) = (high - 1, size - 1);
        }
        if next < count {
            held[size] = sample(next);
            (next, size) = (next + 1, size + 1);
        }
    }
    held[0]
}

/// Puts the smaller of each lane's two samples at `low`, the larger at `high`.
fn exchange<T: Real>(held: &mut [[T; LANES]], low: usize, high: usize) {
    let (mut smaller, mut larger) = (held[low], held[high]);
    for (a, b) in smaller.iter_mut().zip(&mut larger) {
        let (x, y) = (*a, *b);
        let less = y < x;
        *a = if less { y } else { x };
        *b = if less { x } else { y };
    }
    (held[low], held[high]) = (smaller, larger);
}

/// The structure that slides along one row of the result: the samples under the window by their order, those inside as bits.
#[derive(Default)]
struct Slider {
    /// Positions in the rows under the window, by the order of their samples.
    sorted: Vec<u32>,
    /// The place of each position in that order.
    rank: Vec<u32>,
    /// A bit for each rank: whether its sample is inside.
    inside: Vec<u64>,
    /// How many are inside, for each run of words.
    counts: Vec<u32>,
}

/// Words of bits that are counted together.
const RUN: usize = 16;

impl Slider {
    /// `orders` has the positions of each line by the order of their samples.
    fn run<'a, T: Real>(
        &mut self,
        lines: &[&[T]],
        orders: impl Iterator<Item = &'a [u32]>,
        width: usize,
        out: &mut [T],
    ) {
        let wide = lines[0].len();
        let count = lines.len() * wide;
        let value = |position: u32| lines[position as usize / wide][position as usize % wide];
        self.sorted.clear();
        for (k, order) in orders.enumerate() {
            self.sorted
                .extend(order.iter().map(|at| (k * wide) as u32 + at));
        }
        // The stable sort finds the runs.
        self.sorted.sort_by(|&a, &b| in_order(&value(a), &value(b)));
        self.rank.resize(count, 0);
        for (rank, &position) in self.sorted.iter().enumerate() {
            self.rank[position as usize] = rank as u32;
        }
        let words = count.div_ceil(64);
        self.inside.clear();
        self.inside.resize(words, 0);
        self.counts.clear();
        self.counts.resize(words.div_ceil(RUN), 0);
        let middle = (lines.len() * width / 2) as u32;
        for t in 0..width - 1 {
            (0..lines.len()).for_each(|k| self.turn(k * wide + t, 1));
        }
        for (t, to) in out.iter_mut().enumerate() {
            (0..lines.len()).for_each(|k| self.turn(k * wide + t + width - 1, 1));
            *to = value(self.sorted[self.find(middle)]);
            (0..lines.len()).for_each(|k| self.turn(k * wide + t, u32::MAX));
        }
    }

    /// Lets a sample in (1) or out (-1, as it wraps).
    fn turn(&mut self, position: usize, by: u32) {
        let rank = self.rank[position] as usize;
        self.inside[rank / 64] ^= 1 << (rank % 64);
        let run = &mut self.counts[rank / (64 * RUN)];
        *run = run.wrapping_add(by);
    }

    /// The rank of the sample inside that `below` others lie below.
    fn find(&self, mut below: u32) -> usize {
        let mut run = 0;
        while self.counts[run] <= below {
            below -= self.counts[run];
            run += 1;
        }
        let mut word = run * RUN;
        while self.inside[word].count_ones() <= below {
            below -= self.inside[word].count_ones();
            word += 1;
        }
        let mut bits = self.inside[word];
        for _ in 0..below {
            bits &= bits - 1;
        }
        word * 64 + bits.trailing_zeros() as usize
    }
}

fn in_order<T: Real>(a: &T, b: &T) -> std::cmp::Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
