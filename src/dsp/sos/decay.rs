//! For how long a filter remembers: which samples an edge buffer must hold.

use super::design::Cascade;

/// Part of the impulse response's RMS that may follow. Where a filter starts, its states are off by a few times their RMS, so a
/// chunk with edges that long gives what the whole recording gives to a millionth of its scale.
const NEGLIGIBLE: f64 = 1e-7;
/// Doublings of the time: no filter that can be designed remembers 2^40 samples.
const DOUBLINGS: usize = 40;

type Matrix = Vec<Vec<f64>>;

impl Cascade {
    /// Samples after which the rest of the impulse response has 1e-7 of its RMS or less.
    ///
    /// With `A` what a sample of zero makes of the states and `b` the states after an impulse, the energy of the response from
    /// sample `n` on is `c A^n W (A^n)' c'`, where `c` is what the states give and `W = sum A^m b b' (A^m)'`. Powers of `A` and `W`
    /// are doubled, so that a filter that rings for millions of samples takes no longer than others.
    pub fn decay(&self) -> usize {
        let mut states = vec![0.0; self.states()];
        self.respond(&mut states, 1.0);
        let mut gramian: Matrix = states
            .iter()
            .map(|a| states.iter().map(|b| a * b).collect())
            .collect();
        let mut powers = vec![self.transition(1)];
        while powers.len() < DOUBLINGS {
            let power = &powers[powers.len() - 1];
            let rest = product(&product(power, &gramian), &transposed(power));
            for (to, from) in gramian.iter_mut().flatten().zip(rest.iter().flatten()) {
                *to += from;
            }
            if power
                .iter()
                .flatten()
                .all(|it| it.abs() < f64::MIN_POSITIVE)
            {
                break;
            }
            powers.push(product(power, power));
        }
        let unit = |k: usize| {
            let mut states = vec![0.0; self.states()];
            states[k] = 1.0;
            self.respond(&mut states, 0.0)
        };
        let mut output = vec![(0..self.states()).map(unit).collect::<Vec<f64>>()];
        let energy =
            |output: &Matrix| product(&product(output, &gramian), &transposed(output))[0][0];
        let negligible = energy(&output) * NEGLIGIBLE * NEGLIGIBLE;
        let mut samples = 0;
        // The most samples after which more than that is left.
        for (k, power) in powers.iter().enumerate().rev() {
            let later = product(&output, power);
            if energy(&later) > negligible {
                output = later;
                samples += 1 << k;
            }
        }
        samples + 1
    }
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let cell = |row: &[f64], j: usize| row.iter().zip(b).map(|(x, other)| x * other[j]).sum();
    let row = |row: &Vec<f64>| (0..b[0].len()).map(|j| cell(row, j)).collect();
    a.iter().map(row).collect()
}

fn transposed(a: &Matrix) -> Matrix {
    let column = |j: usize| a.iter().map(|row| row[j]).collect();
    (0..a[0].len()).map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{Corner, Prototype};
    use super::*;

    /// The same, sample by sample.
    fn simulated(cascade: &Cascade) -> usize {
        let mut states = vec![0.0; cascade.states()];
        let mut response = vec![cascade.respond(&mut states, 1.0)];
        response.resize_with(200_000, || cascade.respond(&mut states, 0.0));
        let rest: Vec<f64> = response[1..]
            .iter()
            .rev()
            .scan(0.0, |sum, h| {
                *sum += h * h;
                Some(*sum)
            })
            .collect();
        let all = rest[rest.len() - 1];
        rest.iter()
            .rev()
            .position(|it| *it <= all * 1e-14)
            .expect("it decays")
    }

    #[test]
    fn a_response_decays_as_simulated() {
        for corner in [Corner::Low(5.0), Corner::High(1.0), Corner::Band(5.0, 50.0)] {
            for order in [1, 4, 8] {
                let cascade = Cascade::butter(order, corner, 1000.0).expect("a design");
                assert!(
                    cascade.decay().abs_diff(simulated(&cascade)) <= 1,
                    "{corner:?} {order}"
                );
            }
        }
        let decimation = Prototype::chebyshev1(8, 0.05);
        let cascade = Cascade::new(&decimation, Corner::Low(40.0), 1000.0).expect("a design");
        assert!(cascade.decay().abs_diff(simulated(&cascade)) <= 1);
        let cascade = Cascade::notches(&[50.0, 100.0], 30.0, 1000.0).expect("a design");
        assert!(cascade.decay().abs_diff(simulated(&cascade)) <= 1);
    }
}
