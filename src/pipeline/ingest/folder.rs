//! Files beside the chunks of a folder: the index, the depth axis, and the calibration of stored samples.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Ingest, IngestError, file_name, headers};
use crate::block::DType;
use crate::formats::{Calibration, FormatError, npy};
use crate::pipeline::index::{self, Index, Place};
use crate::pipeline::output::Folder;
use crate::pipeline::timeline::{Cut, Fibre};
use crate::store;

/// Between two looks at a file that another run is writing.
const LOOK: Duration = Duration::from_millis(20);

/// Prepares a folder for the chunks of a fibre: `measured_depth.npy` in metres and, where it is known, what a sample stands for as
/// `calibration.json`.
///
/// # Errors
/// When the folder has those of another fibre, or they cannot be written.
pub fn prepare(
    fibre: &Fibre,
    out: &Folder,
    options: &Ingest,
    stop: &AtomicBool,
) -> Result<(), IngestError> {
    locked(out, "measured_depth.npy", stop, || {
        // The depth axis last: where it exists, so does the calibration that belongs to it.
        write_calibration(fibre, out, options)?;
        write_depth(fibre, out, options)
    })
}

/// Adds chunks to the folder's index, which gives them their names; says what becomes of each.
///
/// # Errors
/// When a chunk of another recording has the time of one that is added, or there is a file that the index does not list; unless
/// chunks are to be replaced.
pub fn index(
    cuts: &mut [Cut],
    out: &Folder,
    options: &Ingest,
    stop: &AtomicBool,
) -> Result<Vec<Place>, IngestError> {
    locked(out, index::FILE, stop, || {
        let dtype = |cut: &Cut| options.dtype.unwrap_or(cut.fibre.dtype);
        let mut read = Index::read(out.path())?;
        let (before, index, added) = loop {
            let before = read.unwrap_or_default();
            let mut index = before.clone();
            let added = index.add(out.path(), cuts, dtype, options.overwrite)?;
            let mut new = cuts.iter().zip(&added.places);
            let unlisted = new.find_map(|(cut, place)| {
                let path = out.path().join(file_name(cut));
                let checked = *place == Place::New && !options.overwrite;
                (checked && store::is_listed(&path)).then_some(path)
            });
            let Some(path) = unlisted else {
                break (before, index, added);
            };
            // Where runs cannot lock a folder, another shard may have listed it, and written it, in between.
            read = Index::read(out.path())?;
            if read.as_ref().is_none_or(|it| *it == before) {
                return Err(IngestError::Unlisted { path });
            }
        };
        for name in &added.removed {
            let path = out.path().join(format!("{name}.npy"));
            match store::remove(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(FormatError::io(&path, e).into());
                }
                _ => {}
            }
        }
        if index != before {
            out.write(Path::new(index::FILE), &index.text())?;
        }
        Ok(added.places)
    })
}

/// Does something that one run at a time may do in a folder.
fn locked<T>(
    out: &Folder,
    work: &str,
    stop: &AtomicBool,
    act: impl FnOnce() -> Result<T, IngestError>,
) -> Result<T, IngestError> {
    while !out.take(work)? {
        if stop.load(Ordering::Relaxed) {
            return Err(IngestError::Stopped);
        }
        std::thread::sleep(LOOK);
    }
    let done = act();
    out.release(work);
    done
}

fn write_depth(fibre: &Fibre, out: &Folder, options: &Ingest) -> Result<(), IngestError> {
    let channels = fibre.channels;
    let name = Path::new("measured_depth.npy");
    let path = out.path().join(name);
    if store::exists(&path) && !options.overwrite {
        let present = npy::open(&path)?.to_f64_vec();
        return match present {
            Some(depth) if depth == *fibre.depth => Ok(()),
            _ => Err(IngestError::Depth { path, channels }),
        };
    }
    let shape: &[usize] = match fibre.depth_file.column {
        true => &[channels, 1],
        false => &[channels],
    };
    let values = bytemuck::cast_slice(&fibre.depth);
    Ok(out.write(name, &npy::encode(DType::F64, shape, values))?)
}

/// All chunks of a folder share one calibration, as they share the depth axis.
fn write_calibration(fibre: &Fibre, out: &Folder, options: &Ingest) -> Result<(), IngestError> {
    let path = out.path().join(Calibration::FILE);
    if options.overwrite && fibre.calibration.is_none() {
        return match store::remove(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(FormatError::io(&path, e).into())
            }
            _ => Ok(()),
        };
    }
    let others = !options.overwrite && store::exists(&out.path().join("measured_depth.npy"));
    let text = match store::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(FormatError::io(&path, e).into()),
    };
    let known = match text {
        Some(text) if !options.overwrite => Some(Calibration::parse(&path, &text)?),
        _ => None,
    };
    let shown = |it: Option<&Calibration>| match it {
        Some(it) => format!("{} {} a count", it.factor, it.unit),
        None => "none".into(),
    };
    match (&fibre.calibration, known) {
        (None, None) => Ok(()),
        (Some(own), Some(known)) if *own == known => Ok(()),
        (Some(own), None) if !others => {
            let value = serde_json::to_value(own).expect("a factor and a unit are plain data");
            Ok(out.write(Path::new(Calibration::FILE), &headers::pretty(&value))?)
        }
        (own, known) => Err(IngestError::Calibration {
            path,
            found: shown(known.as_ref()),
            expected: shown(own.as_ref()),
        }),
    }
}
