//! `count_peaks`: how many peaks a row has, found by wavelets of several widths.

use std::f64::consts::PI;

use num_traits::Zero;
use realfft::{ComplexToReal, RealToComplex};

use crate::command::prelude::*;
use crate::dsp::{fft, rows};

/// The command.
pub static SPEC: Spec = Spec {
    name: "count_peaks",
    summary: "Number of peaks of each row that show at several widths (scipy's find_peaks_cwt).",
    notes: "\
            `scipy.signal.find_peaks_cwt` with widths `sta, sta + 5, ..` below `lta` and its defaults (Du, Kibbe and Lin, \
            Bioinformatics 22, 2059, 2006). A row is convolved with a Ricker wavelet of each width `a`, `2 / (sqrt(3 a) \
            pi^(1/4)) (1 - t^2 / a^2) exp(-t^2 / (2 a^2))` on `min(10 a, n)` points. Maxima are linked from the widest \
            wavelet to the narrowest into ridge lines, each to the line whose last maximum is nearest if it lies within `a / \
            4`; a line ends after more than `sta` widths without one. A line counts if it has maxima in a quarter of the \
            widths, and if the transform at its narrow end is not below the tenth percentile of the narrowest transform in a \
            window of `n / 20` around.\n\n\
            Long wavelets are applied by FFT. Its rounding would make maxima where the transform is flat, so neighbours that \
            are nearer to each other than rounding are convolved directly. All of it is in double precision, on the CPU: \
            linking is a walk over short lists, at which a GPU does not help.\n\n\
            A row that holds a NaN or an infinity has no peak.",
    family: Family::Statistic,
    kinds: &[(Kind::Real, Kind::Label)],
    gathers: Gathers::None,
    cost: Cost::Transforms(30.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"sta": 1, "lta": 2}"#,
        inputs: &["0 0 0 0 9 0 0 0 0; 3 3 3 3 3 3 3 3 3; 0 1 3 6 9 6 3 1 0"],
        output: "1; 0; 1",
    }],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Narrowest width of a wavelet.
    #[schemars(range(min = 1), extend("unit" = "samples"))]
    sta: usize,
    /// End of the widths, which grow by 5; itself left out.
    #[schemars(range(min = 1), extend("unit" = "samples"))]
    lta: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self { sta: 50, lta: 200 }
    }
}

/// From one width to the next.
const STEP: usize = 5;
/// Points of a wavelet from which on the FFT is faster.
const LONG: usize = 64;

fn build(args: Args) -> Result<Command, ArgProblem> {
    let Args { sta, lta } = args;
    if sta >= lta {
        return Err(ArgProblem::new(
            "lta",
            format!("found {lta}, expected more than `sta`, which is {sta}"),
        ));
    }
    let widths = (sta..lta).step_by(STEP).collect();
    Ok(Command::Block(Arc::new(CountPeaks { widths })))
}

#[derive(Debug)]
struct CountPeaks {
    widths: Vec<usize>,
}

impl BlockCommand for CountPeaks {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let signature = Signature {
            time: Coords::index(1),
            ..x.of_kind(Kind::Label)
        };
        let kernel = Ridges::new(&self.widths, x.cols());
        Ok(Prepared::new(signature, Rows::Independent, kernel))
    }
}

/// Wavelets for rows of a length.
#[derive(Debug)]
struct Ridges {
    /// From narrow to wide.
    wavelets: Vec<Wavelet>,
    /// Length of the transforms; 0 where no wavelet needs one.
    length: usize,
}

#[derive(Debug, Clone)]
struct Wavelet {
    width: usize,
    points: Arc<[f64]>,
    /// Root of the sum of squares.
    norm: f64,
    /// Transform over `length`, scaled by its inverse; none for a short one.
    spectrum: Option<Arc<[Complex<f64>]>>,
}

