//! The container image, run with podman as Docker or Kubernetes would run it. `make test-container` builds the image first.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing test may panic")]
#![allow(
    clippy::print_stderr,
    reason = "a test says on the console why it was skipped"
)]

mod device;
mod first_steps;
mod folder;
mod image;
mod job;
mod lifecycle;
mod modules;
mod overlays;
mod podman;
mod policy;
mod readme;
#[path = "../kubernetes/render.rs"]
mod render;
