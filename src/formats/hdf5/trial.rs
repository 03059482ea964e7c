//! A trial of each file in a process of its own: damaged structures may let the HDF5 library loop forever, take all memory, or
//! crash. A file that the helper process survives is then opened in this one.
//!
//! The helper is this program again, started with [`ARGUMENT`] at the first file; it tries files until its input ends. What limits
//! it is processor time, not time: a file on slow storage is no bad file.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use hdf5::{File, Group};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};

use super::{Place, attributes, chunked, members, samples, values};
use crate::formats::FormatError;
use crate::formats::description::Description;

/// Makes the program a helper.
pub const ARGUMENT: &str = "--try-hdf5";
/// Seconds of processor time for a file.
const SECONDS: u64 = 4;
/// And for each gigabyte of it, as it has more structures.
const SECONDS_A_GIGABYTE: u64 = 1;
/// Memory for a file.
const BYTES: u64 = 8 << 30;
/// Groups and datasets of a file that are tried.
const OBJECTS: usize = 2000;
/// Groups in groups.
const DEPTH: usize = 32;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
static HELPER: Mutex<Option<Helper>> = Mutex::new(None);

/// Says which program is the helper. Without one, files are opened without a trial.
pub fn use_program(path: PathBuf) {
    // A second word changes nothing.
    let _ = PROGRAM.set(path);
}

/// A running helper.
struct Helper {
    process: Child,
    paths: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Helper {
    fn start(program: &Path) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        // A group of its own: Ctrl-C is for the program, which ends the helper with its input.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let command = command.arg(ARGUMENT).stderr(Stdio::null());
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let paths = process.stdin.take().expect("it is a pipe");
        let answers = process.stdout.take().expect("it is a pipe");
        Ok(Self {
            process,
            paths,
            answers: BufReader::new(answers),
        })
    }

    /// Tries a file; false if the helper ended over it.
    fn survives(&mut self, path: &Path) -> bool {
        use std::os::unix::ffi::OsStrExt;
        let mut request = path.as_os_str().as_bytes().to_vec();
        request.push(0);
        let sent = self.paths.write_all(&request);
        let sent = sent.and_then(|()| self.paths.flush());
        let mut answer = String::new();
        sent.is_ok() && self.answers.read_line(&mut answer).is_ok_and(|n| n > 0)
    }
}

/// Tries a file in the helper. `copy` is the file on this machine, `path` what messages name.
///
/// # Errors
/// When the helper ended over it, or cannot be started.
pub fn survives(copy: &Path, path: &Path) -> Result<(), FormatError> {
    let Some(program) = PROGRAM.get() else {
        return Ok(());
    };
    let mut helper = HELPER.lock().unwrap_or_else(PoisonError::into_inner);
    let mut running = match helper.take() {
        Some(running) => running,
        None => Helper::start(program).map_err(|e| {
            let text = format!("the helper that tries HDF5 files cannot be started: {e}");
            FormatError::io(path, std::io::Error::new(e.kind(), text))
        })?,
    };
    if running.survives(copy) {
        *helper = Some(running);
        return Ok(());
    }
    // It has ended, or its pipes are broken.
    let _ = running.process.kill();
    let ended = running.process.wait();
    let ended = ended.map_or_else(|e| e.to_string(), |status| status.to_string());
    let found = format!(
        "structures over which the HDF5 library does not come to an end or crashes ({ended})"
    );
    Err(FormatError::content(
        path,
        "file",
        found,
        "an undamaged HDF5 file",
    ))
}

/// The helper's work: tries each file whose name comes in, and answers each.
///
/// # Errors
/// When the system refuses limits.
pub fn serve() -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    limit(Resource::RLIMIT_AS, BYTES)?;
    // A crash is an answer, and needs no trace on the disk.
    limit(Resource::RLIMIT_CORE, 0)?;
    let mut paths = std::io::stdin().lock();
    let mut answers = std::io::stdout().lock();
    loop {
        let mut request = Vec::new();
        paths.read_until(0, &mut request)?;
        let Some(name) = request.strip_suffix(&[0]) else {
            return Ok(());
        };
        let path = Path::new(std::ffi::OsStr::from_bytes(name));
        limit_time(path)?;
        attempt(path);
        answers.write_all(b"\n")?;
        answers.flush()?;
    }
}

/// Limits the time of the next file. The system ends a process that goes on for longer.
fn limit_time(path: &Path) -> std::io::Result<()> {
    let used = getrusage(UsageWho::RUSAGE_SELF)?;
    let used = used.user_time().tv_sec() + used.system_time().tv_sec();
    let gigabytes = path.metadata().map_or(0, |file| file.len() >> 30);
    let seconds = used.unsigned_abs() + 1 + SECONDS + SECONDS_A_GIGABYTE * gigabytes;
    limit(Resource::RLIMIT_CPU, seconds)
}

/// Sets a limit, below that of the system. The hard limit stays, as it cannot be raised again for the next file.
fn limit(resource: Resource, most: u64) -> std::io::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    Ok(setrlimit(resource, most.min(hard), hard)?)
}

/// Does what opening a file does, whatever its layout. What is wrong with it is found again where it is opened.
fn attempt(path: &Path) {
    if let Ok(local) = super::local(path) {
        let source = super::open_untried(path, local, &Description::default());
        let _ = source.map(|source| source.places().is_some());
    }
    let Ok(file) = File::open(path) else {
        return;
    };
    let mut left = OBJECTS;
    group(Place { path }, &file, DEPTH, &mut left);
}

fn group(at: Place, group: &Group, depth: usize, left: &mut usize) {
    attributes::of(group);
    for name in members(group) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        if let Ok(dataset) = group.dataset(&name) {
            attributes::of(&dataset);
            let _ = (
                dataset.shape(),
                dataset.layout(),
                dataset.offset(),
                dataset.filters(),
            );
            if values::written(at, &dataset).is_ok() && samples::readable(at, &dataset).is_ok() {
                chunked::visit(&dataset);
            }
        } else if let (Ok(inner), true) = (group.group(&name), depth > 0) {
            self::group(at, &inner, depth - 1, left);
        }
    }
}
