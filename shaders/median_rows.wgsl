// Medians of rows without their NaNs: of an even number of samples the mean of the two in the middle; NaN where there are none.
//
// x: rows x cols; y: rows x 1. One workgroup: one row. A rank is found by the bits of numbers, from the highest down: how many samples
// have the prefix that is known is counted by all threads. Shared memory: `threads` words.

#import grid
#import keys

struct Params {
    rows: u32,
    cols: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> counts: array<u32, threads>;

// The sum over the workgroup, for every thread. Holds barriers.
fn total(count: u32, local: u32) -> u32 {
    counts[local] = count;
    workgroupBarrier();
    for (var width = threads; width > 1u; ) {
        let half = (width + 1u) / 2u;
        if local + half < width {
            counts[local] += counts[local + half];
        }
        workgroupBarrier();
        width = half;
    }
    let sum = counts[0];
    workgroupBarrier();
    return sum;
}

// The key of a rank; `end` is zero beyond the last row.
fn ranked(row: u32, end: u32, wanted: u32, local: u32) -> u32 {
    var rank = wanted;
    var prefix = 0u;
    for (var bit = 0u; bit < 32u; bit++) {
        let step = 0x80000000u >> bit;
        let mask = ~(step - 1u);
        var below = 0u;
        for (var k = local; k < end; k += threads) {
            below += select(0u, 1u, (key(x[row * params.cols + k]) & mask) == prefix);
        }
        below = total(below, local);
        if rank >= below {
            rank -= below;
            prefix |= step;
        }
    }
    return prefix;
}

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup_index(group, groups);
    let end = select(0u, params.cols, row < params.rows);
    var known = 0u;
    for (var k = local; k < end; k += threads) {
        known += select(1u, 0u, is_nan(real(x[row * params.cols + k])));
    }
    known = total(known, local);
    let low = ranked(row, end, (max(known, 1u) - 1u) / 2u, local);
    let high = ranked(row, end, known / 2u, local);
    if row < params.rows && local == 0u {
        let middle = select(0.5 * unkey(low) + 0.5 * unkey(high), unkey(low), low == high);
        y[row] = select(middle, unkey(0xffffffffu), known == 0u);
    }
}
