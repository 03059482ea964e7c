//! `write_zarr`: one array over a whole run, as Zarr.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytemuck::Pod;
use ndarray::{ArrayView2, s};
use sha2::{Digest, Sha256};

use super::write_npy::folder;
use crate::block::DType;
use crate::command::prelude::*;
use crate::formats::npy;
use crate::formats::part::{Part, PartAxis};

/// The command.
pub static SPEC: Spec = Spec {
    name: "write_zarr",
    summary: "Writes the input of all chunks together as an array of `summary.zarr`: time by channels, and by columns.",
    notes: "Each chunk's part lies in `summary.zarr.parts`; the array (Zarr version 3, zstd) is put together from them, in the \
            order of time, when the last chunk of the run is done, whoever does it, and takes its name whole. Columns along time \
            become times; other columns, and a single one, make one time a chunk: that of its first sample. Axes have CF \
            attributes, so that xarray shows dates and depths. Chunks that overlap in time join in the middle of the overlap. \
            A chunk of another shape than most is left out with a warning. Commands with the same folder and other \
            names write arrays of the same `summary.zarr`.",
    family: Family::Output,
    kinds: KINDS,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?, SummaryForm::Zarr),
    examples: &[],
};

/// Everything but complex numbers, which many readers do not know.
pub(super) const KINDS: &[(Kind, Kind)] = &[
    (Kind::Real, Kind::Real),
    (Kind::Label, Kind::Label),
    (Kind::Hash, Kind::Hash),
    (Kind::Mask, Kind::Mask),
];
/// A number in seconds that is more is a Unix time.
const UNIX_TIME: f64 = 1e8;
/// Characters of an array's name, which stands in the names of its axes too.
const LONGEST: usize = 40;
/// Columns that are turned into rows at once.
const STRIP: usize = 64;
/// Names that axes have.
const AXES: [&str; 8] = [
    "time",
    "measured_depth",
    "channel",
    "frequency",
    "wavenumber",
    "lag",
    "column",
    "band",
];

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Args {
    /// Folder below the output folder; without one nothing is written.
    directory_out: Option<String>,
    /// Name of the array.
    #[serde(rename = "array")]
    name: String,
    /// Names of the columns, which are the values of the axis `band` then: one for each column of the input.
    labels: Vec<String>,
    /// What the values are in, for the attribute `units`.
    units: Option<String>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            directory_out: None,
            name: "summary".into(),
            labels: Vec::new(),
            units: None,
        }
    }
}

pub(super) fn build(args: Args, form: SummaryForm) -> Result<Command, ArgProblem> {
    let usual = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !(1..=LONGEST).contains(&args.name.len()) || !args.name.chars().all(usual) {
        let found = format!(
            "found \"{}\", expected up to {LONGEST} letters, digits, _ and -",
            args.name
        );
        return Err(ArgProblem::new("array", found));
    }
    if AXES.iter().any(|axis| {
        args.name
            .strip_prefix(axis)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }) {
        let found = format!(
            "found \"{}\", expected no name of an axis, alone or before a _",
            args.name
        );
        return Err(ArgProblem::new("array", found));
    }
    let Some(folder) = folder(args.directory_out)? else {
        return Ok(Command::Passthrough);
    };
    let target = folder.join(match form {
        SummaryForm::Zarr => "summary.zarr",
        SummaryForm::Hdf5 => "summary.h5",
    });
    Ok(Command::Sink(Arc::new(WriteSummary(Summary {
        parts: target.with_added_extension("parts").join(&args.name),
        target,
        name: args.name,
        unit: args.units,
        labels: args.labels,
        form,
    }))))
}

#[derive(Debug)]
struct WriteSummary(Summary);