/// Where a maximum was found at several widths.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// Number of maxima.
    count: usize,
    /// Column of the last maximum.
    last: usize,
    /// Widths since then.
    gap: usize,
    /// The narrowest width so far, and column and transform of its first maximum.
    row: usize,
    column: usize,
    value: f64,
}

impl Ridges {
    fn new(widths: &[usize], n: usize) -> Self {
        let points = |width: usize| (10 * width).min(n);
        let longest = widths.iter().map(|&w| points(w)).max().unwrap_or_default();
        let length = if longest >= LONG {
            smooth(n + longest - 1)
        } else {
            0
        };
        let wavelets = widths.iter().map(|&width| {
            let wave = ricker(points(width), width as f64);
            Wavelet {
                width,
                norm: norm(&wave),
                spectrum: (wave.len() >= LONG).then(|| spectrum(&wave, length)),
                points: wave.into(),
            }
        });
        Self {
            wavelets: wavelets.collect(),
            length,
        }
    }

    fn count(&self, scratch: &mut Scratch) -> usize {
        if !scratch.x.iter().all(|v| v.is_finite()) {
            return 0;
        }
        scratch.prepare();
        let gap = self.wavelets[0].width;
        for (row, wavelet) in self.wavelets.iter().enumerate().rev() {
            scratch.transform(wavelet);
            scratch.link(row, wavelet.width as f64 / 4.0, gap);
        }
        let lines = scratch.done.iter().chain(&scratch.lines);
        let enough = self.wavelets.len().div_ceil(4);
        let long: Vec<Line> = lines.filter(|l| l.count >= enough).copied().collect();
        long.iter().filter(|line| scratch.stands_out(line)).count()
    }
}

impl Kernel for Ridges {}

impl<T: Real> Cpu<T> for Ridges {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let scratch = || Scratch::new(x.ncols(), self.length);
        let counts = rows::each(x, 1, scratch, |row, out: &mut [i64], scratch| {
            for (wide, sample) in scratch.x.iter_mut().zip(row) {
                *wide = sample.wide();
            }
            out[0] = self.count(scratch) as i64;
        });
        Block {
            samples: Samples::Label(counts),
        }
    }
}

/// What is kept from row to row.
struct Scratch {
    /// The row.
    x: Vec<f64>,
    norm: f64,
    /// For each sample, where the run of equal ones that holds it ends.
    runs: Vec<usize>,
    fourier: Option<Fourier>,
    /// The transform at the current width.
    cwt: Vec<f64>,
    /// Which of its samples were convolved directly.
    direct: Vec<bool>,
    maxima: Vec<usize>,
    lines: Vec<Line>,
    /// Lines that ended.
    done: Vec<Line>,
    /// Last column and number of each line, sorted.
    ends: Vec<(usize, usize)>,
    window: Vec<f64>,
}

struct Fourier {
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    row: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    product: Vec<Complex<f64>>,
    scratch: Vec<Complex<f64>>,
}

impl Scratch {
    fn new(n: usize, length: usize) -> Self {
        Self {
            x: vec![0.0; n],
            norm: 0.0,
            runs: vec![0; n],
            fourier: (length > 0).then(|| Fourier::new(length)),
            cwt: vec![0.0; n],
            direct: vec![false; n],
            maxima: Vec::new(),
            lines: Vec::new(),
            done: Vec::new(),
            ends: Vec::new(),
            window: Vec::new(),
        }
    }

    /// What all widths of a row share.
    fn prepare(&mut self) {
        self.lines.clear();
        self.done.clear();
        self.norm = norm(&self.x);
        let n = self.x.len();
        for k in (0..n).rev() {
            let runs_on = k + 1 < n && self.x[k] == self.x[k + 1];
            self.runs[k] = if runs_on { self.runs[k + 1] } else { k + 1 };
        }
        if let Some(fourier) = &mut self.fourier {
            fourier.transform(&self.x);
        }
    }

