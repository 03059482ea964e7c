// Sums up to and with each item along rows, a segment at a time: y[r, t] = item(r, s) summed over s from the segment's beginning up to t.
//
// Inputs: row-major; y: rows x length. One workgroup: one segment of `threads` runs of 8 items. A thread sums its run, then rounds of
// sums twice as far join the runs, so that an item is added a logarithmic number of times. Shared memory: a segment and twice `threads`
// items. What follows the last line of this frame is generated for each rule, as for map.wgsl; here items are samples of a.

#import grid
#import complex
#import number

const RUN = 8u;

struct Params {
    numbers: array<vec4<real>, NUMBERS>,
    words: array<vec4<u32>, WORDS>,
    // Rows and columns of a and b, c and d, y.
    shapes: array<vec4<u32>, 3>,
}

@group(0) @binding(0) var<uniform> params: Params;

var<workgroup> items: array<Y, threads * RUN>;
var<workgroup> even: array<Y, threads>;
var<workgroup> odd: array<Y, threads>;

@compute @workgroup_size(threads)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let index = workgroup_index(group, groups);
    let segment = threads * RUN;
    let segments = (cols() + segment - 1u) / segment;
    let row = index / segments;
    let first = index % segments * segment;
    for (var k = local; k < segment; k += threads) {
        var value = Y();
        if row < rows() && first + k < cols() {
            value = item(row, first + k);
        }
        items[k] = value;
    }
    workgroupBarrier();
    var sum = Y();
    for (var k = 0u; k < RUN; k++) {
        sum += items[local * RUN + k];
        items[local * RUN + k] = sum;
    }
    even[local] = sum;
    workgroupBarrier();
    var round = 0u;
    for (var width = 1u; width < threads; width *= 2u) {
        if round % 2u == 0u {
            odd[local] = even[local];
            if local >= width {
                odd[local] += even[local - width];
            }
        } else {
            even[local] = odd[local];
            if local >= width {
                even[local] += odd[local - width];
            }
        }
        workgroupBarrier();
        round += 1u;
    }
    for (var k = local; k < segment; k += threads) {
        if row < rows() && first + k < cols() {
            var result = items[k];
            let run = k / RUN;
            if run > 0u && round % 2u == 0u {
                result += even[run - 1u];
            } else if run > 0u {
                result += odd[run - 1u];
            }
            y[row * cols() + first + k] = result;
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
fn item(i: u32, j: u32) -> Y { return a_data[i * params.shapes[0].y + j]; }
