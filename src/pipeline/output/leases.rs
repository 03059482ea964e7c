//! Who does what in a folder of an object store that several runs write to: as [`super::claims`] has it, by what a store can do.
//!
//! A run has a *lease*, `runs/RUN`, which it puts anew while it lives. It *claims* a piece of work by putting `claims/WORK`
//! where there is none, which only one run can, and removes that object when the work is done or given back. The claim of a
//! run that died is put anew by another in place of the version that was read, which again only one can. A run is dead when
//! its lease is old, or gone; leases are dated by the store's clock, so clocks of machines do not matter.
//!
//! A run that was silent for too long may have been taken for dead: it looks whose its claims are before it removes them.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::claims::file_name;
use super::file::is_run_id;
use super::{BOOKKEEPING, OutputError};
use crate::pipeline::thread;
use crate::store;
use crate::store::remote::{Place, Version};

/// A lease is put so many times before it expires.
const BEATS: u32 = 6;
/// How often a claim that another run changes at the same moment is looked at anew.
const ATTEMPTS: usize = 16;
/// Stores date objects in whole seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The claims of a run in a folder of a store.
#[derive(Debug)]
pub struct Leases {
    leases: PathBuf,
    claims: PathBuf,
    run: String,
    expiry: Duration,
    mine: Mutex<HashSet<String>>,
    sign: Arc<Sign>,
    beat: Option<(Sender<()>, JoinHandle<()>)>,
}

/// This run's last sign of life.
#[derive(Debug)]
struct Sign {
    began: Instant,
    /// Milliseconds from there to the last one.
    last: AtomicU64,
    /// Whether this run was ever silent for so long that it may have been taken for dead.
    lapsed: AtomicBool,
}

impl Sign {
    fn given(&self, when: Instant) {
        let since = when.duration_since(self.began).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last)
    }
}

