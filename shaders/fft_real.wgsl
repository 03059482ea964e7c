// Full spectra of real rows, each in one workgroup.
//
// x: (rows, n) real; y: (rows, n) complex, y[k] = sum_j x[j] exp(-2 pi i j k / n). Rows of even n are transformed as n / 2
// complex numbers, rows of odd n in pairs; `import/fft_bins.wgsl` has the formulas.
//
// One workgroup: `groups` transforms of `length` points, as many slots of workgroup memory. `places[j]` is where bin j lies
// after the stages. `twiddles`: those of the stages, then exp(-2 pi i k / n), k = 0..=n/2.

#import grid
#import fft_load
#import fft_stages
#import fft_bins

struct Params {
    rows: u32,
    n: u32,
    kind: u32,
    packing: u32,
    length: u32,
    radices: u32,
    groups: u32,
    /// Rows of `x` in a transform.
    rows_each: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<real>;
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<real>>;
@group(0) @binding(3) var<storage, read> places: array<u32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec2<real>>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) grid: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first = (group.x + group.y * grid.x) * params.groups;
    let count = params.groups * params.length;

    for (var e = thread; e < count; e += THREADS) {
        let row = first + e / params.length;
        var value = vec2<real>(0.0, 0.0);
        if row * params.rows_each < params.rows {
            value = load_input(params.kind, row, e % params.length, params.length, params.rows);
        }
        slots[e] = value;
    }

    transform_slots(thread, count, 0u, params.length, params.radices, 0u);

    for (var e = thread; e < params.groups * params.rows_each * params.n; e += THREADS) {
        let local = e / params.n;
        let k = e - local * params.n;
        let row = first * params.rows_each + local;
        if row < params.rows {
            y[row * params.n + k] = bin(params.packing, local, k, params.n, params.length - 1u);
        }
    }
}

fn transformed(row: u32, k: u32) -> vec2<real> {
    return slots[row * params.length + places[k]];
}
