//! distpy-gpu: processing graphs for distributed acoustic sensing, on any GPU or on the CPU.
//!
//! A recording is cut into chunks (channel x time). A JSON list of commands becomes a [`graph`] once, the graph becomes a
//! [`plan`] once per chunk shape, and the plan runs for every chunk:
//!
//! ```text
//! command.json --config--> entries --graph--> Graph --plan--> Plan ---------+
//!                          as written          typed,          steps, slots, |
//!                                              acyclic         stages        v
//! files --reader--> Stored --------------------------------------> execute (CPU or GPU) --> Artifacts --writer--> files
//! ```
//!
//! Four rules carry the design. Each stage has its own type, and a later type cannot hold an earlier stage's mistake. A
//! command is one file in [`commands`]. Commands compute; files are opened by `pipeline` and `modules` (and mapped or, for HDF5,
//! opened by name in `formats`), only `gpu::engine` and `gpu::adapter`
//! meet wgpu, and only [`picture`] knows how a drawing becomes a file's bytes. CPU and GPU are paired per command, and the same cases run on both.

pub mod block;
pub mod cli;
pub mod command;
pub mod commands;
pub mod config;
pub mod dsp;
pub mod execute;
pub mod exit;
pub mod formats;
pub mod gpu;
pub mod graph;
pub mod modules;
pub mod picture;
pub mod pipeline;
pub mod plan;
pub mod plots;
pub mod point;
pub mod reference;
pub mod store;
pub mod synth;
