#![no_main]

use distpy_gpu_fuzz::graphs;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    graphs::check(bytes);
});
