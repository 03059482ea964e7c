//! witsml
