// Rows of the input `x` as rows of complex numbers. The user declares `x`, an array of reals.

#import complex

const COMPLEX = 0u; // pairs of reals, also the halves of real rows: x[2k] + i x[2k+1]
const REAL = 1u; // imaginary parts are 0
const PAIRS = 2u; // x[2 row] + i x[2 row + 1]: two real rows to a complex one

// One of these.
override input_kind: u32 = 0u;
// 1 to take conjugates.
override conjugate_in: u32 = 0u;

// Element `k` of complex row `row`, of `len` complex elements; `rows` counts rows of `x`.
fn load_input(row: u32, k: u32, len: u32, rows: u32) -> vec2<real> {
    let value = load_plain(row, k, len, rows);
    return select(value, complex_conj(value), conjugate_in == 1u);
}

fn load_plain(row: u32, k: u32, len: u32, rows: u32) -> vec2<real> {
    if input_kind == REAL {
        return vec2<real>(x[row * len + k], real(0.0));
    }
    if input_kind == PAIRS {
        let first = 2u * row * len + k;
        if 2u * row + 1u < rows {
            return vec2<real>(x[first], x[first + len]);
        }
        return vec2<real>(x[first], real(0.0));
    }
    let first = 2u * (row * len + k);
    return vec2<real>(x[first], x[first + 1u]);
}
