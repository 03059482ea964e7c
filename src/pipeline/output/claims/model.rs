//! Claims on a disk of their own, under schedules that a library chooses: runs take turns between any two calls, and some of them end
//! there for ever. Checked is that no two living runs have the same work, that nobody reaps a living run, and that nothing is left.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::rand::Rng;

use super::*;

/// The state that all runs share.
#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, String>,
    /// Processes that have not ended.
    alive: HashSet<u32>,
    /// Those whose leases are locked.
    locked: HashSet<u32>,
    /// The process that has a piece of work.
    holders: HashMap<String, u32>,
}

/// A disk as one process has it.
#[derive(Debug, Clone)]
struct Model {
    state: Arc<Mutex<State>>,
    process: u32,
    /// After so many calls the process ends.
    last: usize,
    calls: Arc<AtomicUsize>,
    /// True if every file is old.
    late: bool,
}

fn name(process: u32) -> String {
    format!("{process:016x}")
}

impl Model {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One call, before which others may have theirs. After the process's end there is none.
    fn call<T>(&self, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        shuttle::thread::yield_now();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state();
        if call >= self.last {
            state.alive.remove(&self.process);
            state.locked.remove(&self.process);
            state.holders.retain(|_, holder| *holder != self.process);
            return Err(io::Error::other("the process has ended"));
        }
        act(&mut state)
    }

    fn has_ended(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > self.last
    }
}

impl Disk for Model {
    type Held = ();
    type Lock = Unlock;

    fn hold(&self, path: &Path, _: Duration) -> io::Result<((), Lease)> {
        let lease = Lease::near(self.process);
        let unfinished = path.with_extension("new");
        let text = String::from_utf8(lease.text()).expect("JSON");
        self.call(|state| {
            state.alive.insert(self.process);
            state.locked.insert(self.process);
            state.files.insert(unfinished.clone(), text);
            Ok(())
        })?;
        self.rename(&unfinished, path)?;
        Ok(((), lease))
    }

    fn let_go(&self, (): ()) -> Option<Unlock> {
        Some(Unlock(self.clone()))
    }

    fn is_locked(&self, path: &Path) -> io::Result<bool> {
        self.call(|state| {
            let text = state.files.get(path).ok_or(io::ErrorKind::NotFound)?;
            let lease: serde_json::Value = serde_json::from_str(text)?;
            let process = lease["process"].as_u64().expect("a number") as u32;
            Ok(state.locked.contains(&process))
        })
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|state| {
            let text = state
                .files
                .get(from)
                .cloned()
                .ok_or(io::ErrorKind::NotFound)?;
            match state.files.contains_key(to) {
                true => Err(io::ErrorKind::AlreadyExists.into()),
                false => {
                    state.files.insert(to.to_path_buf(), text);
                    Ok(())
                }
            }
        })
    }

    fn create(&self, path: &Path, _: &str) -> io::Result<()> {
        self.call(|_| panic!("{}: links are there", path.display()))
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        for text in ["", text] {
            self.call(|state| {
                state.files.insert(path.to_path_buf(), text.to_string());
                Ok(())
            })?;
        }
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        self.call(|state| {
            Ok(state
                .files
                .get(path)
                .cloned()
                .ok_or(io::ErrorKind::NotFound)?)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call(|state| {
            let text = state.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
            if to.to_string_lossy().contains(".by-") {
                let lease: serde_json::Value = serde_json::from_str(&text)?;
                let process = lease["process"].as_u64().expect("a number") as u32;
                assert!(!state.alive.contains(&process), "{process} is reaped alive");
            }
            state.files.insert(to.to_path_buf(), text);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) {
        let _ = self.call(|state| {
            state.files.remove(path);
            Ok(())
        });
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let names = self.call(|state| {
            let inside = state.files.keys().filter(|it| it.parent() == Some(folder));
            let names = inside.filter_map(|it| it.file_name());
            Ok(names.map(|it| it.to_string_lossy().into_owned()).collect())
        });
        names.unwrap_or_default()
    }

    fn age(&self, _: &Path, _: &Path) -> Option<Duration> {
        Some(if self.late {
            Duration::MAX
        } else {
            Duration::ZERO
        })
    }
}

/// The lock of a lease.
#[derive(Debug)]
struct Unlock(Model);

impl Drop for Unlock {
    fn drop(&mut self) {
        let process = self.0.process;
        let _ = self.0.call(|state| {
            state.locked.remove(&process);
            Ok(())
        });
    }
}

const WORK: [&str; 2] = ["r/1.npy", "r/2.npy"];

/// One process: it joins, tries each piece of work some times, and leaves.
fn run(disk: Model) -> Result<(), OutputError> {
    let process = disk.process;
    let claims = Claims::join_on(
        disk.clone(),
        Path::new("/missing"),
        &name(process),
        Duration::from_secs(1),
    )?;
    for work in WORK.iter().cycle().take(2 * WORK.len()) {
        if !claims.take(work)? {
            continue;
        }
        {
            let mut state = disk.state();
            let other = state.holders.insert((*work).to_string(), process);
            assert_eq!(other, None, "{process} has {work} too");
        }
        shuttle::thread::yield_now();
        if disk.has_ended() {
            break;
        }
        let claim = claims.claims.join(file_name(work));
        let mut state = disk.state();
        assert_eq!(
            state.files.get(&claim),
            Some(&name(process)),
            "{process}'s claim of {work}"
        );
        state.holders.remove(*work);
        drop(state);
        claims.release(work);
    }
    drop(claims);
    disk.state().alive.remove(&process);
    Ok(())
}

fn runs_share() {
    let state = Arc::new(Mutex::new(State::default()));
    let model = |process: u32, last: usize, late: bool| Model {
        state: state.clone(),
        process,
        last,
        calls: Arc::default(),
        late,
    };
    let threads: Vec<_> = (1..=3)
        .map(|process| {
            // Two of three end before their time.
            let last = match shuttle::rand::thread_rng().gen_range(0..3) {
                0 => usize::MAX,
                _ => shuttle::rand::thread_rng().gen_range(0..60),
            };
            let disk = model(process, last, false);
            // A process that ended has nothing to say.
            shuttle::thread::spawn(move || run(disk).is_ok())
        })
        .collect();
    for thread in threads {
        thread.join().expect("no law is broken");
    }
    // The next one finds what is left, and takes all work.
    let last = model(4, usize::MAX, true);
    let claims = Claims::join_on(
        last,
        Path::new("/missing"),
        &name(4),
        Duration::from_secs(1),
    )
    .expect("it joins");
    for work in WORK {
        assert!(
            claims.take(work).expect("it can be claimed"),
            "{work} is free"
        );
    }
    drop(claims);
    let state = state.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(state.files.is_empty(), "left: {:?}", state.files);
}

#[test]
fn schedules_by_chance() {
    shuttle::check_random(runs_share, 4000);
}

#[test]
fn schedules_with_few_changes() {
    shuttle::check_pct(runs_share, 4000, 3);
}
