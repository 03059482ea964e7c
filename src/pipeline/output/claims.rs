//! Who does what in a folder that several runs write to, on one machine or on many.
//!
//! A run has a *lease*, `runs/RUN`, which it touches while it lives. It *claims* a piece of work by creating `claims/WORK`, which
//! only one run can, and removes that file when the work is done or given back. Where a run died, one other run *reaps* it: it
//! renames the dead lease to its own name, which again only one can, removes the dead run's claims and unfinished files, and
//! the renamed lease last. A run that dies while it reaps is reaped like any other, its prey with it.
//!
//! A run is dead when its lease is old, as told by the file system's own clock: both leases are dated by it, so clocks of
//! machines do not matter. On one machine there is no need to wait: a lease is locked by its run, and the system drops the lock
//! when the process ends.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::file::{is_run_id, is_temporary_of};
use super::{BOOKKEEPING, OutputError, make_folder};
use crate::pipeline::thread;

/// How deep results lie below the output folder: `output/json/1535464933/`, `output/results/te/summary.zarr.parts/summary/`.
const DEPTH: usize = 4;
/// A lease is touched so many times before it expires.
const BEATS: u32 = 6;
/// How often a claim that another run removes at the same moment is looked at anew.
const ATTEMPTS: usize = 16;

/// What a run claims in a folder.
#[derive(Debug)]
pub struct Claims {
    folder: PathBuf,
    leases: PathBuf,
    claims: PathBuf,
    run: String,
    expiry: Duration,
    lease: Lease,
    mine: Mutex<HashSet<String>>,
    beat: Option<(Sender<()>, JoinHandle<File>)>,
}

/// What a lease says of its run, for other runs and for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Lease {
    host: String,
    process: u32,
    /// The system's start and the file system: a lock tells of a run's end only inside both.
    system: String,
    device: u64,
    locked: bool,
    /// How long the run may be silent: it is touched accordingly.
    expiry_ms: u64,
}

/// How another run is.
#[derive(Debug, PartialEq)]
enum Life {
    Alive,
    Dead,
    /// It has no lease: it ended, or is being reaped.
    Gone,
}

impl Claims {
    /// Joins the runs of a folder and reaps the dead among them.
    pub fn join(folder: &Path, run: &str, expiry: Duration) -> Result<Self, OutputError> {
        let place = folder.join(BOOKKEEPING);
        let [leases, claims] = ["runs", "claims"].map(|name| place.join(name));
        make_folder(&leases)?;
        make_folder(&claims)?;
        let path = leases.join(run);
        let (file, lease) = open_lease(&path, expiry).map_err(|e| OutputError::io(&path, e))?;
        let beat = heartbeat(path.clone(), file, lease.clone(), expiry);
        let beat = beat.map_err(|e| {
            // Others need not wait until it expires.
            let _ = std::fs::remove_file(&path);
            OutputError::io(&path, e)
        })?;
        let joined = Self {
            folder: folder.to_path_buf(),
            leases,
            claims,
            run: run.to_string(),
            expiry,
            beat: Some(beat),
            lease,
            mine: Mutex::default(),
        };
        joined.reap_all();
        Ok(joined)
    }

