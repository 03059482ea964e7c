//! The flow on chunks of growing size: where a GPU begins to pay.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::chunks::{Batch, planned, repeated};
use super::flow::Flow;
use super::report::{Row, Table};
use super::timing::Effort;
use super::{Failure, Gpus, table};
use crate::block::Stored;
use crate::pipeline::stop::Stop;

/// Samples of a chunk: powers of ten.
const POWERS: std::ops::RangeInclusive<u32> = 3..=8;

/// Larger chunks are left out once one takes so many seconds on the CPU, or on every GPU.
const LONG: f64 = 1.0;

/// The flow's time by the size of a chunk.
#[derive(Debug, Serialize)]
pub struct Sizes {
    /// One for each size.
    pub tables: Vec<Table>,
    /// One for each GPU.
    pub crossovers: Vec<Crossover>,
}

/// Where a GPU begins to pay.
#[derive(Debug, Serialize, PartialEq)]
pub struct Crossover {
    /// The adapter's name.
    pub device: String,
    /// Its index.
    pub adapter: Option<usize>,
    /// From how many samples of a chunk on it is at least as fast as the CPU in single precision; between two sizes, on the
    /// straight line through the logarithms of both. Null where it never is.
    pub samples: Option<f64>,
}

/// Measures chunks of `most` samples at most, whose channels are the given ones' over and over.
pub fn measure(
    (recorded, prf): (&Stored, f64),
    most: Option<usize>,
    flow: &Flow,
    gpus: &mut Gpus,
    stop: &Stop,
) -> Result<Sizes, Failure> {
    let mut tables: Vec<Table> = Vec::new();
    let sizes = POWERS.map(|power| 10_usize.pow(power));
    for samples in sizes.take_while(|&samples| most.is_none_or(|most| samples <= most)) {
        let Some(batch) = batch(samples, recorded, prf, flow)? else {
            break;
        };
        let table = table(&batch, gpus, Effort::Some, stop);
        let on_gpus = table.rows.iter().filter(|row| row.adapter.is_some());
        let fastest = on_gpus.filter_map(Row::seconds).reduce(f64::min);
        let slow = table.cpu_seconds() > LONG || fastest.is_some_and(|s| s > LONG);
        tables.push(table);
        if slow || stop.wanted() {
            break;
        }
    }
    let crossovers = gpus_of(&tables)
        .map(|row| Crossover {
            device: row.device.clone(),
            adapter: row.adapter,
            samples: crossover(&times(&tables, row.adapter)),
        })
        .collect();
    Ok(Sizes { tables, crossovers })
}

/// The rows of GPUs in the first table.
pub fn gpus_of(tables: &[Table]) -> impl Iterator<Item = &Row> {
    let rows = tables.iter().take(1).flat_map(|table| &table.rows);
    rows.filter(|row| row.adapter.is_some())
}

/// Samples, seconds on the CPU and seconds on a GPU, as far as it was measured.
pub fn times(tables: &[Table], adapter: Option<usize>) -> Vec<[f64; 3]> {
    let time = |table: &Table| {
        let row = table.rows.iter().find(|row| row.adapter == adapter)?;
        Some([
            (table.channels * table.samples) as f64,
            table.cpu_seconds(),
            row.seconds()?,
        ])
    };
    tables.iter().filter_map(time).collect()
}

/// From how many samples on the GPU is never slower.
fn crossover(times: &[[f64; 3]]) -> Option<f64> {
    let lag = |[_, cpu, gpu]: &[f64; 3]| (gpu / cpu).ln();
    let slow = times.iter().rposition(|time| lag(time) > 0.0);
    let (slow, fast) = match slow {
        None => return times.first().map(|time| time[0]),
        Some(slow) => (&times[slow], times.get(slow + 1)?),
    };
    let share = lag(slow) / (lag(slow) - lag(fast));
    Some((slow[0].ln() * (1.0 - share) + fast[0].ln() * share).exp())
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n  {:>24} {:>12}", "seconds per chunk", "CPU f32")?;
        for gpu in gpus_of(&self.tables) {
            write!(f, " {:>16.16} {:>9}", gpu.device, "speed-up")?;
        }
        writeln!(f)?;
        for table in &self.tables {
            let chunk = format!("{} x {}", table.channels, table.samples);
            write!(f, "  {chunk:>24} {:>12.6}", table.cpu_seconds())?;
            for row in table.rows.iter().filter(|row| row.adapter.is_some()) {
                match row.seconds() {
                    Some(seconds) => {
                        let speedup = format!("{:.2}x", table.cpu_seconds() / seconds);
                        write!(f, " {seconds:>16.6} {speedup:>9}")?;
                    }
                    None => write!(f, " {:>16} {:>9}", "failed", "-")?,
                }
            }
            writeln!(f)?;
        }
        for Crossover {
            device, samples, ..
        } in &self.crossovers
        {
            match samples {
                Some(samples) => writeln!(f, "  {device} pays from {samples:.0} samples on")?,
                None => writeln!(f, "  {device} does not pay at any of these sizes")?,
            }
        }
        Ok(())
    }
}

/// Two chunks of about so many samples, the recorded one's channels over and over; none where that takes too much memory.
fn batch(
    samples: usize,
    recorded: &Stored,
    prf: f64,
    flow: &Flow,
) -> Result<Option<Batch>, Failure> {
    let cols = recorded.shape()[1].min(samples);
    let Some(chunk) = repeated(recorded, [samples / cols, cols]) else {
        return Ok(None);
    };
    let plan = planned(flow, prf, &chunk)?;
    Ok(Some(Batch::of(Arc::new(plan), vec![chunk; 2])))
}

#[cfg(test)]
mod tests {
    use super::crossover;

    #[test]
    fn a_crossover_lies_between_the_sizes_around_it() {
        // The GPU takes twice, once and half the CPU's time.
        let times = [[1e3, 1.0, 2.0], [1e4, 10.0, 10.0], [1e5, 100.0, 50.0]];
        let found = crossover(&times).expect("one");
        assert!((found / 1e4 - 1.0).abs() < 1e-12, "{found}");
        let between = [[1e3, 1.0, 4.0], [1e4, 4.0, 1.0]];
        let found = crossover(&between).expect("one");
        assert!((found / 10_f64.powf(3.5) - 1.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn a_gpu_may_always_or_never_pay() {
        assert_eq!(crossover(&[[1e3, 2.0, 1.0], [1e4, 20.0, 5.0]]), Some(1e3));
        assert_eq!(crossover(&[[1e3, 2.0, 1.0], [1e4, 20.0, 50.0]]), None);
        assert_eq!(crossover(&[]), None);
    }
}
