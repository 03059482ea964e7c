//! Results from the device: the rows of each tile into blocks of the whole chunk.

use ndarray::Array2;
use num_complex::Complex;

use super::schedule::Tile;
use crate::block::{Block, Real, Samples};
use crate::plan::{Plan, Stage};

/// Results of a stage, to be filled.
pub fn zeros<T: Real>(stage: &Stage, plan: &Plan) -> Vec<Block<T>> {
    let zeros = |&slot| {
        let signature = plan.signature(slot);
        Block::zeros(signature.kind, signature.rows(), signature.cols())
    };
    stage.writes.iter().map(zeros).collect()
}

/// Puts the rows that a tile gave into the whole result.
pub fn place<T: Real>(whole: &mut Block<T>, tile: &Tile, bytes: &[u8]) {
    let (rows, cols) = whole.shape();
    let (rows, skipped) = tile.writes(rows);
    let shape = (rows.len(), cols);
    let slice = ndarray::s![rows, ..];
    fn put<V: Clone>(whole: &mut Array2<V>, slice: Slice, shape: (usize, usize), values: Vec<V>) {
        let part = Array2::from_shape_vec(shape, values).expect("as many as the tile has");
        whole.slice_mut(slice).assign(&part);
    }
    let part = |size: usize| &bytes[skipped * cols * size..][..shape.0 * cols * size];
    match &mut whole.samples {
        Samples::Complex(array) => {
            let values: Vec<Complex<T>> =
                bytemuck::pod_collect_to_vec(part(size_of::<Complex<T>>()));
            put(array, slice, shape, values);
        }
        Samples::Real(array) => {
            put(
                array,
                slice,
                shape,
                bytemuck::pod_collect_to_vec(part(size_of::<T>())),
            );
        }
        Samples::Label(array) => {
            let places: Vec<u32> = bytemuck::pod_collect_to_vec(part(4));
            put(
                array,
                slice,
                shape,
                places.into_iter().map(i64::from).collect(),
            );
        }
        Samples::Hash(array) => {
            let words: Vec<[u32; 2]> = bytemuck::pod_collect_to_vec(part(8));
            let whole = |[low, high]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
            put(array, slice, shape, words.into_iter().map(whole).collect());
        }
        Samples::Mask(_) => unreachable!("no mask is placed on a GPU"),
    }
}

type Slice = ndarray::SliceInfo<[ndarray::SliceInfoElem; 2], ndarray::Ix2, ndarray::Ix2>;