impl SinkCommand for WriteSummary {
    fn check(&self, env: &Env, inputs: &[&Signature]) -> Result<(), Mismatch> {
        if inputs[0].kind == Kind::Complex {
            inputs[0].require(Kind::Real)?;
        }
        let labels = self.0.labels.len();
        let columns = match times(env, &ChunkId::of_second(0), inputs[0]) {
            Some(_) => 1,
            None => inputs[0].cols(),
        };
        if labels > 0 && labels != columns {
            let found = format!(
                "found {labels} labels, expected {columns}, one for each column of {}",
                inputs[0]
            );
            return Err(Mismatch::argument("labels", found));
        }
        Ok(())
    }

    fn memory(&self, values: u64) -> u64 {
        8 * values
    }

    fn paths(&self, chunk: &ChunkId) -> Vec<PathBuf> {
        vec![self.0.part(chunk)]
    }

    fn files(
        &self,
        env: &Env,
        chunk: &ChunkId,
        inputs: &[(&Signature, Computed)],
    ) -> Vec<Artifact> {
        let (signature, block) = &inputs[0];
        let along = times(env, chunk, signature);
        let turned = along.is_some();
        let times = along.unwrap_or_else(|| vec![first(env, chunk, signature)]);
        let mut files = Vec::new();
        let mut axis = |name: &str, coords: &Coords| {
            let (axis, file) = axis(&self.0.parts, name, coords);
            files.push(file);
            axis
        };
        let name = axis_name(signature.depth.unit, "channel");
        let channels = axis(name, &signature.depth);
        let banded = !self.0.labels.is_empty();
        let columns = (!turned && (signature.cols() > 1 || banded)).then(|| {
            let own = match (banded, axis_name(signature.time.unit, "column")) {
                (true, _) => "band",
                // An axis along both.
                (false, own) if own == name => "column",
                (false, own) => own,
            };
            axis(own, &signature.time)
        });
        let part = Part {
            dtype: dtype(block).name().to_string(),
            times: times.len(),
            channels,
            columns,
        };
        let rows = PartRows {
            head: part.head(),
            times,
            block: block.clone(),
            turned,
        };
        files.push(Artifact {
            path: self.0.part(chunk),
            content: Content::Stream(Box::new(rows)),
            shared: false,
        });
        files
    }

    fn summary(&self) -> Option<&Summary> {
        Some(&self.0)
    }
}

