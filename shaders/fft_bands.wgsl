// Power of pieces of the spectra of real rows, each in one workgroup: no spectrum is written.
//
// x: (rows, n) real; sums: (rows, pieces), sums[i] = sum of |X[k]|^2 over k = edges[2i]..edges[2i+1], k <= n / 2, where X is
// the unscaled DFT of the row. Rows are packed as in `fft_real.wgsl`; bands are put together by `band_combine.wgsl`.
// The edges follow the `points` entries of `places`.
//
// One workgroup: `slot_count` / `points` transforms, in `slot_count` complex numbers of workgroup memory.

#import grid
#import fft_row
#import band_piece

struct Params {
    rows: u32,
    pieces: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<real>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = workgroup_index(id, count) * rows_here();
    transform_rows(thread, first, params.rows);

    for (var e = thread; e < rows_here() * params.pieces; e += threads) {
        let local = e / params.pieces;
        if first + local < params.rows {
            let edge = points + 2u * (e - local * params.pieces);
            sums[first * params.pieces + e] = power_of_piece(local, places[edge], places[edge + 1u]);
        }
    }
}

fn power(row: u32, k: u32) -> real {
    let value = bin_here(row, k);
    return dot(value, value);
}
