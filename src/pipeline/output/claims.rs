//! Who does what in a folder that several runs write to, on one machine or on many.
//!
//! A run has a *lease*, `runs/RUN`, which it touches while it lives. It *claims* a piece of work by linking `claims/WORK` to
//! `claims/RUN`, which has its name in it: only one run can, and nobody meets a claim without an owner. It removes the link when
//! the work is done or given back. Where a run died, one other run *reaps* it: it
//! renames the dead lease to its own name, which again only one can, removes the dead run's claims and unfinished files, and
//! the renamed lease last. A run that dies while it reaps is reaped like any other, its prey with it.
//!
//! A run is dead when its lease is old, as told by the file system's own clock: both leases are dated by it, so clocks of
//! machines do not matter. On one machine there is no need to wait: a lease is locked by its run, and the system drops the lock
//! when the process ends.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::disk::{Disk, Lease, System, UNFINISHED};
use super::file::{is_run_id, is_temporary_of};
use super::{BOOKKEEPING, OutputError, make_folder};

/// How deep results lie below the output folder: `output/json/1535464933/`, `output/results/te/summary.zarr.parts/summary/`.
const DEPTH: usize = 4;
/// How often a claim that another run removes at the same moment is looked at anew.
const ATTEMPTS: usize = 16;

/// The claims of a run in a folder.
#[derive(Debug)]
pub struct Claims<D: Disk = System> {
    disk: D,
    folder: PathBuf,
    leases: PathBuf,
    claims: PathBuf,
    run: String,
    expiry: Duration,
    lease: Lease,
    mine: Mutex<HashSet<String>>,
    held: Option<D::Held>,
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
        for name in ["runs", "claims"] {
            make_folder(&folder.join(BOOKKEEPING).join(name))?;
        }
        Self::join_on(System, folder, run, expiry)
    }
}

impl<D: Disk> Claims<D> {
    /// Joins the runs of a folder whose bookkeeping is on a disk.
    fn join_on(disk: D, folder: &Path, run: &str, expiry: Duration) -> Result<Self, OutputError> {
        let place = folder.join(BOOKKEEPING);
        let [leases, claims] = ["runs", "claims"].map(|name| place.join(name));
        let path = leases.join(run);
        let held = disk.hold(&path, expiry);
        let (held, lease) = held.map_err(|e| OutputError::io(&path, e))?;
        let joined = Self {
            disk,
            folder: folder.to_path_buf(),
            leases,
            claims,
            run: run.to_string(),
            expiry,
            lease,
            mine: Mutex::default(),
            held: Some(held),
        };
        let name = joined.claims.join(run);
        let written = joined.disk.write(&name, run);
        written.map_err(|e| OutputError::io(&name, e))?;
        joined.reap_all();
        joined.remove_orphans();
        Ok(joined)
    }

