//! What can go wrong with a GPU. Every one of them leaves the CPU to go on with.

/// Why a GPU could not do its work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GpuError {
    /// No adapter is of the wanted kind.
    #[error("found {found}, expected {wanted}")]
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// Which adapters there are.
        found: String,
    },
    /// The adapter gives no device.
    #[error("{adapter}: cannot be opened: {reason}")]
    Open {
        /// The adapter's name.
        adapter: String,
        /// The driver's reason.
        reason: String,
    },
    /// The device computes in single precision only.
    #[error("{adapter}: found no double precision in its shaders, expected it for precision f64")]
    NoDouble {
        /// The adapter's name.
        adapter: String,
    },
    /// The device is gone: reset, unplugged, or it does not answer.
    #[error("{adapter}: device lost: {reason}")]
    Lost {
        /// The adapter's name.
        adapter: String,
        /// The driver's reason.
        reason: String,
    },
    /// The device has no room.
    #[error("{adapter}: out of memory: {reason}")]
    OutOfMemory {
        /// The adapter's name.
        adapter: String,
        /// What was being made.
        reason: String,
    },
    /// One tensor exceeds what the device can bind.
    #[error("{adapter}: found a tensor of {bytes} bytes, expected at most {limit}")]
    TooLarge {
        /// The adapter's name.
        adapter: String,
        /// The tensor's size.
        bytes: u64,
        /// The device's limit.
        limit: u64,
    },
    /// The device refuses what was asked: a defect of this program or of the driver.
    #[error("{adapter}: refused: {reason}")]
    Validation {
        /// The adapter's name.
        adapter: String,
        /// What was refused.
        reason: String,
    },
}
