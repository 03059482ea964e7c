// Power of pieces of the spectra of real rows, each in one workgroup: no spectrum is written.
//
// x: (rows, n) real; sums: (rows, pieces), sums[i] = sum of |X[k]|^2 over k = edges[2i]..edges[2i+1], k <= n / 2, where X is
// the unscaled DFT of the row. Rows are packed as in `fft_real.wgsl`; the bands are put together by `band_combine.wgsl`.
//
// One workgroup: `groups` transforms of `length` points, as many slots of workgroup memory. `places[j]` is where bin j lies
// after the stages; behind its `length` entries come the edges. `twiddles`: those of the stages, then exp(-2 pi i k / n),
// k = 0..=n/2. Sums go in blocks, so that rounding grows with the root of their length.

#import grid
#import fft_load
#import fft_stages
#import fft_bins
#import band_piece

struct Params {
    rows: u32,
    n: u32,
    kind: u32,
    packing: u32,
    length: u32,
    radices: u32,
    groups: u32,
    /// Rows of `x` in a transform.
    rows_each: u32,
    pieces: u32,
    pad_a: u32,
    pad_b: u32,
    pad_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<real>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = (group.x + group.y * grid.x) * params.groups;
    let count = params.groups * params.length;

    for (var e = thread; e < count; e += THREADS) {
        let row = first + e / params.length;
        var value = vec2<real>(0.0, 0.0);
        if row * params.rows_each < params.rows {
            value = load_input(params.kind, row, e % params.length, params.length, params.rows);
        }
        slots[e] = value;
    }

    transform_slots(thread, count, 0u, params.length, params.radices, 0u);

    for (var e = thread; e < params.groups * params.rows_each * params.pieces; e += THREADS) {
        let local = e / params.pieces;
        let piece = e - local * params.pieces;
        let row = first * params.rows_each + local;
        if row < params.rows {
            let edge = params.length + 2u * piece;
            sums[row * params.pieces + piece] = power_of_piece(local, places[edge], places[edge + 1u]);
        }
    }
}

fn power(row: u32, k: u32) -> real {
    let value = bin(params.packing, row, k, params.n, params.length - 1u);
    return dot(value, value);
}

fn transformed(row: u32, k: u32) -> vec2<real> {
    return slots[row * params.length + places[k]];
}
