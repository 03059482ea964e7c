//! Configuration files as their users write them: read, checked, nothing resolved.

pub mod problem;
pub mod system;
pub mod workflow;

pub use problem::{Problem, Problems, Severity};
pub use system::System;
pub use workflow::Workflow;
