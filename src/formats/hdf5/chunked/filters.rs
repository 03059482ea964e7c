//! What was done to a chunk before it was stored, undone: deflate, LZF, the shuffle of bytes, and the checksum of Fletcher.

use hdf5::filters::Filter as Stored;
use libdeflater::Decompressor;

/// A step that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Deflate,
    Lzf,
    Shuffle,
    Fletcher32,
}

/// Bytes of a checksum.
const CHECKSUM: usize = 4;
/// No byte of deflate, and none of LZF, gives more than this.
const MOST_PER_BYTE: usize = 1032;

/// What a chunk holds instead of samples.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

impl Damage {
    pub fn new(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            found: found.into(),
            expected: expected.into(),
        }
    }
}

/// The filters of a dataset, in the order in which they were applied.
#[derive(Debug)]
pub struct Filters {
    steps: Vec<Filter>,
    /// Bytes of a sample, by which they are shuffled.
    element: usize,
}

impl Filters {
    /// `None` where one of them is not known here, two of them pack, or there is none.
    pub fn of(filters: &[Stored], element: usize) -> Option<Self> {
        let steps = filters.iter().map(|filter| match filter {
            Stored::Deflate(_) => Some(Filter::Deflate),
            Stored::LZF => Some(Filter::Lzf),
            Stored::Shuffle => Some(Filter::Shuffle),
            Stored::Fletcher32 => Some(Filter::Fletcher32),
            _ => None,
        });
        let steps: Vec<_> = steps.collect::<Option<_>>()?;
        // Of bytes that are packed twice nobody says how many there are in between.
        let packs = |step: &&Filter| matches!(step, Filter::Deflate | Filter::Lzf);
        let known = !steps.is_empty() && steps.iter().filter(packs).count() < 2;
        known.then_some(Self { steps, element })
    }

    /// Turns the stored bytes in `bytes` into the `size` bytes of a chunk, by way of `spare`. Bit k of `skipped` says that filter k
    /// was not applied.
    pub fn undo(
        &self,
        skipped: u32,
        size: usize,
        bytes: &mut Vec<u8>,
        spare: &mut Vec<u8>,
    ) -> Result<(), Damage> {
        let applied = |k: &usize| *k < 32 && skipped & (1 << k) == 0;
        let steps: Vec<usize> = (0..self.steps.len()).filter(applied).collect();
        self.check(&steps, size, bytes.len())?;
        for (n, &k) in steps.iter().enumerate().rev() {
            let checksums = steps[..n].iter().map(|k| self.steps[*k]);
            let checksums = checksums.filter(|step| *step == Filter::Fletcher32);
            let size = size + CHECKSUM * checksums.count();
            match self.steps[k] {
                Filter::Fletcher32 => verify(bytes)?,
                Filter::Shuffle => {
                    sized(spare, bytes.len())?;
                    unshuffle(bytes, spare, self.element);
                    std::mem::swap(bytes, spare);
                }
                Filter::Deflate => {
                    sized(spare, size)?;
                    inflate(bytes, spare)?;
                    std::mem::swap(bytes, spare);
                }
                Filter::Lzf => {
                    sized(spare, size)?;
                    let written = unpack(bytes, spare);
                    if written != Some(size) {
                        return Err(Damage::new("LZF that does not decode", of(size)));
                    }
                    std::mem::swap(bytes, spare);
                }
            }
        }
        if bytes.len() == size {
            Ok(())
        } else {
            Err(Damage::new(format!("{} bytes", bytes.len()), of(size)))
        }
    }

    /// The size of a chunk is what the header says: no memory is taken for it that so few stored bytes cannot fill.
    fn check(&self, steps: &[usize], size: usize, stored: usize) -> Result<(), Damage> {
        let packed = |k: &&usize| matches!(self.steps[**k], Filter::Deflate | Filter::Lzf);
        let most = steps.iter().filter(packed).fold(stored, |most, _| {
            most.saturating_mul(MOST_PER_BYTE).saturating_add(1 << 10)
        });
        if size <= most {
            return Ok(());
        }
        Err(Damage::new(format!("{stored} stored bytes"), of(size)))
    }
}

fn of(size: usize) -> String {
    format!("a chunk of {size} bytes")
}

