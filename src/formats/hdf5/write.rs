//! Writing PRODML: an open recording as `/Acquisition/Raw[0]`, times by loci, streamed window by window.

use std::path::Path;

use hdf5::types::VarLenUnicode;
use hdf5::{Dataset, File, Group, H5Type, Location};
use jiff::{SignedDuration, Timestamp};
use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Place;
use super::tiled::{Array, TileWriter};
use crate::block::DType;
use crate::formats::{FormatError, Header, Source};

/// Bytes of one HDF5 chunk: whole rows of all loci, about this much.
const CHUNK_BYTES: usize = 2 << 20;

/// Bytes of the window that is held while writing; its transpose is held too.
const WINDOW_BYTES: usize = 16 << 20;

/// Entries of a chunk of times.
const TIMES: usize = 1 << 16;

/// The group of the samples.
const RAW: &str = "Acquisition/Raw[0]";

/// What PRODML asks for and a [`Header`] does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Acquisition {
    /// Length of fibre over which strain is averaged, in metres.
    pub gauge_length: f64,
    /// Light pulses per second before any decimation, in Hz.
    pub pulse_rate: f64,
    /// Length of a light pulse in nanoseconds.
    pub pulse_width: f64,
    /// Unit of the samples: `RawDataUnit`.
    pub unit: String,
    /// What the samples are: `RawDescription`.
    pub description: String,
    /// The well, pipeline or cable: `FacilityId`.
    pub facility: String,
    /// Who made the instrument: `VendorCode`.
    pub vendor: String,
}

/// Writes a recording as PRODML 2.1, in the source's sample type.
///
/// Where the channels do not lie at whole multiples of their spacing, a `LocusDepthPoint` table is written as well. The
/// uuids follow from the recording's start and shape, so that equal recordings give equal files. The caller chooses a
/// temporary name and renames: until this returns, the file is incomplete.
///
/// # Errors
/// When the source cannot be read, has samples that HDF5 has no type for here (bool, half precision, complex), or the
/// file cannot be written.
pub fn write_prodml(
    path: &Path,
    source: &dyn Source,
    acquisition: &Acquisition,
) -> Result<(), FormatError> {
    let header = source.header();
    let at = Place { path };
    let loci = Loci::of(&header.depth);
    let (channels, samples, element) = (header.channels, header.samples, header.dtype.size());
    let row_bytes = channels * element;
    let array = |name: &str, shape: Vec<usize>, tile: Vec<usize>, element| Array {
        name: format!("{RAW}/{name}"),
        shape,
        tile,
        element,
        packed: false,
    };
    let chunk = (CHUNK_BYTES / row_bytes.max(1)).clamp(1, samples.max(1));
    let times = array(
        "RawDataTime",
        vec![samples],
        vec![samples.clamp(1, TIMES)],
        8,
    );
    let (shape, tile) = (vec![samples, channels], vec![chunk, channels.max(1)]);
    let data = array("RawData", shape, tile, element);
    let build = |file: &File| {
        let raw = structure(file, header, acquisition, &loci)?;
        create_times(&raw, header, &times)?;
        match header.dtype {
            DType::I8 => create_data::<i8>(&raw, header, chunk),
            DType::U8 => create_data::<u8>(&raw, header, chunk),
            DType::I16 => create_data::<i16>(&raw, header, chunk),
            DType::U16 => create_data::<u16>(&raw, header, chunk),
            DType::I32 => create_data::<i32>(&raw, header, chunk),
            DType::U32 => create_data::<u32>(&raw, header, chunk),
            DType::I64 => create_data::<i64>(&raw, header, chunk),
            DType::U64 => create_data::<u64>(&raw, header, chunk),
            DType::F32 => create_data::<f32>(&raw, header, chunk),
            _ => create_data::<f64>(&raw, header, chunk),
        }
    };
    if matches!(header.dtype, DType::Bool | DType::F16) || header.dtype.is_complex() {
        let found = format!("samples of type {}", header.dtype.name());
        return Err(at.content("RawData", found, "integers, float32 or float64"));
    }
    let arrays = vec![times.clone(), data.clone()];
    let mut writer = TileWriter::create(path, arrays, build)?;
    write_times(&mut writer, header)?;
    // Whole chunks, so that none is written twice.
    let window = (WINDOW_BYTES / (chunk * row_bytes).max(1)).max(1) * chunk;
    let mut held = vec![0; row_bytes * window.min(samples)];
    for from in (0..samples).step_by(window) {
        let to = (from + window).min(samples);
        let held = &mut held[..row_bytes * (to - from)];
        source.read(0..channels, from..to, held)?;
        let rows = match element {
            1 => transposed::<1>(held, channels),
            2 => transposed::<2>(held, channels),
            4 => transposed::<4>(held, channels),
            _ => transposed::<8>(held, channels),
        };
        writer.write(1, from, &rows)?;
    }
    writer.finish()
}

