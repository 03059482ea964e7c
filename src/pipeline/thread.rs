//! Threads that the system may refuse: containers limit their number, and `std::thread::spawn` panics there.

use std::io;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

/// Starts a thread.
///
/// # Errors
/// When the system refuses it.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    let thread = Builder::new().name(name.to_string());
    thread.spawn(work).map_err(|e| refused(name, &e))
}

/// Starts a thread that ends before the scope does.
///
/// # Errors
/// When the system refuses it.
pub fn spawn_in<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    let thread = Builder::new().name(name.to_string());
    thread
        .spawn_scoped(scope, work)
        .map_err(|e| refused(name, &e))
}

/// Runs `work` on the calling thread and on up to `count - 1` more. Where the system starts fewer, those do everything: `work`
/// has to take pieces until none is left.
pub fn share_out(count: usize, work: impl Fn() + Sync) {
    std::thread::scope(|scope| {
        for _ in 1..count {
            if Builder::new().spawn_scoped(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}

/// Says which limit to raise: the system's own words, such as "Resource temporarily unavailable", do not.
pub fn refused(name: &str, error: &io::Error) -> io::Error {
    let advice = "raise the limit of processes (`ulimit -u`, pids.max of the container) or run with fewer --threads";
    let text = format!("the system starts no thread \"{name}\": {error}; {advice}");
    io::Error::new(error.kind(), text)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn work_is_done_once_by_any_number_of_threads() {
        for count in [0, 1, 7] {
            let left = Mutex::new(0..100);
            let sum = AtomicUsize::new(0);
            share_out(count, || {
                let next = || left.lock().expect("no panic").next();
                while let Some(n) = next() {
                    sum.fetch_add(n, Ordering::Relaxed);
                }
            });
            assert_eq!(sum.into_inner(), 4950, "{count}");
        }
    }
}
