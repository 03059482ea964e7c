// Discrete Fourier transforms in workgroup memory, in place, by decimation in frequency.
//
// `slots` holds transforms of `points` points, block after block; within a block, element `i` of column `c` lies at
// `i << shift | c`, so that `1 << shift` transforms run side by side. A stage of radix r takes blocks of `len` points apart into
// r blocks of `len / r`: with q = 0..r of k = 0..len/r,
//     y[q len/r + k] = w(len)^(k q)  sum_i x[i len/r + k] w(r)^(i q),    w(n) = exp(-2 pi i / n)
// The result lies in digit-reversed order. The user declares `twiddles`, which begins with the factors of the stages: those of a
// stage start at `points - len`, row q - 1 of k = 0..len/r.
//
// Memory: `slot_count` complex numbers. All barriers are in uniform control flow: stages are counted by constants. That also spares
// software adapters, which run both sides of every branch, the radices that a length does not have.

#import grid
#import complex

// Points of a transform: 4^fours 2^twos 3^threes 5^fives 7^sevens, in the order of the stages.
override points: u32 = 1u;
override fours: u32 = 0u;
override twos: u32 = 0u;
override threes: u32 = 0u;
override fives: u32 = 0u;
override sevens: u32 = 0u;
override shift: u32 = 0u;
// A multiple of `points << shift`.
override slot_count: u32 = 1u;

var<workgroup> slots: array<vec2<real>, slot_count>;

fn transform_slots(thread: u32) {
    var len = points;
    for (var i = 0u; i < fours; i += 1u) {
        stage4(thread, len);
        len /= 4u;
    }
    for (var i = 0u; i < twos; i += 1u) {
        stage2(thread, len);
        len /= 2u;
    }
    for (var i = 0u; i < threes; i += 1u) {
        stage3(thread, len);
        len /= 3u;
    }
    for (var i = 0u; i < fives; i += 1u) {
        stage5(thread, len);
        len /= 5u;
    }
    for (var i = 0u; i < sevens; i += 1u) {
        stage7(thread, len);
        len /= 7u;
    }
    workgroupBarrier();
}

// `e / d` for e below 2^20, given 1 / d: the half keeps the product away from integers. Integer division is slow nearly everywhere.
fn quotient(e: u32, per_d: f32) -> u32 {
    return u32((f32(e) + 0.5) * per_d);
}

// `j % step`.
fn rest(j: u32, step: u32) -> u32 {
    return j - quotient(j, 1.0 / f32(step)) * step;
}

// The product by -i.
fn turned(a: vec2<real>) -> vec2<real> {
    return vec2<real>(a.y, -a.x);
}

fn stage2(thread: u32, len: u32) {
    workgroupBarrier();
    let part = len / 2u;
    let step = part << shift;
    for (var j = thread; j < slot_count / 2u; j += threads) {
        let k = rest(j, step);
        let first = (j - k) * 2u + k;
        let factors = (points - len) + (k >> shift);
        let a = slots[first];
        let b = slots[first + step];
        slots[first] = a + b;
        slots[first + step] = complex_mul(a - b, twiddles[factors]);
    }
}

fn stage3(thread: u32, len: u32) {
    workgroupBarrier();
    let part = len / 3u;
    let step = part << shift;
    for (var j = thread; j < slot_count / 3u; j += threads) {
        let k = rest(j, step);
        let first = (j - k) * 3u + k;
        let factors = (points - len) + (k >> shift);
        let a = slots[first];
        let b = slots[first + step];
        let c = slots[first + 2u * step];
        let sum = b + c;
        let mid = a - real(0.5) * sum;
        let side = turned(real(0.86602540378443864676) * (b - c));
        slots[first] = a + sum;
        slots[first + step] = complex_mul(mid + side, twiddles[factors]);
        slots[first + 2u * step] = complex_mul(mid - side, twiddles[factors + part]);
    }
}

