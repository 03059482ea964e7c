//! `keras`: runs a trained network on the chunk.

use std::path::PathBuf;
use std::sync::OnceLock;

use rten::{Dimension, Model, RunOptions, ThreadPool, Value, ValueView};
use rten_tensor::Layout;
use serde_json::Map;

use crate::command::prelude::*;
use crate::formats::onnx;

/// The command.
pub static SPEC: Spec = Spec {
    name: "keras",
    summary: "Runs a trained network, an ONNX file, on channels or on the whole chunk.",
    notes: "\
            A network of shape (channels, samples), (channels, samples, 1) or (channels, 1, samples) sees channels by themselves, some at a \
            time as Keras's `predict` does; one of shape (1, channels, samples, 1) or (1, 1, channels, samples) sees the chunk as a picture. \
            Samples are given in single precision. The result has the network's shape without the axes of length 1 behind the channels; \
            integers become labels. A network of several inputs is refused, of several outputs the first is taken. The file is read \
            when the flow is planned. Works on the CPU.\n\n\
            A Keras model is converted once, where Keras is installed: `python -m tf2onnx.convert --keras model.h5 --output model.onnx`, or \
            in Keras 3 `model.export(\"model.onnx\", format=\"onnx\")`. A flow that names `model.h5` finds `model.onnx` beside it. \
            Gathered arrays, which distpy trains with, are not used; `train` is refused.",
    family: Family::Model,
    kinds: &[(Kind::Real, Kind::Real), (Kind::Real, Kind::Label)],
    gathers: Gathers::Any,
    cost: Cost::Sample(1000.0),
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[],
};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// The network's file, from the current folder; without one the command gives its input unchanged.
    filename: Option<String>,
    /// Channels that a network sees at a time where its file does not fix their number: bounds the memory.
    #[schemars(range(min = 1, max = 1000000))]
    batch_size: usize,
    /// distpy's training parameters; must be absent or `null`.
    train: Option<Map<String, serde_json::Value>>,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            filename: None,
            batch_size: 32,
            train: None,
        }
    }
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    if args.train.is_some() {
        let found = "found training parameters, expected none: networks are run here, not trained; train in Keras, then \
                     convert the model to ONNX";
        return Err(ArgProblem::new("train", found));
    }
    Ok(match args.filename.filter(|name| name != "NONE") {
        None => Command::Passthrough,
        Some(name) => Command::Block(Arc::new(Network {
            file: path_of("filename", &name)?,
            batch_size: args.batch_size,
            model: OnceLock::new(),
        })),
    })
}

#[derive(Debug)]
struct Network {
    file: PathBuf,
    batch_size: usize,
    /// Read once, for whatever shapes of chunks.
    model: OnceLock<Result<Arc<Model>, String>>,
}

impl Network {
    fn model(&self) -> Result<Arc<Model>, Mismatch> {
        let read = || {
            onnx::open(&self.file)
                .map(Arc::new)
                .map_err(|e| e.to_string())
        };
        let model = self.model.get_or_init(read).clone();
        model.map_err(|message| Mismatch::argument("filename", message))
    }
}

