// Second-order sections on one lane, in the delta form of the state-variable filter: states change by little from sample to sample, so
// that single precision keeps 6 digits where a direct form keeps 2 (order 5, high pass at 5 Hz, 10 kHz).
//
// Per section, with g = tan(pi f / rate), k = 1/Q and den = 1 + g (g + k): a2 = g / den, a3 = g^2 / den, b1 = -g (g + k) / den.
// The user generates `coefficients`, states and `fn sections(x: real) -> real`.

struct Params {
    // Of each section a2, a3, b1, k; then its gain and the gain of a constant up to it.
    coefficients: array<vec4<real>, COEFFICIENTS>,
    lanes: u32,
    // Samples of a lane, and of a block: the last one may be shorter.
    length: u32,
    block: u32,
    blocks: u32,
    // 1 to go from the last sample to the first.
    backward: u32,
}

@group(0) @binding(0) var<uniform> params: Params;

// Where sample `t` lies on the way that is gone.
fn position(t: u32) -> u32 {
    return select(t, params.length - 1u - t, params.backward == 1u);
}
