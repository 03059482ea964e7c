// Arithmetic of complex numbers: x is the real part, y the imaginary part.

fn complex_mul(a: vec2<real>, b: vec2<real>) -> vec2<real> {
    return vec2<real>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

fn complex_conj(a: vec2<real>) -> vec2<real> {
    return vec2<real>(a.x, -a.y);
}

// The modulus, without squares that overflow or vanish.
fn modulus(a: vec2<real>) -> real {
    let large = max(abs(a.x), abs(a.y));
    let small = min(abs(a.x), abs(a.y));
    if large == 0.0 || small == 0.0 {
        return large + small;
    }
    let ratio = small / large;
    return large * sqrt(1.0 + ratio * ratio);
}
