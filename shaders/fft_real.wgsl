// Full spectra of real rows, each in one workgroup.
//
// x: (rows, n) real; y: (rows, n) complex, y[k] = sum_j x[j] exp(-2 pi i j k / n). Rows of even n are transformed as n / 2
// complex numbers, rows of odd n in pairs; `import/fft_bins.wgsl` has the formulas.
//
// One workgroup: `slot_count` / `points` transforms, in `slot_count` complex numbers of workgroup memory.

#import grid
#import fft_row

struct Params {
    rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = workgroup_index(id, count) * rows_here();
    transform_rows(thread, first, params.rows);

    let n = row_length();
    for (var e = thread; e < rows_here() * n; e += threads) {
        let local = e / n;
        if first + local < params.rows {
            y[first * n + e] = bin_here(local, e - local * n);
        }
    }
}
