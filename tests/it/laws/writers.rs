//! Files of a world's samples, written here by the rules of each format.

use std::ops::Range;
use std::path::Path;

use super::world::{APART, World};

/// A format's file of some parts of a world.
type Write = fn(&Path, &World, &[Range<usize>]);

/// Resolution of time in a format.
pub struct Form {
    pub name: &'static str,
    pub rates: &'static [f64],
    /// Samples that belong together.
    pub block: usize,
    /// Blocks of the shortest file.
    pub shortest: usize,
    /// True if the rate is measured from time stamps.
    pub measured: bool,
    /// Whether a file may have pauses inside.
    pub pauses: bool,
    /// Nanoseconds of which starts are multiples.
    pub unit: i64,
    /// Nanoseconds by which times may be off.
    pub resolution: i64,
    pub file_name: fn(usize, &World, &[Range<usize>]) -> String,
    pub write: Write,
}

const RATES: &[f64] = &[
    0.2,
    1.0,
    10.0,
    100.0,
    193.5,
    333.333_333_33,
    500.0,
    1000.0,
    2500.0,
    3217.8,
    20_000.0,
];

#[cfg(feature = "hdf5")]
pub use of_hdf5::{FEBUS, NETCDF, PLAIN, PRODML, TERRA15};

#[cfg(feature = "hdf5")]
mod of_hdf5 {
    use hdf5::types::{VarLenArray, VarLenUnicode};
    use hdf5::{File, Group, Location, ObjectReference1};
    use ndarray::{Array1, Array2, Array3};

    use super::*;
    use crate::hdf5::close;

    fn h5(k: usize, _: &World, _: &[Range<usize>]) -> String {
        format!("recording{k}.h5")
    }

    pub static PLAIN: Form = Form {
        name: "plain HDF5",
        rates: RATES,
        block: 1,
        shortest: 20,
        measured: true,
        pauses: true,
        unit: 1000,
        resolution: 1500,
        file_name: h5,
        write: plain,
    };

    pub static PRODML: Form = Form {
        name: "PRODML",
        shortest: 1,
        measured: false,
        write: prodml,
        ..PLAIN
    };

    pub static TERRA15: Form = Form {
        name: "Terra15",
        write: terra15,
        ..PLAIN
    };

    /// Blocks of 10 rows, which follow each other without an overlap.
    pub static FEBUS: Form = Form {
        name: "Febus",
        block: 10,
        shortest: 1,
        measured: false,
        write: febus,
        ..PLAIN
    };

    pub static NETCDF: Form = Form {
        name: "netCDF",
        unit: 1,
        resolution: 2,
        file_name: |k, _, _| format!("recording{k}.nc"),
        write: netcdf,
        ..PLAIN
    };

    /// Times by channels.
    fn samples(parts: &[Range<usize>]) -> Array2<i32> {
        let all: Vec<usize> = parts.iter().cloned().flatten().collect();
        Array2::from_shape_fn((all.len(), 2), |(row, channel)| {
            (all[row] + channel * APART) as i32
        })
    }

    fn times<T>(world: &World, parts: &[Range<usize>], of: impl Fn(i64) -> T) -> Array1<T> {
        let all = parts.iter().cloned().flatten();
        all.map(|sample| of(world.time(sample))).collect()
    }

    fn seconds(world: &World, parts: &[Range<usize>]) -> Array1<f64> {
        times(world, parts, |time| time as f64 / 1e9)
    }

