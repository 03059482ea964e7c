//! Output folders: whole files or none, and runs that share the work.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use distpy_gpu::exit;
use distpy_gpu::pipeline::monitor::Monitor;
use distpy_gpu::pipeline::output::{
    AtomicFile, BOOKKEEPING, Commit, Folder, Sharing, run_id, write_file,
};

/// What a folder holds, but for what runs know of each other.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<_> = entries.map(name).filter(|it| it != BOOKKEEPING).collect();
    names.sort();
    names
}

/// The files below the bookkeeping of a folder.
fn bookkeeping(folder: &Path, below: &str) -> Vec<String> {
    names(&folder.join(BOOKKEEPING).join(below))
}

fn join(folder: &Path) -> Folder {
    Folder::join_anew(folder, &Sharing::default()).unwrap()
}

#[test]
fn a_file_appears_when_it_is_complete() {
    for commit in [Commit::Rename, Commit::Put] {
        let place = tempfile::tempdir().unwrap();
        let sharing = Sharing {
            commit: Some(commit),
            ..Sharing::default()
        };
        let folder = Folder::join_anew(place.path(), &sharing).unwrap();
        let path = place.path().join("deep/er/1.npy");
        let mut file = folder.create("deep/er/1.npy".as_ref()).unwrap();
        file.write_all(b"half").unwrap();
        assert!(!path.exists());
        file.write_all_at(b"HA", 0).unwrap();
        let temporary = file.temporary().to_path_buf();
        assert!(temporary.exists());
        file.commit().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"HAlf", "{commit:?}");
        assert_eq!(names(path.parent().unwrap()), ["1.npy"]);
        assert!(!temporary.exists());
        folder.write("deep/er/1.npy".as_ref(), b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new", "{commit:?}");
    }
}

#[test]
fn a_file_that_is_not_completed_leaves_nothing_and_keeps_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.npy");
    write_file(&path, b"old").unwrap();
    let mut file = AtomicFile::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    drop(file);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["1.npy"]);
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    write_file(&folder.path().join("file"), b"").unwrap();
    let error = write_file(&folder.path().join("file/below.npy"), b"").unwrap_err();
    let place = folder.path().join("file").display().to_string();
    assert!(error.to_string().starts_with(&place), "{error}");
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let error = write_file(&folder.path().join("folder"), b"").unwrap_err();
    let place = folder.path().join("folder").display().to_string();
    assert!(error.to_string().starts_with(&place), "{error}");
    assert_eq!(names(folder.path()), ["file", "folder"]);
    let error = Folder::join(&folder.path().join("file"), &Sharing::default()).unwrap_err();
    assert!(
        error.to_string().starts_with(&place[..place.len() - 6]),
        "{error}"
    );
}

#[test]
fn a_piece_of_work_has_one_run_at_a_time() {
    let place = tempfile::tempdir().unwrap();
    let [one, other] = [join(place.path()), join(place.path())];
    assert!(one.take("out/1.npy").unwrap());
    assert!(!one.take("out/1.npy").unwrap(), "it has it already");
    assert!(!other.take("out/1.npy").unwrap());
    assert!(other.take("out/2.npy").unwrap());
    other.release("out/1.npy");
    assert!(
        !other.take("out/1.npy").unwrap(),
        "it was not its own to give back"
    );
    one.release("out/1.npy");
    assert!(other.take("out/1.npy").unwrap());
    drop(other);
    assert!(one.take("out/1.npy").unwrap(), "an ended run has nothing");
    assert!(one.take("out/2.npy").unwrap());
    drop(one);
    for below in ["runs", "claims"] {
        assert!(bookkeeping(place.path(), below).is_empty(), "{below}");
    }
}

