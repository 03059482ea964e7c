#![no_main]

use distpy_gpu_fuzz::{folder, readers};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| readers::json(folder(), bytes));
