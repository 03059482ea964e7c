// Bins of a row's spectrum out of complex transforms that hold real rows in a packed form.
//
// The user declares `twiddles` and `fn transformed(row: u32, k: u32) -> vec2<real>`, the transform Z of complex row `row`:
//   FULL   row = real or complex row: X = Z
//   HALVES z[k] = x[2k] + i x[2k+1], of n / 2 = m:  X[k] = E[k] + w^k O[k], E = (Z[k] + Z*[m-k]) / 2, O = (Z[k] - Z*[m-k]) / 2i
//   PAIRED z = x1 + i x2 of two rows of n: X1[k] = (Z[k] + Z*[n-k]) / 2, X2[k] = (Z[k] - Z*[n-k]) / 2i
// w^k = exp(-2 pi i k / n), k = 0..=m, starts at `table` in `twiddles`.

#import complex

const FULL = 0u;
const HALVES = 1u;
const PAIRED = 2u;

// One of these.
override packing: u32 = 0u;

// Bin `k` of 0..n of row `row`.
fn bin(row: u32, k: u32, n: u32, table: u32) -> vec2<real> {
    if packing == FULL {
        return transformed(row, k);
    }
    if packing == HALVES {
        let m = n / 2u;
        if k > m {
            return complex_conj(bin_of_halves(row, n - k, m, table));
        }
        return bin_of_halves(row, k, m, table);
    }
    let a = transformed(row / 2u, k);
    let b = transformed(row / 2u, select(n - k, 0u, k == 0u));
    if (row & 1u) == 0u {
        return real(0.5) * vec2<real>(a.x + b.x, a.y - b.y);
    }
    return real(0.5) * vec2<real>(a.y + b.y, b.x - a.x);
}

fn bin_of_halves(row: u32, k: u32, m: u32, table: u32) -> vec2<real> {
    let a = transformed(row, select(k, 0u, k == m));
    let b = transformed(row, select(m - k, 0u, k == 0u));
    let even = real(0.5) * vec2<real>(a.x + b.x, a.y - b.y);
    let odd = real(0.5) * vec2<real>(a.y + b.y, b.x - a.x);
    return even + complex_mul(odd, twiddles[table + k]);
}