/// Gives a buffer a size; what it holds is overwritten anyway.
pub fn sized(buffer: &mut Vec<u8>, size: usize) -> Result<(), Damage> {
    let more = size.saturating_sub(buffer.len());
    if buffer.try_reserve(more).is_err() {
        return Err(Damage::new(of(size), "one that fits into memory"));
    }
    buffer.resize(size, 0);
    Ok(())
}

fn inflate(packed: &[u8], dst: &mut [u8]) -> Result<(), Damage> {
    match Decompressor::new().zlib_decompress(packed, dst) {
        Ok(written) if written == dst.len() => Ok(()),
        Ok(written) => Err(Damage::new(
            format!("{written} deflated bytes"),
            of(dst.len()),
        )),
        // What libdeflate says is that the bytes are wrong.
        Err(_) => Err(Damage::new(
            "deflated bytes that do not decode",
            of(dst.len()),
        )),
    }
}

/// Bytes of equal weight lie together; those that fill no element follow as they were.
fn unshuffle(planes: &[u8], dst: &mut [u8], element: usize) {
    match element {
        2 => interleave::<2>(planes, dst),
        4 => interleave::<4>(planes, dst),
        8 => interleave::<8>(planes, dst),
        _ => dst.copy_from_slice(planes),
    }
}

fn interleave<const N: usize>(planes: &[u8], dst: &mut [u8]) {
    let count = planes.len() / N;
    let (dst, rest) = dst.split_at_mut(count * N);
    rest.copy_from_slice(&planes[count * N..]);
    let planes: [&[u8]; N] = std::array::from_fn(|n| &planes[n * count..(n + 1) * count]);
    for (k, sample) in dst.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        *sample = std::array::from_fn(|n| planes[n][k]);
    }
}

/// Takes the checksum off, which is little-endian. The library's versions before 1.6.3 swapped its bytes in pairs.
fn verify(bytes: &mut Vec<u8>) -> Result<(), Damage> {
    let at = bytes.len().checked_sub(CHECKSUM);
    let short = || Damage::new(format!("{} bytes", bytes.len()), "a checksum");
    let at = at.ok_or_else(short)?;
    let stored = bytes[at..].first_chunk().expect("four bytes are left");
    let stored = u32::from_le_bytes(*stored);
    let sum = fletcher(&bytes[..at]);
    let swapped = (sum & 0x00ff_00ff) << 8 | (sum >> 8) & 0x00ff_00ff;
    if stored != sum && stored != swapped {
        let found = format!("bytes whose checksum is {sum:08x}");
        return Err(Damage::new(found, format!("{stored:08x}, as is stored")));
    }
    bytes.truncate(at);
    Ok(())
}

/// Fletcher's sum of big-endian words; an odd byte at the end is a word's upper half.
fn fletcher(bytes: &[u8]) -> u32 {
    // Words that the second sum holds without overflow.
    const WORDS: usize = 360;
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0_u32, 0_u32);
    for block in bytes.chunks(2 * WORDS) {
        for word in block.chunks(2) {
            let low = word.get(1).copied().unwrap_or(0);
            first += u32::from(word[0]) << 8 | u32::from(low);
            second += first;
        }
        (first, second) = (fold(first), fold(second));
    }
    (first, second) = (fold(first), fold(second));
    second << 16 | first
}

/// LZF: runs of bytes as they are (length less one in a byte below 32), and copies of earlier ones (length less two in the upper
/// three bits, or behind them where those are all set; distance less one in the other five and a byte). Gives what was written;
/// `None` where that is no LZF, or too much.
fn unpack(mut packed: &[u8], dst: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    while let Some((&control, rest)) = packed.split_first() {
        if control < 32 {
            let length = usize::from(control) + 1;
            let (run, rest) = rest.split_at_checked(length)?;
            dst.get_mut(at..at + length)?.copy_from_slice(run);
            at += length;
            packed = rest;
            continue;
        }
        let mut length = usize::from(control >> 5) + 2;
        packed = rest;
        let mut next = || {
            let (&byte, rest) = packed.split_first()?;
            packed = rest;
            Some(usize::from(byte))
        };
        if length == 9 {
            length += next()?;
        }
        let distance = (usize::from(control & 31) << 8 | next()?) + 1;
        let from = at.checked_sub(distance)?;
        let window = dst.get_mut(from..at + length)?;
        // Source and copy may overlap: what is copied first is copied again.
        for k in distance..window.len() {
            window[k] = window[k - distance];
        }
        at += length;
    }
    Some(at)
}
