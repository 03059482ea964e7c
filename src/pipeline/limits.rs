//! Memory that a run may take: what the user allows, and what the container that the process runs in lets it use.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::execute::Needs;

/// Bytes that the program takes before the first chunk.
const PROGRAM: u64 = 64 << 20;
/// The lowest limit: buffers of a few megabytes for each thread, beside the program.
pub const LEAST_MEMORY: u64 = 100_000_000;
/// Chunks being read and written, beside those in the executor and in queues.
const AT_THE_EDGES: u64 = 2;

/// The memory that a run may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that the user allows the program.
    pub asked: Option<u64>,
    /// Bytes that the container allows it.
    pub container: Option<u64>,
}

impl Limits {
    /// The limit of the user, in the container that the process runs in.
    pub fn new(asked: Option<u64>) -> Self {
        Self {
            asked,
            container: memory(),
        }
    }

    /// The lower of the two.
    pub fn bytes(self) -> Option<u64> {
        self.asked.into_iter().chain(self.container).min()
    }

    /// Bytes of each of some equal buffers that take half of the memory.
    pub fn share(self, buffers: usize) -> usize {
        let bytes = self.bytes().unwrap_or(u64::MAX).saturating_sub(PROGRAM);
        usize::try_from(bytes / 2).unwrap_or(usize::MAX) / buffers
    }

    /// The number of chunks that may wait before the computing thread, and of results after it: at most `most`.
    pub fn depth(self, needs: Option<&Needs>, most: usize) -> usize {
        match (self.bytes(), needs) {
            (None, _) => most,
            (Some(_), None) => 0,
            (Some(limit), Some(needs)) => {
                let fits = |depth: &usize| needs.total(*depth) <= limit;
                (0..=most).rev().find(fits).unwrap_or(0)
            }
        }
    }

    /// Why a chunk cannot be computed, where it takes more than the user allows.
    pub fn refuses(self, needs: &Needs) -> Option<String> {
        let limit = self.asked?;
        let least = needs.total(0);
        (least > limit).then(|| {
            format!(
                "found a chunk for which this flow takes {}, expected at most {} (--max-memory); allow more, or cut shorter chunks",
                Megabytes(least),
                Megabytes(limit)
            )
        })
    }
}

impl Needs {
    /// Bytes in the program's memory at most, where so many chunks and results wait in each queue.
    pub fn total(&self, depth: usize) -> u64 {
        let waiting = depth as u64 + AT_THE_EDGES;
        let stored = (waiting + self.at_once as u64) * self.stored;
        let results = waiting * self.chunk.results;
        PROGRAM + self.device_in_program + stored + self.chunk.work + results + self.chunk.files
    }

    /// Its parts, for people.
    pub fn told(&self, depth: usize) -> String {
        let waiting = depth + AT_THE_EDGES as usize;
        let [all, stored, work, results, files, program] = [
            self.total(depth),
            self.stored,
            self.chunk.work,
            self.chunk.results,
            self.chunk.files,
            PROGRAM + self.device_in_program,
        ]
        .map(Megabytes);
        let chunks = waiting + self.at_once;
        let mut text = format!(
            "memory: {all} at most: {chunks} chunks of {stored}, {work} to compute one, {waiting} results of {results}, files of {files}, \
             {program} for the program and drivers\n"
        );
        if self.device > 0 {
            text += &format!("GPU memory: {} of arrays\n", Megabytes(self.device));
        }
        text
    }
}

/// Bytes, for people.
struct Megabytes(u64);

impl fmt::Display for Megabytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.0 as f64 / 1e6;
        let digits = if megabytes < 10.0 { 1 } else { 0 };
        write!(f, "{megabytes:.digits$} MB")
    }
}

/// Bytes of a text such as `8GB`, `500 MB`, `2GiB` or `1000000`.
///
/// # Errors
/// The message names the text and the expected form.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KIB", 1 << 10),
        ("MIB", 1 << 20),
        ("GIB", 1 << 30),
        ("TIB", 1 << 40),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let upper = text.trim().to_uppercase();
    let unit = UNITS.iter().find(|(name, _)| upper.ends_with(name));
    let (number, each) = match unit {
        Some((name, each)) => (upper[..upper.len() - name.len()].trim(), *each),
        None => (upper.as_str(), 1),
    };
    let bytes = number.parse().ok().map(|number: f64| number * each as f64);
    match bytes {
        Some(bytes) if (1.0..1e18).contains(&bytes) => Ok(bytes as u64),
        _ => Err(format!(
            "found \"{text}\", expected a size such as 8GB, 500MB or 2GiB"
        )),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Memory;

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
        let needs = Needs {
            stored: 100 * mb,
            at_once: 1,
            chunk: Memory {
                work: 50 * mb,
                results: 100 * mb,
                files: 0,
            },
            ..Needs::default()
        };
        let within = |bytes| Limits {
            asked: bytes,
            container: Some(10_000 * mb),
        };
        let depth = |bytes| within(bytes).depth(Some(&needs), 2);
        // The program, 3 chunks and 2 results that do not wait, and the work.
        let least = PROGRAM + 550 * mb;
        assert_eq!(needs.total(0), least);
        assert_eq!(depth(None), 2);
        assert_eq!(depth(Some(least + 400 * mb)), 2);
        assert_eq!(depth(Some(least + 399 * mb)), 1);
        assert_eq!(depth(Some(least)), 0);
        assert_eq!(within(Some(least)).refuses(&needs), None);
        let reason = within(Some(least - 1)).refuses(&needs).expect("too large");
        assert!(reason.contains("--max-memory"), "{reason}");
        // A container's limit slows a run down; only the user's own ends it.
        let small = Limits {
            asked: None,
            container: Some(1),
        };
        assert_eq!(
            (small.depth(Some(&needs), 2), small.refuses(&needs)),
            (0, None)
        );
        // A chunk that nobody has seen may be large.
        assert_eq!(within(Some(least + 999 * mb)).depth(None, 2), 0);
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let parse = |text| parse_bytes(text).ok();
        assert_eq!(parse("1000000"), Some(1_000_000));
        assert_eq!(parse("8GB"), Some(8_000_000_000));
        assert_eq!(parse("1.5 gib"), Some(3 << 29));
        for wrong in [
            "", "GB", "-1GB", "0", "nan", "inf", "1e30", "8 apples", "8G B",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
