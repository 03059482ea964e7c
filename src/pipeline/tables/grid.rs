//! Tables of a row for each depth and a column for each time: a log for each time, or one array of depths by times.
//!
//! An array has the order of the table and is written row by row. Logs have the other order: as many of them as fit are
//! collected together.

use std::io::{BufWriter, Write};

use jiff::Timestamp;

use super::{Depths, Fault, Job, Report, depth, names, not_a_time};
use crate::block::DType;
use crate::command::Compat;
use crate::config::companions::Layout;
use crate::formats::csv::{Place, Row, Rows, Table};
use crate::formats::stamp::TimeFormat;
use crate::formats::{FormatError, npy};
use crate::pipeline::output::OutputError;

/// What the first reading found.
struct Index {
    times: Vec<Timestamp>,
    depths: Depths,
    /// The line of times, and the first of values, from 0.
    lines: (u64, u64),
    first: Place,
}

pub(super) fn convert(table: &Table, format: &TimeFormat, job: &Job<'_>) -> Result<Report, Fault> {
    let Layout::Grid { array, times, .. } = &job.csv.layout else {
        unreachable!("rows by time and depth are no grid");
    };
    let index = Index::of(table, format, job)?;
    let range = index.range(table, format, times, job.compat)?;
    let mut report = Report {
        times: range.len(),
        rows: index.depths.values.len(),
        ..Report::default()
    };
    let wanted = &index.times[range.clone()];
    let falls = wanted.windows(2).filter(|pair| pair[1] < pair[0]).count();
    if falls > 0 {
        let said = format!("times go back {falls} times from one column to the next");
        report.warnings.push(said);
    }
    if *array {
        index.array(table, range, job, &mut report)?;
    } else {
        index.logs(table, range, job, &mut report)?;
    }
    Ok(report)
}

impl Index {
    fn of(table: &Table, format: &TimeFormat, job: &Job<'_>) -> Result<Self, Fault> {
        let Layout::Grid {
            time_row,
            first_data,
            ..
        } = job.csv.layout
        else {
            unreachable!("rows by time and depth are no grid");
        };
        let lines = (time_row, first_data);
        let times = times(table, time_row, format)?;
        let mut index = Self {
            times,
            depths: Depths {
                values: Vec::new(),
                whole: true,
            },
            lines,
            first: Place::START,
        };
        let mut rows = table.rows(Place::START, table.size());
        let (mut count, mut told) = (0, 0);
        while let Some(row) = index.next(&mut rows)? {
            count += 1;
            job.look(count)?;
            if row.end - told > (1 << 20) {
                // The other half is for the values.
                (job.advance)((row.end - told) as u64 / 2);
                told = row.end;
            }
            row.has(1 + index.times.len())?;
            let (value, whole) = depth(&row, 0)?;
            if index.depths.values.is_empty() {
                index.first = row.place;
            }
            index.depths.values.push(value);
            index.depths.whole &= whole;
        }
        if index.depths.values.is_empty() {
            let place = format!("line {}", first_data + 1);
            let expected = "a row for each depth".into();
            return Err(table
                .fault(place, "no rows from there on".into(), expected)
                .into());
        }
        Ok(index)
    }

    /// The next row of values.
    fn next<'r>(&self, rows: &'r mut Rows<'_>) -> Result<Option<Row<'r>>, FormatError> {
        let (time_row, first_data) = self.lines;
        // A row that is given back borrows the rows for as long as the caller has it, so it is skipped before.
        while let Some(line) = rows.next_line()? {
            if line > first_data && line != time_row + 1 {
                return Ok(Some(rows.current()));
            }
        }
        Ok(None)
    }

    /// The columns from one time to another.
    fn range(
        &self,
        table: &Table,
        format: &TimeFormat,
        ends: &[Option<String>; 2],
        compat: Compat,
    ) -> Result<std::ops::Range<usize>, FormatError> {
        let count = self.times.len();
        let nearest = |key: &str, text: &Option<String>| {
            let Some(text) = text else { return Ok(None) };
            let wrong = || {
                let expected = format!("a time of the form {}", format.text());
                table.fault(
                    format!("`{key}` of the configuration"),
                    format!("`{text}`"),
                    expected,
                )
            };
            let wanted = format.parse_name(text).ok_or_else(wrong)?;
            let far = |k: &usize| {
                self.times[*k]
                    .as_microsecond()
                    .abs_diff(wanted.as_microsecond())
            };
            Ok((0..count).min_by_key(far))
        };
        let (first, last) = (nearest("tmin", &ends[0])?, nearest("tmax", &ends[1])?);
        if compat == Compat::Distpy {
            // The last column is left out, and never the first one taken.
            let first = first.unwrap_or(0).min(count.saturating_sub(2));
            let end = last.map_or(count, |last| last.max(first + 1));
            return Ok(first..end.min(count));
        }
        let (first, last) = (first.unwrap_or(0), last.unwrap_or(count - 1));
        if first > last {
            let found = format!(
                "column {} for `tmin` and {} for `tmax`",
                first + 2,
                last + 2
            );
            let expected = "times that rise from `tmin` to `tmax`".into();
            return Err(table.fault(format!("line {}", self.lines.0 + 1), found, expected));
        }
        Ok(first..last + 1)
    }