    /// The transform at a width, and its maxima.
    fn transform(&mut self, wavelet: &Wavelet) {
        match (&mut self.fourier, &wavelet.spectrum) {
            (Some(fourier), Some(spectrum)) => {
                let all = fourier.convolve(spectrum);
                let first = (wavelet.points.len() - 1) / 2;
                self.cwt.copy_from_slice(&all[first..][..self.x.len()]);
                self.direct.fill(false);
                // Errors of a transform are some units of rounding of this product.
                self.find_maxima(wavelet, 1e-14 * self.norm * wavelet.norm);
            }
            _ => {
                for (k, y) in self.cwt.iter_mut().enumerate() {
                    *y = convolved(&self.x, &wavelet.points, k);
                }
                self.direct.fill(true);
                self.find_maxima(wavelet, 0.0);
            }
        }
    }

    /// Columns that are above both neighbours; differences up to `doubt` are computed again.
    fn find_maxima(&mut self, wavelet: &Wavelet, doubt: f64) {
        self.maxima.clear();
        for k in 1..self.cwt.len().saturating_sub(1) {
            let above = |cwt: &[f64]| (cwt[k] - cwt[k - 1]).min(cwt[k] - cwt[k + 1]);
            let certain = above(&self.cwt);
            if certain < -doubt {
                continue;
            }
            if certain <= doubt {
                if self.is_flat(k, wavelet.points.len()) {
                    continue;
                }
                for at in k - 1..=k + 1 {
                    if !self.direct[at] {
                        self.cwt[at] = convolved(&self.x, &wavelet.points, at);
                        self.direct[at] = true;
                    }
                }
                if above(&self.cwt) <= 0.0 {
                    continue;
                }
            }
            self.maxima.push(k);
        }
    }

    /// Whether a wavelet of so many points around a column and its neighbours sees equal samples only.
    fn is_flat(&self, column: usize, points: usize) -> bool {
        let end = column + 1 + (points - 1) / 2;
        let start = (column + (points - 1) / 2).checked_sub(points);
        start.is_some_and(|start| end < self.x.len() && self.runs[start] > end)
    }

    /// Links the maxima of a width to the lines of wider ones.
    fn link(&mut self, row: usize, reach: f64, gap: usize) {
        self.lines.iter_mut().for_each(|line| line.gap += 1);
        self.ends.clear();
        let ends = self.lines.iter().enumerate().map(|(k, l)| (l.last, k));
        self.ends.extend(ends);
        self.ends.sort_unstable();
        // The first of several lines that end in one column.
        self.ends.dedup_by_key(|end| end.0);
        for &column in &self.maxima {
            let value = self.cwt[column];
            match nearest(&self.ends, column) {
                Some((last, k)) if last.abs_diff(column) as f64 <= reach => {
                    let line = &mut self.lines[k];
                    line.count += 1;
                    line.last = column;
                    line.gap = 0;
                    if line.row != row {
                        (line.row, line.column, line.value) = (row, column, value);
                    }
                }
                _ => self.lines.push(Line {
                    count: 1,
                    last: column,
                    gap: 0,
                    row,
                    column,
                    value,
                }),
            }
        }
        let done = &mut self.done;
        self.lines.retain(|line| {
            let ended = line.gap > gap;
            if ended {
                done.push(*line);
            }
            !ended
        });
    }

    /// Whether a line's narrow end is not below the noise, that is, scipy's percentile of the transform around it.
    fn stands_out(&mut self, line: &Line) -> bool {
        let n = self.cwt.len();
        let window = n.div_ceil(20);
        let half = window / 2;
        let end = (line.column + half + window % 2).min(n);
        self.window.clear();
        self.window
            .extend_from_slice(&self.cwt[line.column.saturating_sub(half)..end]);
        let ratio = (line.value / tenth(&mut self.window)).abs();
        // Nothing over nothing counts.
        ratio >= 1.0 || ratio.is_nan()
    }
}

