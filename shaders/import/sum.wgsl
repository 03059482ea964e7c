// Sum of one value per thread of a workgroup, by a tree: the order is fixed, so results repeat bit by bit.
//
// Takes threads * 4 bytes of workgroup memory (8 in double precision). Holds barriers: call it in uniform control flow.

#import grid

var<workgroup> sum_parts: array<real, threads>;

// The sum, for every thread.
fn sum_workgroup(value: real, local: u32) -> real {
    sum_parts[local] = value;
    workgroupBarrier();
    for (var width = threads; width > 1u; ) {
        // Halves of odd widths: the middle one stays.
        let half = (width + 1u) / 2u;
        if local + half < width {
            sum_parts[local] += sum_parts[local + half];
        }
        workgroupBarrier();
        width = half;
    }
    let total = sum_parts[0];
    workgroupBarrier();
    return total;
}
