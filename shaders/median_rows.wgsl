// Medians of rows without their NaNs: of an even number of samples the mean of the two in the middle; NaN where there are none.
//
// x: rows x cols; y: rows x 1. One workgroup: one row. A rank is found by the bits of numbers, from the highest down: how many samples
// have the prefix that is known is counted by all threads. Shared memory: 4 words.

#import grid
#import keys

struct Params {
    rows: u32,
    cols: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

// Counters of rounds: of this one, the next and the last, so that one barrier a round is enough.
var<workgroup> counts: array<atomic<u32>, 3>;
// The smallest key above the lower middle.
var<workgroup> above: atomic<u32>;

// The sum over the workgroup, for every thread; rounds count from zero. Holds a barrier.
fn total(count: u32, round: u32, local: u32) -> u32 {
    if count > 0u {
        atomicAdd(&counts[round % 3u], count);
    }
    if local == 0u {
        atomicStore(&counts[(round + 1u) % 3u], 0u);
    }
    workgroupBarrier();
    return atomicLoad(&counts[round % 3u]);
}

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    if local == 0u {
        atomicStore(&counts[0], 0u);
        atomicStore(&above, 0xffffffffu);
    }
    workgroupBarrier();
    let row = workgroup_index(group, groups);
    // Workgroups beyond the last row count nothing, but meet the others' barriers.
    let end = select(0u, params.cols, row < params.rows);
    var known = 0u;
    for (var k = local; k < end; k += threads) {
        known += select(1u, 0u, is_nan(real(x[row * params.cols + k])));
    }
    known = total(known, 0u, local);
    var rank = (max(known, 1u) - 1u) / 2u;
    var low = 0u;
    for (var bit = 0u; bit < 32u; bit++) {
        let step = 0x80000000u >> bit;
        let mask = ~(step - 1u);
        var below = 0u;
        for (var k = local; k < end; k += threads) {
            below += select(0u, 1u, (key(x[row * params.cols + k]) & mask) == low);
        }
        below = total(below, bit + 1u, local);
        if rank >= below {
            rank -= below;
            low |= step;
        }
    }
    // The upper middle is the same sample, or the next larger one.
    var least = 0xffffffffu;
    var up_to = 0u;
    for (var k = local; k < end; k += threads) {
        let sample = key(x[row * params.cols + k]);
        up_to += select(0u, 1u, sample <= low);
        least = select(least, min(least, sample), sample > low);
    }
    if least != 0xffffffffu {
        atomicMin(&above, least);
    }
    up_to = total(up_to, 33u, local);
    if row < params.rows && local == 0u {
        let high = select(low, atomicLoad(&above), up_to <= known / 2u);
        let middle = select(0.5 * unkey(low) + 0.5 * unkey(high), unkey(low), low == high);
        y[row] = select(middle, unkey(0xffffffffu), known == 0u);
    }
}
