// Filters by sections, second part of three: the states at the beginning of each block. Those of the first block are the steady states
// of its first sample; those of the next are what the block before makes of its own, by the matrix of a whole block, and of its samples.
//
// x: length x lanes; ends: (blocks * states) x lanes; matrix: states x states; starts: as ends. One thread: one lane.

#import grid

struct Params {
    // The states of a constant of one, by fours.
    steady: array<vec4<real>, 16>,
    lanes: u32,
    length: u32,
    blocks: u32,
    states: u32,
    backward: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> ends: array<real>;
@group(0) @binding(3) var<storage, read> matrix: array<real>;
@group(0) @binding(4) var<storage, read_write> starts: array<real>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let lane = thread_index(group, groups, local);
    if lane < params.lanes {
        let first = select(0u, params.length - 1u, params.backward == 1u);
        let sample = x[first * params.lanes + lane];
        for (var k = 0u; k < params.states; k++) {
            starts[k * params.lanes + lane] = params.steady[k / 4u][k % 4u] * sample;
        }
        for (var block = 1u; block < params.blocks; block++) {
            let before = (block - 1u) * params.states;
            for (var k = 0u; k < params.states; k++) {
                var state = ends[(before + k) * params.lanes + lane];
                for (var l = 0u; l < params.states; l++) {
                    state += matrix[k * params.states + l] * starts[(before + l) * params.lanes + lane];
                }
                starts[(before + params.states + k) * params.lanes + lane] = state;
            }
        }
    }
}
