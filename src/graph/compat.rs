//! distpy's graph habits: an input is named by its position in the list, whatever the uids say.

use crate::config::workflow::Entry;
use crate::config::{Problem, Problems};

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
