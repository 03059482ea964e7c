// Stored samples as numbers: y[k] = real(x[k]).
//
// x: packed samples of the type `stored`, little-endian, as a file holds them; y: as many reals. A complex sample is two.
// One workgroup: `threads` samples, no shared memory. Threads that share a word of x read it from the cache.

#import grid

struct Params {
    count: u32,
}

// Type of x: 0 bool, 1 i8, 2 u8, 3 i16, 4 u16, 5 i32, 6 u32, 7 f16, 8 f32.
override stored: u32 = 3u;

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<real>;

fn unsigned_of(k: u32, bits: u32) -> u32 {
    let per_word = 32u / bits;
    return extractBits(x[k / per_word], k % per_word * bits, bits);
}

fn signed_of(k: u32, bits: u32) -> i32 {
    let per_word = 32u / bits;
    return extractBits(bitcast<i32>(x[k / per_word]), k % per_word * bits, bits);
}

// A 32-bit integer from its upper half: both parts are exact, so it is rounded once and to nearest, which a conversion of
// the whole is not on every device.
fn joined(upper: real, word: u32) -> real {
    return upper * real(65536.0) + real(word & 0xffffu);
}

fn value_of(k: u32) -> real {
    switch stored {
        case 0u: { return select(real(0.0), real(1.0), unsigned_of(k, 8u) != 0u); }
        case 1u: { return real(signed_of(k, 8u)); }
        case 2u: { return real(unsigned_of(k, 8u)); }
        case 3u: { return real(signed_of(k, 16u)); }
        case 4u: { return real(unsigned_of(k, 16u)); }
        case 5u: { return joined(real(bitcast<i32>(x[k]) >> 16u), x[k]); }
        case 6u: { return joined(real(x[k] >> 16u), x[k]); }
        case 7u: { return real(unpack2x16float(unsigned_of(k, 16u)).x); }
        default: { return real(bitcast<f32>(x[k])); }
    }
}

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let k = thread_index(group, groups, local);
    if k < params.count {
        y[k] = value_of(k);
    }
}