    /// Takes a piece of work, unless a run that is alive has it.
    pub fn take(&self, work: &str) -> Result<bool, OutputError> {
        let path = self.claims.join(file_name(work));
        for _ in 0..ATTEMPTS {
            match self.claim(&path) {
                Ok(()) => {
                    self.mine().insert(work.to_string());
                    return Ok(true);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(OutputError::io(&path, e)),
            }
            let owner = match self.disk.read(&path) {
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

    /// Makes a claim of this run, where there is none.
    fn claim(&self, claim: &Path) -> io::Result<()> {
        match self.disk.link(&self.claims.join(&self.run), claim) {
            // A file system without links: a run that ends meanwhile leaves a claim that is free when it is old.
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                self.disk.create(claim, &self.run)
            }
            made => made,
        }
    }

    /// Work of some names that other runs hold which are alive.
    pub fn held_by_others(&self, names: &dyn Fn(&str) -> bool) -> Vec<String> {
        let held = self.disk.names(&self.claims).into_iter().filter(|name| {
            let path = self.claims.join(name);
            let owner = || self.disk.read(&path).ok();
            names(name)
                && owner().is_some_and(|owner| owner != self.run && !self.free(&path, &owner))
        });
        held.collect()
    }

    /// Gives a piece of work back.
    pub fn release(&self, work: &str) {
        if self.mine().remove(work) {
            self.remove_if(&self.claims.join(file_name(work)), &self.run);
        }
    }

    fn mine(&self) -> MutexGuard<'_, HashSet<String>> {
        self.mine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees a claim whose owner is dead; false where the owner, or the run that reaps it, is alive.
    fn free(&self, claim: &Path, owner: &str) -> bool {
        if owner == self.run {
            return false;
        }
        if !is_run_id(owner) {
            // Without links it is being written, or its run died in between. Another text is nobody's name, and no path.
            let age = self.age(claim);
            let free = age.is_some_and(|age| age > self.expiry);
            if free {
                self.disk.remove(claim);
            }
            return free;
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
                    self.remove_if(claim, owner);
                    true
                }
            },
        }
    }

    fn life(&self, run: &str) -> Life {
        let path = self.leases.join(run);
        let lease = match self.disk.read(&path) {
            Ok(text) => serde_json::from_str::<Lease>(&text).ok(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Life::Gone,
            Err(_) => None,
        };
        if lease.as_ref().is_some_and(|it| it.is_near(&self.lease)) {
            match self.disk.is_locked(&path) {
                Ok(true) => return Life::Alive,
                Ok(false) => return Life::Dead,
                Err(e) if e.kind() == io::ErrorKind::NotFound => return Life::Gone,
                // Its age must do.
                Err(_) => {}
            }
        }
        // Each run has its own idea of silence; the more patient one counts.
        let theirs = lease.map_or(Duration::ZERO, |it| it.patience());
        match self.age(&path) {
            Some(age) if age > self.expiry.max(theirs) => Life::Dead,
            _ => Life::Alive,
        }
    }

    /// How long before this run's last sign of life a file was written.
    fn age(&self, path: &Path) -> Option<Duration> {
        self.disk.age(path, &self.leases.join(&self.run))
    }

    /// The run that reaps another, and the name of the lease that it holds for that.
    fn reaper(&self, dead: &str) -> Option<(String, String)> {
        self.disk.names(&self.leases).into_iter().find_map(|name| {
            let reaper = name.strip_prefix(dead)?.strip_prefix(".by-")?.to_string();
            Some((name, reaper))
        })
    }

    /// Reaps every run that is dead now.
    fn reap_all(&self) {
        for name in self.disk.names(&self.leases) {
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
                        self.disk.remove(&path);
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

    /// Removes what runs left whose leases a power failure took.
    fn remove_orphans(&self) {
        let leases: HashSet<String> = self.disk.names(&self.leases).into_iter().collect();
        for run in self.disk.names(&self.claims) {
            // A run that joined since has its lease by now.
            let orphan = is_run_id(&run)
                && run != self.run
                && !leases.contains(&run)
                && self.life(&run) == Life::Gone
                && self.reaper(&run).is_none();
            if orphan {
                self.remove_traces(&run);
            }
        }
    }

    /// Removes the claims and unfinished files of a run that has ended.
    fn remove_traces(&self, dead: &str) {
        for name in self.disk.names(&self.claims) {
            self.remove_if(&self.claims.join(name), dead);
        }
        // It is empty if the run ended while it wrote its name.
        self.disk.remove(&self.claims.join(dead));
        remove_leftovers(&self.folder, dead, DEPTH);
    }

    /// Removes what a dead run left; false where another run was first.
    fn reap(&self, lease: &str, dead: &str) -> bool {
        let held = self.leases.join(format!("{dead}.by-{}", self.run));
        if self.disk.rename(&self.leases.join(lease), &held).is_err() {
            return false;
        }
        tracing::debug!("run {dead} is dead: its claims and unfinished files are removed");
        self.remove_traces(dead);
        self.disk.remove(&held);
        true
    }

    /// Removes a claim if a run holds it.
    fn remove_if(&self, claim: &Path, run: &str) {
        if self.disk.read(claim).is_ok_and(|owner| owner == run) {
            self.disk.remove(claim);
        }
    }
}

impl<D: Disk> Drop for Claims<D> {
    fn drop(&mut self) {
        let mine: Vec<String> = self.mine().drain().collect();
        for work in mine {
            self.remove_if(&self.claims.join(file_name(&work)), &self.run);
        }
        self.remove_if(&self.claims.join(&self.run), &self.run);
        self.reap_all();
        // The lease goes before its lock: a lease that is not locked is a dead run's.
        let lock = self.held.take().map(|held| self.disk.let_go(held));
        self.disk.remove(&self.leases.join(&self.run));
        drop(lock);
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

#[cfg(test)]
mod model;
