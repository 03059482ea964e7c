//! Artifacts to files.

use std::collections::HashSet;
use std::io::Write;
use std::path::PathBuf;

use ndarray::{Array2, ArrayView2};
use num_complex::Complex;

use super::output::{Folder, OutputError};
use crate::block::{Block, DType, Kind, Real, Samples};
use crate::command::{Artifact, Computed, Content, Widen};
use crate::formats::npy;
use crate::store;

/// Puts artifacts below one output folder. An axis that every chunk shares is written once a run.
#[derive(Debug)]
pub struct Writer<'a> {
    folder: &'a Folder,
    shared: HashSet<PathBuf>,
}

impl<'a> Writer<'a> {
    /// A writer into a folder.
    pub fn new(folder: &'a Folder) -> Self {
        Self {
            folder,
            shared: HashSet::new(),
        }
    }

    /// Writes one file, complete or not at all, and gives its hash (see [`super::output::digest`]); `None` for an axis that is there.
    ///
    /// # Errors
    /// When it could not be written.
    pub fn write(&mut self, artifact: &Artifact) -> Result<Option<String>, OutputError> {
        let path = self.folder.full(&artifact.path);
        if artifact.shared && !self.shared.insert(artifact.path.clone()) {
            return Ok(None);
        }
        let file = match &artifact.content {
            // A reader of an earlier run's axis is not disturbed by an equal one.
            Content::Bytes(bytes)
                if artifact.shared && store::read(&path).is_ok_and(|old| old == *bytes) =>
            {
                return Ok(None);
            }
            Content::Bytes(bytes) => {
                let mut file = self.folder.create(&artifact.path)?;
                file.write_all(bytes)
                    .map_err(|e| OutputError::io(&path, e))?;
                file
            }
            Content::Npy { block, widen, rank } => {
                let mut file = self.folder.create(&artifact.path)?;
                npy_into(&mut file, block, *widen, *rank).map_err(|e| OutputError::io(&path, e))?;
                file
            }
            Content::Stream(stream) => {
                let mut file = std::io::BufWriter::new(self.folder.create(&artifact.path)?);
                let written = stream.write(&mut file).and_then(|()| file.flush());
                written.map_err(|e| OutputError::io(&path, e))?;
                file.into_parts().0
            }
        };
        file.commit_hashed().map(Some)
    }
}

fn npy_into(
    file: &mut impl Write,
    block: &Computed,
    widen: Widen,
    rank: u8,
) -> std::io::Result<()> {
    match (block, widen) {
        (Computed::F32(block), Widen::No) => numbers(file, block, rank),
        (Computed::F32(block), Widen::Yes) => numbers(file, &wide(block), rank),
        (Computed::F64(block), _) => numbers(file, block, rank),
        (Computed::Stored(stored), Widen::Yes) => {
            numbers(file, &stored.block::<f64>(0..stored.shape()[0]), rank)
        }
        (Computed::Stored(stored), Widen::No) => {
            let [rows, cols] = stored.shape();
            file.write_all(&npy::header_bytes(
                stored.dtype(),
                &npy::shape(rows, cols, rank),
            ))?;
            let mut row = vec![0; cols * stored.dtype().size()];
            (0..rows).try_for_each(|r| {
                stored.copy_rows(r..r + 1, &mut row);
                file.write_all(&row)
            })
        }
    }
}

fn numbers<T: Real>(file: &mut impl Write, block: &Block<T>, rank: u8) -> std::io::Result<()> {
    let dtype = match (block.kind(), T::DTYPE) {
        (Kind::Real, dtype) => dtype,
        (Kind::Complex, DType::F32) => DType::C64,
        (Kind::Complex, _) => DType::C128,
        (Kind::Label, _) => DType::I64,
        (Kind::Hash, _) => DType::U64,
        (Kind::Mask, _) => DType::Bool,
    };
    let (rows, cols) = block.shape();
    file.write_all(&npy::header_bytes(dtype, &npy::shape(rows, cols, rank)))?;
    match &block.samples {
        Samples::Real(a) => file.write_all(bytemuck::cast_slice(flat(a))),
        Samples::Complex(a) => file.write_all(bytemuck::cast_slice::<Complex<T>, u8>(flat(a))),
        Samples::Label(a) => file.write_all(bytemuck::cast_slice(flat(a))),
        Samples::Hash(a) => file.write_all(bytemuck::cast_slice(flat(a))),
        Samples::Mask(a) => {
            file.write_all(&flat(a).iter().map(|&b| u8::from(b)).collect::<Vec<_>>())
        }
    }
}

fn flat<V>(array: &Array2<V>) -> &[V] {
    array.as_slice().expect("blocks are contiguous")
}

fn wide(block: &Block<f32>) -> Block<f64> {
    let complex =
        |a: &Array2<Complex<f32>>| a.mapv(|v| Complex::new(f64::from(v.re), f64::from(v.im)));
    let samples = match &block.samples {
        Samples::Real(a) => Samples::Real(ArrayView2::from(a).mapv(f64::from)),
        Samples::Complex(a) => Samples::Complex(complex(a)),
        Samples::Label(a) => Samples::Label(a.clone()),
        Samples::Hash(a) => Samples::Hash(a.clone()),
        Samples::Mask(a) => Samples::Mask(a.clone()),
    };
    Block { samples }
}
