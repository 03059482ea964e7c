//! A share of the work: which files one of several processes takes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

/// Share `index` of `count`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

/// The most shares. Far more than there are files to share, and few enough to write each of them into a list.
pub const MOST: usize = 1_000_000;

impl Shard {
    /// Checks that there is such a share.
    ///
    /// # Errors
    /// What was found and expected.
    pub fn new(index: usize, count: usize) -> Result<Self, String> {
        if count > MOST {
            return Err(format!(
                "found {count} shards, expected at most {MOST}; give as many as there are files to share, or fewer"
            ));
        }
        match index < count {
            true => Ok(Self { index, count }),
            false => Err(format!(
                "found shard {index} of {count}, expected 0 to {}",
                count.saturating_sub(1)
            )),
        }
    }

    /// The share that a Kubernetes Indexed Job gives a pod: the Job controller's `JOB_COMPLETION_INDEX` of the manifest's
    /// `DISTPY_SHARDS`.
    ///
    /// # Errors
    /// Where only one of the two is set, or they are no such numbers: a pod must not take another share than its own.
    pub fn of_job(index: Option<&str>, count: Option<&str>) -> Result<Option<Self>, String> {
        const NAMES: [&str; 2] = ["JOB_COMPLETION_INDEX", "DISTPY_SHARDS"];
        let [index, count] = match [index, count] {
            [None, None] => return Ok(None),
            [Some(index), Some(count)] => [index, count],
            [Some(_), None] => {
                return Err(format!("{} is set, expected {} too", NAMES[0], NAMES[1]));
            }
            [None, Some(_)] => {
                return Err(format!("{} is set, expected {} too", NAMES[1], NAMES[0]));
            }
        };
        let number = |name: &str, text: &str| {
            text.parse::<usize>()
                .map_err(|_| format!("{name}: found \"{text}\", expected a whole number"))
        };
        let (index, count) = (number(NAMES[0], index)?, number(NAMES[1], count)?);
        Self::new(index, count)
            .map(Some)
            .map_err(|e| format!("{} and {}: {e}", NAMES[0], NAMES[1]))
    }

    /// Which of the files with these sizes are this share's.
    ///
    /// In the order of the list each file goes to the share that has the fewest bytes so far, the first of equals. So every
    /// process comes to the same answer, shares differ by at most one file's bytes, files of one size go round, and files that
    /// are added at the end leave the others where they are.
    pub fn of(self, sizes: &[u64]) -> Vec<bool> {
        // A share without bytes comes before all that have some, so of more shares than files only the first ones get a file.
        let count = self.count.min(sizes.len());
        let mut shares: BinaryHeap<Reverse<(u64, usize)>> =
            (0..count).map(|share| Reverse((0, share))).collect();
        sizes
            .iter()
            .map(|&size| {
                let Reverse((bytes, share)) = shares.pop().expect("there is at least one share");
                // An empty file is work too.
                shares.push(Reverse((bytes.saturating_add(size.max(1)), share)));
                share == self.index
            })
            .collect()
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let (index, count) =
            numbers.ok_or_else(|| format!("found \"{text}\", expected I/N such as 0/8"))?;
        Self::new(index, count)
    }
}
