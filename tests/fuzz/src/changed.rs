//! Sound HDF5 files, as other programs may have written them: the fixtures with attributes and datasets that are missing, or are of other
//! types, shapes and values.

use std::path::Path;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group, Location, Result};

const FIXTURES: [&[u8]; 36] = [
    include_bytes!("../../golden/hdf5/ap-sensing.h5"),
    include_bytes!("../../golden/hdf5/febus-v1.h5"),
    include_bytes!("../../golden/hdf5/febus-v2.h5"),
    include_bytes!("../../golden/hdf5/gdr.h5"),
    include_bytes!("../../golden/hdf5/neubrex.h5"),
    include_bytes!("../../golden/hdf5/optodas.h5"),
    include_bytes!("../../golden/hdf5/plain.h5"),
    include_bytes!("../../golden/hdf5/prodml-fbe.h5"),
    include_bytes!("../../golden/hdf5/prodml-optasense.h5"),
    include_bytes!("../../golden/hdf5/prodml-silixa.h5"),
    include_bytes!("../../golden/hdf5/prodml-sintela.h5"),
    include_bytes!("../../golden/hdf5/silixa.h5"),
    include_bytes!("../../golden/hdf5/terra15-v4.h5"),
    include_bytes!("../../golden/hdf5/terra15-v5.h5"),
    include_bytes!("../../golden/hdf5/rare/ai4eps.h5"),
    include_bytes!("../../golden/hdf5/rare/dasdae-channels.h5"),
    include_bytes!("../../golden/hdf5/rare/dasdae.h5"),
    include_bytes!("../../golden/hdf5/rare/hdas1.h5"),
    include_bytes!("../../golden/hdf5/rare/hdas2.h5"),
    include_bytes!("../../golden/hdf5/rare/nec-channels.h5"),
    include_bytes!("../../golden/hdf5/rare/nec.h5"),
    include_bytes!("../../golden/hdf5/rare/neubrex-rfs.h5"),
    include_bytes!("../../golden/hdf5/rare/odh3.h5"),
    include_bytes!("../../golden/hdf5/rare/odh4.h5"),
    include_bytes!("../../golden/hdf5/rare/puniu.h5"),
    include_bytes!("../../golden/hdf5/chunked/gzip-shuffle-fletcher.h5"),
    include_bytes!("../../golden/hdf5/chunked/lzf.h5"),
    include_bytes!("../../golden/hdf5/rare/carina.h5"),
    include_bytes!("../../golden/hdf5/rare/das-hdf5.h5"),
    include_bytes!("../../golden/hdf5/rare/t8.h5"),
    include_bytes!("../../golden/hdf5/rare/uptech.h5"),
    include_bytes!("../../golden/hdf5/netcdf/names.nc"),
    include_bytes!("../../golden/hdf5/netcdf/runs.nc"),
    include_bytes!("../../golden/hdf5/netcdf/gap.nc"),
    include_bytes!("../../golden/hdf5/netcdf/ties-channels.nc"),
    include_bytes!("../../golden/hdf5/netcdf/xarray.nc"),
];
/// Changes of one file.
const MOST: usize = 6;
/// Numbers that are nearly right, or meet some edge.
const ODD: [f64; 12] = [
    0.0,
    -1.0,
    0.5,
    f64::NAN,
    f64::INFINITY,
    -f64::INFINITY,
    1e300,
    1e-300,
    1e18,
    4e9,
    1.7e9,
    1.7e15,
];

/// Writes the file that the bytes say: which fixture, and what is changed in it.
///
/// # Errors
/// When the library cannot do one of the changes.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut input = Input(bytes);
    let fixture = FIXTURES[input.below(FIXTURES.len())];
    std::fs::write(path, fixture).map_err(|e| hdf5::Error::from(e.to_string()))?;
    let file = File::open_rw(path)?;
    let mut objects = Vec::new();
    walk(&file, "", &mut objects);
    for _ in 0..MOST {
        if input.0.is_empty() {
            break;
        }
        let object = &objects[input.below(objects.len())];
        // What an earlier change removed is no object any more.
        let _ = change(&file, object, &mut input);
    }
    file.close()
}

/// The bytes that are left to decide by; zeros behind them.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    fn number(&mut self) -> f64 {
        match self.byte() {
            0..64 => f64::from(self.byte()),
            64..160 => ODD[self.below(ODD.len())],
            160..208 => f64::from_bits(u64::from_le_bytes(std::array::from_fn(|_| self.byte()))),
            _ => 1.7e9 + f64::from(self.byte()) / 10.0,
        }
    }

    fn text(&mut self) -> String {
        let count = self.below(32);
        let bytes: Vec<u8> = (0..count).map(|_| self.byte()).collect();
        String::from_utf8_lossy(&bytes).replace('\0', "0")
    }

    /// Some samples, or more than there are bytes in the world.
    fn length(&mut self) -> usize {
        match self.byte() {
            0..208 => self.below(40),
            exponent => 1 << (exponent % 40),
        }
    }
}

