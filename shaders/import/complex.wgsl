// Arithmetic of complex numbers: x is the real part, y the imaginary part.

fn complex_mul(a: vec2<real>, b: vec2<real>) -> vec2<real> {
    return vec2<real>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

fn complex_conj(a: vec2<real>) -> vec2<real> {
    return vec2<real>(a.x, -a.y);
}
