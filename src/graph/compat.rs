//! distpy's graph habits: an input is named by its position in the list, whatever the uids say; some commands change their input; and
//! some names have code but are not known to its runner.

use crate::config::workflow::Entry;
use crate::config::{Problem, Problems};

/// Names that distpy has a class for but does not know in a command file, so that they pass their input through.
pub const UNREGISTERED: &[&str] = &["curve_fit", "hash", "interp", "moment"];

/// Commands whose result is the array of their input.
const ALIASES: &[&str] = &[
    "NONE",
    "from_gpu",
    "thumbnail",
    "to_gpu",
    "write_csv",
    "write_h5",
    "write_npy",
    "write_parquet",
    "write_witsml",
    "write_zarr",
];

/// Commands that write into the array of their input.
const IN_PLACE: &[&str] = &["hard_threshold", "running_mean", "soft_threshold"];

/// Whatever reads an array after a command changed it in place reads the change: such inputs become the command's result.
pub fn leak(entries: &mut [Entry], problems: &mut Problems) {
    // Of each uid (by position) its array; of each array the uid that last wrote it.
    let mut arrays = vec![0_usize];
    let mut writers = vec![0_i64];
    for entry in entries {
        let changed: Vec<i64> = std::iter::once(&mut entry.in_uid)
            .flatten()
            .chain(&mut entry.gather_uids)
            .filter_map(|uid| {
                let array = *arrays.get(usize::try_from(*uid).ok()?)?;
                let read = std::mem::replace(uid, writers[array]);
                (read != *uid && is_older(read, *uid, &arrays)).then_some(*uid)
            })
            .collect();
        for by in changed {
            let message = format!("reads what uid {by} changed in place, as distpy does");
            problems.push(Problem::warning(format!("{}.in_uid", entry.path), message));
        }
        let name = entry.name.as_str();
        let input = entry.in_uid.and_then(|uid| usize::try_from(uid).ok());
        let shared = input.and_then(|uid| arrays.get(uid).copied());
        let position = arrays.len() as i64;
        match shared {
            Some(array) if IN_PLACE.contains(&name) => {
                writers[array] = position;
                arrays.push(array);
            }
            Some(array) if ALIASES.contains(&name) || UNREGISTERED.contains(&name) => {
                arrays.push(array);
            }
            _ => {
                arrays.push(writers.len());
                writers.push(position);
            }
        }
    }
}

/// Whether an array was read under a name that it had before it was changed.
fn is_older(read: i64, writer: i64, arrays: &[usize]) -> bool {
    let array = |uid: i64| arrays.get(usize::try_from(uid).unwrap_or(usize::MAX));
    read < writer && array(read) == array(writer)
}

/// The entries with their positions for uids: 0 is the chunk, 1 the first command.
pub fn by_position(entries: &[Entry], problems: &mut Problems) -> Vec<Entry> {
    let mut out = entries.to_vec();
    for (k, entry) in out.iter_mut().enumerate() {
        let position = k as i64 + 1;
        if entry.uid.is_some_and(|uid| uid != position) {
            let found = entry.uid.unwrap_or_default();
            let message = format!(
                "found {found} at position {position}; distpy reads positions, so {position} is taken"
            );
            problems.push(Problem::warning(format!("{}.uid", entry.path), message));
        }
        entry.uid = Some(position);
        let named = entry.in_uid.iter().map(|&uid| ("in_uid", uid));
        let late: Vec<_> = named
            .chain(entry.gather_uids.iter().map(|&uid| ("gather_uids", uid)))
            .filter(|&(_, u)| u >= position)
            .collect();
        for (key, uid) in late {
            let message = format!(
                "found {uid}, expected a position before {position}: distpy runs the list in its order"
            );
            problems.push(Problem::error(format!("{}.{key}", entry.path), message));
        }
        entry.gather_uids.retain(|&uid| uid < position);
        entry.in_uid = entry
            .in_uid
            .filter(|&uid| uid < position)
            .or(entry.in_uid.map(|_| 0));
    }
    out
}
