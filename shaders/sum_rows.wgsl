// Sums along rows, a segment at a time: y[r, s] = (sum of x[r, c] over the columns c of segment s) / divisor.
//
// x: rows x cols samples of `parts` reals each (complex: 2); y: rows x segments samples. One workgroup: one part of one
// segment; each thread adds every `threads`-th sample, then a tree adds the threads. Segments of 64 * threads samples keep
// f32 sums within a few units in the last place of the sum of magnitudes. Shared memory: that of import/sum.wgsl.

#import sum

struct Params {
    rows: u32,
    cols: u32,
    parts: u32,
    segments: u32,
    // Samples of a segment; the last one may be shorter.
    segment: u32,
    divisor: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read_write> y: array<real>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = workgroup_index(group, groups);
    let part = index % params.parts;
    let segment = index / params.parts % params.segments;
    let row = index / params.parts / params.segments;
    let first = segment * params.segment;
    // Workgroups beyond the last row have nothing to add, but meet the others' barriers.
    let end = select(0u, min(first + params.segment, params.cols), row < params.rows);
    var partial = real(0.0);
    for (var col = first + local; col < end; col += threads) {
        partial += x[(row * params.cols + col) * params.parts + part];
    }
    let total = sum_workgroup(partial, local);
    if row < params.rows && local == 0u {
        y[index] = total / real(params.divisor);
    }
}
