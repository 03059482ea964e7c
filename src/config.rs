//! Configuration files as their users write them: read, checked, nothing resolved.

pub mod problem;
pub mod system;

pub use problem::{Problem, Problems, Severity};
pub use system::System;
