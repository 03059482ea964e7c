// Filters by sections, first part of three: the states at the end of each block that begins with states of zero.
//
// x: length x lanes; ends: (blocks * states) x lanes. One thread: one block of one lane; neighbouring threads have neighbouring lanes.
// What follows the last line of this frame is generated for each cascade; here it has one section of first order.

#import grid
#import sections

@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read_write> ends: array<real>;

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
        let first = block * params.block;
        let end = min(first + params.block, params.length);
        for (var t = first; t < end; t++) {
            let passed = sections(x[position(t) * params.lanes + lane]);
        }
        store(block * STATES, lane);
    }
}

// Generated:
const COEFFICIENTS = 2u;
const STATES = 2u;
var<private> p0: real;
var<private> q0: real;
fn sections(x: real) -> real { q0 += x; return q0; }
fn store(first: u32, lane: u32) { ends[first * params.lanes + lane] = p0; ends[(first + 1u) * params.lanes + lane] = q0; }
