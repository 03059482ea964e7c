// Folds along columns, a block of rows at a time: y[b, c] = item(r, c) joined over the rows r of block b.
//
// Inputs: row-major; y: blocks x cols items. One workgroup: `threads` results, no shared memory; neighbouring threads read
// neighbouring columns. What follows the last line of this frame is generated for each rule, as for map.wgsl; here items are
// samples of a, and they are added.

#import grid
#import complex
#import number

struct Params {
    numbers: array<vec4<real>, NUMBERS>,
    words: array<vec4<u32>, WORDS>,
    // Rows and columns of a and b, c and d, y.
    shapes: array<vec4<u32>, 3>,
    // Rows that are folded, and those of a block: the last one may be shorter.
    length: u32,
    segment: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let k = thread_index(group, groups, local);
    if k < rows() * cols() {
        let col = k % cols();
        let first = k / cols() * params.segment;
        let end = min(first + params.segment, params.length);
        var total = nothing(first, col);
        for (var row = first; row < end; row++) {
            total = join(total, item(row, col));
        }
        y[k] = finish(total);
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
fn item(i: u32, j: u32) -> Y { return a_data[i * params.shapes[0].y + j]; }
fn nothing(i: u32, j: u32) -> Y { return Y(); }
fn join(p: Y, q: Y) -> Y { return p + q; }
fn finish(p: Y) -> Y { return p; }
