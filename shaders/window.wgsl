// Folds over sliding windows along rows, in workgroup memory: y[r, t] joins the `length` items from `t - before` on.
//
// x, y: rows x cols. One workgroup: `segment` results of one row. Results of windows twice as long are made of two in each round, so that
// an item is joined with the logarithm of the window's length; sums of any length are put together from those of powers of two.
// Shared memory: twice `extent` items, and for sums `segment` items. What follows the last line of this frame is generated; here items
// are samples of a, and they are added.

#import grid
#import complex
#import number

override extent: u32 = 1u;
override kept: u32 = 1u;

struct Params {
    numbers: array<vec4<real>, NUMBERS>,
    // Length, before, segment and segments of a row.
    words: array<vec4<u32>, WORDS>,
    // Rows and columns of a and b, c and d, y.
    shapes: array<vec4<u32>, 3>,
}

@group(0) @binding(0) var<uniform> params: Params;

var<workgroup> even: array<Y, extent>;
var<workgroup> odd: array<Y, extent>;
var<workgroup> begun: array<Y, kept>;

// The result of the window that begins at `k`, in the round's buffer.
fn present(k: u32, round: u32) -> Y {
    if round % 2u == 0u {
        return even[k];
    }
    return odd[k];
}

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let length = params.words[0].x;
    let before = params.words[0].y;
    let segment = params.words[0].z;
    let segments = params.words[0].w;
    let index = workgroup_index(group, groups);
    let row = index / segments;
    let first = index % segments * segment;
    for (var k = local; k < extent; k += threads) {
        var value = Y();
        if row < rows() {
            value = item(row, i32(first + k) - i32(before));
        }
        even[k] = value;
    }
    workgroupBarrier();
    var round = 0u;
    var width = 1u;
    var done = 0u;
    for (; 2u * width <= length; width *= 2u) {
        if SUMS && (length & width) != 0u {
            for (var t = local; t < segment; t += threads) {
                var sum = present(t + done, round);
                if done > 0u {
                    sum = join(begun[t], sum);
                }
                begun[t] = sum;
            }
            done += width;
        }
        for (var k = local; k < extent; k += threads) {
            let joined = join(present(k, round), present(min(k + width, extent - 1u), round));
            if round % 2u == 0u {
                odd[k] = joined;
            } else {
                even[k] = joined;
            }
        }
        workgroupBarrier();
        round += 1u;
    }
    for (var t = local; t < segment; t += threads) {
        if row < rows() && first + t < cols() {
            var result = present(t, round);
            if SUMS {
                result = present(t + done, round);
                if done > 0u {
                    result = join(begun[t], result);
                }
            } else {
                // Two windows that overlap make a longer one: an extreme may be seen twice.
                result = join(result, present(t + length - width, round));
            }
            y[row * cols() + first + t] = result;
        }
    }
}

// Generated:
const NUMBERS = 1u;
const WORDS = 1u;
alias A = real;
alias Y = real;
@group(0) @binding(1) var<storage, read> a_data: array<A>;
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
fn rows() -> u32 { return params.shapes[2].x; }
fn cols() -> u32 { return params.shapes[2].y; }
const SUMS = true;
fn item(i: u32, t: i32) -> Y { return a_data[i * params.shapes[0].y + u32(max(t, 0))]; }
fn join(p: Y, q: Y) -> Y { return p + q; }