/// Times one after the other, from channels one after the other.
fn transposed<const N: usize>(held: &[u8], channels: usize) -> Vec<u8> {
    let (held, _) = held.as_chunks::<N>();
    let rows = ArrayView2::from_shape((channels, held.len() / channels.max(1)), held)
        .expect("the buffer holds exactly the window");
    let times: Vec<[u8; N]> = rows.t().iter().copied().collect();
    times.into_flattened()
}

/// Channels as PRODML numbers them.
struct Loci {
    start: i64,
    spacing: f64,
    /// Whether `(start + k) * spacing` is every channel's depth.
    exact: bool,
}

impl Loci {
    fn of(depth: &[f64]) -> Self {
        let spacing = match depth {
            [first, .., last] => (last - first) / (depth.len() - 1) as f64,
            [only] if *only != 0.0 => *only,
            _ => 1.0,
        };
        if !(spacing.is_finite() && spacing > 0.0) {
            return Self {
                start: 0,
                spacing: 1.0,
                exact: false,
            };
        }
        // The mean spacing may miss the true one in its last bits, which the depth of one far channel has more of.
        let start = (depth[0] / spacing).round();
        let spacing = match start + (depth.len() - 1) as f64 {
            locus if locus != 0.0 => depth[depth.len() - 1] / locus,
            _ => spacing,
        };
        let exact = depth
            .iter()
            .enumerate()
            .all(|(k, d)| ((start + k as f64) * spacing - d).abs() <= 1e-9 * spacing.max(d.abs()));
        Self {
            start: start as i64,
            spacing,
            exact,
        }
    }
}

#[derive(Debug, Clone, Copy, H5Type)]
#[repr(C)]
#[allow(non_snake_case, reason = "the field names of PRODML")]
struct LocusDepthPoint {
    LocusIndex: i64,
    OpticalPathDistance: f64,
    FacilityLength: f64,
}

/// Groups and their attributes; gives the raw group.
fn structure(
    file: &File,
    header: &Header,
    acquisition: &Acquisition,
    loci: &Loci,
) -> hdf5::Result<Group> {
    let mut uuids = Uuids::of(header);
    text(file, "uuid", &uuids.next())?;
    let group = subgroup(file, "Acquisition")?;
    text(&group, "schemaVersion", "2.1")?;
    text(&group, "uuid", &uuids.next())?;
    text(&group, "AcquisitionId", &uuids.next())?;
    text(&group, "VendorCode", &acquisition.vendor)?;
    let facility = [unicode(&acquisition.facility)?];
    group
        .new_attr_builder()
        .with_data(&facility[..])
        .create("FacilityId")?;
    text(
        &group,
        "MeasurementStartTime",
        &header.start_time().to_string(),
    )?;
    flag(&group, "TriggeredMeasurement", false)?;
    let numbers = [
        ("PulseRate", acquisition.pulse_rate, "Hz"),
        ("PulseWidth", acquisition.pulse_width, "ns"),
        ("GaugeLength", acquisition.gauge_length, "m"),
        ("SpatialSamplingInterval", loci.spacing, "m"),
        ("MinimumFrequency", 0.0, "Hz"),
        ("MaximumFrequency", header.prf() / 2.0, "Hz"),
    ];
    for (name, value, unit) in numbers {
        measure(&group, name, value, unit)?;
    }
    integer(&group, "NumberOfLoci", header.channels as i64)?;
    integer(&group, "StartLocusIndex", loci.start)?;
    if !loci.exact {
        write_depth(&group, header, loci)?;
    }
    let raw = subgroup(&group, "Raw[0]")?;
    text(&raw, "uuid", &uuids.next())?;
    text(&raw, "RawDescription", &acquisition.description)?;
    text(&raw, "RawDataUnit", &acquisition.unit)?;
    measure(&raw, "OutputDataRate", header.prf(), "Hz")?;
    integer(&raw, "NumberOfLoci", header.channels as i64)?;
    integer(&raw, "StartLocusIndex", loci.start)?;
    Ok(raw)
}

fn subgroup(parent: &Group, name: &str) -> hdf5::Result<Group> {
    parent
        .create_group_builder()
        .obj_track_times(false)
        .create(name)
}

