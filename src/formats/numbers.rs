//! The numbers of a result file, whatever its format, for programs that compare files.

use std::io::BufReader;
use std::path::Path;

use super::part::Part;
use super::{FormatError, csv, npy, witsml, zarr};
use crate::block::{Bytes, DType, Endian, Order, Stored};
use crate::store;

/// An array with a name, in rows that have a scale each.
#[derive(Debug, Clone, PartialEq)]
pub struct Numbers {
    /// The array's name in the file; empty if the file is one array.
    pub name: String,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// The values of row after row. Complex numbers are two columns.
    pub values: Vec<f64>,
    /// True if values are names rather than amounts: labels, masks, hashes, texts.
    pub exact: bool,
}

impl Numbers {
    fn new(name: impl Into<String>, shape: [usize; 2], values: Vec<f64>) -> Self {
        Self {
            name: name.into(),
            shape,
            values,
            exact: false,
        }
    }

    fn exact(self, exact: bool) -> Self {
        Self { exact, ..self }
    }

    /// An array of any number of dimensions: the first one is that of the rows.
    pub(super) fn of_shape(name: impl Into<String>, shape: &[usize], values: Vec<f64>) -> Self {
        let rows = match shape {
            [rows, ..] if shape.len() > 1 => *rows,
            _ => 1,
        };
        let cols = values.len() / rows.max(1);
        Self::new(name, [rows, cols], values)
    }
}

/// Reads a file; `None` where it has another format than those of numbers. A folder is a Zarr array.
///
/// # Errors
/// When it cannot be read, or is damaged.
pub fn read(path: &Path) -> Result<Option<Vec<Numbers>>, FormatError> {
    if store::is_dir(path) {
        let (shape, values) = zarr::all(path)?;
        return Ok(Some(vec![Numbers::of_shape("", &shape, values)]));
    }
    let ending = path.extension().and_then(|it| it.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("npy") => of_npy(path).map(|array| Some(vec![array])),
        Some("fbe" | "xml" | "wtml" | "witsml") => of_witsml(path).map(Some),
        Some("csv") => of_csv(path).map(Some),
        Some("png") => of_png(path).map(|array| Some(vec![array])),
        Some("parquet") => super::parquet::numbers(path).map(Some),
        Some(Part::ENDING) => of_part(path).map(|array| Some(vec![array])),
        #[cfg(feature = "hdf5")]
        Some("h5" | "hdf5" | "nc") => super::hdf5::numbers(path).map(Some),
        _ => Ok(None),
    }
}

fn of_npy(path: &Path) -> Result<Numbers, FormatError> {
    let array = npy::open(path)?;
    let header = array.header();
    let shape = header.shape.clone();
    let stored = match array.stored() {
        Some(stored) => Some(stored),
        None => array.column(),
    };
    let Some(stored) = stored else {
        let found = format!("{} dimensions", shape.len());
        return Err(FormatError::content(path, "shape", found, "at most 2"));
    };
    let [rows, cols] = stored.shape();
    let exact = matches!(stored.dtype(), DType::Bool | DType::I64 | DType::U64);
    let values = values_of(&stored, rows);
    let cols = cols * (values.len() / (rows * cols).max(1)).max(1);
    // A column is one array along the fibre or time.
    match shape.len() {
        2 => Ok(Numbers::new("", [rows, cols], values).exact(exact)),
        _ => Ok(Numbers::new("", [1, values.len()], values).exact(exact)),
    }
}

fn values_of(stored: &Stored, rows: usize) -> Vec<f64> {
    use crate::block::Samples;
    match &stored.block::<f64>(0..rows).samples {
        Samples::Real(values) => values.iter().copied().collect(),
        Samples::Complex(values) => values.iter().flat_map(|it| [it.re, it.im]).collect(),
        Samples::Label(values) => values.iter().map(|&it| it as f64).collect(),
        Samples::Hash(values) => values.iter().map(|&it| it as f64).collect(),
        Samples::Mask(values) => values.iter().map(|&it| f64::from(u8::from(it))).collect(),
    }
}

