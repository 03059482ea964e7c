// Sample by sample: y[i, j] = value(i, j), a rule of a command over any samples of up to four inputs a, b, c, d.
//
// Inputs and y: row-major, rows of their own lengths. One workgroup: `threads` samples, no shared memory. What follows the last line
// of this frame is generated for each rule: sizes of the parameters, types, bindings, accessors (see kernels/rule.rs), and the rule;
// here it is the rule that copies a.

#import grid
#import complex
#import number
#import keys

struct Params {
    numbers: array<vec4<real>, NUMBERS>,
    words: array<vec4<u32>, WORDS>,
    // Rows and columns of a and b, c and d, y.
    shapes: array<vec4<u32>, 3>,
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
        y[k] = value(k / cols(), k % cols());
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
