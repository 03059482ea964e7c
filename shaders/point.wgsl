// A chain of element-wise steps: y[k] = chain(x[k]), where chain calls step0(x, p[0]), then step1 on its result, and so on.
//
// x and y: samples in any layout. One workgroup: `threads` samples, no shared memory.
// What follows the last line of this frame is generated for each chain; here it is the chain that changes nothing.

#import grid

struct Params {
    p: array<vec4<real>, STEPS>,
    count: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<From>;
@group(0) @binding(2) var<storage, read_write> y: array<To>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let k = thread_index(group, groups, local);
    if k < params.count {
        y[k] = chain(x[k]);
    }
}

// Generated:
const STEPS = 1u;
alias From = real;
alias To = real;
fn step0(x: real, p: vec4<real>) -> real { return x; }
fn chain(x: From) -> To { return step0(x, params.p[0]); }
