// Rows to columns: y[j, i] = value(i, j), a rule of a command over any samples of up to four inputs a, b, c, d.
//
// Inputs: row-major, rows of their own lengths; y: as many rows as the rule has columns. One workgroup of 256 threads: a tile of 16 x 16
// results, made along rows and written along rows of y. Shared memory: 16 * 17 results, at most 4,352 bytes in single precision; the 17th
// column keeps threads that read down a column in different banks. What follows the last line of this frame is generated for each rule
// (see kernels/rule.rs); here it is the rule that copies a.

#import grid
#import complex
#import number

const EDGE = 16u;
const PITCH = 17u;

struct Params {
    numbers: array<vec4<real>, NUMBERS>,
    words: array<vec4<u32>, WORDS>,
    // Rows and columns of a and b, c and d, y.
    shapes: array<vec4<u32>, 3>,
}

@group(0) @binding(0) var<uniform> params: Params;

var<workgroup> tile: array<Y, EDGE * PITCH>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = workgroup_index(group, groups);
    let across = (rows() + EDGE - 1u) / EDGE;
    let top = index / across * EDGE;
    let left = index % across * EDGE;
    let slow = local / EDGE;
    let fast = local % EDGE;
    if top + slow < cols() && left + fast < rows() {
        tile[slow * PITCH + fast] = value(top + slow, left + fast);
    }
    workgroupBarrier();
    if left + slow < rows() && top + fast < cols() {
        y[(left + slow) * cols() + top + fast] = tile[fast * PITCH + slow];
    }
}

// Generated:
const NUMBERS = 1u;
const WORDS = 1u;
alias A = real;
alias Y = real;
@group(0) @binding(1) var<storage, read> a_data: array<A>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
fn rows() -> u32 { return params.shapes[2].x; }
fn cols() -> u32 { return params.shapes[2].y; }
fn value(i: u32, j: u32) -> Y { return a_data[i * params.shapes[0].y + j]; }