/// The names of a file's objects, the root's first.
fn walk(group: &Group, name: &str, objects: &mut Vec<String>) {
    objects.push(name.to_string());
    let mut members = group.member_names().unwrap_or_default();
    members.sort();
    for member in members {
        let full = format!("{name}/{member}");
        match group.group(&member) {
            Ok(inner) => walk(&inner, &full, objects),
            Err(_) => objects.push(full),
        }
    }
}

fn location(file: &File, name: &str) -> Result<Location> {
    if name.is_empty() {
        return Ok((***file).clone());
    }
    match file.group(name) {
        Ok(group) => Ok((*group).clone()),
        Err(_) => Ok((**file.dataset(name)?).clone()),
    }
}

fn change(file: &File, name: &str, input: &mut Input) -> Result<()> {
    let at = location(file, name)?;
    let mut attributes = at.attr_names()?;
    attributes.sort();
    let attribute = attributes.get(input.below(attributes.len())).cloned();
    let attribute = attribute.unwrap_or_else(|| "rate".into());
    let anew = || {
        let _ = at.delete_attr(&attribute);
    };
    match input.byte() % 8 {
        0 => at.delete_attr(&attribute),
        1 => {
            anew();
            let number = input.number();
            at.new_attr::<f64>()
                .create(&*attribute)?
                .write_scalar(&number)
        }
        2 => {
            anew();
            let number = input.number() as i32;
            at.new_attr::<i32>()
                .create(&*attribute)?
                .write_scalar(&number)
        }
        3 => {
            anew();
            let text: VarLenUnicode = input.text().parse().map_err(|_| "no text")?;
            at.new_attr::<VarLenUnicode>()
                .create(&*attribute)?
                .write_scalar(&text)
        }
        4 => {
            anew();
            let count = input.below(5);
            let numbers: Vec<f64> = (0..count).map(|_| input.number()).collect();
            at.new_attr_builder()
                .with_data(&numbers)
                .create(&*attribute)
                .map(|_| ())
        }
        5 => file.unlink(name),
        kind => {
            let dims = file.dataset(name)?.ndim();
            let about = copy_of(&file.dataset(name)?);
            file.unlink(name)?;
            let shape: Vec<usize> = (0..dims.max(input.below(4)))
                .map(|_| input.length())
                .collect();
            let chunked = kind == 7 || shape.iter().any(|n| *n > 64);
            let made = match input.byte() % 5 {
                0 => dataset::<i16>(file, name, &shape, chunked, input, |n| n as i16),
                1 => dataset::<f32>(file, name, &shape, chunked, input, |n| n as f32),
                2 => dataset::<i64>(file, name, &shape, chunked, input, |n| n as i64),
                3 => dataset::<u8>(file, name, &shape, chunked, input, |n| n as u8),
                _ => dataset::<f64>(file, name, &shape, chunked, input, |n| n),
            }?;
            for (name, number) in about {
                made.new_attr::<f64>()
                    .create(&*name)?
                    .write_scalar(&number)?;
            }
            Ok(())
        }
    }
}

/// The attributes of a dataset that are numbers.
fn copy_of(dataset: &Dataset) -> Vec<(String, f64)> {
    let names = dataset.attr_names().unwrap_or_default().into_iter();
    let number = |name: String| Some((name.clone(), dataset.attr(&name).ok()?.read_scalar().ok()?));
    names.filter_map(number).collect()
}

/// A dataset of another shape: written where it is small, else as one of which nothing was written.
fn dataset<T: hdf5::H5Type + Copy>(
    file: &File,
    name: &str,
    shape: &[usize],
    chunked: bool,
    input: &mut Input,
    of: impl Fn(f64) -> T,
) -> Result<Dataset> {
    let mut builder = file.new_dataset::<T>();
    if chunked && !shape.is_empty() {
        let chunk: Vec<usize> = shape.iter().map(|n| (*n).clamp(1, 16)).collect();
        builder = builder.chunk(chunk);
        if input.byte().is_multiple_of(2) {
            builder = builder.shuffle().deflate(1);
        }
    }
    // The binding multiplies lengths as they are.
    let count = shape
        .iter()
        .try_fold(size_of::<T>(), |n, k| n.checked_mul(*k));
    if count.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
        return Err("more than can be counted".into());
    }
    let made = builder.shape(shape).create(name)?;
    if made.size() <= 1600 {
        let (first, step) = (input.number(), input.number());
        let samples: Vec<T> = (0..made.size())
            .map(|k| of(first + k as f64 * step))
            .collect();
        made.write_raw(&samples)?;
    }
    Ok(made)
}
