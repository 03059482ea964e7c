//! Tables of a row for each time and depth: a log for each time, its rows in the order of their depths.
//!
//! Where the rows of each time follow one another, one time at a time is in memory. Rows that come back to an earlier time are
//! found in the first reading; then as many times as fit are collected together.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Depths, Fault, Job, Report, depth, names, time};
use crate::config::companions::Layout;
use crate::formats::FormatError;
use crate::formats::csv::{Place, Row, Table};
use crate::formats::stamp::TimeFormat;

/// Which columns hold what.
struct Columns {
    time: usize,
    depth: usize,
    values: Vec<usize>,
    /// Of a row.
    all: usize,
}

/// The rows of a time.
struct Moment {
    time: Timestamp,
    rows: usize,
    first: Place,
    end: usize,
}

/// What the first reading found.
struct Index {
    columns: Columns,
    moments: Vec<Moment>,
    by_time: HashMap<Timestamp, usize>,
    whole_depths: bool,
    /// Rows that came back to an earlier time, and the line of the first of them.
    returns: (usize, u64),
}

/// Rows of a time that is not complete.
#[derive(Default)]
struct Open {
    depths: Vec<f64>,
    /// One row after the other.
    values: Vec<f64>,
}

pub(super) fn convert(table: &Table, format: &TimeFormat, job: &Job<'_>) -> Result<Report, Fault> {
    let index = Index::of(table, format, job)?;
    let moments = &index.moments;
    let (files, numbered) = names(moments.iter().map(|moment| moment.time));
    let (there, missing): (Vec<usize>, Vec<usize>) =
        (0..moments.len()).partition(|&k| job.exists(&files[k]));
    let mut report = Report {
        times: moments.len(),
        rows: moments.iter().map(|moment| moment.rows).sum(),
        skipped: there.len(),
        ..Report::default()
    };
    (job.skipped)(there.len());
    if numbered > 0 {
        let said = format!(
            "{numbered} times are in the same second as another; their logs have a number behind it"
        );
        report.warnings.push(said);
    }
    // Each part is read from its first row to its last; parts of an ordered table do not overlap.
    let mut part: Vec<usize> = Vec::new();
    let mut cells = 0;
    for moment in missing {
        let more = moments[moment].rows * (1 + index.columns.values.len());
        if !part.is_empty() && cells + more > job.cells {
            index.read(table, format, job, &part, &files)?;
            report.passes += 1;
            (part, cells) = (Vec::new(), 0);
        }
        part.push(moment);
        cells += more;
    }
    if !part.is_empty() {
        index.read(table, format, job, &part, &files)?;
        report.passes += 1;
    }
    report.written = report.times - report.skipped;
    if let (rows @ 1.., line) = index.returns {
        let parts = match report.passes {
            0 => String::new(),
            passes => format!("; values were read in parts: {passes}"),
        };
        report.warnings.push(format!(
            "rows come back to an earlier time {rows} times, first in line {line}{parts}"
        ));
    }
    Ok(report)
}

impl Columns {
    fn find(table: &Table, header: &Row<'_>, job: &Job<'_>) -> Result<Self, FormatError> {
        let Layout::Long {
            time,
            depth,
            labels,
        } = &job.csv.layout
        else {
            unreachable!("a grid has no named columns");
        };
        let names: Vec<&str> = (0..header.len())
            .map(|column| header.text(column))
            .collect::<Result<_, _>>()?;
        let column = |key: &str, label: &String| {
            names.iter().position(|name| name == label).ok_or_else(|| {
                let place = format!("line {}", header.place.line);
                let found = format!("columns {}", names.join(", "));
                table.fault(place, found, format!("`{label}`, as `{key}` names it"))
            })
        };
        Ok(Self {
            time: column("time_label", time)?,
            depth: column("depth_label", depth)?,
            values: labels
                .iter()
                .map(|label| column("csv_labels", label))
                .collect::<Result<_, _>>()?,
            all: names.len(),
        })
    }
}

impl Index {
    fn of(table: &Table, format: &TimeFormat, job: &Job<'_>) -> Result<Self, Fault> {
        let mut rows = table.rows(Place::START, table.size());
        let Some(header) = rows.next_row()? else {
            let expected = "the names of the columns".into();
            return Err(table
                .fault("line 1".into(), "the end of the file".into(), expected)
                .into());
        };
        let mut index = Self {
            columns: Columns::find(table, &header, job)?,
            moments: Vec::new(),
            by_time: HashMap::new(),
            whole_depths: true,
            returns: (0, 0),
        };
        let mut last = Last::default();
        let (mut count, mut told, mut line) = (0, 0, header.place.line);
        while let Some(row) = rows.next_row()? {
            count += 1;
            line = row.place.line;
            job.look(count)?;
            if row.end - told > (1 << 20) {
                // The other half is for the values.
                (job.advance)((row.end - told) as u64 / 2);
                told = row.end;
            }
            row.has(index.columns.all)?;
            let (_, whole) = depth(&row, index.columns.depth)?;
            index.whole_depths &= whole;
            index.count(&row, &mut last, format)?;
        }
        if index.moments.is_empty() {
            let expected = "a row for each time and depth".into();
            return Err(table
                .fault(format!("line {line}"), "no rows behind it".into(), expected)
                .into());
        }
        Ok(index)
    }

