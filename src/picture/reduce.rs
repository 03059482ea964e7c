//! Large arrays to the pixels that they get.
//!
//! A picture never draws more pixels than it has. Where several samples share a pixel, the rule says what it shows: by default
//! the sample that is farthest from zero, so that an event of one sample stays visible at any size, or their mean. Where a
//! sample covers several pixels, all of them show it. NaN counts as no sample; a pixel without samples is NaN.

use std::ops::Range;

use rayon::prelude::*;

use crate::block::{Block, DType, Real, Samples, Stored};

/// What a pixel shows of the samples that share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rule {
    /// The one that is farthest from zero.
    #[default]
    Extreme,
    /// Their mean.
    Mean,
}

/// Values by pixel, row by row from the top; NaN where there is none. Single precision, as no screen shows more.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// `height * width` values.
    pub values: Vec<f32>,
    /// Of means, how many samples each is of; else nothing.
    counts: Vec<f32>,
}

impl Grid {
    /// One without values.
    pub fn empty(width: usize, height: usize) -> Self {
        Self::new(width, height, vec![f32::NAN; width * height])
    }

    /// One of values.
    pub fn new(width: usize, height: usize, values: Vec<f32>) -> Self {
        Self {
            width,
            height,
            values,
            counts: Vec::new(),
        }
    }

    /// Lays another over this one, both made by the rule, which also holds where both have a value.
    pub fn cover_by(&mut self, other: &Grid, rule: Rule) {
        self.counts.resize(other.counts.len(), 0.0);
        let pairs = self.values.iter_mut().zip(&other.values);
        match rule {
            Rule::Extreme => pairs.for_each(|(below, above)| *below = farther(*below, *above)),
            Rule::Mean => {
                let counts = self.counts.iter_mut().zip(&other.counts);
                for ((below, above), (count, more)) in pairs.zip(counts) {
                    let all = *count + more;
                    if *count == 0.0 {
                        *below = *above;
                    } else if *more > 0.0 {
                        *below += (*above - *below) * (*more / all);
                    }
                    *count = all;
                }
            }
        }
    }

    /// Whether there is no value at all.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(|v| v.is_nan())
    }
}

/// A row of an array in the precision that it has.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// Single precision.
    F32(&'a [f32]),
    /// Double precision.
    F64(&'a [f64]),
}

impl Row<'_> {
    /// Its values in double precision.
    pub fn wide(&self) -> impl Iterator<Item = f64> {
        let (single, double): (&[f32], &[f64]) = match self {
            Row::F32(values) => (values, &[]),
            Row::F64(values) => (&[], values),
        };
        let single = single.iter().map(|v| f64::from(*v));
        single.chain(double.iter().copied())
    }
}

/// An array that can be read by rows; it need not be in memory.
pub trait Rows: Sync {
    /// Rows and columns.
    fn shape(&self) -> (usize, usize);