/// The name of an axis of a unit.
pub(super) fn axis_name(unit: Unit, counted: &'static str) -> &'static str {
    match unit {
        Unit::Metre => "measured_depth",
        Unit::Second => "lag",
        Unit::Hertz => "frequency",
        Unit::PerMetre => "wavenumber",
        Unit::Index => counted,
    }
}

/// The time of each column in nanoseconds since 1970; `None` where columns are something else, or one stands for the chunk.
pub(super) fn times(env: &Env, chunk: &ChunkId, x: &Signature) -> Option<Vec<i64>> {
    let start = chunk.start;
    if x.cols() < 2 {
        return None;
    }
    // The chunk's own samples are counted: an axis beside chunks may be coarse, or be that of another chunk.
    if env.is_own_time(&x.time) {
        let time = |k: usize| start.saturating_add((k as f64 * 1e9 / env.prf).round() as i64);
        return Some((0..x.cols()).map(time).collect());
    }
    (x.time.unit == Unit::Second).then(|| {
        let values = x.time.values.iter();
        values
            .map(|&value| start.saturating_add(nanoseconds(env, value)))
            .collect()
    })
}

/// The time of the only column of a block, or of all its columns.
pub(super) fn first(env: &Env, chunk: &ChunkId, x: &Signature) -> i64 {
    let start = chunk.start;
    match (x.time.unit, x.time.values.first()) {
        (Unit::Second, Some(&value)) => start.saturating_add(nanoseconds(env, value)),
        _ => start,
    }
}

/// From the chunk's first sample to a value of an axis in seconds. Unix times hold microseconds at best.
fn nanoseconds(env: &Env, value: f64) -> i64 {
    match env.source.time.values.get(env.edge[0]) {
        Some(&origin) if origin.abs() > UNIX_TIME && value.abs() > UNIX_TIME => {
            ((value - origin) * 1e6).round() as i64 * 1000
        }
        _ => (value * 1e9).round() as i64,
    }
}

/// An axis, and the file of its values, which is named after them.
fn axis(folder: &Path, name: &str, coords: &Coords) -> (PartAxis, Artifact) {
    let values: Vec<u8> = coords.values.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let digest = Sha256::digest(&values);
    let digest: String = digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let file = format!("{name}-{digest}.npy");
    let mut bytes = npy::header_bytes(DType::F64, &[coords.len()]);
    bytes.extend(values);
    let artifact = Artifact {
        path: folder.join(&file),
        content: Content::Bytes(bytes),
        shared: true,
    };
    let axis = PartAxis {
        name: name.to_string(),
        len: coords.len(),
        file,
    };
    (axis, artifact)
}

/// The type of a part's values. A stored source that no command changed is converted to real numbers.
fn dtype(block: &Computed) -> DType {
    fn of<T: Real>(block: &Block<T>) -> DType {
        match block.kind() {
            Kind::Label => DType::I64,
            Kind::Hash => DType::U64,
            Kind::Mask => DType::U8,
            Kind::Real | Kind::Complex => T::DTYPE,
        }
    }
    match block {
        Computed::F32(block) => of(block),
        Computed::F64(block) => of(block),
        Computed::Stored(stored) => match stored.kind() {
            Kind::Label => DType::I64,
            Kind::Hash => DType::U64,
            Kind::Mask => DType::U8,
            _ if stored.dtype().fits_f32() => DType::F32,
            _ => DType::F64,
        },
    }
}

#[derive(Debug)]
struct PartRows {
    head: Vec<u8>,
    times: Vec<i64>,
    block: Computed,
    /// Whether columns are times, which become rows.
    turned: bool,
}

impl Stream for PartRows {
    fn write(&self, to: &mut (dyn Write + Send)) -> io::Result<()> {
        to.write_all(&self.head)?;
        for time in &self.times {
            to.write_all(&time.to_ne_bytes())?;
        }
        match &self.block {
            Computed::F32(block) => self.samples(to, &block.samples),
            Computed::F64(block) => self.samples(to, &block.samples),
            Computed::Stored(stored) if stored.dtype().fits_f32() => {
                self.samples(to, &stored.block::<f32>(0..stored.shape()[0]).samples)
            }
            Computed::Stored(stored) => {
                self.samples(to, &stored.block::<f64>(0..stored.shape()[0]).samples)
            }
        }
    }
}

impl PartRows {
    fn samples<T: Real>(&self, to: &mut dyn Write, samples: &Samples<T>) -> io::Result<()> {
        match samples {
            Samples::Real(array) => self.rows(to, array.view()),
            Samples::Label(array) => self.rows(to, array.view()),
            Samples::Hash(array) => self.rows(to, array.view()),
            Samples::Mask(array) => self.rows(to, array.mapv(u8::from).view()),
            Samples::Complex(_) => Err(io::Error::other("complex samples, which were refused")),
        }
    }

    fn rows<V: Pod>(&self, to: &mut dyn Write, array: ArrayView2<'_, V>) -> io::Result<()> {
        let mut put = |rows: ArrayView2<'_, V>| {
            let rows = rows.as_standard_layout();
            let flat = rows.as_slice().expect("it was made contiguous");
            to.write_all(bytemuck::cast_slice(flat))
        };
        let (rows, cols) = array.dim();
        let (n, turned) = if self.turned {
            (cols, true)
        } else {
            (rows, false)
        };
        (0..n).step_by(STRIP).try_for_each(|from| {
            let strip = from..(from + STRIP).min(n);
            match turned {
                true => put(array.slice(s![.., strip]).t()),
                false => put(array.slice(s![strip, ..])),
            }
        })
    }
}