    /// Takes a piece of work, unless a run that is alive has it.
    pub fn take(&self, work: &str) -> Result<bool, OutputError> {
        let path = self.claims.join(file_name(work));
        for _ in 0..ATTEMPTS {
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(self.run.as_bytes()).map_err(|e| {
                        let _ = std::fs::remove_file(&path);
                        OutputError::io(&path, e)
                    })?;
                    self.mine().insert(work.to_string());
                    return Ok(true);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(OutputError::io(&path, e)),
            }
            let owner = match std::fs::read_to_string(&path) {
                Ok(owner) => owner,
                // It was given back just now.
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(OutputError::io(&path, e)),
            };
            if !self.free(&path, &owner) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    /// Gives a piece of work back.
    pub fn release(&self, work: &str) {
        if self.mine().remove(work) {
            remove_if(&self.claims.join(file_name(work)), &self.run);
        }
    }

    fn mine(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.mine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees a claim whose owner is dead; false where the owner, or the run that reaps it, is alive.
    fn free(&self, claim: &Path, owner: &str) -> bool {
        if owner == self.run {
            return false;
        }
        if !is_run_id(owner) {
            // It is being written, or its run died in between. Another text is nobody's name, and must not become a path.
            let age = self.age(claim);
            return age.is_some_and(|age| age > self.expiry) && std::fs::remove_file(claim).is_ok();
        }
        match self.life(owner) {
            Life::Alive => false,
            Life::Dead => self.reap(owner, owner),
            Life::Gone => match self.reaper(owner) {
                Some((name, reaper)) => {
                    self.life(&reaper) != Life::Alive && self.reap(&name, owner)
                }
                // A run that was taken for dead went on.
                None => {
                    remove_if(claim, owner);
                    true
                }
            },
        }
    }

    fn life(&self, run: &str) -> Life {
        let path = self.leases.join(run);
        // Opening a file makes a network file system ask its server for the present state.
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Some(file),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Life::Gone,
            // Another user's: its age must do.
            Err(_) => None,
        };
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lease = serde_json::from_str::<Lease>(&text).ok();
        // Each run has its own idea of silence; the more patient one counts.
        let theirs = lease.as_ref().map_or(0, |it| it.expiry_ms);
        let expiry = self.expiry.max(Duration::from_millis(theirs));
        let near = lease.is_some_and(|it| {
            it.locked && (it.system == self.lease.system) && (it.device == self.lease.device)
        });
        match (file, self.age(&path)) {
            (Some(file), _) if near && self.lease.locked => match file.try_lock() {
                Ok(()) => Life::Dead,
                Err(_) => Life::Alive,
            },
            (_, Some(age)) if age > expiry => Life::Dead,
            _ => Life::Alive,
        }
    }

    /// How long before this run's last sign of life a file was written.
    fn age(&self, path: &Path) -> Option<Duration> {
        let own = modified(&self.leases.join(&self.run))?;
        Some(own.duration_since(modified(path)?).unwrap_or_default())
    }

    /// The run that reaps another, and the name of the lease that it holds for that.
    fn reaper(&self, dead: &str) -> Option<(String, String)> {
        names(&self.leases).into_iter().find_map(|name| {
            let reaper = name.strip_prefix(dead)?.strip_prefix(".by-")?.to_string();
            Some((name, reaper))
        })
    }

    /// Reaps every run that is dead now.
    fn reap_all(&self) {
        for name in names(&self.leases) {
            match name.split_once(".by-") {
                Some((dead, reaper)) => {
                    if is_run_id(dead)
                        && is_run_id(reaper)
                        && reaper != self.run
                        && self.life(reaper) != Life::Alive
                    {
                        self.reap(&name, dead);
                    }
                }
                None if name == self.run => {}
                // A lease that was never completed has no claims.
                None if name.ends_with(UNFINISHED) => {
                    let path = self.leases.join(&name);
                    if self.age(&path).is_some_and(|age| age > self.expiry) {
                        let _ = std::fs::remove_file(path);
                    }
                }
                None => {
                    if is_run_id(&name) && self.life(&name) == Life::Dead {
                        self.reap(&name, &name);
                    }
                }
            }
        }
    }

    /// Removes what a dead run left; false where another run was first.
    fn reap(&self, lease: &str, dead: &str) -> bool {
        let held = self.leases.join(format!("{dead}.by-{}", self.run));
        if std::fs::rename(self.leases.join(lease), &held).is_err() {
            return false;
        }
        tracing::debug!("run {dead} is dead: its claims and unfinished files are removed");
        for name in names(&self.claims) {
            remove_if(&self.claims.join(name), dead);
        }
        remove_leftovers(&self.folder, dead, DEPTH);
        let _ = std::fs::remove_file(held);
        true
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        let mine: Vec<String> = self.mine().drain().collect();
        for work in mine {
            remove_if(&self.claims.join(file_name(&work)), &self.run);
        }
        self.reap_all();
        // The lease goes before its lock: a lease that is not locked is a dead run's.
        let lock = self.beat.take().map(|(stop, thread)| {
            drop(stop);
            thread.join()
        });
        let _ = std::fs::remove_file(self.leases.join(&self.run));
        drop(lock);
    }
}

/// Ends the name of a lease that is being written.
const UNFINISHED: &str = ".new";

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
    file.write_all(&text(&lease))?;
    std::fs::rename(&unfinished, path)?;
    Ok((file, lease))
}

fn text(lease: &Lease) -> Vec<u8> {
    serde_json::to_vec(lease).expect("a lease is plain data")
}

/// Touches a lease until the sender is dropped, and returns the file, which holds the lock.
fn heartbeat(
    path: PathBuf,
    mut file: File,
    lease: Lease,
    expiry: Duration,
) -> io::Result<(Sender<()>, JoinHandle<File>)> {
    let (sender, stopped) = channel();
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
    Ok((sender, thread))
}

fn rewrite(file: &mut File, lease: &Lease) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text(lease))?;
    file.flush()
}

/// Opened first, for the reason given in [`Claims::life`].
fn modified(path: &Path) -> Option<SystemTime> {
    File::open(path).ok()?.metadata().ok()?.modified().ok()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Removes a claim if a run holds it.
fn remove_if(claim: &Path, run: &str) {
    if std::fs::read_to_string(claim).is_ok_and(|owner| owner == run) {
        let _ = std::fs::remove_file(claim);
    }
}

/// Work is named by paths.
pub(super) fn file_name(work: &str) -> String {
    work.replace(['/', '\\'], "_")
}

/// Removes a run's unfinished files. What cannot be removed is left: it is in nobody's way.
fn remove_leftovers(folder: &Path, run: &str, depth: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let theirs = is_temporary_of(&entry.file_name().to_string_lossy(), run);
        if kind.is_dir() && theirs {
            let _ = std::fs::remove_dir_all(entry.path());
        } else if kind.is_dir() && depth > 0 {
            remove_leftovers(&entry.path(), run, depth - 1);
        } else if kind.is_file() && theirs {
            let _ = std::fs::remove_file(entry.path());
        }
    }
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
