//! `kmeans`: groups channels, or samples, that are alike.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::command::prelude::*;

/// The command.
pub static SPEC: Spec = Spec {
    name: "kmeans",
    summary: "Groups channels by their samples, or, with gathered arrays, single samples by their values in all arrays; gives labels from 0.",
    notes: "\
            Lloyd's algorithm from starting points that are chosen as scikit-learn chooses them (greedy k-means++, Arthur and Vassilvitskii \
            2007), the best of several starts by the sum of squared distances. The result is the same for the same `seed` on any machine and \
            for any number of threads, and labels are in the order of the centroids (by the first coordinate, then the next). With gathered \
            arrays, which have the shape of the input, a sample's coordinates are its values in these, in their order, then in the input. \
            A point that holds a NaN gets label 0 and moves no centroid. Works on the CPU: a chunk has too few points for a GPU to pay.\n\n\
            distpy draws other starting points for each run, and cuts arrays of different shapes to the smallest: in compat mode.",
    family: Family::Model,
    kinds: &[(Kind::Real, Kind::Label)],
    gathers: Gathers::Any,
    cost: Cost::Sample(6000.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[
        Example {
            args: r#"{"n_clusters": 2}"#,
            inputs: &["9 9; 1 1; 8 9; 1 2"],
            output: "1; 0; 1; 0",
        },
        Example {
            args: r#"{"n_clusters": 2}"#,
            inputs: &["0 1; 9 8", "5 5; 1 1"],
            output: "1 1; 0 0",
        },
    ],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Number of groups.
    #[schemars(range(min = 1, max = 100000))]
    n_clusters: usize,
    /// Chooses the starting points.
    seed: u64,
    /// How many starts are tried.
    #[schemars(range(min = 1, max = 1000))]
    restarts: usize,
    /// Most steps of one start.
    #[schemars(range(min = 1, max = 100000))]
    max_iterations: usize,
    /// A start ends when the squares of the centroids' moves add up to less than this share of the mean variance of the coordinates.
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            n_clusters: 10,
            seed: 0,
            restarts: 10,
            max_iterations: 300,
            tolerance: 1e-4,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let size = |s: &Signature| s.rows() * s.cols();
        let samples = inputs.len() > 1;
        // The coordinates of a sample are its values in the gathered arrays, then in the input.
        let shape = inputs[1..]
            .iter()
            .copied()
            .chain([x])
            .min_by_key(|s| size(s))
            .unwrap_or(x);
        if env.compat == Compat::Exact {
            let other = inputs
                .iter()
                .find(|s| (s.rows(), s.cols()) != (x.rows(), x.cols()));
            if let Some(other) = other {
                let found = format!(
                    "found {other}, expected the input's {}x{}",
                    x.rows(),
                    x.cols()
                );
                return Err(Mismatch::argument("gather_uids", found));
            }
        }
        if let Some(complex) = inputs.iter().find(|s| s.kind == Kind::Complex) {
            return Err(Mismatch::argument(
                "gather_uids",
                format!("found {complex}, expected real samples"),
            ));
        }
        let points = if samples { size(shape) } else { x.rows() };
        if self.n_clusters > points {
            let found = format!(
                "found {}, expected at most the {points} points that there are",
                self.n_clusters
            );
            return Err(Mismatch::argument("n_clusters", found));
        }
        let signature = match samples {
            true => Signature {
                rank: shape.rank,
                ..shape.of_kind(Kind::Label)
            },
            false => Reduction::new(env, Axis::Time).signature(x, Kind::Label),
        };
        Ok(Prepared::new(signature, Rows::Coupled, *self))
    }
}

impl Kernel for Args {}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let wide =
            |block: &Block<T>| -> Vec<f64> { block.as_real().iter().map(|v| v.wide()).collect() };
        let (points, shape) = if inputs.len() > 1 {
            let arrays = inputs[1..].iter().chain(&inputs[..1]);
            let arrays: Vec<(Vec<f64>, (usize, usize))> =
                arrays.map(|b| (wide(b), b.shape())).collect();
            let smallest = arrays.iter().min_by_key(|(values, _)| values.len());
            let (count, shape) = smallest
                .map(|(values, shape)| (values.len(), *shape))
                .expect("an input");
            let coordinates =
                (0..count).flat_map(|k| arrays.iter().map(move |(values, _)| values[k]));
            let points = Points {
                values: coordinates.collect(),
                dims: arrays.len(),
            };
            (points, shape)
        } else {
            let (rows, cols) = inputs[0].shape();
            let points = Points {
                values: wide(inputs[0]),
                dims: cols,
            };
            (points, (rows, 1))
        };
        let labels = self.cluster(&points);
        Block {
            samples: Samples::Label(
                Array2::from_shape_vec(shape, labels).expect("a label for each point"),
            ),
        }
    }
}

/// Points in rows.
struct Points {
    values: Vec<f64>,
    dims: usize,
}

impl Points {
    fn count(&self) -> usize {
        self.values.len() / self.dims
    }

    fn at(&self, k: usize) -> &[f64] {
        &self.values[k * self.dims..(k + 1) * self.dims]
    }
}

