//! segy