fn stage4(thread: u32, len: u32) {
    workgroupBarrier();
    let part = len / 4u;
    let step = part << shift;
    for (var j = thread; j < slot_count / 4u; j += threads) {
        let k = rest(j, step);
        let first = (j - k) * 4u + k;
        let factors = (points - len) + (k >> shift);
        let a = slots[first];
        let b = slots[first + step];
        let c = slots[first + 2u * step];
        let d = slots[first + 3u * step];
        let even = a + c;
        let odd = b + d;
        let mid = a - c;
        let side = turned(b - d);
        slots[first] = even + odd;
        slots[first + step] = complex_mul(mid + side, twiddles[factors]);
        slots[first + 2u * step] = complex_mul(even - odd, twiddles[factors + part]);
        slots[first + 3u * step] = complex_mul(mid - side, twiddles[factors + 2u * part]);
    }
}

fn stage5(thread: u32, len: u32) {
    workgroupBarrier();
    let part = len / 5u;
    let step = part << shift;
    let c1 = real(0.30901699437494742410);
    let c2 = real(-0.80901699437494742410);
    let s1 = real(0.95105651629515357212);
    let s2 = real(0.58778525229247312917);
    for (var j = thread; j < slot_count / 5u; j += threads) {
        let k = rest(j, step);
        let first = (j - k) * 5u + k;
        let factors = (points - len) + (k >> shift);
        let a = slots[first];
        let b = slots[first + step];
        let c = slots[first + 2u * step];
        let d = slots[first + 3u * step];
        let e = slots[first + 4u * step];
        let sum1 = b + e;
        let sum2 = c + d;
        let diff1 = b - e;
        let diff2 = c - d;
        let mid1 = a + c1 * sum1 + c2 * sum2;
        let mid2 = a + c2 * sum1 + c1 * sum2;
        let side1 = turned(s1 * diff1 + s2 * diff2);
        let side2 = turned(s2 * diff1 - s1 * diff2);
        slots[first] = a + sum1 + sum2;
        slots[first + step] = complex_mul(mid1 + side1, twiddles[factors]);
        slots[first + 2u * step] = complex_mul(mid2 + side2, twiddles[factors + part]);
        slots[first + 3u * step] = complex_mul(mid2 - side2, twiddles[factors + 2u * part]);
        slots[first + 4u * step] = complex_mul(mid1 - side1, twiddles[factors + 3u * part]);
    }
}

fn stage7(thread: u32, len: u32) {
    workgroupBarrier();
    let part = len / 7u;
    let step = part << shift;
    let c1 = real(0.62348980185873353053);
    let c2 = real(-0.22252093395631440429);
    let c3 = real(-0.90096886790241912624);
    let s1 = real(0.78183148246802980871);
    let s2 = real(0.97492791218182360702);
    let s3 = real(0.43388373911755812048);
    for (var j = thread; j < slot_count / 7u; j += threads) {
        let k = rest(j, step);
        let first = (j - k) * 7u + k;
        let factors = (points - len) + (k >> shift);
        let a = slots[first];
        let b = slots[first + step];
        let c = slots[first + 2u * step];
        let d = slots[first + 3u * step];
        let e = slots[first + 4u * step];
        let f = slots[first + 5u * step];
        let g = slots[first + 6u * step];
        let sum1 = b + g;
        let sum2 = c + f;
        let sum3 = d + e;
        let diff1 = b - g;
        let diff2 = c - f;
        let diff3 = d - e;
        let mid1 = a + c1 * sum1 + c2 * sum2 + c3 * sum3;
        let mid2 = a + c2 * sum1 + c3 * sum2 + c1 * sum3;
        let mid3 = a + c3 * sum1 + c1 * sum2 + c2 * sum3;
        let side1 = turned(s1 * diff1 + s2 * diff2 + s3 * diff3);
        let side2 = turned(s2 * diff1 - s3 * diff2 - s1 * diff3);
        let side3 = turned(s3 * diff1 - s1 * diff2 + s2 * diff3);
        slots[first] = a + sum1 + sum2 + sum3;
        slots[first + step] = complex_mul(mid1 + side1, twiddles[factors]);
        slots[first + 2u * step] = complex_mul(mid2 + side2, twiddles[factors + part]);
        slots[first + 3u * step] = complex_mul(mid3 + side3, twiddles[factors + 2u * part]);
        slots[first + 4u * step] = complex_mul(mid3 - side3, twiddles[factors + 3u * part]);
        slots[first + 5u * step] = complex_mul(mid2 - side2, twiddles[factors + 4u * part]);
        slots[first + 6u * step] = complex_mul(mid1 - side1, twiddles[factors + 5u * part]);
    }
}