impl BlockCommand for Network {
    fn files(&self) -> Vec<PathBuf> {
        vec![self.file.clone()]
    }

    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let model = self.model()?;
        let bad = |message: String| {
            Mismatch::argument("filename", format!("{}: {message}", self.file.display()))
        };
        let (ins, outs) = (model.input_ids().len(), model.output_ids().len());
        if ins != 1 || outs == 0 {
            let found = format!("found a network of {ins} inputs and {outs} outputs, expected one");
            return Err(bad(found));
        }
        let dims = model.input_shape(0);
        let layout =
            Shape::of(dims.as_deref(), x.rows(), x.cols(), self.batch_size).map_err(bad)?;
        let threads = rayon::current_num_threads();
        let runner = Runner {
            pool: Arc::new(ThreadPool::with_num_threads(threads)),
            model,
            layout,
        };
        // Shape and type of a result are sure only when there is one.
        let trial = vec![0.0; layout.samples()];
        let trial = runner.run(&trial).map_err(bad)?;
        let (rows, cols) = match layout.picture {
            true => trial.shape,
            false => (x.rows(), trial.shape.1),
        };
        let kind = match trial.values {
            Values::Real(_) => Kind::Real,
            Values::Label(_) => Kind::Label,
        };
        let kept = |axis: &Coords, n: usize| match axis.len() == n {
            true => axis.clone(),
            false => Coords::index(n),
        };
        let signature = Signature {
            depth: kept(&x.depth, rows),
            time: kept(&x.time, cols),
            ..x.of_kind(kind)
        };
        let kernel = Predict {
            runner,
            kind,
            shape: (rows, cols),
            part: trial.shape,
            file: self.file.clone(),
        };
        let mut prepared = Prepared::new(signature, Rows::Coupled, kernel);
        if inputs.len() > 1 {
            prepared = prepared.warn("gathered arrays are for training and not used");
        }
        if outs > 1 {
            prepared = prepared.warn(format!(
                "the network has {outs} outputs; the first is taken"
            ));
        }
        Ok(prepared)
    }
}

/// How samples are laid out for a network.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// The network's input, with ones where it has axes that a chunk has not.
    shape: [usize; 4],
    rank: usize,
    /// Whether it sees all channels as one picture.
    picture: bool,
}

impl Shape {
    fn of(
        dims: Option<&[Dimension]>,
        rows: usize,
        cols: usize,
        batch: usize,
    ) -> Result<Self, String> {
        // An input of unknown shape is a table.
        let free = [None, None];
        let fixed: Vec<Option<usize>> = dims.map_or(free.to_vec(), |dims| {
            let size = |dim: &Dimension| match dim {
                Dimension::Fixed(n) => Some(*n),
                Dimension::Symbolic(_) => None,
            };
            dims.iter().map(size).collect()
        });
        let shown = || {
            let sizes = fixed
                .iter()
                .map(|n| n.map_or("any".into(), |n| n.to_string()));
            sizes.collect::<Vec<String>>().join(", ")
        };
        let batch = fixed.first().copied().flatten().unwrap_or(batch.min(rows));
        let (shape, picture) = match fixed[..] {
            [_, _] => ([batch, cols, 1, 1], false),
            [_, Some(1), _] => ([batch, 1, cols, 1], false),
            [_, _, Some(1)] => ([batch, cols, 1, 1], false),
            [Some(1) | None, Some(1), _, _] => ([1, 1, rows, cols], true),
            [Some(1) | None, _, _, Some(1)] => ([1, rows, cols, 1], true),
            _ => {
                return Err(format!(
                    "found a network for input of shape ({}), expected (channels, samples), (channels, samples, 1), \
                     (channels, 1, samples), (1, channels, samples, 1) or (1, 1, channels, samples)",
                    shown()
                ));
            }
        };
        let rank = fixed.len();
        let fits = fixed
            .iter()
            .zip(shape)
            .all(|(n, m)| n.is_none_or(|n| n == m));
        if !fits || batch == 0 {
            return Err(format!(
                "found a network for input of shape ({}), expected one for {rows} channels of {cols} samples",
                shown()
            ));
        }
        Ok(Self {
            shape,
            rank,
            picture,
        })
    }

    fn shape(&self) -> &[usize] {
        &self.shape[..self.rank]
    }

    /// How many samples it sees at a time.
    fn samples(&self) -> usize {
        self.shape().iter().product()
    }

    /// A table from the shape of the network's result.
    fn table(&self, shape: &[usize]) -> Option<(usize, usize)> {
        Some(match (self.picture, shape) {
            (true, &[1, rows, cols, 1] | &[1, 1, rows, cols] | &[1, rows, cols]) => (rows, cols),
            (true, &[1, count]) => (1, count),
            (true, &[1]) => (1, 1),
            (false, &[rows, ref rest @ ..]) if rows == self.shape[0] => {
                let mut long = rest.iter().copied().filter(|&n| n != 1);
                let cols = long.next().unwrap_or(1);
                match long.next() {
                    None => (rows, cols),
                    Some(_) => return None,
                }
            }
            _ => return None,
        })
    }
}

