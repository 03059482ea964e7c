// Filters by sections, third part of three: each block from the states at its beginning.
//
// x: length x lanes; starts: (blocks * states) x lanes; y: length x lanes. One thread: one block of one lane; neighbouring threads have
// neighbouring lanes. What follows the last line of this frame is generated for each cascade; here it has one section of first order.

#import grid
#import sections

@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> starts: array<real>;
@group(0) @binding(3) var<storage, read_write> y: array<real>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = thread_index(group, groups, local);
    let block = index / params.lanes;
    let lane = index % params.lanes;
    if block < params.blocks {
        load(block * STATES, lane);
        let first = block * params.block;
        let end = min(first + params.block, params.length);
        for (var t = first; t < end; t++) {
            let at = position(t) * params.lanes + lane;
            y[at] = sections(x[at]);
        }
    }
}

// Generated:
const COEFFICIENTS = 2u;
const STATES = 2u;
var<private> p0: real;
var<private> q0: real;
fn sections(x: real) -> real { q0 += x; return q0; }
fn load(first: u32, lane: u32) { p0 = starts[first * params.lanes + lane]; q0 = starts[(first + 1u) * params.lanes + lane]; }
