// What floating-point comparisons do not promise: compilers for GPUs may take it that there is no NaN.

fn is_nan(x: real) -> bool {
    return (bitcast<u32>(f32(x)) & 0x7fffffffu) > 0x7f800000u;
}

// The smaller and the larger of two numbers; NaN where one of them is.
fn lower(p: real, q: real) -> real {
    return select(q, p, is_nan(p) || (p <= q && !is_nan(q)));
}

fn higher(p: real, q: real) -> real {
    return select(q, p, is_nan(p) || (p >= q && !is_nan(q)));
}
