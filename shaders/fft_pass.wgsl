// One pass of a complex Fourier transform: DFTs of LENGTH points, out of LENGTH * PART that are left to combine.
//
// Stockham's order: with L = LENGTH * PART, STEP the product of earlier lengths (times the length behind the axis), and
// column t = p STEP + q of 0..PART STEP,
//     y[(p LENGTH + j) STEP + q] = w(L)^(p j)  sum_i x[t + i PART STEP] w(LENGTH)^(i j),    w(n) = exp(-2 pi i / n)
// A transform is complete when the lengths of its passes have its own as product. Layout: rows of LENGTH * PART * STEP complex
// numbers; the first pass may read real ones. A conjugate at both ends makes the inverse.
//
// One workgroup: SLOTS / LENGTH columns, counted over all rows, SLOTS complex numbers of workgroup memory. `places[j]` is where
// bin j lies after the stages. `twiddles`: those of the stages, then w(L)^(p j), p = 0..PART, in a row per j.

#import grid
#import fft_load
#import fft_stages

override PART: u32 = 1u;
override STEP: u32 = 1u;

struct Params {
    /// Columns over all rows.
    columns: u32,
    /// Rows of `x`.
    rows: u32,
    /// Factors: of imaginary parts read, of real and of imaginary parts written.
    sign_in: real,
    scale_re: real,
    scale_im: real,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = (group.x + group.y * grid.x) * (SLOTS / LENGTH);
    let stride = PART * STEP;
    let lane = (1u << SHIFT) - 1u;

    for (var e = thread; e < SLOTS; e += THREADS) {
        let deep = e >> SHIFT;
        let column = first + ((deep / LENGTH) << SHIFT) + (e & lane);
        var value = vec2<real>(0.0, 0.0);
        if column < params.columns {
            value = load_input(column / stride, column % stride + deep % LENGTH * stride, LENGTH * stride, params.rows);
        }
        slots[e] = vec2<real>(value.x, params.sign_in * value.y);
    }

    transform_slots(thread);

    for (var e = thread; e < SLOTS; e += THREADS) {
        // Columns lie STEP apart in the result: neighbouring threads write neighbours.
        var j = e % LENGTH;
        var c = e / LENGTH;
        if STEP >= 4u {
            let deep = e >> SHIFT;
            j = deep % LENGTH;
            c = ((deep / LENGTH) << SHIFT) + (e & lane);
        }
        let column = first + c;
        if column < params.columns {
            let t = column % stride;
            let p = t / STEP;
            var value = slots[(((c >> SHIFT) * LENGTH + places[j]) << SHIFT) + (c & lane)];
            if PART > 1u {
                value = times(value, twiddles[LENGTH - 1u + j * PART + p]);
            }
            let row = (column - t) * LENGTH;
            y[row + (p * LENGTH + j) * STEP + t % STEP] = vec2<real>(params.scale_re, params.scale_im) * value;
        }
    }
}