impl Fourier {
    fn new(length: usize) -> Self {
        let (forward, inverse) = (fft::real_plan(length), fft::real_inverse_plan(length));
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        Self {
            row: forward.make_input_vec(),
            spectrum: forward.make_output_vec(),
            product: forward.make_output_vec(),
            scratch: vec![Complex::zero(); scratch],
            forward,
            inverse,
        }
    }

    fn transform(&mut self, x: &[f64]) {
        let (row, rest) = self.row.split_at_mut(x.len());
        row.copy_from_slice(x);
        rest.fill(0.0);
        self.forward
            .process_with_scratch(&mut self.row, &mut self.spectrum, &mut self.scratch)
            .expect("lengths are the plan's");
    }

    /// The row that was transformed, convolved with what has this spectrum.
    fn convolve(&mut self, spectrum: &[Complex<f64>]) -> &[f64] {
        for ((to, a), b) in self.product.iter_mut().zip(&self.spectrum).zip(spectrum) {
            *to = a * b;
        }
        // Products of real numbers, whose imaginary part the transform refuses unless it is zero of either sign.
        let last = self.product.len() - 1;
        (self.product[0].im, self.product[last].im) = (0.0, 0.0);
        self.inverse
            .process_with_scratch(&mut self.product, &mut self.row, &mut self.scratch)
            .expect("lengths are the plan's");
        &self.row
    }
}

/// The line whose last maximum is nearest to a column, the older of two.
fn nearest(ends: &[(usize, usize)], column: usize) -> Option<(usize, usize)> {
    let at = ends.partition_point(|end| end.0 < column);
    let near = ends[at.saturating_sub(1)..ends.len().min(at + 1)].iter();
    near.copied()
        .min_by_key(|&(last, line)| (last.abs_diff(column), line))
}

/// The tenth percentile, interpolated as scipy does; not empty.
fn tenth(values: &mut [f64]) -> f64 {
    let at = 10.0 / 100.0 * (values.len() - 1) as f64;
    let k = at as usize;
    let (_, &mut low, above) = values.select_nth_unstable_by(k, f64::total_cmp);
    let Some(high) = above.iter().copied().min_by(f64::total_cmp) else {
        return low;
    };
    if at == k as f64 {
        return low;
    }
    let (left, right) = ((k + 1) as f64 - at, at - k as f64);
    (low * left + high * right) / (left + right)
}

/// One sample of the convolution, of which the middle `x.len()` are kept.
fn convolved(x: &[f64], wavelet: &[f64], k: usize) -> f64 {
    let last = k + (wavelet.len() - 1) / 2;
    let first = (last + 1).saturating_sub(wavelet.len());
    let end = (last + 1).min(x.len());
    // The wavelet is symmetric: it need not be turned.
    let skipped = wavelet.len() - 1 - (last - first);
    x[first..end]
        .iter()
        .zip(&wavelet[skipped..])
        .map(|(x, w)| x * w)
        .sum()
}

fn ricker(points: usize, width: f64) -> Vec<f64> {
    let scale = 2.0 / ((3.0 * width).sqrt() * PI.powf(0.25));
    let middle = (points as f64 - 1.0) / 2.0;
    let at = |k: usize| {
        let square = (k as f64 - middle).powi(2) / width.powi(2);
        scale * (1.0 - square) * (-square / 2.0).exp()
    };
    (0..points).map(at).collect()
}

fn spectrum(wavelet: &[f64], length: usize) -> Arc<[Complex<f64>]> {
    let mut fourier = Fourier::new(length);
    fourier.transform(wavelet);
    let scale = 1.0 / length as f64;
    fourier.spectrum.iter().map(|v| v * scale).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// The least even length from `n` on with a fast transform.
fn smooth(n: usize) -> usize {
    let lengths = [1, 3, 5, 9, 15].map(|odd: usize| {
        let halves = n.div_ceil(2 * odd).next_power_of_two();
        2 * odd * halves
    });
    lengths.into_iter().min().unwrap_or(n)
}
