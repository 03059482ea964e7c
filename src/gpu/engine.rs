//! The engine: loads recordings onto a device and runs them.
