// Bands out of the power of pieces.
//
// sums: (rows, pieces); y: (rows, bands): first sums[f] + inner (sums[a..b] + sums[c..d]) + last sums[l], or its square root
// times the row's scale. `bands` holds (bins, f, l, a, b, c, d) of each band, bins 0, 1 or 2 for "and more": none, the first or all
// terms count. `weights` holds (first, inner, last) of each band, then the scale of each row. One thread computes one band.

#import grid

struct Params {
    rows: u32,
    bands: u32,
    pieces: u32,
    // 1 for the root times the scale, 0 for the energy.
    rms: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sums: array<real>;
@group(0) @binding(2) var<storage, read> bands: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<real>;
@group(0) @binding(4) var<storage, read_write> y: array<real>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let e = thread_index(id, count, thread);
    if e < params.rows * params.bands {
        let row = e / params.bands;
        let energy = band_energy(row * params.pieces, e - row * params.bands);
        if params.rms == 1u {
            y[e] = sqrt(energy) * weights[3u * params.bands + row];
        } else {
            y[e] = energy;
        }
    }
}

fn band_energy(row: u32, band: u32) -> real {
    let at = 7u * band;
    if bands[at] == 0u {
        return real(0.0);
    }
    let first = weights[3u * band] * sums[row + bands[at + 1u]];
    if bands[at] == 1u {
        return first;
    }
    let inner = total(row + bands[at + 3u], row + bands[at + 4u]) + total(row + bands[at + 5u], row + bands[at + 6u]);
    return first + weights[3u * band + 1u] * inner + weights[3u * band + 2u] * sums[row + bands[at + 2u]];
}

// Sum over `start..end`, in blocks of 32.
fn total(start: u32, end: u32) -> real {
    var total = real(0.0);
    for (var block = start; block < end; block += 32u) {
        var sum = real(0.0);
        for (var k = block; k < min(block + 32u, end); k += 1u) {
            sum += sums[k];
        }
        total += sum;
    }
    return total;
}
