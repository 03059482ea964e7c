//! `clip`: a window of depths and times; later commands, and files, get the axes of the window.

use super::write_npy;
use crate::block::mapped;
use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "clip",
    summary: "Cuts a window of depths and times out, and writes it where a folder is given.",
    notes: "\
            Ends are the samples nearest to them, and included. distpy leaves the last row and column out, by default too, \
            looks ends up on the raw chunk's axes (its time axis counts samples where the chunk has none), and finds nothing \
            in the reversed half of a double-ended fibre unless `xmin` is above `xmax`: in compat mode. A window with a \
            folder is named by the chunk's Unix time, where distpy names it by `tmin`, so that each chunk overwrites the one \
            before.",
    family: Family::Shape,
    kinds: ANY,
    gathers: Gathers::None,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[Example {
        args: r#"{"xmin": 1, "xmax": 2, "tmax": 0.001}"#,
        inputs: &["1 2 3; 4 5 6; 7 8 9; 0 0 0"],
        output: "4 5; 7 8",
    }],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Depth at one end, included; null for the first.
    #[schemars(extend("unit" = "m"))]
    xmin: Option<f64>,
    /// Depth at the other end, included; null for the last.
    #[schemars(extend("unit" = "m"))]
    xmax: Option<f64>,
    /// Time of the first sample, in the unit of the time axis; null for the first.
    #[schemars(extend("unit" = "s"))]
    tmin: Option<f64>,
    /// Time of the last sample, included; null for the last.
    #[schemars(extend("unit" = "s"))]
    tmax: Option<f64>,
    /// Of a double-ended fibre, 0 for the first half of the channels, 1 for the other half, reversed; -1 for all.
    #[schemars(range(min = -1, max = 1))]
    double_ended: i64,
    /// Folder below the output folder where the window and its axes are written; without one nothing is.
    directory_out: Option<String>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            xmin: None,
            xmax: None,
            tmin: None,
            tmax: None,
            double_ended: -1,
            directory_out: None,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let folder = write_npy::folder(args.directory_out.clone())?;
    let block = Arc::new(args);
    Ok(match folder {
        Some(folder) => Command::Written(block, write_npy::sink(folder)),
        None => Command::Block(block),
    })
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let compat = env.compat == Compat::Distpy;
        let axes = if compat { &env.source } else { x };
        let mut warnings = Vec::new();
        // Channels in the order in which they are looked at.
        let half = x.rows() / 2;
        let mut channels: Vec<usize> = match self.double_ended {
            0 => (0..half).collect(),
            1 => (half..x.rows()).rev().collect(),
            _ => (0..x.rows()).collect(),
        };
        let depths: Vec<f64> = match axes.depth.len() {
            n if n == x.rows() => channels.iter().map(|&k| axes.depth.values[k]).collect(),
            _ => axes.depth.values.to_vec(),
        };
        let rows = span("x", &depths, (self.xmin, self.xmax), compat, &mut warnings)?;
        let cols = span(
            "t",
            &axes.time.values,
            (self.tmin, self.tmax),
            compat,
            &mut warnings,
        )?;
        // On the raw chunk's axes a window may reach beyond the data, as slices of numpy do.
        let cut = |span: std::ops::Range<usize>, n: usize| span.start.min(n)..span.end.min(n);
        let (rows, cols) = (cut(rows, channels.len()), cut(cols, x.cols()));
        if rows.is_empty() || cols.is_empty() {
            let found = "found a window without samples, expected at least one";
            return Err(Mismatch::argument(
                if rows.is_empty() { "xmin" } else { "tmin" },
                found,
            ));
        }
        channels = channels[rows].to_vec();
        let depth: Vec<f64> = channels.iter().map(|&k| x.depth.values[k]).collect();
        let signature = Signature {
            depth: Coords::new(x.depth.unit, depth),
            time: Coords::new(x.time.unit, &x.time.values[cols.clone()]),
            ..x.clone()
        };
        let prepared = Prepared::new(signature, Rows::Coupled, Cut { channels, cols });
        Ok(Prepared {
            warnings,
            ..prepared
        })
    }
}

/// Positions between the ones nearest to two ends.
fn span(
    axis: &'static str,
    values: &[f64],
    (low, high): (Option<f64>, Option<f64>),
    compat: bool,
    warnings: &mut Vec<String>,
) -> Result<std::ops::Range<usize>, Mismatch> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut nearest = |end: &str, wanted: Option<f64>, default: f64| {
        let wanted = wanted.unwrap_or(default);
        if !compat && (wanted < least || wanted > most) {
            warnings.push(format!(
                "{axis}{end} {wanted} lies outside of the axis, which goes from {least} to {most}"
            ));
        }
        let far = |v: &f64| (v - wanted).abs();
        let mut best = 0;
        for (k, v) in values.iter().enumerate() {
            if far(v) < far(&values[best]) {
                best = k;
            }
        }
        best
    };
    if values.is_empty() {
        return Err(Mismatch::argument(
            "double_ended",
            "found one channel, expected two halves",
        ));
    }
    let (first, last) = (nearest("min", low, least), nearest("max", high, most));
    Ok(match compat {
        true => first..last.max(first),
        false => first.min(last)..first.max(last) + 1,
    })
}

#[derive(Debug)]
struct Cut {
    channels: Vec<usize>,
    cols: std::ops::Range<usize>,
}

impl Kernel for Cut {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let channels: Vec<u32> = self.channels.iter().map(|&k| kernels::word(k)).collect();
        let channels = rec.table_index(&channels);
        let rule = "fn value(i: u32, j: u32) -> Y { return a(b(0u, i), j + word(0u)); }";
        let rule = Rule::new(rule, [x, channels]).words([self.cols.start]);
        let shape = (self.channels.len(), self.cols.len());
        Some(map(rec, &rule, shape, x.element()))
    }
}

impl<T: Real> Cpu<T> for Cut {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let samples = mapped!(&inputs[0].samples, a => {
            let (width, whole) = (a.ncols(), a.as_slice().expect("blocks are contiguous"));
            let mut out = Vec::with_capacity(self.channels.len() * self.cols.len());
            for &channel in &self.channels {
                let row = &whole[channel * width..(channel + 1) * width];
                out.extend_from_slice(&row[self.cols.clone()]);
            }
            let shape = (self.channels.len(), self.cols.len());
            Array2::from_shape_vec(shape, out).expect("a sample for each place")
        });
        Block { samples }
    }
}
