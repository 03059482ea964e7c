// One pass of a complex Fourier transform: DFTs of `radix` points, out of `radix * part` that are left to combine.
//
// Stockham's order: with L = radix * part, `step` the product of earlier radices (times the length behind the axis), and
// column t = p step + q of 0..part step,
//     y[p radix step + j step + q] = w(L)^(p j)  sum_i x[t + i part step] w(radix)^(i j),    w(n) = exp(-2 pi i / n)
// A transform is complete when the radices of its passes have the length as product. Layout: rows of `radix * part * step`
// complex numbers; the first pass may read real ones. A conjugate at both ends makes the inverse.
//
// One workgroup: `groups << shift` columns, counted over all rows, of `radix` points: as many slots of workgroup memory.
// `places[j]` is where bin j lies after the stages. `twiddles`: those of the stages, then w(L)^(p j) in rows of p.

#import grid
#import fft_load
#import fft_stages

struct Params {
    /// Columns over all rows.
    columns: u32,
    /// Rows of `x`.
    rows: u32,
    kind: u32,
    radix: u32,
    radices: u32,
    part: u32,
    step: u32,
    groups: u32,
    shift: u32,
    /// 1 where consecutive threads write consecutive bins, 0 where they write consecutive columns.
    along_bins: u32,
    /// Factors on imaginary parts read; on real and imaginary parts written.
    sign_in: real,
    scale_re: real,
    scale_im: real,
    pad_a: u32,
    pad_b: u32,
    pad_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = (group.x + group.y * grid.x) * (params.groups << params.shift);
    let count = (params.groups * params.radix) << params.shift;
    let stride = params.part * params.step;
    let lane = (1u << params.shift) - 1u;

    for (var e = thread; e < count; e += THREADS) {
        let deep = e >> params.shift;
        let i = deep % params.radix;
        let column = first + ((deep / params.radix) << params.shift) + (e & lane);
        var value = vec2<real>(0.0, 0.0);
        if column < params.columns {
            let row = column / stride;
            let t = column - row * stride;
            value = load_input(params.kind, row, t + i * stride, params.radix * stride, params.rows);
        }
        slots[e] = vec2<real>(value.x, params.sign_in * value.y);
    }

    transform_slots(thread, count, params.shift, params.radix, params.radices, 0u);

    for (var e = thread; e < count; e += THREADS) {
        var j: u32;
        var c: u32;
        if params.along_bins == 1u {
            j = e % params.radix;
            c = e / params.radix;
        } else {
            let deep = e >> params.shift;
            j = deep % params.radix;
            c = ((deep / params.radix) << params.shift) + (e & lane);
        }
        let column = first + c;
        if column < params.columns {
            let row = column / stride;
            let t = column - row * stride;
            let p = t / params.step;
            let q = t - p * params.step;
            var value = slots[((((c >> params.shift) * params.radix) + places[j]) << params.shift) + (c & lane)];
            if params.part > 1u {
                value = times(value, twiddles[params.radix - 1u + j * params.part + p]);
            }
            y[row * params.radix * stride + (p * params.radix + j) * params.step + q] = vec2<real>(params.scale_re, params.scale_im) * value;
        }
    }
}
