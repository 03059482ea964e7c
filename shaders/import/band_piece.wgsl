// Power summed over a range of bins. The user declares `fn power(row: u32, k: u32) -> real`.

// Sum over `start..end`, in blocks of 32.
fn power_of_piece(row: u32, start: u32, end: u32) -> real {
    var total = real(0.0);
    for (var block = start; block < end; block += 32u) {
        var sum = real(0.0);
        for (var k = block; k < min(block + 32u, end); k += 1u) {
            sum += power(row, k);
        }
        total += sum;
    }
    return total;
}
