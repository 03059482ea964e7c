//! Bytes that arrays may take on the device.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::GpuError;

/// The bytes that are taken, and the most that may be.
#[derive(Debug, Clone)]
pub struct Budget {
    /// `None` where the device's driver is the limit.
    most: Option<u64>,
    taken: Arc<AtomicU64>,
}

impl Budget {
    pub fn new(most: Option<u64>) -> Self {
        Self {
            most,
            taken: Arc::default(),
        }
    }

    /// True if there is a limit beside that of the driver.
    pub fn is_limited(&self) -> bool {
        self.most.is_some()
    }

    /// Takes some bytes until what is given back is dropped.
    pub fn take(&self, bytes: u64, adapter: &str) -> Result<Held, GpuError> {
        let most = self.most.unwrap_or(u64::MAX);
        let more = |taken: u64| taken.checked_add(bytes).filter(|&sum| sum <= most);
        let order = Ordering::Relaxed;
        match self.taken.fetch_update(order, order, more) {
            Ok(_) => Ok(Held {
                bytes,
                taken: self.taken.clone(),
            }),
            Err(taken) => Err(GpuError::OutOfMemory {
                adapter: adapter.into(),
                reason: format!(
                    "found arrays of {bytes} bytes beside {taken} bytes in use, --max-device-memory allows {most}"
                ),
            }),
        }
    }
}

/// Bytes that are in use while this lives.
#[derive(Debug)]
pub struct Held {
    bytes: u64,
    taken: Arc<AtomicU64>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        let budget = Budget::new(Some(100));
        let one = budget.take(60, "gpu").expect("room");
        let error = budget.take(41, "gpu").expect_err("101 bytes");
        assert!(error.to_string().contains("60 bytes in use"), "{error}");
        let two = budget.take(40, "gpu").expect("room");
        drop((one, two));
        budget.take(100, "gpu").expect("room");
    }
}