fn write_depth(acquisition: &Group, header: &Header, loci: &Loci) -> hdf5::Result<()> {
    let table: Vec<_> = (loci.start..)
        .zip(&header.depth)
        .map(|(locus, depth)| LocusDepthPoint {
            LocusIndex: locus,
            OpticalPathDistance: *depth,
            FacilityLength: *depth,
        })
        .collect();
    let calibration = subgroup(
        &subgroup(acquisition, "FacilityCalibration[0]")?,
        "Calibration[0]",
    )?;
    calibration
        .new_dataset_builder()
        .obj_track_times(false)
        .with_data(&table[..])
        .create("LocusDepthPoint")?;
    Ok(())
}

fn create_times(raw: &Group, header: &Header, array: &Array) -> hdf5::Result<()> {
    let times = raw
        .new_dataset::<i64>()
        .obj_track_times(false)
        .chunk(array.tile.clone())
        .shape(array.shape.clone())
        .create("RawDataTime")?;
    text(&times, "Uom", "us")?;
    part(&times, header, header.samples)?;
    for (name, time) in span(header, ["StartTime", "EndTime"]) {
        text(&times, name, &time)?;
    }
    Ok(())
}

fn write_times(writer: &mut TileWriter, header: &Header) -> Result<(), FormatError> {
    let (count, first) = (header.samples, header.start_time().as_microsecond());
    let time = |sample: usize| first + (sample as f64 * 1e6 / header.prf()).round() as i64;
    for from in (0..count).step_by(TIMES) {
        let block: Vec<i64> = (from..count.min(from + TIMES)).map(time).collect();
        writer.write(0, from, bytemuck::cast_slice(&block))?;
    }
    Ok(())
}

fn create_data<T: H5Type>(raw: &Group, header: &Header, chunk: usize) -> hdf5::Result<()> {
    let data = raw
        .new_dataset::<T>()
        .obj_track_times(false)
        .chunk((chunk, header.channels.max(1)))
        .shape((header.samples, header.channels))
        .create("RawData")?;
    let dimensions = [unicode("time")?, unicode("locus")?];
    data.new_attr_builder()
        .with_data(&dimensions[..])
        .create("Dimensions")?;
    part(&data, header, header.samples * header.channels)
}

/// Attributes that say which part of the acquisition a dataset holds: here, all of it.
fn part(dataset: &Dataset, header: &Header, count: usize) -> hdf5::Result<()> {
    integer(dataset, "Count", count as i64)?;
    integer(dataset, "StartIndex", 0)?;
    for (name, time) in span(header, ["PartStartTime", "PartEndTime"]) {
        text(dataset, name, &time)?;
    }
    Ok(())
}

/// Times of the first and last sample.
fn span<'a>(header: &Header, names: [&'a str; 2]) -> [(&'a str, String); 2] {
    let seconds = header.samples.saturating_sub(1) as f64 / header.prf();
    let end: Timestamp = header
        .start_time()
        .checked_add(SignedDuration::from_micros((seconds * 1e6).round() as i64))
        .unwrap_or(Timestamp::MAX);
    [
        (names[0], header.start_time().to_string()),
        (names[1], end.to_string()),
    ]
}

/// Uuids of version 8 (RFC 9562: the bits' meaning is the writer's), drawn from a generator seeded by the recording.
struct Uuids(ChaCha8Rng);

impl Uuids {
    fn of(header: &Header) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&header.start_time().as_microsecond().to_le_bytes());
        seed[8..16].copy_from_slice(&(header.channels as u64).to_le_bytes());
        seed[16..24].copy_from_slice(&(header.samples as u64).to_le_bytes());
        seed[24..].copy_from_slice(&header.prf().to_le_bytes());
        Self(ChaCha8Rng::from_seed(seed))
    }

    fn next(&mut self) -> String {
        let mut bytes = [0u8; 16];
        self.0.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ]
        .join("-")
    }
}

pub(super) fn unicode(value: &str) -> hdf5::Result<VarLenUnicode> {
    // HDF5 strings end at a zero byte.
    let value = value.replace('\0', "");
    value
        .parse()
        .map_err(|e| hdf5::Error::from(format!("{e:?}")))
}

pub(super) fn text(at: &Location, name: &str, value: &str) -> hdf5::Result<()> {
    at.new_attr::<VarLenUnicode>()
        .create(name)?
        .write_scalar(&unicode(value)?)
}

fn integer(at: &Location, name: &str, value: i64) -> hdf5::Result<()> {
    at.new_attr::<i64>().create(name)?.write_scalar(&value)
}

fn flag(at: &Location, name: &str, value: bool) -> hdf5::Result<()> {
    at.new_attr::<bool>().create(name)?.write_scalar(&value)
}

/// A number and its unit, which PRODML 2.1 has in an attribute of its own.
fn measure(at: &Location, name: &str, value: f64, unit: &str) -> hdf5::Result<()> {
    at.new_attr::<f64>().create(name)?.write_scalar(&value)?;
    text(at, &format!("{name}.uom"), unit)
}
