// One pass of a complex Fourier transform: DFTs of P = `points`, out of P * `parts` that are left to combine.
//
// Stockham's order: with L = P `parts`, S = `pass_step` the product of earlier lengths (times the length behind the axis), and
// column t = p S + q of 0..`parts` S,
//     y[(p P + j) S + q] = w(L)^(p j)  sum_i x[t + i `parts` S] w(P)^(i j),    w(n) = exp(-2 pi i / n)
// A transform is complete when the lengths of its passes have its own as product. Layout: rows of P * `parts` * S complex
// numbers; the first pass may read real ones. A conjugate at both ends makes the inverse.
//
// One workgroup: `slot_count` / P columns, counted over all rows, in `slot_count` complex numbers of workgroup memory.
// `places[j]` is where bin j lies after the stages. `twiddles`: those of the stages, then w(L)^(p j), j = 0..P, a row per p.

#import grid
#import fft_load
#import fft_stages

override parts: u32 = 1u;
override pass_step: u32 = 1u;
// 1 to write conjugates of the result.
override conjugate_out: u32 = 0u;

struct Params {
    // Columns over all rows.
    columns: u32,
    // Rows of `x`.
    rows: u32,
    // What the result is divided by.
    divisor: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = workgroup_index(id, count) * (slot_count / points);
    let stride = parts * pass_step;
    let lane = (1u << shift) - 1u;

    for (var e = thread; e < slot_count; e += threads) {
        let deep = e >> shift;
        let column = first + ((deep / points) << shift) + (e & lane);
        var value = vec2<real>(0.0, 0.0);
        if column < params.columns {
            value = load_input(column / stride, column % stride + deep % points * stride, points * stride, params.rows);
        }
        slots[e] = value;
    }

    transform_slots(thread);

    for (var e = thread; e < slot_count; e += threads) {
        // Columns lie pass_step apart in the result: neighbouring threads write neighbours.
        var j = e % points;
        var c = e / points;
        if pass_step >= 4u {
            let deep = e >> shift;
            j = deep % points;
            c = ((deep / points) << shift) + (e & lane);
        }
        let column = first + c;
        if column < params.columns {
            let t = column % stride;
            let p = t / pass_step;
            var value = slots[(((c >> shift) * points + places[j]) << shift) + (c & lane)];
            if parts > 1u {
                value = complex_mul(value, twiddles[points - 1u + p * points + j]);
            }
            let row = (column - t) * points;
            y[row + (p * points + j) * pass_step + t % pass_step] = select(value, complex_conj(value), conjugate_out == 1u) / real(params.divisor);
        }
    }
}
