//! `scattering_matrix`: reflection and transmission between channels some way apart, from up- and down-going waves.

use crate::command::prelude::*;
use crate::dsp::rows;

/// The command.
pub static SPEC: Spec = Spec {
    name: "scattering_matrix",
    summary: "One entry of the scattering matrix between each channel and one `span` away. The input is the spectrum of up-going waves, gathered that of down-going ones.",
    notes: "\
            With U, D the waves of a channel and u, d those of the channel `span` rows before (around the end, as `numpy.roll`), and \
            `q = D conj(d) - conj(U) u`: rdown is `(U conj(d) - conj(D) u) / q`, tup `(|D|^2 - |U|^2) / q`, tdown `(|d|^2 - |u|^2) / q`, rup \
            `(D conj(u) - conj(U) d) / q`. The division is stabilised: `1 / q` is `conj(q) / (|q|^2 + tolerance max |q|^2)`. \
            Works on the CPU: `q` is a difference of products that may nearly cancel, and wants double precision.\n\n\
            distpy's library divides by `|q| + 100`, whatever the unit of the data, and takes the sign of complex numbers for their \
            direction; no command uses it.",
    family: Family::Wave,
    kinds: TO_COMPLEX,
    gathers: Gathers::One,
    cost: Cost::Sample(40.0),
    schema: schema_of::<Args>,
    build: |args| Ok(Command::Block(Arc::new(parse::<Args>(args)?))),
    examples: &[Example {
        args: r#"{"component": "tup", "tolerance": 0}"#,
        inputs: &["1; 2", "3; 5"],
        output: "0.6153846153846154; 1.6153846153846154",
    }],
};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Distance of the two channels.
    #[schemars(range(min = 1), extend("unit" = "channels"))]
    span: usize,
    /// Which entry.
    component: Component,
    /// Water level, relative to the largest |q|^2.
    #[schemars(range(min = 0.0))]
    tolerance: f64,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum Component {
    /// Reflection of down-going waves.
    Rdown,
    /// Transmission of up-going waves.
    Tup,
    /// Transmission of down-going waves.
    Tdown,
    /// Reflection of up-going waves.
    Rup,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            span: 1,
            component: Component::Rdown,
            tolerance: 1e-6,
        }
    }
}

/// Checks that up- and down-going waves have one shape, and that the span lies inside it.
pub(super) fn check(up: &Signature, down: &Signature, span: usize) -> Result<(), Mismatch> {
    if (up.rows(), up.cols()) != (down.rows(), down.cols()) {
        let found = format!(
            "found {down}, expected the input's {}x{}",
            up.rows(),
            up.cols()
        );
        return Err(Mismatch::argument("gather_uids", found));
    }
    if span >= up.rows() {
        let found = format!(
            "found {span}, expected less than the {} channels",
            up.rows()
        );
        return Err(Mismatch::argument("span", found));
    }
    Ok(())
}

impl BlockCommand for Args {
    fn prepare(&self, _: &Env, inputs: &[&Signature]) -> Result<Prepared, Mismatch> {
        check(inputs[0], inputs[1], self.span)?;
        let signature = inputs[0].of_kind(Kind::Complex);
        Ok(Prepared::new(signature, Rows::Coupled, *self))
    }
}

/// The four entries at one place: rdown, tup, tdown, rup.
pub(super) type Entries = [Complex<f64>; 4];

/// The scattering matrix at each sample, in double precision.
pub(super) fn matrix<T: Real>(
    up: &Array2<Complex<T>>,
    down: &Array2<Complex<T>>,
    span: usize,
    tolerance: f64,
) -> impl Fn(usize, usize) -> Entries + Sync {
    let wide = |a: &Array2<Complex<T>>| a.mapv(|v| Complex::new(v.re.wide(), v.im.wide()));
    let (up, down) = (wide(up), wide(down));
    let rows = up.nrows();
    let before = move |i: usize| (i + rows - span) % rows;
    let divisor = |up: &Array2<Complex<f64>>, down: &Array2<Complex<f64>>, i: usize, t: usize| {
        down[(i, t)] * down[(before(i), t)].conj() - up[(i, t)].conj() * up[(before(i), t)]
    };
    let squares = up
        .indexed_iter()
        .map(|((i, t), _)| divisor(&up, &down, i, t).norm_sqr());
    let level = tolerance * squares.fold(0.0, f64::max);
    move |i, t| {
        let (big_u, big_d) = (up[(i, t)], down[(i, t)]);
        let (u, d) = (up[(before(i), t)], down[(before(i), t)]);
        let q = big_d * d.conj() - big_u.conj() * u;
        let square = q.norm_sqr() + level;
        // Where everything vanishes there is nothing to reflect or transmit.
        let inverse = if square == 0.0 {
            Complex::default()
        } else {
            q.conj() / square
        };
        [
            (big_u * d.conj() - big_d.conj() * u) * inverse,
            inverse * (big_d.norm_sqr() - big_u.norm_sqr()),
            inverse * (d.norm_sqr() - u.norm_sqr()),
            (big_d * u.conj() - big_u.conj() * d) * inverse,
        ]
    }
}

impl Kernel for Args {}

impl<T: Real> Cpu<T> for Args {
    fn cpu(&self, inputs: &[&Block<T>], _: usize) -> Block<T> {
        let (up, down) = (inputs[0].to_complex(), inputs[1].to_complex());
        let entries = matrix(&up, &down, self.span, self.tolerance);
        let which = self.component as usize;
        let (nx, nt) = up.dim();
        Block::complex(rows::make(
            nx,
            nt,
            || (),
            |i, row, ()| {
                for (t, to) in row.iter_mut().enumerate() {
                    let entry = entries(i, t)[which];
                    *to = Complex::new(T::of(entry.re), T::of(entry.im));
                }
            },
        ))
    }
}
