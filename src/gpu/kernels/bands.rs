//! Frequency bands of spectra: the power of pieces of each row, then bands out of pieces.

use super::fft::{PackedRows, Packing, dispatch_elements, roots};
use super::word;
use crate::dsp::bands::{Band, BandSums, Measure};
use crate::gpu::{Element, Kernel, Recorder, Tensor};
use pieces::{Pieces, Symmetry};

pub(super) mod pieces;

static PIECES: Kernel = Kernel {
    name: "band_pieces",
    source: include_str!("../../../shaders/band_pieces.wgsl"),
};
static COMBINE: Kernel = Kernel {
    name: "band_combine",
    source: include_str!("../../../shaders/band_combine.wgsl"),
};

/// The kernels of this module.
pub const KERNELS: &[&Kernel] = &[&PIECES, &COMBINE];

/// Bands of full spectra, complex (rows, bins): one (rows, bands) real tensor for each group, none of which may be without bands.
///
/// Every bin stands for itself: nothing is taken of a symmetry that the rows may not have. Row 0 of `spectrum` is row
/// `rows_offset` of the block that the groups' scales are for.
pub fn from_spectrum(
    rec: &mut Recorder,
    spectrum: Tensor,
    groups: &[BandSums],
    rows_offset: usize,
) -> Vec<Tensor> {
    assert_eq!(spectrum.element(), Element::Complex, "bands of {spectrum}");
    let (rows, n) = (spectrum.rows(), spectrum.cols());
    let pieces = Pieces::new(groups, n, Symmetry::None);
    let sums = piece_sums(
        rec,
        PackedRows {
            z: spectrum,
            packing: Packing::Full,
            rows,
            n,
        },
        &pieces,
    );
    combine(rec, sums, &pieces, groups, rows_offset)
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct PiecesParams {
    rows: u32,
    n: u32,
    length: u32,
    pieces: u32,
}

/// Power of pieces of spectra that lie in memory: (rows, pieces).
pub(super) fn piece_sums(rec: &mut Recorder, spectra: PackedRows, pieces: &Pieces) -> Tensor {
    let PackedRows {
        z,
        packing,
        rows,
        n,
    } = spectra;
    let sums = rec.temp(rows, pieces.ranges.len(), Element::Real);
    let params = PiecesParams {
        rows: word(rows),
        n: word(n),
        length: word(z.cols()),
        pieces: word(pieces.ranges.len()),
    };
    let twiddles = rec.table_complex(&roots(packing, n));
    let edges = rec.table_index(&pieces.edges());
    let constants = [("packing", f64::from(packing as u32))];
    dispatch_elements(
        rec,
        &PIECES,
        &constants,
        &params,
        &[z, twiddles, edges],
        sums,
    );
    sums
}

/// A (rows, bands) tensor for each group, out of the power of pieces.
pub(super) fn combine(
    rec: &mut Recorder,
    sums: Tensor,
    pieces: &Pieces,
    groups: &[BandSums],
    rows_offset: usize,
) -> Vec<Tensor> {
    let groups = groups.iter().zip(&pieces.terms);
    groups
        .map(|(group, terms)| combine_group(rec, sums, terms, group, rows_offset))
        .collect()
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct CombineParams {
    rows: u32,
    bands: u32,
    pieces: u32,
    rms: u32,
}

fn combine_group(
    rec: &mut Recorder,
    sums: Tensor,
    terms: &[pieces::Terms],
    group: &BandSums,
    rows_offset: usize,
) -> Tensor {
    let rows = sums.rows();
    let y = rec.temp(rows, group.bands.len(), Element::Real);
    let mut weights: Vec<f64> = group
        .bands
        .iter()
        .flat_map(
            |Band {
                 first, inner, last, ..
             }| [*first, *inner, *last],
        )
        .collect();
    if group.measure == Measure::Rms {
        weights.extend(&group.scale[rows_offset..rows_offset + rows]);
    }
    let params = CombineParams {
        rows: word(rows),
        bands: word(group.bands.len()),
        pieces: word(sums.cols()),
        rms: u32::from(group.measure == Measure::Rms),
    };
    let terms = rec.table_index(bytemuck::cast_slice(terms));
    let weights = rec.table_real(&weights);
    dispatch_elements(rec, &COMBINE, &[], &params, &[sums, terms, weights], y);
    y
}
