//! Writing tables as Parquet.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;

use super::FormatError;
use super::numbers::{Numbers, number_of_text};
use super::table::{Band, Columns, Row, Rows};
use crate::store;

/// The columns of a file. A text is a number that equal texts share.
///
/// # Errors
/// When it cannot be read, or is damaged.
pub fn numbers(path: &Path) -> Result<Vec<Numbers>, FormatError> {
    let wrong =
        |e: ParquetError| FormatError::content(path, "table", format!("\"{e}\""), "a Parquet file");
    let file = store::open(path).map_err(|e| FormatError::io(path, e))?;
    let reader = SerializedFileReader::new(file).map_err(wrong)?;
    let mut columns: Vec<Numbers> = Vec::new();
    for row in reader.get_row_iter(None).map_err(wrong)? {
        for (k, (name, field)) in row.map_err(wrong)?.get_column_iter().enumerate() {
            if columns.len() <= k {
                columns.push(Numbers {
                    name: name.clone(),
                    shape: [1, 0],
                    values: Vec::new(),
                    exact: matches!(field, Field::Str(_)),
                });
            }
            let value = match field {
                Field::Double(value) => *value,
                Field::Float(value) => f64::from(*value),
                Field::Int(value) => f64::from(*value),
                Field::Long(value) | Field::TimestampMicros(value) => *value as f64,
                other => number_of_text(&other.to_string()),
            };
            columns[k].values.push(value);
            columns[k].shape[1] += 1;
        }
    }
    Ok(columns)
}

/// Rows that are held, and compressed together.
const GROUP: usize = 1 << 17;

/// A Parquet file: `time` as a timestamp in UTC with microseconds, `channel` as int32, the place as a double, the column as a
/// string, a double or an int32, `value` as a double, or as an int64 of labels and masks. No value is missing.
pub struct Parquet<'a> {
    to: SerializedFileWriter<&'a mut (dyn Write + Send)>,
    columns: &'a Columns,
    held: Vec<Row>,
}

impl<'a> Parquet<'a> {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: &'a mut (dyn Write + Send), columns: &'a Columns) -> io::Result<Self> {
        let place = columns.place.map(|name| format!("required double {name};"));
        let band = columns.band.as_ref().map(|band| match band {
            Band::Named(_) => "required binary band (STRING);".to_string(),
            Band::Axis(name) => format!("required double {name};"),
            Band::Numbered => "required int32 column;".to_string(),
        });
        let value = if columns.whole { "int64" } else { "double" };
        let schema = format!(
            "message samples {{ required int64 time (TIMESTAMP(MICROS,true)); required int32 channel; {} {} required {value} value; }}",
            place.unwrap_or_default(),
            band.unwrap_or_default()
        );
        let schema = Arc::new(parse_message_type(&schema).map_err(failed)?);
        let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(program.to_string())
            .build();
        let to = SerializedFileWriter::new(to, schema, Arc::new(properties)).map_err(failed)?;
        Ok(Self {
            to,
            columns,
            held: Vec::new(),
        })
    }

    fn group(&mut self) -> Result<(), ParquetError> {
        let rows = std::mem::take(&mut self.held);
        let mut group = self.to.next_row_group()?;
        column::<Int64Type>(&mut group, rows.iter().map(|row| row.time))?;
        column::<Int32Type>(&mut group, rows.iter().map(|row| row.channel as i32))?;
        if self.columns.place.is_some() {
            column::<DoubleType>(&mut group, rows.iter().map(|row| row.place))?;
        }
        match &self.columns.band {
            None => {}
            Some(Band::Named(names)) => {
                let name = |row: &Row| {
                    let name = names.get(row.column).map_or("", String::as_str);
                    ByteArray::from(name)
                };
                column::<ByteArrayType>(&mut group, rows.iter().map(name))?;
            }
            Some(Band::Axis(_)) => {
                column::<DoubleType>(&mut group, rows.iter().map(|row| row.band))?;
            }
            Some(Band::Numbered) => {
                column::<Int32Type>(&mut group, rows.iter().map(|row| row.column as i32))?;
            }
        }
        match self.columns.whole {
            true => column::<Int64Type>(&mut group, rows.iter().map(|row| row.value.whole()))?,
            false => column::<DoubleType>(&mut group, rows.iter().map(|row| row.value.real()))?,
        }
        group.close()?;
        self.held = rows;
        self.held.clear();
        Ok(())
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut (dyn Write + Send)>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = values.collect();
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("a column too many".into()));
    };
    column.typed::<T>().write_batch(&values, None, None)?;
    column.close()
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => io::Error::other(source),
        other => io::Error::other(other),
    }
}

impl Rows for Parquet<'_> {
    fn row(&mut self, row: &Row) -> io::Result<()> {
        self.held.push(*row);
        if self.held.len() == GROUP {
            self.group().map_err(failed)?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.group().map_err(failed)?;
        }
        self.to.finish().map(|_| ()).map_err(failed)
    }
}