fn of_witsml(path: &Path) -> Result<Vec<Numbers>, FormatError> {
    let log = witsml::parse(path, &super::bytes(path)?)?;
    let created = log.created.as_nanosecond() as f64 / 1e9;
    let mut arrays = vec![Numbers::new("time", [1, 1], vec![created])];
    for curve in std::iter::once(log.depth).chain(log.curves) {
        let shape = [1, curve.values.len()];
        arrays.push(Numbers::new(curve.mnemonic, shape, curve.values));
    }
    Ok(arrays)
}

/// The numbers of each column are an array; all texts are one, each as a number that equal texts share.
fn of_csv(path: &Path) -> Result<Vec<Numbers>, FormatError> {
    let table = csv::open(path)?;
    let mut rows = table.rows(csv::Place::START, table.size());
    let mut columns: Vec<Numbers> = Vec::new();
    let mut texts = Vec::new();
    while let Some(row) = rows.next_row()? {
        for column in 0..row.len() {
            if columns.len() <= column {
                columns.push(Numbers::new("", [1, 0], Vec::new()));
            }
            let text = row.text(column)?;
            let array = &mut columns[column];
            if let Ok(value) = text.trim().parse() {
                array.values.push(value);
                array.shape[1] += 1;
                continue;
            }
            if array.name.is_empty() {
                array.name = text.to_string();
            }
            texts.push(number_of_text(text));
        }
    }
    columns.push(Numbers::new("texts", [1, texts.len()], texts).exact(true));
    Ok(columns)
}

/// FNV-1a: a number by which texts are told apart.
pub(super) fn number_of_text(text: &str) -> f64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 12) as f64
}

/// The colours of pixels, a row for each line.
fn of_png(path: &Path) -> Result<Numbers, FormatError> {
    let bytes = super::bytes(path)?;
    let wrong = |e: png::DecodingError| {
        FormatError::content(path, "picture", format!("\"{e}\""), "a PNG picture")
    };
    let mut decoder = png::Decoder::new(std::io::Cursor::new(&bytes));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(wrong)?;
    /// Deflate makes 1032 bytes of one at most.
    const MOST_PER_BYTE: usize = 1032;
    let size = reader.output_buffer_size();
    let size = size.filter(|size| *size / MOST_PER_BYTE <= bytes.len());
    let size = size.ok_or_else(|| {
        let found = format!("{} x {} pixels", reader.info().width, reader.info().height);
        let expected = format!("a size that {} bytes can have", bytes.len());
        FormatError::content(path, "picture", found, expected)
    })?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(wrong)?;
    pixels.truncate(frame.buffer_size());
    let rows = frame.height as usize;
    let values: Vec<f64> = pixels.into_iter().map(f64::from).collect();
    let cols = values.len() / rows.max(1);
    Ok(Numbers::new("", [rows, cols], values))
}

fn of_part(path: &Path) -> Result<Numbers, FormatError> {
    let io = |e| FormatError::io(path, e);
    let mut file = BufReader::new(store::open(path).map_err(io)?);
    let part = Part::read(path, &mut file)?;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).map_err(io)?;
    let wrong = || {
        let found = format!("{} bytes of {} values", bytes.len(), part.dtype);
        FormatError::content(path, "values", found, format!("{} times", part.times))
    };
    let values = bytes.get(part.times * 8..).ok_or_else(wrong)?;
    let dtype = part.dtype().ok_or_else(wrong)?;
    let rows = part.times * part.channels.len;
    let cols = part.row() / part.channels.len.max(1);
    let values = native(dtype, [rows, cols], values.to_vec()).ok_or_else(wrong)?;
    Ok(Numbers::new("", [rows, cols], values))
}

/// Values of this machine's byte order.
pub(super) fn native(dtype: DType, shape: [usize; 2], bytes: Vec<u8>) -> Option<Vec<f64>> {
    let bytes = Bytes::Owned(std::sync::Arc::new(bytes));
    let stored = Stored::new(dtype, shape, Order::C, Endian::NATIVE, bytes)?;
    Some(values_of(&stored, shape[0]))
}
