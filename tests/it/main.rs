//! One test binary: everything is linked once.

mod sos;
mod witsml;
