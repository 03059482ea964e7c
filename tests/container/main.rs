//! The container image, run with podman as Docker or Kubernetes would run it. `make test-container` builds the image first.
#![cfg(target_os = "linux")]

mod device;
mod folder;
mod image;
mod job;
mod lifecycle;
mod modules;
mod podman;
mod policy;
mod readme;