/// A network with what it runs on.
#[derive(Debug)]
struct Runner {
    model: Arc<Model>,
    pool: Arc<ThreadPool>,
    layout: Shape,
}

/// What a network gave.
struct Table {
    shape: (usize, usize),
    values: Values,
}

enum Values {
    Real(Vec<f32>),
    Label(Vec<i64>),
}

impl Runner {
    fn run(&self, samples: &[f32]) -> Result<Table, String> {
        let input = ValueView::from_shape(self.layout.shape(), samples);
        let input = input.map_err(|e| e.to_string())?;
        let (from, to) = (self.model.input_ids()[0], self.model.output_ids()[0]);
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let given = self
            .model
            .run_n(vec![(from, input.into())], [to], Some(options));
        let [output] = given.map_err(|e| format!("the network does not run: {e}"))?;
        let found = output.shape().to_vec();
        let shape = self.layout.table(&found).ok_or_else(|| {
            format!("found a network that gives the shape {found:?}, expected a row of values for each channel, or a table")
        })?;
        let values = match output {
            Value::FloatTensor(tensor) => Values::Real(tensor.into_data()),
            Value::Int32Tensor(tensor) => Values::Label(integers(tensor.into_data())),
            Value::Int8Tensor(tensor) => Values::Label(integers(tensor.into_data())),
            Value::UInt8Tensor(tensor) => Values::Label(integers(tensor.into_data())),
            _ => return Err("found a network that gives no tensor".into()),
        };
        Ok(Table { shape, values })
    }
}

fn integers<I: Into<i64>>(values: Vec<I>) -> Vec<i64> {
    values.into_iter().map(Into::into).collect()
}

#[derive(Debug)]
struct Predict {
    runner: Runner,
    kind: Kind,
    shape: (usize, usize),
    /// The shape of what one run gives.
    part: (usize, usize),
    file: PathBuf,
}

impl Kernel for Predict {}

impl<T: Real> Cpu<T> for Predict {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let x = inputs[0].as_real();
        let single = x.iter().map(|v| v.wide() as f32);
        let single: Vec<f32> = single.collect();
        let size = self.runner.layout.samples();
        let (mut reals, mut labels) = (Vec::new(), Vec::new());
        for part in single.chunks(size) {
            // The last channels may be fewer than the network wants.
            let mut part = part.to_vec();
            part.resize(size, 0.0);
            match self.runner.run(&part) {
                Ok(table) if table.shape == self.part => match table.values {
                    Values::Real(values) => reals.extend(values),
                    Values::Label(values) => labels.extend(values),
                },
                // It ran on zeros of this shape: this is about the samples.
                other => {
                    let message = match other {
                        Ok(table) => format!(
                            "found a result of shape {:?}, expected {:?}",
                            table.shape, self.part
                        ),
                        Err(message) => message,
                    };
                    tracing::error!(
                        "{}: {message}; its channels are left empty",
                        self.file.display()
                    );
                    let (rows, cols) = self.part;
                    reals.extend(vec![f32::NAN; rows * cols]);
                    labels.extend(vec![-1; rows * cols]);
                }
            }
        }
        let count = self.shape.0 * self.shape.1;
        let samples = match self.kind {
            Kind::Label => {
                labels.truncate(count);
                Samples::Label(table(self.shape, labels))
            }
            _ => {
                reals.truncate(count);
                let reals = reals.into_iter().map(|v| T::of(f64::from(v)));
                Samples::Real(table(self.shape, reals.collect()))
            }
        };
        Block { samples }
    }
}

fn table<V>(shape: (usize, usize), values: Vec<V>) -> Array2<V> {
    Array2::from_shape_vec(shape, values).expect("a value for each place")
}
