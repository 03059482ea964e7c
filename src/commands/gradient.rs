//! `gradient`: derivative along an axis, as `numpy.gradient` with the axis' own coordinates.

use crate::block::numbers;
use crate::command::prelude::*;
use crate::dsp::rows;
use crate::dsp::stencil::Weighted;

/// The command.
pub static SPEC: Spec = Spec {
    name: "gradient",
    summary: "Derivative along an axis: per metre along depth, per second along time.",
    notes: "\
            Derivative along an axis, as `numpy.gradient` with the axis' own coordinates.\n\n\
            Inside, the second-order difference for unequal spacing `(a^2 f+ + (b^2 - a^2) f0 - b^2 f-) / (a b (a + b))` \
            with `a` and `b` the spacing before and after; one-sided at the ends. distpy takes the axes of the raw chunk, \
            and counts samples along time where the chunk has no time axis: in compat mode.",
    family: Family::Shape,
    kinds: NUMBERS,
    gathers: Gathers::None,
    cost: Cost::Sample(3.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: "{}",
        inputs: &["1 0; 4 0; 9 1"],
        output: "3 0; 4 0.5; 5 1",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// 0 along depth, 1 (or -1) along time.
    axis: Axis,
    /// Order of accuracy at the ends.
    #[schemars(range(min = 1, max = 2))]
    edge_order: usize,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            axis: Axis::Depth,
            edge_order: 1,
        }
    }
}

impl BlockCommand for Args {
    fn prepare(&self, env: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        let x = inputs[0];
        let coords = match env.compat {
            Compat::Exact => self.axis.of(x),
            Compat::Distpy => self.axis.of(&env.source),
        };
        let n = self.axis.of(x).len();
        if coords.len() != n {
            let found = format!("found {n} samples, expected the chunk's {}", coords.len());
            return Err(Mismatch::argument("axis", found));
        }
        if n <= self.edge_order {
            let least = self.edge_order + 1;
            let found = format!("found {n} samples along the axis, expected at least {least}");
            return Err(Mismatch::argument("axis", found));
        }
        let steps: Vec<f64> = coords.values.windows(2).map(|w| w[1] - w[0]).collect();
        if let Some(k) = steps.iter().position(|&h| h == 0.0 || !h.is_finite()) {
            let found = format!(
                "found positions {} and {} one after the other, expected different ones",
                coords.values[k],
                coords.values[k + 1]
            );
            return Err(Mismatch::argument("axis", found));
        }
        let signature = Signature {
            held: Held::Double,
            ..x.clone()
        };
        let kernel = Derivative {
            weights: weights(&steps, self.edge_order),
            axis: self.axis,
        };
        Ok(Prepared::new(signature, self.axis.rows(), kernel).near(self.axis, 1, 1))
    }
}

/// Weights of the three samples from `start` on that make the derivative at one position.
#[derive(Debug, Clone, Copy)]
struct Three {
    start: usize,
    weights: [f64; 3],
}

fn weights(steps: &[f64], edge_order: usize) -> Vec<Three> {
    let n = steps.len() + 1;
    let equal = steps.iter().all(|h| *h == steps[0]);
    let inside = |t: usize| {
        let (a, b) = (steps[t - 1], steps[t]);
        let weights = if equal {
            [-1.0 / (2.0 * a), 0.0, 1.0 / (2.0 * a)]
        } else {
            [-b / (a * (a + b)), (b - a) / (a * b), a / (b * (a + b))]
        };
        Three {
            start: t - 1,
            weights,
        }
    };
    let first = |a: f64, b: f64| {
        [
            -(2.0 * a + b) / (a * (a + b)),
            (a + b) / (a * b),
            -a / (b * (a + b)),
        ]
    };
    let (front, back) = if edge_order == 1 {
        let (a, b) = (1.0 / steps[0], 1.0 / steps[n - 2]);
        ([-a, a, 0.0], [0.0, -b, b])
    } else {
        let mut back = first(steps[n - 2], steps[n - 3]).map(|w| -w);
        back.reverse();
        (first(steps[0], steps[1]), back)
    };
    let ends = |start: usize, weights: [f64; 3]| Three { start, weights };
    if n == 2 {
        // Both ends share the only difference.
        return vec![ends(0, front), ends(0, [back[1], back[2], 0.0])];
    }
    let mut out = vec![ends(0, front)];
    out.extend((1..n - 1).map(inside));
    out.push(ends(n - 3, back));
    out
}

#[derive(Debug)]
struct Derivative {
    weights: Vec<Three>,
    axis: Axis,
}

impl Kernel for Derivative {
    fn gpu(&self, rec: &mut Recorder, inputs: &[Tensor], _: usize) -> Option<Tensor> {
        let x = inputs[0];
        let weights: Vec<f64> = self
            .weights
            .iter()
            .flat_map(|three| three.weights)
            .collect();
        let starts: Vec<u32> = self
            .weights
            .iter()
            .map(|three| kernels::word(three.start))
            .collect();
        let table = rec.table_real(&weights);
        let table = table.view(self.weights.len(), 3, table.element());
        let starts = rec.table_index(&starts);
        let rule = "\
fn value(i: u32, j: u32) -> Y {
    let t = place(i, j);
    var sum = Y();
    for (var k = 0u; k < 3u; k++) {
        let weight = b(t, k);
        if weight != 0.0 {
            sum += weight * a_at(i, j, c(0u, t) + k);
        }
    }
    return sum;
}";
        let rule = Rule::new(rule, [x, table, starts]).axis(self.axis.number());
        Some(map_like(rec, &rule, x.element()))
    }
}

impl<T: Real> Cpu<T> for Derivative {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        Block {
            samples: numbers!(&inputs[0].samples, x => match self.axis {
                Axis::Depth => self.down::<T, _>(x),
                Axis::Time => self.along::<T, _>(x),
            }),
        }
    }
}

impl Derivative {
    fn along<T: Real, S: Weighted<T>>(&self, x: &Array2<S>) -> Array2<S> {
        rows::each(
            x,
            x.ncols(),
            || (),
            |row, out, ()| {
                for (to, three) in out.iter_mut().zip(&self.weights) {
                    for (&v, &weight) in row[three.start..].iter().zip(&three.weights) {
                        // A weight of zero leaves a sample out, a NaN too.
                        if weight != 0.0 {
                            *to += v * T::of(weight);
                        }
                    }
                }
            },
        )
    }

    /// Whole rows at once.
    fn down<T: Real, S: Weighted<T>>(&self, x: &Array2<S>) -> Array2<S> {
        let n = x.ncols();
        let samples = x.as_slice().expect("blocks are contiguous");
        rows::make(
            x.nrows(),
            n,
            || (),
            |i, out, ()| {
                let three = &self.weights[i];
                for (row, &weight) in (three.start..).zip(&three.weights) {
                    if weight != 0.0 {
                        let weight = T::of(weight);
                        let row = &samples[row * n..(row + 1) * n];
                        out.iter_mut()
                            .zip(row)
                            .for_each(|(to, &v)| *to += v * weight);
                    }
                }
            },
        )
    }
}
