// Folds along rows, a segment at a time: y[r, s] = item(r, c) joined over the columns c of segment s.
//
// Inputs: row-major; y: rows x segments items. One workgroup: one segment; each thread joins every `threads`-th item, then a tree
// joins the threads, always in the same order, so results repeat bit by bit. Shared memory: `threads` items. What follows the last
// line of this frame is generated for each rule, as for map.wgsl; here items are samples of a, and they are added.

#import grid
#import complex
#import number

struct Params {
    numbers: array<vec4<real>, NUMBERS>,
    words: array<vec4<u32>, WORDS>,
    // Rows and columns of a and b, c and d, y.
    shapes: array<vec4<u32>, 3>,
    // Columns that are folded, and those of a segment: the last one may be shorter.
    length: u32,
    segment: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

var<workgroup> parts: array<Y, threads>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = workgroup_index(group, groups);
    let row = index / cols();
    let first = index % cols() * params.segment;
    // Workgroups beyond the last row have nothing to join, but meet the others' barriers.
    let end = select(0u, min(first + params.segment, params.length), row < rows());
    var partial = nothing(row, first);
    for (var col = first + local; col < end; col += threads) {
        partial = join(partial, item(row, col));
    }
    parts[local] = partial;
    workgroupBarrier();
    for (var width = threads; width > 1u; ) {
        // Halves of odd widths: the middle one stays.
        let half = (width + 1u) / 2u;
        if local + half < width {
            parts[local] = join(parts[local], parts[local + half]);
        }
        workgroupBarrier();
        width = half;
    }
    if row < rows() && local == 0u {
        y[index] = finish(parts[0]);
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
