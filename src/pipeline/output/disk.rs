//! Files and locks by which runs of a folder know of each other. A test has others, on which runs end between any two calls.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::pipeline::thread;

/// Ends the name of a lease that is being written.
pub const UNFINISHED: &str = ".new";
/// A lease is touched so many times before it expires.
const BEATS: u32 = 6;

/// File operations of claims. Each call is one step, which is done or not.
pub trait Disk: Debug + Send + Sync {
    /// A lease that is touched until it is let go.
    type Held: Debug + Send + Sync;
    /// A lock by which the system shows that the run lives; it ends with this value.
    type Lock;

    /// Makes a lease that is locked before another run can see it, and touches it from then on.
    ///
    /// # Errors
    /// When it cannot be made.
    fn hold(&self, path: &Path, expiry: Duration) -> io::Result<(Self::Held, Lease)>;

    /// Touches a lease no more. It stays locked as long as what is returned.
    fn let_go(&self, held: Self::Held) -> Option<Self::Lock>;

    /// False for a file that its run locked, and holds no longer.
    ///
    /// # Errors
    /// When it cannot be told.
    fn is_locked(&self, path: &Path) -> io::Result<bool>;

    /// Makes a second name of a file, where there is none.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or what else keeps it from being made.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes a file with a text, where there is none. A run that ends meanwhile leaves an empty one.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`], or what else keeps it from being made.
    fn create(&self, path: &Path, text: &str) -> io::Result<()>;

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&self, path: &Path, text: &str) -> io::Result<()>;

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// Renames a file.
    ///
    /// # Errors
    /// When it cannot be renamed.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. One that cannot be removed is in nobody's way.
    fn remove(&self, path: &Path);

    /// The names in a folder.
    fn names(&self, folder: &Path) -> Vec<String>;

    /// Time from the writing of a file to a run's last sign of life, by the file system's clock.
    fn age(&self, path: &Path, lease: &Path) -> Option<Duration>;
}

/// The content of a lease, for other runs and for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    host: String,
    process: u32,
    /// The system's start and the file system: a lock tells of a run's end only inside both.
    system: String,
    device: u64,
    locked: bool,
    /// Time that the run may be silent; the lease is touched some times in it.
    expiry_ms: u64,
}

impl Lease {
    /// Time that its run may be silent.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.expiry_ms)
    }

    /// True if its lock tells another run, by that one's lease, of its end.
    pub fn is_near(&self, other: &Self) -> bool {
        (self.locked && other.locked) && self.system == other.system && self.device == other.device
    }

    /// A lease of a process on this machine.
    #[cfg(test)]
    pub fn near(process: u32) -> Self {
        Self {
            host: "here".into(),
            process,
            system: "this".into(),
            device: 1,
            locked: true,
            expiry_ms: 1000,
        }
    }

    /// As it is written.
    pub fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a lease is plain data")
    }
}

/// The files of the system.
#[derive(Debug, Clone, Copy)]
pub struct System;

/// Touches a lease until the sender is dropped; the thread gives the file back, which has the lock.
#[derive(Debug)]
pub struct Beat {
    stop: Sender<()>,
    thread: JoinHandle<File>,
}

impl Disk for System {
    type Held = Beat;
    type Lock = File;

    fn hold(&self, path: &Path, expiry: Duration) -> io::Result<(Beat, Lease)> {
        let (file, lease) = open_lease(path, expiry)?;
        let beat = heartbeat(path.to_path_buf(), file, lease.clone(), expiry);
        let beat = beat.inspect_err(|_| {
            // Others need not wait until it expires.
            self.remove(path);
        })?;
        Ok((beat, lease))
    }

    fn let_go(&self, held: Beat) -> Option<File> {
        drop(held.stop);
        held.thread.join().ok()
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        // Another user's cannot be opened: its age must do.
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn create(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
            .inspect_err(|_| self.remove(path))
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        std::fs::write(path, text)
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) {
        let _ = std::fs::remove_file(path);
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }

    fn age(&self, path: &Path, lease: &Path) -> Option<Duration> {
        let own = modified(lease)?;
        Some(own.duration_since(modified(path)?).unwrap_or_default())
    }
}

/// To open a file makes a network file system ask its server for the present state.
fn modified(path: &Path) -> Option<SystemTime> {
    File::open(path).ok()?.metadata().ok()?.modified().ok()
}

/// Makes a lease that is locked before another run can see it.
fn open_lease(path: &Path, expiry: Duration) -> io::Result<(File, Lease)> {
    let mut unfinished = path.as_os_str().to_os_string();
    unfinished.push(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    let locked = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::Error(_)) => false,
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::ResourceBusy.into()),
    };
    let lease = Lease {
        host: host(),
        process: std::process::id(),
        system: system(),
        device: device(&file)?,
        locked,
        expiry_ms: u64::try_from(expiry.as_millis()).unwrap_or(u64::MAX),
    };
    file.write_all(&lease.text())?;
    std::fs::rename(&unfinished, path)?;
    Ok((file, lease))
}

fn heartbeat(path: PathBuf, mut file: File, lease: Lease, expiry: Duration) -> io::Result<Beat> {
    let (stop, stopped) = channel();
    let thread = thread::spawn("lease", move || {
        while stopped.recv_timeout(expiry / BEATS) == Err(RecvTimeoutError::Timeout) {
            if !path.exists() {
                tracing::warn!(
                    "{}: this run gave no sign of life for {} s and was taken for dead; others may do its work again",
                    path.display(),
                    expiry.as_secs()
                );
                match open_lease(&path, expiry) {
                    Ok((anew, _)) => file = anew,
                    Err(e) => tracing::warn!("{}: {e}", path.display()),
                }
            }
            // Written anew, so that the file system dates it by its own clock.
            if let Err(e) = rewrite(&mut file, &lease) {
                tracing::warn!("{}: {e}", path.display());
            }
        }
        file
    })?;
    Ok(Beat { stop, thread })
}

fn rewrite(file: &mut File, lease: &Lease) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&lease.text())?;
    file.flush()
}

/// The machine's name, which is a pod's name in Kubernetes.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.or_else(|| std::env::var("HOSTNAME").ok());
    name.map_or_else(|| "unknown".into(), |name| name.trim().to_string())
}

/// Names the running system, from its start to its end. Systems without such a name are taken to share no folders.
fn system() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.map_or_else(|_| std::env::consts::OS.into(), |id| id.trim().to_string())
}

#[cfg(unix)]
fn device(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.dev())
}

#[cfg(not(unix))]
fn device(_: &File) -> io::Result<u64> {
    Ok(0)
}
