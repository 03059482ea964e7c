// Full spectra of real rows out of the transforms of their packed form.
//
// z: complex rows of n / 2 (even n: halves) or of n, one for two real rows (odd n: pairs); y: (rows, n) complex.
// `import/fft_bins.wgsl` has the formulas. `twiddles`: exp(-2 pi i k / n), k = 0..=n/2. One thread computes one bin.

#import grid
#import fft_bins

struct Params {
    rows: u32,
    n: u32,
    length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> z: array<vec2<real>>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let e = thread_index(id, count, thread);
    if e < params.rows * params.n {
        let row = e / params.n;
        y[e] = bin(row, e - row * params.n, params.n, 0u);
    }
}

fn transformed(row: u32, k: u32) -> vec2<real> {
    return z[row * params.length + k];
}
