// Power of pieces of spectra.
//
// z: complex rows, full spectra or the packed ones of real rows (`import/fft_bins.wgsl`), `length` numbers each;
// sums: (rows, pieces), sums[i] = sum of |X[k]|^2 over k = edges[2i]..edges[2i+1]. `twiddles`: exp(-2 pi i k / n),
// k = 0..=n/2, read for halves only. One thread sums one piece, in blocks, so that rounding grows with the root of its length.

#import grid
#import fft_bins
#import band_piece

struct Params {
    rows: u32,
    n: u32,
    length: u32,
    pieces: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> z: array<vec2<real>>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> edges: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<real>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let e = thread_index(id, count, thread);
    if e < params.rows * params.pieces {
        let row = e / params.pieces;
        let piece = e - row * params.pieces;
        sums[e] = power_of_piece(row, edges[2u * piece], edges[2u * piece + 1u]);
    }
}

fn power(row: u32, k: u32) -> real {
    let value = bin(row, k, params.n, 0u);
    return dot(value, value);
}

fn transformed(row: u32, k: u32) -> vec2<real> {
    return z[row * params.length + k];
}
