//! `write_csv`: a block as a table of samples.

use std::io::{self, Write};
use std::path::PathBuf;

use super::write_npy::folder;
use super::write_zarr::{axis_name, first, times};
use crate::command::prelude::*;
use crate::formats::parquet::Parquet;
use crate::formats::table::{self, Band, Columns, Csv, Row, Value};

/// The command.
pub static SPEC: Spec = Spec {
    name: "write_csv",
    summary: "Writes the input as `<unix time>.csv`: a line for each sample, or for each that is not zero.",
    notes: "Columns are `time` (UTC, with microseconds), `channel` (counted from 0), `measured_depth` in metres where it is known \
            (or `frequency`, `wavenumber`, `lag` where rows are those), what the column stands for where that is not time \
            (`band` by the `labels`, else `frequency` in Hz or another axis, else `column` counted from 0), and `value`. A block \
            of one column, or of columns that are no times, has the time of the chunk's first sample. Lines are in the order of \
            time. A NaN is no event.",
    family: Family::Output,
    kinds: KINDS,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| {
        let args: Args = parse(args)?;
        sink(args.directory_out, args.events, args.labels, Form::Csv)
    },
    examples: &[],
};

/// What tables hold: real numbers, and labels and masks as whole ones.
pub(super) const KINDS: &[(Kind, Kind)] = &[
    (Kind::Real, Kind::Real),
    (Kind::Label, Kind::Label),
    (Kind::Mask, Kind::Mask),
];

#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Folder below the output folder; without one nothing is written.
    directory_out: Option<String>,
    /// Whether only samples that are not zero have a line.
    events: bool,
    /// Names of the columns: one for each column of the input.
    labels: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    Csv,
    Parquet,
}

pub(super) fn sink(
    directory: Option<String>,
    events: bool,
    labels: Vec<String>,
    form: Form,
) -> Result<Command, ArgProblem> {
    Ok(match folder(directory)? {
        Some(folder) => Command::Sink(Arc::new(WriteTable {
            folder,
            events,
            labels,
            form,
        })),
        None => Command::Passthrough,
    })
}

#[derive(Debug)]
struct WriteTable {
    folder: PathBuf,
    events: bool,
    labels: Vec<String>,
    form: Form,
}

impl SinkCommand for WriteTable {
    fn check(&self, env: &Env, inputs: &[&Signature]) -> Result<(), Mismatch> {
        let x = inputs[0];
        if matches!(x.kind, Kind::Complex | Kind::Hash) {
            x.require(Kind::Real)?;
        }
        let columns = match times(env, &ChunkId::of_second(0), x) {
            Some(_) => 1,
            None => x.cols(),
        };
        let labels = self.labels.len();
        if labels > 0 && labels != columns {
            let found =
                format!("found {labels} labels, expected {columns}, one for each column of {x}");
            return Err(Mismatch::argument("labels", found));
        }
        Ok(())
    }

    fn memory(&self, values: u64) -> u64 {
        // Lines are written one by one, from a copy where samples are as they were stored.
        8 * values
    }

    fn paths(&self, chunk: &ChunkId) -> Vec<PathBuf> {
        let ending = match self.form {
            Form::Csv => "csv",
            Form::Parquet => "parquet",
        };
        vec![self.folder.join(format!("{}.{ending}", chunk.name))]
    }

    fn files(
        &self,
        env: &Env,
        chunk: &ChunkId,
        inputs: &[(&Signature, Computed)],
    ) -> Vec<Artifact> {
        let (x, block) = &inputs[0];
        let along = times(env, chunk, x);
        let timed = along.is_some();
        let place = (x.depth.unit != Unit::Index).then(|| axis_name(x.depth.unit, ""));
        let band = match x.time.unit {
            _ if !self.labels.is_empty() && !timed => Some(Band::Named(self.labels.clone())),
            _ if timed || x.cols() == 1 => None,
            Unit::Index => Some(Band::Numbered),
            unit if place == Some(axis_name(unit, "")) => Some(Band::Numbered),
            unit => Some(Band::Axis(axis_name(unit, ""))),
        };
        let table = Table {
            columns: Columns {
                place,
                band,
                whole: matches!(x.kind, Kind::Label | Kind::Mask),
            },
            timed,
            times: along.unwrap_or_else(|| vec![first(env, chunk, x)]),
            places: x.depth.clone(),
            bands: x.time.clone(),
            block: block.clone(),
            events: self.events,
            form: self.form,
        };
        vec![Artifact {
            path: self.paths(chunk).remove(0),
            content: Content::Stream(Box::new(table)),
            shared: false,
        }]
    }
}

#[derive(Debug)]
struct Table {
    columns: Columns,
    /// Whether columns of the block are times.
    timed: bool,
    /// In nanoseconds since 1970.
    times: Vec<i64>,
    places: Coords,
    bands: Coords,
    block: Computed,
    events: bool,
    form: Form,
}

impl Stream for Table {
    fn write(&self, to: &mut (dyn Write + Send)) -> io::Result<()> {
        match self.form {
            Form::Csv => self.rows(&mut Csv::new(to, &self.columns)?),
            Form::Parquet => self.rows(&mut Parquet::new(to, &self.columns)?),
        }
    }
}

impl Table {
    fn rows(&self, to: &mut dyn table::Rows) -> io::Result<()> {
        match &self.block {
            Computed::F32(block) => self.samples(to, &block.samples, Value::Single),
            Computed::F64(block) => self.samples(to, &block.samples, Value::Double),
            Computed::Stored(stored) if stored.dtype().fits_f32() => {
                let block = stored.block::<f32>(0..stored.shape()[0]);
                self.samples(to, &block.samples, Value::Single)
            }
            Computed::Stored(stored) => {
                let block = stored.block::<f64>(0..stored.shape()[0]);
                self.samples(to, &block.samples, Value::Double)
            }
        }
    }

    fn samples<T: Real>(
        &self,
        to: &mut dyn table::Rows,
        samples: &Samples<T>,
        real: fn(T) -> Value,
    ) -> io::Result<()> {
        match samples {
            Samples::Real(a) => self.each(to, a, |v| real(*v)),
            Samples::Label(a) => self.each(to, a, |v| Value::Whole(*v)),
            Samples::Mask(a) => self.each(to, a, |v| Value::Whole(i64::from(*v))),
            Samples::Complex(_) | Samples::Hash(_) => {
                Err(io::Error::other("samples of a kind that was refused"))
            }
        }
    }

    fn each<V>(
        &self,
        to: &mut dyn table::Rows,
        array: &Array2<V>,
        value: impl Fn(&V) -> Value,
    ) -> io::Result<()> {
        let mut put = |channel: usize, column: usize| {
            let value = value(&array[[channel, column]]);
            if self.events && !value.is_event() {
                return Ok(());
            }
            to.row(&Row {
                time: self.times[if self.timed { column } else { 0 }].div_euclid(1000),
                channel,
                place: self.places.values[channel],
                column,
                band: self.bands.values[column],
                value,
            })
        };
        let (rows, cols) = array.dim();
        if self.timed {
            (0..cols)
                .try_for_each(|column| (0..rows).try_for_each(|channel| put(channel, column)))?;
        } else {
            (0..rows)
                .try_for_each(|channel| (0..cols).try_for_each(|column| put(channel, column)))?;
        }
        to.end()
    }
}