#[test]
fn work_is_taken_once_however_many_ask_at_once() {
    let place = tempfile::tempdir().unwrap();
    let taken: Vec<usize> = std::thread::scope(|scope| {
        let run = || {
            let folder = join(place.path());
            let taken = (0..100)
                .filter(|k| folder.take(&k.to_string()).unwrap())
                .count();
            (folder, taken)
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        let runs: Vec<_> = threads.into_iter().map(|it| it.join().unwrap()).collect();
        runs.iter().map(|(_, taken)| *taken).collect()
    });
    assert_eq!(taken.iter().sum::<usize>(), 100, "{taken:?}");
}

/// Leaves what a process leaves that was killed: a lease, a claim and an unfinished file. `lease` changes the lease's text.
fn dead_run(place: &Path, id: &str, lease: impl Fn(String) -> String) {
    let folder = join(place);
    let book = place.join(BOOKKEEPING);
    let own = bookkeeping(place, "runs").remove(0);
    let text = std::fs::read_to_string(book.join("runs").join(own)).unwrap();
    drop(folder);
    std::fs::write(book.join("runs").join(id), lease(text)).unwrap();
    std::fs::write(book.join("claims/work"), id).unwrap();
    write_file(&place.join(format!("json/15/15.json.tmp-{id}-3")), b"").unwrap();
}

#[test]
fn a_dead_run_of_this_machine_is_reaped_at_once() {
    let place = tempfile::tempdir().unwrap();
    let others = [
        "2.npy",
        "notes.tmp",
        "x.tmp-old",
        "x.tmp-0123456789abcdee-0",
    ];
    for name in others {
        write_file(&place.path().join(name), b"").unwrap();
    }
    dead_run(place.path(), "0123456789abcdef", |lease| lease);
    // Another run that died while it was reaping a third.
    let book = place.path().join(BOOKKEEPING);
    std::fs::write(book.join("runs/0000000000000001.by-0000000000000002"), "").unwrap();
    std::fs::write(book.join("claims/more"), "0000000000000001").unwrap();
    let folder = join(place.path());
    assert!(folder.take("work").unwrap() && folder.take("more").unwrap());
    assert!(names(&place.path().join("json/15")).is_empty());
    assert_eq!(bookkeeping(place.path(), "runs").len(), 1);
    let mut expected = others.to_vec();
    expected.push("json");
    expected.sort_unstable();
    assert_eq!(names(place.path()), expected);
}

#[test]
fn a_run_of_another_machine_is_reaped_when_its_lease_is_old() {
    let place = tempfile::tempdir().unwrap();
    let elsewhere = |lease: String| {
        let mut lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
        lease["system"] = "another".into();
        lease["expiry_ms"] = 2000.into();
        lease.to_string()
    };
    dead_run(place.path(), "0123456789abcdef", elsewhere);
    let sharing = Sharing {
        expiry: Duration::from_secs(2),
        ..Sharing::default()
    };
    let folder = Folder::join_anew(place.path(), &sharing).unwrap();
    assert!(!folder.take("work").unwrap(), "it may be alive");
    let started = std::time::Instant::now();
    while !folder.take("work").unwrap() {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it is never freed"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(names(&place.path().join("json/15")).is_empty());
}

#[test]
fn a_patient_run_is_not_reaped_by_an_impatient_one() {
    let place = tempfile::tempdir().unwrap();
    // Of another machine, and silent for long, by its own rule not long enough.
    dead_run(place.path(), "0123456789abcdef", |lease| {
        let mut lease: serde_json::Value = serde_json::from_str(&lease).unwrap();
        lease["system"] = "another".into();
        assert_eq!(lease["expiry_ms"], 120_000);
        lease.to_string()
    });
    let lease = place.path().join(BOOKKEEPING).join("runs/0123456789abcdef");
    let silent = |seconds: u64| {
        let file = std::fs::File::options().write(true).open(&lease).unwrap();
        let when = std::time::SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(when).unwrap();
    };
    let sharing = Sharing {
        expiry: Duration::from_secs(1),
        ..Sharing::default()
    };
    silent(60);
    let folder = Folder::join_anew(place.path(), &sharing).unwrap();
    assert!(!folder.take("work").unwrap());
    silent(180);
    assert!(folder.take("work").unwrap());
}

#[test]
fn a_live_run_is_never_reaped_by_its_age() {
    let place = tempfile::tempdir().unwrap();
    let sharing = Sharing {
        expiry: Duration::from_secs(2),
        ..Sharing::default()
    };
    let one = Folder::join_anew(place.path(), &sharing).unwrap();
    assert!(one.take("work").unwrap());
    // As if it were on another machine: its lease's text is changed, and its age is all that counts.
    let lease = bookkeeping(place.path(), "runs").remove(0);
    let lease = place.path().join(BOOKKEEPING).join("runs").join(lease);
    let other = Folder::join_anew(place.path(), &sharing).unwrap();
    let text = std::fs::read_to_string(&lease)
        .unwrap()
        .replace("\"locked\":true", "\"locked\":null");
    for _ in 0..300 {
        let touched = std::fs::metadata(&lease).unwrap().modified().unwrap();
        std::fs::write(&lease, &text).unwrap();
        std::fs::File::options()
            .write(true)
            .open(&lease)
            .unwrap()
            .set_modified(touched)
            .unwrap();
        assert!(!other.take("work").unwrap());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A run that is killed while it writes its manifest leaves an unfinished file, which others remove by its lease.
#[test]
fn a_run_stays_joined_until_its_last_file_is_written() {
    let place = tempfile::tempdir().unwrap();
    let folder = join(place.path());
    let monitor = Monitor::default();
    monitor.keep(&folder, "strainrate2summary", "");
    drop(folder);
    assert_eq!(bookkeeping(place.path(), "runs").len(), 1);
    monitor.end(exit::OK, "");
    assert_eq!(bookkeeping(place.path(), "manifests").len(), 1);
    assert_eq!(bookkeeping(place.path(), "runs"), Vec::<String>::new());
}

#[test]
fn a_process_has_one_name() {
    assert_eq!(run_id(), run_id());
    assert_eq!(run_id().len(), 16);
}
