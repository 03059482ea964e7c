// Sums along columns, a block of rows at a time: y[b, c] = (sum of x[r, c] over the rows r of block b) / divisor.
//
// x: rows x width reals (a complex sample is two); y: blocks x width reals. One workgroup: `threads` sums, no shared memory;
// neighbouring threads read neighbouring columns.

#import grid

struct Params {
    rows: u32,
    width: u32,
    // Rows of a block; the last one may be shorter.
    block: u32,
    blocks: u32,
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
    let k = thread_index(group, groups, local);
    if k < params.blocks * params.width {
        let col = k % params.width;
        let first = k / params.width * params.block;
        let end = min(first + params.block, params.rows);
        var total = real(0.0);
        for (var row = first; row < end; row++) {
            total += x[row * params.width + col];
        }
        y[k] = total / real(params.divisor);
    }
}
