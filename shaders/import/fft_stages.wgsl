// Discrete Fourier transforms in workgroup memory, in place, by decimation in frequency.
//
// `slots` holds transforms of one length, block after block; within a block, element `i` of column `c` lies at
// `i << shift | c`, so that `1 << shift` transforms run side by side. A stage of radix r takes blocks of `len` points apart into
// r blocks of `len / r`: with q = 0..r of k = 0..len/r,
//     y[q len/r + k] = w(len)^(k q)  sum_i x[i len/r + k] w(r)^(i q),    w(n) = exp(-2 pi i / n)
// The result lies in digit-reversed order. The user declares `twiddles`; a stage's factors start at `length - len` behind
// `table`, row q - 1 of k = 0..len/r. Radices are packed, four bits each, first stage lowest.
//
// Memory: SLOTS complex numbers. All barriers are in uniform control flow: loops run on uniforms.

override SLOTS: u32 = 1u;
override THREADS: u32 = 64u;

var<workgroup> slots: array<vec2<real>, SLOTS>;

fn transform_slots(thread: u32, count: u32, shift: u32, length: u32, radices: u32, table: u32) {
    var len = length;
    for (var left = radices; left != 0u; left >>= 4u) {
        workgroupBarrier();
        let radix = left & 15u;
        let part = len / radix;
        let step = part << shift;
        for (var j = thread; j < count / radix; j += THREADS) {
            let k = j % step;
            let first = (j - k) * radix + k;
            let factors = table + (length - len) + (k >> shift);
            switch radix {
                case 2u: { radix2(first, step, factors); }
                case 3u: { radix3(first, step, factors, part); }
                case 4u: { radix4(first, step, factors, part); }
                case 5u: { radix5(first, step, factors, part); }
                default: { radix7(first, step, factors, part); }
            }
        }
        len = part;
    }
    workgroupBarrier();
}

fn times(a: vec2<real>, b: vec2<real>) -> vec2<real> {
    return vec2<real>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

fn conjugate(a: vec2<real>) -> vec2<real> {
    return vec2<real>(a.x, -a.y);
}

/// The product by -i.
fn turned(a: vec2<real>) -> vec2<real> {
    return vec2<real>(a.y, -a.x);
}

fn radix2(first: u32, step: u32, factors: u32) {
    let a = slots[first];
    let b = slots[first + step];
    slots[first] = a + b;
    slots[first + step] = times(a - b, twiddles[factors]);
}

fn radix3(first: u32, step: u32, factors: u32, part: u32) {
    let a = slots[first];
    let b = slots[first + step];
    let c = slots[first + 2u * step];
    let sum = b + c;
    let mid = a - real(0.5) * sum;
    let side = turned(real(0.86602540378443864676) * (b - c));
    slots[first] = a + sum;
    slots[first + step] = times(mid + side, twiddles[factors]);
    slots[first + 2u * step] = times(mid - side, twiddles[factors + part]);
}

fn radix4(first: u32, step: u32, factors: u32, part: u32) {
    let a = slots[first];
    let b = slots[first + step];
    let c = slots[first + 2u * step];
    let d = slots[first + 3u * step];
    let even = a + c;
    let odd = b + d;
    let mid = a - c;
    let side = turned(b - d);
    slots[first] = even + odd;
    slots[first + step] = times(mid + side, twiddles[factors]);
    slots[first + 2u * step] = times(even - odd, twiddles[factors + part]);
    slots[first + 3u * step] = times(mid - side, twiddles[factors + 2u * part]);
}

fn radix5(first: u32, step: u32, factors: u32, part: u32) {
    let c1 = real(0.30901699437494742410);
    let c2 = real(-0.80901699437494742410);
    let s1 = real(0.95105651629515357212);
    let s2 = real(0.58778525229247312917);
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
    slots[first + step] = times(mid1 + side1, twiddles[factors]);
    slots[first + 2u * step] = times(mid2 + side2, twiddles[factors + part]);
    slots[first + 3u * step] = times(mid2 - side2, twiddles[factors + 2u * part]);
    slots[first + 4u * step] = times(mid1 - side1, twiddles[factors + 3u * part]);
}

fn radix7(first: u32, step: u32, factors: u32, part: u32) {
    let c1 = real(0.62348980185873353053);
    let c2 = real(-0.22252093395631440429);
    let c3 = real(-0.90096886790241912624);
    let s1 = real(0.78183148246802980871);
    let s2 = real(0.97492791218182360702);
    let s3 = real(0.43388373911755812048);
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
    slots[first + step] = times(mid1 + side1, twiddles[factors]);
    slots[first + 2u * step] = times(mid2 + side2, twiddles[factors + part]);
    slots[first + 3u * step] = times(mid3 + side3, twiddles[factors + 2u * part]);
    slots[first + 4u * step] = times(mid3 - side3, twiddles[factors + 3u * part]);
    slots[first + 5u * step] = times(mid2 - side2, twiddles[factors + 4u * part]);
    slots[first + 6u * step] = times(mid1 - side1, twiddles[factors + 5u * part]);
}