    fn put<'d, T, D>(group: &Group, name: &str, data: &'d ndarray::Array<T, D>) -> hdf5::Dataset
    where
        T: hdf5::H5Type,
        D: ndarray::Dimension,
        &'d ndarray::Array<T, D>: Into<ndarray::ArrayView<'d, T, D>>,
    {
        group
            .new_dataset_builder()
            .with_data(data)
            .create(name)
            .unwrap()
    }

    fn number(at: &Location, name: &str, value: f64) {
        let attribute = at.new_attr::<f64>().create(name).unwrap();
        attribute.write_scalar(&value).unwrap();
    }

    fn numbers(at: &Location, name: &str, values: &[f64]) {
        at.new_attr_builder()
            .with_data(values)
            .create(name)
            .unwrap();
    }

    fn text(at: &Location, name: &str, value: &str) {
        let value: VarLenUnicode = value.parse().unwrap();
        let attribute = at.new_attr::<VarLenUnicode>().create(name).unwrap();
        attribute.write_scalar(&value).unwrap();
    }

    fn plain(path: &Path, world: &World, parts: &[Range<usize>]) {
        let file = File::create(path).unwrap();
        put(&file, "raw", &samples(parts));
        put(&file, "timestamp", &seconds(world, parts));
        put(&file, "distance", &Array1::from(vec![0.0, 1.0]));
        close(file);
    }

    fn prodml(path: &Path, world: &World, parts: &[Range<usize>]) {
        let file = File::create(path).unwrap();
        let acquisition = file.create_group("Acquisition").unwrap();
        number(&acquisition, "NumberOfLoci", 2.0);
        number(&acquisition, "StartLocusIndex", 0.0);
        number(&acquisition, "SpatialSamplingInterval", 1.0);
        let raw = acquisition.create_group("Raw[0]").unwrap();
        number(&raw, "OutputDataRate", world.hertz);
        put(&raw, "RawData", &samples(parts));
        let microseconds = times(world, parts, |time| (time + 500).div_euclid(1000));
        put(&raw, "RawDataTime", &microseconds);
        close(file);
    }

    fn terra15(path: &Path, world: &World, parts: &[Range<usize>]) {
        let file = File::create(path).unwrap();
        number(&file, "file_version", 6.0);
        text(&file, "data_product", "strain_rate");
        number(&file, "dx", 1.0);
        number(&file, "sensing_range_start", 0.0);
        number(&file, "dt_computer", 1.0 / world.hertz);
        let group = file.create_group("data_product").unwrap();
        put(&group, "data", &samples(parts));
        put(&group, "gps_time", &seconds(world, parts));
        close(file);
    }

    fn febus(path: &Path, world: &World, parts: &[Range<usize>]) {
        let rows = FEBUS.block;
        let file = File::create(path).unwrap();
        let source = file.create_group("fa1-1/Source1").unwrap();
        numbers(&source, "AmpliPower", &[27.0]);
        text(&source, "Hostname", "fa1-1");
        numbers(&source, "WholeExtent", &[0.0, 1.0, 0.0, 7.0, 0.0, 0.0]);
        numbers(&source, "SamplingRate", &[2.5e8]);
        let zone = source.create_group("Zone1").unwrap();
        let step = 1000.0 / world.hertz;
        let half = -(rows as f64) * step / 2.0;
        numbers(&zone, "Extent", &[0.0, 1.0, 0.0, 7.0, 0.0, 0.0]);
        numbers(&zone, "Spacing", &[1.0, step, 1.0]);
        numbers(&zone, "Origin", &[0.0, half, 0.0]);
        numbers(&zone, "SamplingRate", &[2.5e8]);
        numbers(&zone, "BlockRate", &[1e6 / (rows as f64 * step)]);
        text(&zone, "Version", "2.3.21");
        let samples = samples(parts);
        let blocks = samples.nrows() / rows;
        let stored = Array3::from_shape_fn((blocks, rows, 2), |(block, row, channel)| {
            samples[[block * rows + row, channel]] as f32
        });
        put(&zone, "StrainRate", &stored);
        let first = parts.iter().flat_map(|part| part.clone().step_by(rows));
        let middle = first.map(|sample| world.time(sample) as f64 / 1e9 - half / 1000.0);
        let middle: Vec<f64> = middle.collect();
        put(
            &source,
            "time",
            &Array2::from_shape_vec((1, blocks), middle).unwrap(),
        );
        close(file);
    }

    /// As xarray writes times: 64-bit integers of nanoseconds.
    fn netcdf(path: &Path, world: &World, parts: &[Range<usize>]) {
        let file = File::create(path).unwrap();
        let time = put(&file, "time", &times(world, parts, |time| time));
        text(&time, "units", "nanoseconds since 1970-01-01");
        text(&time, "calendar", "proleptic_gregorian");
        let distance = put(&file, "distance", &Array1::from(vec![0.0, 1.0]));
        text(&distance, "units", "m");
        let data = put(&file, "strain_rate", &samples(parts));
        let axes = ["time", "distance"].map(|name| {
            let axis: ObjectReference1 = file.reference(name).unwrap();
            VarLenArray::from_slice(&[axis])
        });
        let list = data.new_attr_builder().with_data(&axes[..]);
        list.create("DIMENSION_LIST").unwrap();
        drop((time, distance, data));
        close(file);
    }
}

pub static TDMS: Form = Form {
    name: "TDMS",
    rates: RATES,
    block: 1,
    shortest: 1,
    measured: false,
    pauses: true,
    unit: 1000,
    resolution: 1000,
    file_name: |k, _, _| format!("recording{k}.tdms"),
    write: tdms,
};

