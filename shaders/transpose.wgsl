// Rows to columns: y[c, r] = x[r, c].
//
// x: rows x cols samples of `parts` reals each (complex: 2); y: cols x rows. One workgroup of 256 threads: a tile of 16 x 16
// samples, read along rows of x and written along rows of y. Shared memory: 16 * 17 * 2 reals, at most 4,352 bytes; the
// 17th column keeps threads that read down a column in different banks.

#import grid

const EDGE = 16u;
const PITCH = 17u;

struct Params {
    rows: u32,
    cols: u32,
    parts: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read_write> y: array<real>;

var<workgroup> tile: array<real, EDGE * PITCH * 2u>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = workgroup_index(group, groups);
    let across = (params.cols + EDGE - 1u) / EDGE;
    let top = index / across * EDGE;
    let left = index % across * EDGE;
    let slow = local / EDGE;
    let fast = local % EDGE;
    if top + slow < params.rows && left + fast < params.cols {
        let source = ((top + slow) * params.cols + left + fast) * params.parts;
        for (var part = 0u; part < params.parts; part++) {
            tile[(slow * PITCH + fast) * params.parts + part] = x[source + part];
        }
    }
    workgroupBarrier();
    if left + slow < params.cols && top + fast < params.rows {
        let sink = ((left + slow) * params.rows + top + fast) * params.parts;
        for (var part = 0u; part < params.parts; part++) {
            y[sink + part] = tile[(fast * PITCH + slow) * params.parts + part];
        }
    }
}