    fn array(
        &self,
        table: &Table,
        range: std::ops::Range<usize>,
        job: &Job<'_>,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let shape = [self.depths.values.len(), range.len()];
        let times = &self.times[range.clone()];
        let name = format!("{}.npy", times[0].as_second());
        let path = job.below.join(&name);
        let complete = npy::open(&job.output.path().join(&path));
        if !job.overwrite && complete.is_ok_and(|array| array.header().shape == shape) {
            report.skipped = 1;
            (job.skipped)(1);
            return Ok(());
        }
        let file = job.output.create(&path)?;
        let io =
            |e: std::io::Error| Fault::from(OutputError::io(&job.output.path().join(&path), e));
        let mut file = BufWriter::new(file);
        file.write_all(&npy::header_bytes(DType::F64, &shape))
            .map_err(io)?;
        let curve = job.csv.curves[0].convert;
        self.each_row(table, job, |row| {
            for column in range.clone() {
                let value = row.number(column + 1)?;
                let value = curve.map_or(value, |it| it.apply(value, job.compat == Compat::Distpy));
                file.write_all(&value.to_ne_bytes()).map_err(io)?;
            }
            Ok(())
        })?;
        let file = file.into_inner().map_err(|e| io(e.into_error()))?;
        // All values are good. The axes come first: an array that is there can be read.
        let convert = job.csv.depth_convert;
        let depths = self.depths.values.iter().map(|&depth| match convert {
            Some(convert) => convert.apply(depth, false),
            None => depth,
        });
        job.write("measured_depth.npy", &axis(depths.collect()))?;
        let seconds = times.iter().map(|time| time.as_microsecond() as f64 / 1e6);
        job.write("time.npy", &axis(seconds.collect()))?;
        file.commit()?;
        (report.written, report.passes) = (1, 1);
        (job.written)(1);
        Ok(())
    }

    fn logs(
        &self,
        table: &Table,
        range: std::ops::Range<usize>,
        job: &Job<'_>,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let (files, numbered) = names(self.times.iter().copied());
        if numbered > 0 {
            let said = format!(
                "{numbered} columns have the second of another; their logs have a number behind it"
            );
            report.warnings.push(said);
        }
        let (there, missing): (Vec<usize>, Vec<usize>) =
            range.partition(|&k| job.exists(&files[k]));
        report.skipped = there.len();
        (job.skipped)(there.len());
        let depths = &self.depths.values;
        for part in missing.chunks((job.cells / depths.len()).max(1)) {
            let mut columns = vec![Vec::with_capacity(depths.len()); part.len()];
            self.each_row(table, job, |row| {
                for (values, &column) in columns.iter_mut().zip(part) {
                    values.push(row.number(column + 1)?);
                }
                Ok(())
            })?;
            report.passes += 1;
            for (values, &column) in columns.into_iter().zip(part) {
                job.look(0)?;
                let depths = Depths {
                    values: depths.clone(),
                    whole: self.depths.whole,
                };
                let bytes = job.log(self.times[column], depths, vec![values]);
                job.write(&files[column], &bytes)?;
                report.written += 1;
                (job.written)(1);
            }
        }
        Ok(())
    }

    /// Goes through the rows of values, of which there are as many as in the first reading.
    fn each_row(
        &self,
        table: &Table,
        job: &Job<'_>,
        mut work: impl FnMut(&Row<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut rows = table.rows(self.first, table.size());
        let mut count = 0;
        while let Some(row) = self.next(&mut rows)? {
            count += 1;
            job.look(count as u64)?;
            row.has(1 + self.times.len())?;
            work(&row)?;
        }
        Ok(self.unchanged(table, count)?)
    }

    fn unchanged(&self, table: &Table, rows: usize) -> Result<(), FormatError> {
        let expected = self.depths.values.len();
        if rows == expected {
            return Ok(());
        }
        let place = format!("line {}", self.first.line);
        let expected = format!("{expected} as before; it changed while it was read");
        Err(table.fault(place, format!("{rows} rows"), expected))
    }
}

/// The times in a line, behind the name of the depths.
fn times(table: &Table, time_row: u64, format: &TimeFormat) -> Result<Vec<Timestamp>, FormatError> {
    let mut rows = table.rows(Place::START, table.size());
    let mut line = rows.next_line()?;
    while line.is_some_and(|line| line < time_row + 1) {
        line = rows.next_line()?;
    }
    let wrong = |found: &str| {
        let expected = "a line of times, as `time_row` counts from 0".into();
        Err(table.fault(format!("line {}", time_row + 1), found.into(), expected))
    };
    match line {
        None => return wrong("the end of the file"),
        Some(line) if line != time_row + 1 => return wrong("an empty line"),
        Some(_) => {}
    }
    let header = rows.current();
    let mut width = header.len();
    while width > 1 && header.text(width - 1)?.is_empty() {
        width -= 1;
    }
    if width < 2 {
        return wrong("no times");
    }
    (1..width)
        .map(|column| {
            let time = format.parse_name(header.text(column)?);
            time.ok_or_else(|| not_a_time(&header, column, format))
        })
        .collect()
}

/// The file of an axis.
fn axis(values: Vec<f64>) -> Vec<u8> {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_ne_bytes())
        .collect();
    npy::encode(DType::F64, &[values.len()], &bytes)
}
