//! Order statistics of a sliding two-dimensional window.

use ndarray::Array2;
use rayon::prelude::*;

use super::edge::Edge;
use super::rows;
use crate::block::Real;

/// Samples of a window up to which each is copied and partly sorted: faster than keeping a structure between windows.
const SMALL: usize = 32;

/// Sorted element number `size.0 * size.1 / 2` of the window that begins `size / 2` before each sample (scipy's `median_filter`: the
/// median, of an even number the upper one).
///
/// A window moves by one column at a time: what leaves and enters it are `size.0` samples, so the cost does not depend on its width. The
/// samples of the rows under it are numbered by their order, a Fenwick tree counts those inside. NaNs count as largest.
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
    let mut out = Array2::zeros((nx, nt));
    let lines: Vec<(usize, &mut [T])> = out
        .as_slice_mut()
        .expect("a new array is contiguous")
        .chunks_exact_mut(nt)
        .enumerate()
        .collect();
    let zeros = vec![T::zero(); wide];
    lines
        .into_par_iter()
        .for_each_init(Slider::default, |slider, (i, out)| {
            let line =
                |k: usize| match edge.index(i as isize + k as isize - (height / 2) as isize, nx) {
                    Some(row) => extended.row(row).to_slice().expect("rows are contiguous"),
                    None => &zeros[..],
                };
            let lines: Vec<&[T]> = (0..height).map(line).collect();
            if height * width <= SMALL {
                copied(&lines, width, out);
            } else {
                slider.run(&lines, width, out);
            }
        });
    out
}

fn copied<T: Real>(lines: &[&[T]], width: usize, out: &mut [T]) {
    let count = lines.len() * width;
    let mut window = [T::zero(); SMALL];
    for (t, to) in out.iter_mut().enumerate() {
        for (part, line) in window[..count].chunks_exact_mut(width).zip(lines) {
            part.copy_from_slice(&line[t..t + width]);
        }
        *to = *window[..count].select_nth_unstable_by(count / 2, order).1;
    }
}

fn order<T: Real>(a: &T, b: &T) -> std::cmp::Ordering {
    a.partial_cmp(b)
        .unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The structure that slides along one row of the result.
#[derive(Default)]
struct Slider {
    /// Positions in the rows under the window, by the order of their samples.
    sorted: Vec<u32>,
    /// The place of each position in that order.
    rank: Vec<u32>,
    /// Fenwick tree over the ranks: how many samples are inside the window.
    tree: Vec<u32>,
}

impl Slider {
    fn run<T: Real>(&mut self, lines: &[&[T]], width: usize, out: &mut [T]) {
        let wide = lines[0].len();
        let count = lines.len() * wide;
        let value = |position: u32| lines[position as usize / wide][position as usize % wide];
        self.sorted.clear();
        self.sorted.extend(0..count as u32);
        self.sorted
            .sort_unstable_by(|&a, &b| order(&value(a), &value(b)));
        self.rank.resize(count, 0);
        for (rank, &position) in self.sorted.iter().enumerate() {
            self.rank[position as usize] = rank as u32;
        }
        self.tree.clear();
        self.tree.resize(count + 1, 0);
        let middle = (lines.len() * width / 2) as u32;
        for t in 0..width - 1 {
            (0..lines.len()).for_each(|k| self.count(k * wide + t, 1));
        }
        for (t, to) in out.iter_mut().enumerate() {
            (0..lines.len()).for_each(|k| self.count(k * wide + t + width - 1, 1));
            *to = value(self.sorted[self.find(middle)]);
            (0..lines.len()).for_each(|k| self.count(k * wide + t, u32::MAX));
        }
    }

    /// Adds a sample (1), or takes it away (-1 as it wraps).
    fn count(&mut self, position: usize, by: u32) {
        let mut node = self.rank[position] as usize + 1;
        while node < self.tree.len() {
            self.tree[node] = self.tree[node].wrapping_add(by);
            node += node & node.wrapping_neg();
        }
    }

    /// The rank of the sample inside the window that `below` others lie below.
    fn find(&self, below: u32) -> usize {
        let mut left = below;
        let mut rank = 0;
        let mut step = (self.tree.len() - 1).next_power_of_two();
        while step > 0 {
            let next = rank + step;
            if next < self.tree.len() && self.tree[next] <= left {
                left -= self.tree[next];
                rank = next;
            }
            step /= 2;
        }
        rank
    }
}