/// In eight sums, which the compiler vectorises.
fn square_distance(a: &[f64], b: &[f64]) -> f64 {
    let square = |a: f64, b: f64| (a - b) * (a - b);
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for k in 0..8 {
            sums[k] += square(a[k], b[k]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(&a, &b)| square(a, b));
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// Centroids with the label and distance of each point.
struct Clusters {
    centres: Vec<Vec<f64>>,
    labels: Vec<(usize, f64)>,
}

impl Clusters {
    fn inertia(&self) -> f64 {
        self.labels.iter().map(|(_, distance)| distance).sum()
    }
}

impl Args {
    fn cluster(&self, points: &Points) -> Vec<i64> {
        // What is no number has no distance.
        let good: Vec<usize> = (0..points.count())
            .filter(|&k| points.at(k).iter().all(|v| v.is_finite()))
            .collect();
        let mut labels = vec![0; points.count()];
        if good.is_empty() {
            return labels;
        }
        let values = good
            .iter()
            .flat_map(|&k| points.at(k).iter().copied())
            .collect();
        let points = Points {
            values,
            dims: points.dims,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let enough = self.tolerance * mean_variance(&points);
        let starts = (0..self.restarts).map(|_| self.run(&points, enough, &mut rng));
        let best = starts.min_by(|a, b| a.inertia().total_cmp(&b.inertia()));
        let best = best.expect("at least one start");
        // Labels in the order of the centroids.
        let mut order: Vec<usize> = (0..best.centres.len()).collect();
        order.sort_by(|&a, &b| {
            let pairs = best.centres[a].iter().zip(&best.centres[b]);
            let unequal = pairs.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne());
            unequal.unwrap_or(std::cmp::Ordering::Equal)
        });
        let mut rank = vec![0; order.len()];
        order
            .iter()
            .enumerate()
            .for_each(|(at, &k)| rank[k] = at as i64);
        for (&k, (label, _)) in good.iter().zip(&best.labels) {
            labels[k] = rank[*label];
        }
        labels
    }

    fn run(&self, points: &Points, enough: f64, rng: &mut ChaCha8Rng) -> Clusters {
        let mut centres = self.start(points, rng);
        let mut labels = assign(points, &centres);
        for _ in 0..self.max_iterations {
            let moved = step(points, &mut labels, &mut centres);
            let next = assign(points, &centres);
            let same = next.iter().zip(&labels).all(|(a, b)| a.0 == b.0);
            labels = next;
            if same || moved <= enough {
                break;
            }
        }
        Clusters { centres, labels }
    }

    /// Each next centre is the best of a few points, drawn by their squared distance from the centres so far.
    fn start(&self, points: &Points, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
        let n = points.count();
        let wanted = self.n_clusters.min(n);
        let tries = 2 + (wanted as f64).ln() as usize;
        let first = (uniform(rng) * n as f64) as usize;
        let mut centres = vec![points.at(first).to_vec()];
        let far = |centre: &[f64]| -> Vec<f64> {
            (0..n)
                .into_par_iter()
                .map(|k| square_distance(points.at(k), centre))
                .collect()
        };
        let mut nearest = far(&centres[0]);
        while centres.len() < wanted {
            let total: f64 = nearest.iter().sum();
            let candidates = (0..tries).map(|_| {
                let mut left = uniform(rng) * total;
                let drawn = nearest.iter().position(|d| {
                    left -= d;
                    left < 0.0
                });
                let drawn = drawn.unwrap_or(n - 1);
                let mut distances = far(points.at(drawn));
                distances
                    .iter_mut()
                    .zip(&nearest)
                    .for_each(|(d, known)| *d = d.min(*known));
                let sum: f64 = distances.iter().sum();
                (sum, drawn, distances)
            });
            let best = candidates.min_by(|a, b| a.0.total_cmp(&b.0));
            let (_, drawn, distances) = best.expect("at least two candidates");
            centres.push(points.at(drawn).to_vec());
            nearest = distances;
        }
        centres
    }
}

/// A number from 0 up to 1.
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

fn mean_variance(points: &Points) -> f64 {
    let n = points.count() as f64;
    let variance = |d: usize| {
        let column = || points.values.iter().skip(d).step_by(points.dims);
        let mean = column().sum::<f64>() / n;
        column().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n
    };
    (0..points.dims).map(variance).sum::<f64>() / points.dims as f64
}

/// The nearest centre of each point, the first of several, and its squared distance.
fn assign(points: &Points, centres: &[Vec<f64>]) -> Vec<(usize, f64)> {
    let nearest = |k: usize| {
        let distances = centres
            .iter()
            .map(|centre| square_distance(points.at(k), centre));
        let nearest = distances.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.expect("at least one centre")
    };
    (0..points.count()).into_par_iter().map(nearest).collect()
}

/// Moves each centre to the mean of its points, and one without points to the point that is farthest from its own centre. The sum of
/// the squared moves.
fn step(points: &Points, labels: &mut [(usize, f64)], centres: &mut [Vec<f64>]) -> f64 {
    let mut counts = vec![0_usize; centres.len()];
    labels.iter().for_each(|(label, _)| counts[*label] += 1);
    for empty in 0..centres.len() {
        if counts[empty] > 0 {
            continue;
        }
        let farthest = (0..labels.len()).filter(|&k| counts[labels[k].0] > 1);
        let farthest = farthest.max_by(|&a, &b| labels[a].1.total_cmp(&labels[b].1));
        if let Some(k) = farthest {
            counts[labels[k].0] -= 1;
            counts[empty] = 1;
            labels[k] = (empty, 0.0);
        }
    }
    let mut means = vec![vec![0.0; points.dims]; centres.len()];
    for (k, (label, _)) in labels.iter().enumerate() {
        means[*label]
            .iter_mut()
            .zip(points.at(k))
            .for_each(|(sum, v)| *sum += v);
    }
    let mut moved = 0.0;
    for ((centre, mut mean), &count) in centres.iter_mut().zip(means).zip(&counts) {
        if count > 0 {
            mean.iter_mut().for_each(|v| *v /= count as f64);
            moved += square_distance(centre, &mean);
            *centre = mean;
        }
    }
    moved
}
