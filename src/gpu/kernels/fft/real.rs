//! Real rows along time: packed into complex ones of half the work.

use num_complex::Complex;

use super::super::bands::{self, pieces::Pieces};
use super::super::word;
use super::complex::{Ends, Lines, transform};
use super::passes::Kind;
use super::stages::{Stages, root};
use super::{dispatch_elements, slots, threads};
use crate::gpu::{Dispatch, Element, Kernel, Recorder, Tensor};

pub static REAL: Kernel = Kernel {
    name: "fft_real",
    source: include_str!("../../../../shaders/fft_real.wgsl"),
};
pub static BANDS: Kernel = Kernel {
    name: "fft_bands",
    source: include_str!("../../../../shaders/fft_bands.wgsl"),
};
pub static SPLIT: Kernel = Kernel {
    name: "fft_split",
    source: include_str!("../../../../shaders/fft_split.wgsl"),
};

/// Slots that keep a workgroup busy when rows are short.
const BUSY_SLOTS: usize = 1024;

/// How rows lie in complex transforms: the numbers of `import/fft_bins.wgsl`, which has the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// A transform is a row's spectrum.
    Full = 0,
    /// A real row of even n as n / 2 complex numbers.
    Halves = 1,
    /// Two real rows of odd n as one complex row.
    Paired = 2,
}

/// Transforms of packed rows.
#[derive(Debug, Clone, Copy)]
pub struct PackedRows {
    /// (transforms, points) complex.
    pub z: Tensor,
    /// How rows lie in it.
    pub packing: Packing,
    /// Rows.
    pub rows: usize,
    /// Length of the rows.
    pub n: usize,
}

/// Spectra of real rows: (rows, n) complex.
pub fn spectrum(rec: &mut Recorder, x: Tensor) -> Tensor {
    let y = |rec: &mut Recorder| rec.temp(x.rows(), x.cols(), Element::Complex);
    let plan = RowPlan::new(x);
    if let Some(stages) = plan.stages(rec) {
        let y = y(rec);
        let params = RealParams {
            rows: word(x.rows()),
        };
        plan.dispatch(rec, &stages, &REAL, bytemuck::bytes_of(&params), &[], y);
        return y;
    }
    let packed = plan.transform(rec);
    let y = y(rec);
    split(rec, packed, y);
    y
}

/// Power of pieces of the spectra of real rows: (rows, pieces).
pub fn piece_sums(rec: &mut Recorder, x: Tensor, pieces: &Pieces) -> Tensor {
    let plan = RowPlan::new(x);
    let Some(stages) = plan.stages(rec) else {
        let packed = plan.transform(rec);
        return bands::piece_sums(rec, packed, pieces);
    };
    let sums = rec.temp(x.rows(), pieces.ranges.len(), Element::Real);
    let params = BandsParams {
        rows: word(x.rows()),
        pieces: word(pieces.ranges.len()),
    };
    plan.dispatch(
        rec,
        &stages,
        &BANDS,
        bytemuck::bytes_of(&params),
        &pieces.edges(),
        sums,
    );
    sums
}

/// Factors that bins of packed rows need: `exp(-2 pi i k / n)`, k = 0..=n/2; for other packings one number, to bind something.
pub fn roots(packing: Packing, n: usize) -> Vec<Complex<f64>> {
    let last = if packing == Packing::Halves { n / 2 } else { 0 };
    (0..=last).map(|k| root(k, n)).collect()
}

/// How a tensor's real rows are packed and transformed.
#[derive(Clone, Copy)]
struct RowPlan {
    x: Tensor,
    packing: Packing,
    kind: Kind,
    /// Complex rows.
    transforms: usize,
    /// Points of each.
    length: usize,
}

impl RowPlan {
    fn new(x: Tensor) -> Self {
        if x.cols().is_multiple_of(2) {
            let (packing, kind) = (Packing::Halves, Kind::Complex);
            return Self {
                x,
                packing,
                kind,
                transforms: x.rows(),
                length: x.cols() / 2,
            };
        }
        let (packing, kind) = (Packing::Paired, Kind::Pairs);
        Self {
            x,
            packing,
            kind,
            transforms: x.rows().div_ceil(2),
            length: x.cols(),
        }
    }

    /// The stages, where a transform fits a workgroup.
    fn stages(self, rec: &Recorder) -> Option<Stages> {
        if self.length > slots(rec) {
            return None;
        }
        Stages::new(self.length)
    }

    /// Transforms the packed rows through global memory.
    fn transform(self, rec: &mut Recorder) -> PackedRows {
        let Self {
            x,
            packing,
            kind,
            transforms,
            length,
        } = self;
        let lines = Lines {
            x,
            kind,
            rows: x.rows(),
            transforms,
            length,
            inner: 1,
        };
        let z = transform(rec, lines, Ends::FORWARD);
        PackedRows {
            z,
            packing,
            rows: x.rows(),
            n: x.cols(),
        }
    }

    /// Launches a kernel that holds rows in workgroup memory; `edges` follow the places of bins.
    fn dispatch(
        self,
        rec: &mut Recorder,
        stages: &Stages,
        kernel: &'static Kernel,
        params: &[u8],
        edges: &[u32],
        y: Tensor,
    ) {
        let groups = (BUSY_SLOTS.min(slots(rec)) / self.length).clamp(1, self.transforms);
        let slots = groups * self.length;
        let twiddles = [stages.twiddles(), roots(self.packing, self.x.cols())].concat();
        let twiddles = rec.table_complex(&twiddles);
        let places = rec.table_index(&[&stages.places(), edges].concat());
        let mut constants = stages.constants(slots, threads(rec, slots));
        constants.extend([
            ("input_kind", f64::from(self.kind as u32)),
            ("packing", f64::from(self.packing as u32)),
        ]);
        rec.dispatch(Dispatch {
            kernel,
            text: None,
            constants,
            params: params.to_vec(),
            inputs: vec![self.x, twiddles, places],
            outputs: vec![y],
            workgroups: self.transforms.div_ceil(groups) as u64,
            workgroup_bytes: slots * Element::Complex.size(rec.precision()),
        });
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct RealParams {
    rows: u32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct BandsParams {
    rows: u32,
    pieces: u32,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct SplitParams {
    rows: u32,
    n: u32,
    length: u32,
}

fn split(rec: &mut Recorder, packed: PackedRows, y: Tensor) {
    let PackedRows {
        z,
        packing,
        rows,
        n,
    } = packed;
    let params = SplitParams {
        rows: word(rows),
        n: word(n),
        length: word(z.cols()),
    };
    let twiddles = rec.table_complex(&roots(packing, n));
    let constants = [("packing", f64::from(packing as u32))];
    dispatch_elements(rec, &SPLIT, &constants, &params, &[z, twiddles], y);
}