/// A segment of the file for each part, with the time of its first sample.
fn tdms(path: &Path, world: &World, parts: &[Range<usize>]) {
    let mut file = Vec::new();
    for (k, part) in parts.iter().enumerate() {
        let stamp = jiff::Timestamp::from_nanosecond(world.time(part.start).into()).unwrap();
        let mut about = Vec::new();
        let objects: &[&str] = match k {
            0 => &[
                "/",
                "/'Measurement'",
                "/'Measurement'/'0'",
                "/'Measurement'/'1'",
            ],
            _ => &["/", "/'Measurement'/'0'", "/'Measurement'/'1'"],
        };
        about.extend((objects.len() as u32).to_le_bytes());
        for path in objects {
            tdms_text(&mut about, path);
            if path.ends_with("'0'") || path.ends_with("'1'") {
                // An index of 20 bytes: int32, one dimension, as many values.
                about.extend(20u32.to_le_bytes());
                about.extend(3u32.to_le_bytes());
                about.extend(1u32.to_le_bytes());
                about.extend((part.len() as u64).to_le_bytes());
            } else {
                about.extend(u32::MAX.to_le_bytes());
            }
            if *path == "/" {
                about.extend(if k == 0 { 3u32 } else { 1 }.to_le_bytes());
                tdms_text(&mut about, "GPSTimeStamp");
                about.extend(0x20u32.to_le_bytes());
                tdms_text(&mut about, &format!("{stamp:.6}"));
                if k == 0 {
                    for (name, value) in [
                        ("SamplingFrequency[Hz]", world.hertz),
                        ("SpatialResolution[m]", 1.0),
                    ] {
                        tdms_text(&mut about, name);
                        about.extend(10u32.to_le_bytes());
                        about.extend(value.to_le_bytes());
                    }
                }
            } else {
                about.extend(0u32.to_le_bytes());
            }
        }
        let samples = [0, 1].into_iter().flat_map(|channel| {
            part.clone()
                .map(move |sample| (sample + channel * APART) as i32)
        });
        let samples: Vec<u8> = samples.flat_map(i32::to_le_bytes).collect();
        file.extend(b"TDSm");
        // Metadata, a new list of objects, raw data.
        file.extend(0b1110u32.to_le_bytes());
        file.extend(4713u32.to_le_bytes());
        file.extend(((about.len() + samples.len()) as u64).to_le_bytes());
        file.extend((about.len() as u64).to_le_bytes());
        file.extend(about);
        file.extend(samples);
    }
    std::fs::write(path, file).unwrap();
}

fn tdms_text(to: &mut Vec<u8>, text: &str) {
    to.extend((text.len() as u32).to_le_bytes());
    to.extend(text.as_bytes());
}

/// Whole microseconds a sample; the fraction of the start is in the file's name.
pub static SEGY: Form = Form {
    name: "SEG-Y",
    rates: &[100.0, 250.0, 400.0, 500.0, 1000.0, 2000.0, 20_000.0],
    block: 1,
    shortest: 1,
    measured: false,
    pauses: false,
    unit: 1,
    resolution: 0,
    file_name: segy_name,
    write: segy,
};

fn segy_start(world: &World, parts: &[Range<usize>]) -> jiff::civil::DateTime {
    let time = jiff::Timestamp::from_nanosecond(world.time(parts[0].start).into()).unwrap();
    jiff::tz::TimeZone::UTC.to_datetime(time)
}

fn segy_name(k: usize, world: &World, parts: &[Range<usize>]) -> String {
    let start = segy_start(world, parts);
    format!("fibre{k}_UTC_{}.sgy", start.strftime("%Y%m%d_%H%M%S.%9f"))
}

/// Revision 1, big-endian, 32-bit integers.
fn segy(path: &Path, world: &World, parts: &[Range<usize>]) {
    let start = segy_start(world, parts);
    let part = &parts[0];
    let step = (1e6 / world.hertz) as u16;
    let mut file = vec![0x40; 3200];
    let mut binary = vec![0; 400];
    let samples = part.len() as u16;
    binary[12..14].copy_from_slice(&2u16.to_be_bytes());
    binary[16..18].copy_from_slice(&step.to_be_bytes());
    binary[20..22].copy_from_slice(&samples.to_be_bytes());
    binary[24..26].copy_from_slice(&2u16.to_be_bytes());
    binary[300] = 1;
    file.extend(binary);
    for channel in 0..2 {
        let mut header = vec![0; 240];
        let date = [
            start.year(),
            start.day_of_year(),
            start.hour().into(),
            start.minute().into(),
            start.second().into(),
            4,
        ];
        for (k, number) in date.into_iter().enumerate() {
            header[156 + 2 * k..158 + 2 * k].copy_from_slice(&number.to_be_bytes());
        }
        header[40..44].copy_from_slice(&(-(channel as i32)).to_be_bytes());
        header[114..116].copy_from_slice(&samples.to_be_bytes());
        header[116..118].copy_from_slice(&step.to_be_bytes());
        file.extend(header);
        let values = part.clone().map(|sample| (sample + channel * APART) as i32);
        file.extend(values.flat_map(i32::to_be_bytes));
    }
    std::fs::write(path, file).unwrap();
}