impl Leases {
    /// Joins the runs of a folder, and removes what dead ones claim. `None` where the store cannot put an object only where
    /// there is none: then runs are kept apart by their shards alone.
    pub fn join(folder: &Path, run: &str, expiry: Duration) -> Result<Option<Self>, OutputError> {
        let at = folder.join(BOOKKEEPING);
        let [leases, claims] = ["runs", "claims"].map(|name| at.join(name));
        let lease = leases.join(run);
        let began = Instant::now();
        let own = of(&lease)?;
        // A store that puts it a second time does not know the condition.
        let made = own
            .create(text(expiry))
            .and_then(|_| own.create(text(expiry)));
        let made = made.and_then(|again| match again {
            true => Err(io::ErrorKind::Unsupported.into()),
            false => Ok(()),
        });
        match made {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                tracing::warn!(
                    "{}: the store cannot put an object only where there is none: runs are kept apart by their shards alone",
                    folder.display()
                );
                return Ok(None);
            }
            Err(e) => return Err(OutputError::io(&lease, e)),
        }
        let sign = Arc::new(Sign {
            began,
            last: AtomicU64::new(0),
            lapsed: AtomicBool::new(false),
        });
        let beat = heartbeat(lease.clone(), expiry, sign.clone()).map_err(|e| {
            // Others need not wait until it expires.
            remove(&lease);
            OutputError::io(&lease, e)
        })?;
        let joined = Self {
            leases,
            claims,
            run: run.to_string(),
            expiry,
            mine: Mutex::default(),
            beat: Some(beat),
            sign,
        };
        joined.reap_all();
        Ok(Some(joined))
    }

    /// Takes a piece of work, unless a run that is alive has it.
    pub fn take(&self, work: &str) -> Result<bool, OutputError> {
        let path = self.claims.join(file_name(work));
        let failed = |e| OutputError::io(&path, e);
        let claim = of(&path)?;
        let own = || self.run.clone().into_bytes();
        for _ in 0..ATTEMPTS {
            if claim.create(own()).map_err(failed)? {
                self.mine().insert(work.to_string());
                return Ok(true);
            }
            // It was given back just now.
            let Some((owner, version)) = claim.versioned().map_err(failed)? else {
                continue;
            };
            let owner = String::from_utf8_lossy(&owner).into_owned();
            if owner == self.run {
                // An answer that was lost told of it, or this run holds it.
                return Ok(self.mine().insert(work.to_string()));
            }
            if self.is_alive(&owner).map_err(failed)? {
                return Ok(false);
            }
            if claim.swap(own(), &version).map_err(failed)? {
                tracing::debug!("run {owner} is dead: {work} is taken over");
                self.mine().insert(work.to_string());
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Work of some names that other runs hold which are alive.
    pub fn held_by_others(
        &self,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<String>, OutputError> {
        let mut held = Vec::new();
        for name in names(&self.claims) {
            if !wanted(&name) {
                continue;
            }
            let path = self.claims.join(&name);
            let failed = |e| OutputError::io(&path, e);
            let Some((owner, _)) = of(&path)?.versioned().map_err(failed)? else {
                continue;
            };
            let owner = String::from_utf8_lossy(&owner);
            if owner != self.run && self.is_alive(&owner).map_err(failed)? {
                held.push(name);
            }
        }
        Ok(held)
    }

    /// Gives a piece of work back.
    pub fn release(&self, work: &str) {
        if self.mine().remove(work) {
            self.give_back(work);
        }
    }

    fn give_back(&self, work: &str) {
        let path = self.claims.join(file_name(work));
        let silent = self.sign.age() >= self.expiry || self.sign.lapsed.load(Ordering::Relaxed);
        let own = |(owner, _): (Vec<u8>, Version)| owner == self.run.as_bytes();
        if !silent || read(&path).is_some_and(own) {
            remove(&path);
        }
    }

    fn mine(&self) -> MutexGuard<'_, HashSet<String>> {
        self.mine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another run gave a sign of life not too long before this one's last.
    fn is_alive(&self, run: &str) -> io::Result<bool> {
        // Another text is nobody's name, and must not become a path.
        if !is_run_id(run) {
            return Ok(false);
        }
        let read = |run: &str| match Place::of(&self.leases.join(run))? {
            Some(place) => place.versioned(),
            None => Ok(None),
        };
        let Some((theirs, version)) = read(run)? else {
            return Ok(false);
        };
        // This run's own may be late: then nobody can be told to be dead.
        let Some((_, now)) = read(&self.run)? else {
            return Ok(true);
        };
        let silent = now.modified().duration_since(version.modified());
        Ok(silent.unwrap_or_default() <= self.patience(&theirs))
    }

    /// Each run has its own idea of silence; the more patient one counts.
    fn patience(&self, lease: &[u8]) -> Duration {
        let theirs = std::str::from_utf8(lease).ok();
        let theirs = theirs.and_then(|text| text.trim().parse().ok());
        let theirs = theirs.map_or(Duration::ZERO, Duration::from_millis);
        self.expiry.max(theirs) + SECOND
    }

    /// Removes what dead runs claim, and their leases. What cannot be removed is left: it is in nobody's way.
    fn reap_all(&self) {
        let mut dead = HashSet::new();
        let mut alive = HashSet::from([self.run.clone()]);
        for run in names(&self.leases) {
            if run != self.run && self.is_alive(&run).is_ok_and(|alive| !alive) {
                dead.insert(run);
            } else {
                alive.insert(run);
            }
        }
        for name in names(&self.claims) {
            let path = self.claims.join(name);
            let Some((owner, version)) = read(&path) else {
                continue;
            };
            let owner = String::from_utf8_lossy(&owner).into_owned();
            // A run that joined since the list was made is alive.
            if alive.contains(&owner) || self.is_alive(&owner).unwrap_or(true) {
                continue;
            }
            // First taken over, so that what is removed is nobody else's by now.
            let own = self.run.clone().into_bytes();
            let taken = of(&path).ok().map(|claim| claim.swap(own, &version));
            if let Some(Ok(true)) = taken {
                remove(&path);
            }
        }
        for run in dead {
            tracing::debug!("run {run} is dead: its claims are removed");
            remove(&self.leases.join(run));
        }
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        let mine: Vec<String> = self.mine().drain().collect();
        for work in mine {
            self.give_back(&work);
        }
        self.reap_all();
        if let Some((stop, thread)) = self.beat.take() {
            drop(stop);
            let _ = thread.join();
        }
        remove(&self.leases.join(&self.run));
    }
}

/// Puts a lease anew until the sender is dropped.
fn heartbeat(
    path: PathBuf,
    expiry: Duration,
    sign: Arc<Sign>,
) -> io::Result<(Sender<()>, JoinHandle<()>)> {
    let (sender, stopped) = channel();
    let thread = thread::spawn("lease", move || {
        while stopped.recv_timeout(expiry / BEATS) == Err(RecvTimeoutError::Timeout) {
            // By the store's clock it is given later than now, never earlier.
            let now = Instant::now();
            if sign.age() >= expiry {
                sign.lapsed.store(true, Ordering::Relaxed);
                tracing::warn!(
                    "{}: this run gave no sign of life for {} s and may be taken for dead; others may do its work again",
                    path.display(),
                    sign.age().as_secs()
                );
            }
            let put = of(&path).and_then(|place| {
                let put = place.overwrite(text(expiry));
                put.map_err(|e| OutputError::io(&path, e))
            });
            match put {
                Ok(()) => sign.given(now),
                Err(e) => tracing::warn!("{e}"),
            }
        }
    })?;
    Ok((sender, thread))
}

/// A lease says how long its run may be silent, in milliseconds.
fn text(expiry: Duration) -> Vec<u8> {
    expiry.as_millis().to_string().into_bytes()
}

fn of(path: &Path) -> Result<Place, OutputError> {
    let place = Place::of(path).map_err(|e| OutputError::io(path, e))?;
    place.ok_or_else(|| OutputError::io(path, io::ErrorKind::Unsupported.into()))
}

fn read(path: &Path) -> Option<(Vec<u8>, Version)> {
    of(path).ok()?.versioned().ok()?
}

fn remove(path: &Path) {
    let _ = store::remove(path);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = store::list(folder).unwrap_or_default();
    let names = entries.into_iter().filter_map(|entry| {
        let name = entry.path.file_name()?;
        Some(name.to_string_lossy().into_owned())
    });
    names.collect()
}
