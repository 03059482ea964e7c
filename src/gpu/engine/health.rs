//! Failures of the device: wgpu reports them through scopes, callbacks and panics; here they become [`GpuError`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{GpuError, lock};

/// A device that answers nothing for this long hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// What is known of a device's state.
pub(super) struct Health {
    adapter: String,
    lost: Arc<Mutex<Option<String>>>,
    uncaptured: Arc<Mutex<Option<GpuError>>>,
}

impl Health {
    /// Watches a new device.
    pub fn watch(device: &wgpu::Device, adapter: &str) -> Self {
        let health = Self {
            adapter: adapter.to_string(),
            lost: Arc::default(),
            uncaptured: Arc::default(),
        };
        let lost = health.lost.clone();
        device.set_device_lost_callback(move |reason, message| {
            let reason = format!("{reason:?} {message}");
            *lock(&lost) = Some(reason.trim().to_lowercase());
        });
        let (adapter, uncaptured) = (health.adapter.clone(), health.uncaptured.clone());
        device.on_uncaptured_error(Arc::new(move |error| {
            lock(&uncaptured).get_or_insert(classify(&adapter, error));
        }));
        health
    }

    /// Does some work and returns the first error that it caused on this thread.
    pub fn scoped<T>(
        &self,
        device: &wgpu::Device,
        work: impl FnOnce() -> T,
    ) -> Result<T, GpuError> {
        self.check()?;
        let scopes = [
            wgpu::ErrorFilter::Internal,
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::OutOfMemory,
        ]
        .map(|filter| device.push_error_scope(filter));
        let done = work();
        let mut first = None;
        // Scopes end in reverse order. Out of memory is told before its consequences.
        for scope in scopes.into_iter().rev() {
            first = first.or(pollster::block_on(scope.pop()));
        }
        self.check()?;
        match first {
            Some(error) => Err(classify(&self.adapter, error)),
            None => Ok(done),
        }
    }

    /// Whether the device has failed so far.
    pub fn check(&self) -> Result<(), GpuError> {
        if let Some(reason) = &*lock(&self.lost) {
            return Err(self.lost(reason.clone()));
        }
        match lock(&self.uncaptured).take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Waits until a submission is done and its buffers are mapped.
    pub fn wait(
        &self,
        device: &wgpu::Device,
        index: wgpu::SubmissionIndex,
    ) -> Result<(), GpuError> {
        let poll = wgpu::PollType::Wait {
            submission_index: Some(index),
            timeout: Some(PATIENCE),
        };
        // wgpu panics here when the driver reports a lost device.
        let polled = catch_unwind(AssertUnwindSafe(|| device.poll(poll)));
        self.check()?;
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.lost(error.to_string())),
            Err(_) => Err(self.lost("the driver failed while it was waited for".into())),
        }
    }

    /// Memory that should be mapped and is not.
    pub fn unmapped(&self, error: &wgpu::MapRangeError) -> GpuError {
        self.lost(format!("its memory cannot be reached: {error}"))
    }

    fn lost(&self, reason: String) -> GpuError {
        GpuError::Lost {
            adapter: self.adapter.clone(),
            reason,
        }
    }
}

fn classify(adapter: &str, error: wgpu::Error) -> GpuError {
    let adapter = adapter.to_string();
    match error {
        wgpu::Error::OutOfMemory { source } => GpuError::OutOfMemory {
            adapter,
            reason: source.to_string(),
        },
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            GpuError::Validation {
                adapter,
                reason: description,
            }
        }
    }
}
