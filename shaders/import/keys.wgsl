// Whole numbers in the order of the numbers whose bits they are; a NaN is the largest.

#import number

fn key(x: f32) -> u32 {
    if is_nan(real(x)) {
        return 0xffffffffu;
    }
    let bits = bitcast<u32>(x);
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

// The number of a key.
fn unkey(key: u32) -> f32 {
    // The largest key's bits without the highest one are a NaN's.
    return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}