    fn count(
        &mut self,
        row: &Row<'_>,
        last: &mut Last,
        format: &TimeFormat,
    ) -> Result<(), FormatError> {
        let time = last.time(row, self.columns.time, format)?;
        let next = self.moments.len();
        let at = *self.by_time.entry(time).or_insert(next);
        if at == next {
            self.moments.push(Moment {
                time,
                rows: 0,
                first: row.place,
                end: row.end,
            });
        }
        let back = at != next && last.moment != Some(at);
        if back {
            if self.returns.0 == 0 {
                self.returns.1 = row.place.line;
            }
            self.returns.0 += 1;
        }
        last.moment = Some(at);
        let moment = &mut self.moments[at];
        moment.rows += 1;
        moment.end = row.end;
        Ok(())
    }

    /// Reads the values of some times, and writes each log when its last row was read.
    fn read(
        &self,
        table: &Table,
        format: &TimeFormat,
        job: &Job<'_>,
        part: &[usize],
        files: &[String],
    ) -> Result<(), Fault> {
        let begin = self.moments[part[0]].first;
        let end = part
            .iter()
            .map(|&k| self.moments[k].end)
            .max()
            .unwrap_or(begin.byte);
        let mut open: HashMap<usize, Open> = part.iter().map(|&k| (k, Open::default())).collect();
        let mut rows = table.rows(begin, end);
        let mut last = Last::default();
        let mut count = 0;
        while let Some(row) = rows.next_row()? {
            count += 1;
            job.look(count)?;
            row.has(self.columns.all)?;
            let time = last.time(&row, self.columns.time, format)?;
            let Some(&at) = self.by_time.get(&time) else {
                return Err(changed(table, &row));
            };
            let Some(rows) = open.get_mut(&at) else {
                continue;
            };
            rows.depths.push(row.number(self.columns.depth)?);
            for &column in &self.columns.values {
                rows.values.push(row.number(column)?);
            }
            if rows.depths.len() == self.moments[at].rows {
                let rows = open.remove(&at).unwrap_or_default();
                let bytes = rows.log(time, self, job);
                job.write(&files[at], &bytes)?;
                (job.written)(1);
            }
        }
        match open.is_empty() {
            true => Ok(()),
            false => {
                let expected = "the rows that it had before; it changed while it was read".into();
                Err(table
                    .fault(
                        format!("line {}", begin.line),
                        "fewer rows".into(),
                        expected,
                    )
                    .into())
            }
        }
    }
}

fn changed(table: &Table, row: &Row<'_>) -> Fault {
    let place = format!("line {}", row.place.line);
    let expected = "a time that it had before; it changed while it was read".into();
    table.fault(place, "another time".into(), expected).into()
}

impl Open {
    /// The file of a complete log, its rows sorted by depth; those of one depth stay in their order.
    fn log(&self, time: Timestamp, index: &Index, job: &Job<'_>) -> Vec<u8> {
        let mut order: Vec<usize> = (0..self.depths.len()).collect();
        order.sort_by(|&a, &b| self.depths[a].total_cmp(&self.depths[b]));
        let width = index.columns.values.len();
        let column = |c: usize| {
            order
                .iter()
                .map(|&row| self.values[row * width + c])
                .collect()
        };
        let depths = Depths {
            values: order.iter().map(|&row| self.depths[row]).collect(),
            whole: index.whole_depths,
        };
        job.log(time, depths, (0..width).map(column).collect())
    }
}

/// The row before: as a rule the next one has its time, whose text need not be read again.
#[derive(Default)]
struct Last {
    text: String,
    time: Option<Timestamp>,
    moment: Option<usize>,
}

impl Last {
    fn time(
        &mut self,
        row: &Row<'_>,
        column: usize,
        format: &TimeFormat,
    ) -> Result<Timestamp, FormatError> {
        let text = row.text(column)?;
        if let Some(known) = self.time.filter(|_| self.text == text) {
            return Ok(known);
        }
        let read = time(row, column, format)?;
        self.text.clear();
        self.text.push_str(text);
        self.time = Some(read);
        Ok(read)
    }
}
