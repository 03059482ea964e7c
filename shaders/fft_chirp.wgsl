// Rows times a table, cut or padded with zeros: the three products of Bluestein's transform.
//
// y[row, k, q] = x[row, k, q] * factors[k] for k < kept, 0 for kept <= k < len_out; x rows hold len_in * step numbers, y rows
// len_out * step, q = 0..step lies behind the axis. The first product may read real rows. One thread computes one element.

#import grid
#import complex
#import fft_load

// 1 to write conjugates of the result.
override conjugate_out: u32 = 0u;

struct Params {
    // Complex rows.
    rows: u32,
    // Rows of `x`.
    rows_in: u32,
    len_in: u32,
    len_out: u32,
    kept: u32,
    step: u32,
    // Where the factors start.
    table: u32,
    // What the result is divided by.
    divisor: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> factors: array<vec2<real>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let e = thread_index(id, count, thread);
    let size = params.len_out * params.step;
    if e < params.rows * size {
        let row = e / size;
        let within = e - row * size;
        let k = within / params.step;
        var value = vec2<real>(0.0, 0.0);
        if k < params.kept {
            let product = complex_mul(load_input(row, within, params.len_in * params.step, params.rows_in), factors[params.table + k]);
            value = select(product, complex_conj(product), conjugate_out == 1u) / real(params.divisor);
        }
        y[e] = value;
    }
}
