//! `write_witsml`: bands along the fibre as a WITSML log.

use std::path::PathBuf;

use serde_json::Number;

use super::write_npy::folder;
use crate::block::DType;
use crate::command::prelude::*;
use crate::formats::witsml::{Curve, DepthText, Dialect, Log, write};

/// The command.
pub static SPEC: Spec = Spec {
    name: "write_witsml",
    summary: "Writes a column per band as `<unix time>.fbe`, a WITSML 1.3.1.1 log along the fibre.",
    notes: "",
    family: Family::Output,
    kinds: REAL,
    gathers: Gathers::Optional,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| sink(parse(args)?),
    examples: &[],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Folder below the output folder; without one nothing is written.
    directory_out: Option<String>,
    /// Lower ends of the bands, for the names of the curves: one for each column of the input.
    #[schemars(with = "Vec<f64>", extend("unit" = "Hz"))]
    low_freq: Vec<Number>,
    /// Upper ends of the bands; -1 stands for the Nyquist frequency.
    #[schemars(with = "Vec<f64>", extend("unit" = "Hz"))]
    high_freq: Vec<Number>,
    /// Names of the first curves in place of those made of the bands' ends.
    labels: Vec<String>,
    /// What was measured, for the log's header.
    data_style: String,
    /// How the file is built: `standard`, or `distpy` for programs whose loaders expect distpy's form.
    format: Option<Format>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            directory_out: None,
            low_freq: vec![0.into()],
            high_freq: vec![1.into()],
            labels: Vec::new(),
            data_style: "NONE".into(),
            format: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Standard,
    Distpy,
}

fn sink(args: Args) -> Result<Command, ArgProblem> {
    Ok(match folder(args.directory_out.clone())? {
        Some(folder) => Command::Sink(Arc::new(WriteWitsml { folder, args })),
        None => Command::Passthrough,
    })
}

#[derive(Debug)]
struct WriteWitsml {
    folder: PathBuf,
    args: Args,
}

impl SinkCommand for WriteWitsml {
    fn check(&self, env: &Env, inputs: &[&Signature]) -> Result<(), Mismatch> {
        let bands = inputs[0].require(Kind::Real)?;
        let (low, high) = (self.args.low_freq.len(), self.args.high_freq.len());
        let columns = self.columns(env, bands);
        if low != columns || high != columns {
            let found = format!(
                "found {low} lower and {high} upper ends, expected {columns}, one for each column of {bands}"
            );
            return Err(Mismatch::argument("low_freq", found));
        }
        let curves = columns + inputs.len().saturating_sub(1).min(1);
        if self.args.labels.len() > curves {
            let found = format!(
                "found {} labels, expected at most {curves}, one for each curve",
                self.args.labels.len()
            );
            return Err(Mismatch::argument("labels", found));
        }
        if let Some(first) = inputs.get(1) {
            let samples = first.require(Kind::Real)?.rows() * first.cols();
            let rows = if self.transposed(env, bands) {
                bands.cols()
            } else {
                bands.rows()
            };
            if samples != rows {
                return Err(Mismatch::argument(
                    "gather_uids",
                    format!("found {first}, expected {rows} values, one for each row"),
                ));
            }
        }
        Ok(())
    }

    fn paths(&self, chunk: &ChunkId) -> Vec<PathBuf> {
        vec![self.folder.join(format!("{}.fbe", chunk.name))]
    }

    fn files(
        &self,
        env: &Env,
        chunk: &ChunkId,
        inputs: &[(&Signature, Computed)],
    ) -> Vec<Artifact> {
        let (signature, bands) = &inputs[0];
        let compat = env.compat == Compat::Distpy;
        let dialect = match self.args.format {
            Some(Format::Distpy) => Dialect::Distpy,
            None if compat => Dialect::Distpy,
            _ => Dialect::Standard,
        };
        let transposed = self.transposed(env, signature);
        // distpy takes the raw chunk's depths whatever the block's, and counts where it transposes.
        let depths = match (compat, transposed) {
            (true, true) => Coords::index(signature.cols()),
            (true, false) => env.source.depth.clone(),
            (false, _) => signature.depth.clone(),
        };
        let values = bands.reals();
        let columns = self.columns(env, signature);
        let column = |c: usize| {
            values
                .iter()
                .skip(c)
                .step_by(columns)
                .copied()
                .collect::<Vec<f64>>()
        };
        let mut curves = Vec::with_capacity(columns + 1);
        if let Some((_, whole)) = inputs.get(1) {
            curves.push(self.curve(env, curves.len(), None, whole.reals()));
        }
        for c in 0..columns {
            curves.push(self.curve(env, curves.len(), Some(c), column(c)));
        }
        let style = if self.args.data_style == "NONE" && dialect == Dialect::Standard {
            "UNKNOWN"
        } else {
            &self.args.data_style
        };
        let depth_text = match env.depth_file.dtype {
            _ if transposed => DepthText::F64,
            DType::F32 => DepthText::F32,
            dtype if dtype.is_integer() => DepthText::Integer,
            _ => DepthText::F64,
        };
        let log = Log {
            style: style.into(),
            created: chunk.time(env.compat),
            depth: Curve::depth(depths.values.to_vec()),
            depth_text,
            curves,
        };
        vec![Artifact {
            path: self.paths(chunk).remove(0),
            content: Content::Bytes(write(&log, dialect)),
            shared: false,
        }]
    }
}

impl WriteWitsml {
    /// distpy takes a block of one row for a trace along time, and writes its samples as depths.
    fn transposed(&self, env: &Env, bands: &Signature) -> bool {
        env.compat == Compat::Distpy && bands.rows() == 1
    }

    fn columns(&self, env: &Env, bands: &Signature) -> usize {
        if self.transposed(env, bands) {
            1
        } else {
            bands.cols()
        }
    }

    /// A curve with its names: `band` numbers the columns, none is the whole spectrum.
    fn curve(&self, env: &Env, at: usize, band: Option<usize>, values: Vec<f64>) -> Curve {
        let prf = number(env.prf);
        let (mnemonic, description) = match band {
            None => (
                "band_0-nyquist".to_string(),
                format!("from 0 Hz to Nyquist Hz (prf={prf})"),
            ),
            Some(c) => {
                let (low, high) = (&self.args.low_freq[c], &self.args.high_freq[c]);
                (
                    format!("band_{:02}_{low}-{high}", c + 1),
                    format!("from {low} Hz to {high} Hz (prf={prf})"),
                )
            }
        };
        let label = self.args.labels.get(at);
        Curve {
            mnemonic: label.cloned().unwrap_or(mnemonic),
            unit: None,
            description: label.cloned().unwrap_or(description),
            values,
        }
    }
}

/// A rate as distpy prints it: whole numbers without a point.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        value.to_string()
    }
}
