//! Tables of samples: a row for each, with its time, its place along the fibre and what its column stands for.

use std::io::{self, Write};

/// What a table's columns are.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns {
    /// The name of the second axis of channels, beside their numbers: `measured_depth`; `None` where they are only counted.
    pub place: Option<&'static str>,
    /// What columns of a block stand for, where that is not time.
    pub band: Option<Band>,
    /// Whether values are whole numbers.
    pub whole: bool,
}

/// A column of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Band {
    /// By its name, of several.
    Named(Vec<String>),
    /// By a number of an axis.
    Axis(&'static str),
    /// By its number.
    Numbered,
}

impl Band {
    /// The name of the table's column.
    pub fn name(&self) -> &'static str {
        match self {
            Band::Named(_) => "band",
            Band::Axis(name) => name,
            Band::Numbered => "column",
        }
    }
}

/// A sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its time in microseconds since 1970.
    pub time: i64,
    /// The number of its channel in the block, from 0.
    pub channel: usize,
    /// Where that is.
    pub place: f64,
    /// The number of its column in the block, from 0, where columns are no times.
    pub column: usize,
    /// What the axis says of that column.
    pub band: f64,
    /// The sample.
    pub value: Value,
}

/// A sample's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// In single precision.
    Single(f32),
    /// In double precision.
    Double(f64),
    /// A label, or 1 for true.
    Whole(i64),
}

impl Value {
    /// As a real number.
    pub fn real(self) -> f64 {
        match self {
            Value::Single(value) => value.into(),
            Value::Double(value) => value,
            Value::Whole(value) => value as f64,
        }
    }

    /// As a whole number, which real ones are cut to.
    pub fn whole(self) -> i64 {
        match self {
            Value::Single(value) => value as i64,
            Value::Double(value) => value as i64,
            Value::Whole(value) => value,
        }
    }

    /// Whether something is there: neither zero nor NaN.
    pub fn is_event(self) -> bool {
        let value = self.real();
        value != 0.0 && !value.is_nan()
    }
}

/// A table that is being written.
pub trait Rows {
    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    fn row(&mut self, row: &Row) -> io::Result<()>;

    /// Completes the table.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end(&mut self) -> io::Result<()>;
}

/// Comma-separated values with a line of names. Times are in UTC with microseconds; a value has as many digits as it needs to be
/// read back exactly.
pub struct Csv<'a> {
    to: csv::Writer<&'a mut (dyn Write + Send)>,
    columns: &'a Columns,
}

impl<'a> Csv<'a> {
    /// Begins a table.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: &'a mut (dyn Write + Send), columns: &'a Columns) -> io::Result<Self> {
        let mut to = csv::Writer::from_writer(to);
        let band = columns.band.as_ref().map(Band::name);
        let names = ["time", "channel"].into_iter().chain(columns.place);
        to.write_record(names.chain(band).chain(["value"]))?;
        Ok(Self { to, columns })
    }
}

impl Rows for Csv<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        let time = jiff::Timestamp::from_microsecond(row.time).map_err(io::Error::other)?;
        self.to.write_field(format!("{time:.6}"))?;
        self.to.write_field(row.channel.to_string())?;
        if self.columns.place.is_some() {
            self.to.write_field(row.place.to_string())?;
        }
        match &self.columns.band {
            None => {}
            Some(Band::Named(names)) => {
                let name = names.get(row.column).map_or("", String::as_str);
                self.to.write_field(name)?;
            }
            Some(Band::Axis(_)) => self.to.write_field(row.band.to_string())?,
            Some(Band::Numbered) => self.to.write_field(row.column.to_string())?,
        }
        self.to.write_field(match row.value {
            Value::Single(value) => value.to_string(),
            Value::Double(value) => value.to_string(),
            Value::Whole(value) => value.to_string(),
        })?;
        Ok(self.to.write_record(None::<&[u8]>)?)
    }

    fn end(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