    /// Hands out some rows, one after another. Any number of threads may ask at once.
    fn visit(&self, rows: Range<usize>, take: &mut dyn FnMut(Row<'_>));
}

/// Rows that are converted in one go: enough to spread the cost, few enough to stay in a processor's cache.
const TOGETHER: usize = 16;

impl Rows for Stored {
    fn shape(&self) -> (usize, usize) {
        let [rows, cols] = Stored::shape(self);
        (rows, cols)
    }

    fn visit(&self, rows: Range<usize>, take: &mut dyn FnMut(Row<'_>)) {
        let mut at = rows.start;
        while at < rows.end {
            let part = at..rows.end.min(at + TOGETHER);
            at = part.end;
            if self.dtype() == DType::F64 {
                numbers::<f64>(self, part)
                    .chunks(self.cols())
                    .for_each(|row| take(Row::F64(row)));
            } else {
                numbers::<f32>(self, part)
                    .chunks(self.cols())
                    .for_each(|row| take(Row::F32(row)));
            }
        }
    }
}

impl Stored {
    fn cols(&self) -> usize {
        Stored::shape(self)[1].max(1)
    }
}

/// Rows as numbers, in memory for a moment: of a complex array the magnitudes.
fn numbers<T: Real>(stored: &Stored, rows: Range<usize>) -> Vec<T> {
    match stored.block::<T>(rows).samples {
        Samples::Real(array) => array.iter().copied().collect(),
        Samples::Complex(array) => array.iter().map(|z| z.re.hypot(z.im)).collect(),
        // No file holds others.
        _ => Vec::new(),
    }
}

impl<T: Real> Rows for Block<T> {
    fn shape(&self) -> (usize, usize) {
        Block::shape(self)
    }

    fn visit(&self, rows: Range<usize>, take: &mut dyn FnMut(Row<'_>)) {
        let cols = Block::shape(self).1;
        let mut scratch: Vec<f64> = Vec::with_capacity(cols);
        for row in rows {
            let mut as_f64 = |values: &mut dyn Iterator<Item = f64>| {
                scratch.clear();
                scratch.extend(values);
                take(Row::F64(&scratch));
            };
            match &self.samples {
                Samples::Real(array) => match array.row(row).to_slice() {
                    Some(values) => match bytemuck::try_cast_slice::<T, f32>(values) {
                        Ok(values) if T::DTYPE == DType::F32 => take(Row::F32(values)),
                        _ => take(Row::F64(bytemuck::cast_slice(values))),
                    },
                    None => as_f64(&mut array.row(row).iter().map(|v| v.wide())),
                },
                Samples::Complex(array) => {
                    as_f64(&mut array.row(row).iter().map(|z| z.re.hypot(z.im).wide()));
                }
                Samples::Label(array) => as_f64(&mut array.row(row).iter().map(|v| *v as f64)),
                Samples::Hash(array) => as_f64(&mut array.row(row).iter().map(|v| *v as f64)),
                Samples::Mask(array) => {
                    as_f64(&mut array.row(row).iter().map(|v| f64::from(u8::from(*v))));
                }
            }
        }
    }
}

/// Which pixels each sample of an axis covers; none where it lies outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells {
    spans: Vec<Range<u32>>,
    pixels: usize,
}

impl Cells {
    /// `n` samples that share the pixels equally.
    pub fn even(n: usize, pixels: usize) -> Self {
        let edges = (0..=n).map(|k| k as f64 / n as f64).collect::<Vec<_>>();
        Self::between(edges.windows(2).map(|e| (e[0], e[1])), 0.0, 1.0, pixels)
    }

    /// Samples at the given places on an axis that runs over the pixels, from `from` to `to`. A cell ends halfway to its
    /// neighbours, but reaches at most three quarters of the usual distance: what is missing stays empty.
    ///
    /// Places rise or fall.
    pub fn around(places: &[f64], from: f64, to: f64, pixels: usize) -> Self {
        let reach = usual_distance(places).unwrap_or((to - from).abs()) * 0.75;
        let half = |a: f64, b: f64| ((b - a).abs() / 2.0).min(reach);
        let cells = (0..places.len()).map(|k| {
            let here = places[k];
            let before = k.checked_sub(1).map(|k| half(places[k], here));
            let after = places.get(k + 1).map(|next| half(here, *next));
            let before = before.or(after).unwrap_or(reach);
            let after = after.unwrap_or(before);
            let rises = places.first() <= places.last();
            let (low, high) = if rises {
                (before, after)
            } else {
                (after, before)
            };
            (here - low, here + high)
        });
        Self::between(cells, from, to, pixels)
    }

    /// Samples that each last from their time to the next, but no longer than one and a half of the usual time.
    ///
    /// Times rise.
    pub fn since(times: &[f64], usual: f64, from: f64, to: f64, pixels: usize) -> Self {
        let cells = times.iter().enumerate().map(|(k, time)| {
            let next = times.get(k + 1).copied().unwrap_or(time + usual);
            (*time, next.min(time + 1.5 * usual))
        });
        Self::between(cells, from, to, pixels)
    }

    fn between(cells: impl Iterator<Item = (f64, f64)>, from: f64, to: f64, pixels: usize) -> Self {
        let most = pixels as f64;
        let place = |value: f64| (value - from) / (to - from) * most;
        let spans = cells.map(|(low, high)| {
            let (a, b) = (place(low), place(high));
            let (first, last) = (a.min(b), a.max(b));
            if !(last > 0.0 && first < most) {
                return 0..0;
            }
            // Rounding must not make a pixel of nothing: 2.9999999 is 3.
            let first = (first + 1e-6).floor().clamp(0.0, most - 1.0);
            let last = (last + 1e-6).floor().clamp(first + 1.0, most);
            first as u32..last as u32
        });
        Self {
            spans: spans.collect(),
            pixels,
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// For each pixel, the samples that it shows: neighbours, as cells follow one another.
    fn by_pixel(&self) -> Vec<Range<usize>> {
        let mut shown = vec![0..0; self.pixels];
        for (k, span) in self.spans.iter().enumerate() {
            for pixel in span.clone() {
                let shown: &mut Range<usize> = &mut shown[pixel as usize];
                *shown = match shown.start == shown.end {
                    true => k..k + 1,
                    false => shown.start..k + 1,
                };
            }
        }
        shown
    }
}

/// The usual distance of neighbours: the median, of an even number the lower of the middle two; `None` for fewer than two.
pub fn usual_distance(places: &[f64]) -> Option<f64> {
    let mut distances: Vec<f64> = places.windows(2).map(|p| (p[1] - p[0]).abs()).collect();
    if distances.is_empty() {
        return None;
    }
    let middle = (distances.len() - 1) / 2;
    let (_, median, _) = distances.select_nth_unstable_by(middle, f64::total_cmp);
    (*median > 0.0).then_some(*median)
}

/// The pixels of an array, whose rows and columns lie in the given cells.
pub fn reduce(source: &dyn Rows, rows: &Cells, cols: &Cells, rule: Rule) -> Grid {
    let (width, height) = (cols.pixels, rows.pixels);
    let shown = rows.by_pixel();
    // Pixels that show the same rows are computed once.
    let mut runs: Vec<Range<usize>> = Vec::new();
    for pixel in 0..height {
        match runs.last_mut() {
            Some(run) if shown[run.start] == shown[pixel] => run.end = pixel + 1,
            _ => runs.push(pixel..pixel + 1),
        }
    }
    let columns = source.shape().1.min(cols.len());
    let lines = runs.par_iter().map_init(
        || Tally::new(columns),
        |tally, run| {
            let shown = shown[run.start].clone();
            tally.clear();
            source.visit(shown, &mut |row| match row {
                Row::F32(values) => tally.add(values, rule),
                Row::F64(values) => tally.add(values, rule),
            });
            tally.pixels(cols, rule)
        },
    );
    let lines: Vec<(Vec<f32>, Vec<f32>)> = lines.collect();
    let mut grid = Grid::new(width, height, Vec::with_capacity(width * height));
    for (run, (line, counts)) in runs.iter().zip(&lines) {
        for _ in run.clone() {
            grid.values.extend_from_slice(line);
            grid.counts.extend_from_slice(counts);
        }
    }
    grid
}

/// An array between its samples: each pixel has the value on straight lines between the four samples around it. Along an axis with
/// more samples than pixels they are first reduced by their mean. `places` are the rows' and the columns' coordinates, of which the
/// first and last lie at the picture's edges.
pub fn interpolate(
    source: &dyn Rows,
    places: (&[f64], &[f64]),
    (width, height): (usize, usize),
) -> Grid {
    let (rows, cols) = source.shape();
    let (high, wide) = (rows.min(height), cols.min(width));
    let samples = reduce(
        source,
        &Cells::even(rows, high),
        &Cells::even(cols, wide),
        Rule::Mean,
    );
    let down = between(
        if high == rows { Some(places.0) } else { None },
        high,
        height,
    );
    let along = between(
        if wide == cols { Some(places.1) } else { None },
        wide,
        width,
    );
    let at = |row: usize, col: usize| samples.values[row * wide + col];
    let values = down.iter().flat_map(|&(row, below, y)| {
        along.iter().map(move |&(col, next, x)| {
            let [upper, lower] =
                [row, below].map(|row| at(row, col) * (1.0 - x) + at(row, next) * x);
            upper * (1.0 - y) + lower * y
        })
    });
    Grid::new(width, height, values.collect())
}

/// For each pixel the samples before and after its middle, and how far it is from the one to the other.
fn between(places: Option<&[f64]>, n: usize, pixels: usize) -> Vec<(usize, usize, f32)> {
    let monotonic =
        |p: &&[f64]| p.windows(2).all(|p| p[0] < p[1]) || p.windows(2).all(|p| p[0] > p[1]);
    let places = places.filter(monotonic);
    let place = |k: usize| places.map_or(k as f64, |places| places[k]);
    let (first, last) = (place(0), place(n - 1));
    let mut k = 0;
    let pixel = |pixel: usize| {
        let part = (pixel as f64 + 0.5) / pixels as f64;
        let here = first + part * (last - first);
        let beyond = |k: usize| (place(k) - here) * (last - first) < 0.0;
        while k + 2 < n && beyond(k + 1) {
            k += 1;
        }
        let next = (k + 1).min(n - 1);
        let step = place(next) - place(k);
        let far = if step == 0.0 {
            0.0
        } else {
            (here - place(k)) / step
        };
        (k, next, far as f32)
    };
    (0..pixels).map(pixel).collect()
}

/// What is known of each column so far.
struct Tally {
    values: Vec<f32>,
    counts: Vec<f32>,
}

impl Tally {
    fn new(columns: usize) -> Self {
        Self {
            values: vec![f32::NAN; columns],
            counts: vec![0.0; columns],
        }
    }

    fn clear(&mut self) {
        self.values.fill(f32::NAN);
        self.counts.fill(0.0);
    }

    fn add<T: Real>(&mut self, row: &[T], rule: Rule) {
        match rule {
            Rule::Extreme => {
                for (known, value) in self.values.iter_mut().zip(row) {
                    *known = farther(*known, value.wide() as f32);
                }
            }
            Rule::Mean => {
                for ((known, count), value) in self.values.iter_mut().zip(&mut self.counts).zip(row)
                {
                    let value = value.wide() as f32;
                    if !value.is_nan() {
                        *known = if *count == 0.0 { value } else { *known + value };
                        *count += 1.0;
                    }
                }
            }
        }
    }

    /// The columns' values by pixel and, of means, how many samples each is of.
    fn pixels(&self, cols: &Cells, rule: Rule) -> (Vec<f32>, Vec<f32>) {
        let mut line = vec![f32::NAN; cols.pixels];
        let mut counts = Vec::new();
        match rule {
            Rule::Extreme => {
                for (span, value) in cols.spans.iter().zip(&self.values) {
                    for pixel in span.clone() {
                        let pixel = &mut line[pixel as usize];
                        *pixel = farther(*pixel, *value);
                    }
                }
            }
            Rule::Mean => {
                counts = vec![0.0; cols.pixels];
                let columns = self.values.iter().zip(&self.counts);
                for (span, (value, count)) in cols.spans.iter().zip(columns) {
                    for pixel in span.clone() {
                        let pixel = pixel as usize;
                        if *count > 0.0 {
                            let sum = &mut line[pixel];
                            *sum = if counts[pixel] == 0.0 {
                                *value
                            } else {
                                *sum + value
                            };
                            counts[pixel] += count;
                        }
                    }
                }
                for (sum, count) in line.iter_mut().zip(&counts) {
                    *sum /= count;
                }
            }
        }
        (line, counts)
    }
}

/// Of two values the one that is farther from zero; NaN counts as none.
#[inline(always)]
fn farther(known: f32, value: f32) -> f32 {
    if value.abs() > known.abs() || known.is_nan() {
        value
    } else {
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn block(rows: &[&[f64]]) -> Block<f64> {
        let flat: Vec<f64> = rows.concat();
        let array = Array2::from_shape_vec((rows.len(), rows[0].len()), flat).expect("a shape");
        Block::real(array)
    }

    #[test]
    fn one_sample_stays_visible_at_any_size() {
        let mut array = Array2::from_elem((300, 1000), 0.5);
        array[[123, 777]] = -9.0;
        let block = Block::real(array);
        for (width, height) in [(1, 1), (7, 5), (100, 30), (1000, 300), (2000, 900)] {
            let grid = reduce(
                &block,
                &Cells::even(300, height),
                &Cells::even(1000, width),
                Rule::Extreme,
            );
            let at = (123 * height / 300) * width + 777 * width / 1000;
            assert_eq!(grid.values[at], -9.0, "{width}x{height}");
        }
    }

    #[test]
    fn a_mean_leaves_out_what_is_missing() {
        let block = block(&[
            &[1.0, 3.0, f64::NAN, f64::NAN],
            &[5.0, f64::NAN, f64::NAN, 2.0],
        ]);
        let grid = reduce(&block, &Cells::even(2, 1), &Cells::even(4, 2), Rule::Mean);
        assert_eq!(grid.values, [3.0, 2.0]);
        let grid = reduce(&block, &Cells::even(2, 2), &Cells::even(4, 2), Rule::Mean);
        assert!(grid.values[1].is_nan());
    }

    #[test]
    fn means_of_parts_are_the_mean_of_all() {
        let whole = block(&[&[1.0, 2.0, 3.0, 9.0, f64::NAN, 4.0]]);
        let rows = Cells::even(1, 1);
        let of = |from: usize, to: usize| {
            let part = whole.as_real().slice(ndarray::s![.., from..to]).to_owned();
            let cells = Cells::even(to - from, 1);
            reduce(&Block::real(part), &rows, &cells, Rule::Mean)
        };
        let mut parts = Grid::empty(1, 1);
        for (from, to) in [(0, 1), (1, 2), (2, 5), (5, 6)] {
            parts.cover_by(&of(from, to), Rule::Mean);
        }
        assert!((parts.values[0] - 3.8).abs() < 1e-6, "{parts:?}");
    }

    #[test]
    fn a_sample_covers_its_pixels() {
        let block = block(&[&[1.0, 2.0], &[3.0, 4.0]]);
        let grid = reduce(
            &block,
            &Cells::even(2, 2),
            &Cells::even(2, 5),
            Rule::Extreme,
        );
        assert_eq!(
            grid.values,
            [1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0, 4.0]
        );
    }

    #[test]
    fn a_gap_in_time_stays_empty() {
        let times = [0.0, 1.0, 2.0, 6.0, 7.0];
        let cells = Cells::since(&times, 1.0, 0.0, 8.0, 8);
        let block = block(&[&[1.0, 2.0, 3.0, 4.0, 5.0]]);
        let grid = reduce(&block, &Cells::even(1, 1), &cells, Rule::Extreme);
        let shown = grid
            .values
            .iter()
            .map(|v| if v.is_nan() { 0.0 } else { *v });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 4.0, 5.0]
        );
    }

    #[test]
    fn values_between_samples_lie_on_lines() {
        let block = block(&[&[0.0, 2.0, 10.0]]);
        let grid = interpolate(&block, (&[5.0], &[0.0, 1.0, 5.0]), (10, 1));
        let expected = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5];
        for (found, expected) in grid.values.iter().zip(expected) {
            // The columns lie at 0, 1 and 5, and the second has 2: on one line.
            assert!((f64::from(*found) - expected).abs() < 0.6, "{grid:?}");
        }
        let even = interpolate(&block, (&[5.0], &[0.0, 1.0, 2.0]), (4, 1));
        assert_eq!(even.values, [0.5, 1.5, 4.0, 8.0]);
    }

    #[test]
    fn depths_may_fall_and_lie_outside() {
        let cells = Cells::around(&[40.0, 30.0, 20.0, 10.0], 15.0, 35.0, 4);
        let column = block(&[&[4.0], &[3.0], &[2.0], &[1.0]]);
        let grid = reduce(&column, &cells, &Cells::even(1, 1), Rule::Extreme);
        assert_eq!(grid.values, [2.0, 2.0, 3.0, 3.0]);
    }
}
