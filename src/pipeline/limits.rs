//! What the container that a process runs in lets it use.

use std::path::{Path, PathBuf};

/// Bytes of memory that the process's control group allows; `None` where there is no limit. The number of processors that it
/// allows is what `std::thread::available_parallelism` tells.
pub fn memory() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    files(&groups, Path::new("/sys/fs/cgroup"))
        .iter()
        .filter_map(|file| parse(&std::fs::read_to_string(file).ok()?))
        .min()
}

/// The files that may hold a limit: of the process's group, of those above it, and of the root, which is a container's own
/// group where it sees no other.
fn files(groups: &str, root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (place, name) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|it| it == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let above = Path::new(group.trim_start_matches('/')).ancestors();
        files.extend(above.map(|group| place.join(group).join(name)));
    }
    files
}

/// A limit as the kernel writes it: `max`, or in the first version a number too large for any machine, where there is none.
fn parse(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < 1 << 60).then_some(bytes)
}

/// How many chunks may wait, before the computing thread and after it, so that all that are in memory at once fit: at most
/// `most`. A chunk counts twice, for its samples and for results as large; `elsewhere` are being read, computed or written.
pub fn depth(limit: Option<u64>, chunk: u64, elsewhere: usize, most: usize) -> usize {
    let Some(limit) = limit else { return most };
    // Half is left to the program, its drivers, and the page cache.
    let chunks = limit / 2 / (2 * chunk.max(1));
    let waiting = usize::try_from(chunks).unwrap_or(usize::MAX);
    (waiting.saturating_sub(elsewhere) / 2).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_looked_for_in_the_group_and_above() {
        let root = Path::new("/c");
        let names = |groups: &str| {
            let files = files(groups, root);
            files
                .iter()
                .map(|f| f.display().to_string())
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(
            names("0::/pod/one\n"),
            "/c/pod/one/memory.max /c/pod/memory.max /c/memory.max"
        );
        assert_eq!(names("0::/"), "/c/memory.max");
        let first = "9:name=systemd:/\n4:cpu,cpuacct:/x\n3:memory:/x\n";
        assert_eq!(
            names(first),
            "/c/memory/x/memory.limit_in_bytes /c/memory/memory.limit_in_bytes"
        );
        assert_eq!(names("nonsense"), "");
    }

    #[test]
    fn no_limit_has_two_spellings() {
        assert_eq!(parse("max\n"), None);
        assert_eq!(parse("9223372036854771712\n"), None);
        assert_eq!(parse("2147483648\n"), Some(2 << 30));
    }

    #[test]
    fn fewer_chunks_wait_where_memory_is_short() {
        let mb = 1 << 20;
        assert_eq!(depth(None, 400 * mb, 3, 2), 2);
        assert_eq!(depth(Some(32_000 * mb), 400 * mb, 3, 2), 2);
        assert_eq!(depth(Some(8_000 * mb), 400 * mb, 3, 2), 1);
        assert_eq!(depth(Some(1_000 * mb), 400 * mb, 3, 2), 0);
        assert_eq!(depth(Some(1), 0, 0, 2), 0);
    }
}
