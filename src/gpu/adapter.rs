//! Adapters: which devices there are, what they can do, and which one is taken.
