//! Keeps the process alive when a mapped file is cut: the system has no bytes for the rest of the map, and sends SIGBUS to whoever
//! looks at them. The signal's handler puts zeros there.

/// Watches a map until it is dropped.
#[derive(Debug)]
pub(super) struct Guard(
    #[cfg_attr(
        not(unix),
        expect(dead_code, reason = "other systems refuse to cut a mapped file")
    )]
    usize,
);

#[cfg(not(unix))]
impl Guard {
    pub fn of(_: &[u8]) -> Option<Self> {
        None
    }
}

#[cfg(unix)]
mod unix {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::Guard;

    /// Maps that are watched at a time.
    const MOST: usize = 4096;

    /// Begin and end of a watched map; 0 and 0 of a free slot. A handler of a signal must not wait for a lock, nor allocate.
    struct Slot {
        begin: AtomicUsize,
        end: AtomicUsize,
    }

    static SLOTS: [Slot; MOST] = [const {
        Slot {
            begin: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
        }
    }; MOST];

    /// Bytes of a page; set before the handler.
    static PAGE: AtomicUsize = AtomicUsize::new(0);

    impl Guard {
        /// `None` where too many maps are watched, or the system has no such signal: then a file that is cut ends the process.
        pub fn of(map: &[u8]) -> Option<Self> {
            static HANDLES: OnceLock<bool> = OnceLock::new();
            if map.is_empty() || !HANDLES.get_or_init(install) {
                return None;
            }
            let begin = map.as_ptr().addr();
            let free = |slot: &&Slot| {
                let taken =
                    slot.end
                        .compare_exchange(0, usize::MAX, Ordering::AcqRel, Ordering::Relaxed);
                taken.is_ok()
            };
            let slot = SLOTS.iter().position(|slot| free(&slot))?;
            SLOTS[slot].begin.store(begin, Ordering::Release);
            SLOTS[slot].end.store(begin + map.len(), Ordering::Release);
            Some(Self(slot))
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            let slot = &SLOTS[self.0];
            slot.begin.store(0, Ordering::Release);
            slot.end.store(0, Ordering::Release);
        }
    }

    #[expect(unsafe_code, reason = "there is no safe way to handle this signal")]
    fn install() -> bool {
        // SAFETY: sysconf has no preconditions.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let Ok(page @ 1..) = usize::try_from(page) else {
            return false;
        };
        PAGE.store(page, Ordering::Release);
        // SAFETY: a zeroed sigaction is valid, and the handler has the signature that SA_SIGINFO asks for. It only reads atomics
        // and calls mmap and sigaction, which are system calls.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                handle;
            action.sa_sigaction = handler as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) == 0
        }
    }

    #[expect(unsafe_code, reason = "see above")]
    extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the system calls this with a valid siginfo of a SIGBUS, which has an address.
        let address = unsafe { (*info).si_addr() }.addr();
        let page = PAGE.load(Ordering::Acquire);
        for slot in &SLOTS {
            let (begin, end) = (
                slot.begin.load(Ordering::Acquire),
                slot.end.load(Ordering::Acquire),
            );
            if begin == 0 || end == usize::MAX || !(begin..end).contains(&address) {
                continue;
            }
            let from = address & !(page - 1);
            // SAFETY: these pages are a map of this process that nobody writes to, and that is unmapped as a whole: its slot is
            // freed before that. Pages of zeros take the place of pages that the file no longer has.
            let zeros = unsafe {
                libc::mmap(
                    std::ptr::with_exposed_provenance_mut(from),
                    end - from,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            if zeros != libc::MAP_FAILED {
                return;
            }
        }
        // Not one of these maps: the signal does what it does elsewhere, when the instruction is tried again.
        // SAFETY: resets the action of this signal.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}
