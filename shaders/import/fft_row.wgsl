// Whole real rows in workgroup memory: `slot_count` / `points` transforms of packed rows, and the bins out of them.
//
// The user declares `x` (rows of n reals), `twiddles` (those of the stages, then exp(-2 pi i k / n), k = 0..=n/2) and `places`
// (where each bin lies after the stages).

#import fft_load
#import fft_stages
#import fft_bins

// Length of the rows.
fn row_length() -> u32 {
    return select(2u * points, points, packing == PAIRED);
}

// Rows in a transform.
fn rows_each() -> u32 {
    return select(1u, 2u, packing == PAIRED);
}

// Rows in a workgroup.
fn rows_here() -> u32 {
    return slot_count / points * rows_each();
}

// Transforms the rows from `first` on; zeros beyond `rows`.
fn transform_rows(thread: u32, first: u32, rows: u32) {
    for (var e = thread; e < slot_count; e += threads) {
        let row = first / rows_each() + e / points;
        var value = vec2<real>(0.0, 0.0);
        if row * rows_each() < rows {
            value = load_input(row, e % points, points, rows);
        }
        slots[e] = value;
    }
    transform_slots(thread);
}

// Bin `k` of a row of this workgroup.
fn bin_here(row: u32, k: u32) -> vec2<real> {
    return bin(row, k, row_length(), points - 1u);
}

fn transformed(row: u32, k: u32) -> vec2<real> {
    return slots[row * points + places[k]];
}
