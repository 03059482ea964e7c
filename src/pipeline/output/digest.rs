//! Short hashes by which a file that is whole is told from one that a power failure or a disk damaged.

use std::fs::File;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::store;

/// Bytes of a block.
const BLOCK: u64 = 4096;
/// Blocks of a file that is longer: the first, the last, and others evenly between.
const BLOCKS: u64 = 8;
/// Hexadecimal digits of a hash.
const DIGITS: usize = 16;

/// The hash of a file's size and of blocks of it; of all bytes where it is no longer than these blocks. `read` fills a buffer from
/// an offset on.
///
/// # Errors
/// Those of `read`.
fn sampled(
    length: u64,
    mut read: impl FnMut(&mut [u8], u64) -> io::Result<()>,
) -> io::Result<String> {
    let mut hash = Sha256::new();
    hash.update(length.to_le_bytes());
    let mut block = [0; BLOCK as usize];
    let last = length.saturating_sub(BLOCK);
    let whole = length <= BLOCK * BLOCKS;
    let count = match whole {
        true => length.div_ceil(BLOCK),
        false => BLOCKS,
    };
    for k in 0..count {
        let at = match whole {
            true => k * BLOCK,
            // 128 bits, as the product may not fit 64.
            false => (u128::from(last) * u128::from(k) / u128::from(BLOCKS - 1)) as u64,
        };
        let block = &mut block[..(length - at).min(BLOCK) as usize];
        read(block, at)?;
        hash.update(&*block);
    }
    let digest = hash.finalize();
    let mut digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(DIGITS);
    Ok(digits)
}

/// The hash of all bytes of a file, 64 digits of SHA-256, from its beginning.
///
/// # Errors
/// When it cannot be read.
fn whole(file: &File) -> io::Result<String> {
    let mut hash = Sha256::new();
    let (length, mut at) = (file.metadata()?.len(), 0);
    let mut buffer = vec![0; 1 << 20];
    while at < length {
        let piece = (length - at).min(buffer.len() as u64) as usize;
        store::read_exact_at(file, &mut buffer[..piece], at)?;
        hash.update(&buffer[..piece]);
        at += piece as u64;
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The hash of an open file: of all bytes, or as [`sampled`] has it.
///
/// # Errors
/// When it cannot be read.
pub fn of(file: &File, all: bool) -> io::Result<String> {
    match all {
        true => whole(file),
        false => sampled(file.metadata()?.len(), |block, at| {
            store::read_exact_at(file, block, at)
        }),
    }
}

/// True if a file has a hash of either kind.
///
/// # Errors
/// When it cannot be read.
pub fn has(path: &Path, hash: &str) -> io::Result<bool> {
    Ok(of(&store::open(path)?, hash.len() > DIGITS)? == hash)
}

/// The hash of bytes, as [`sampled`] has it.
#[cfg(test)]
fn of_bytes(bytes: &[u8]) -> String {
    let read = |block: &mut [u8], at: u64| {
        let at = at as usize;
        block.copy_from_slice(&bytes[at..at + block.len()]);
        Ok(())
    };
    sampled(bytes.len() as u64, read).expect("memory can be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each length has all of its bytes in the hash, or the blocks that are promised.
    #[test]
    fn any_damage_of_a_block_is_seen() {
        for length in [0_usize, 1, 4095, 4096, 4097, 32768, 32769, 100_000] {
            let bytes: Vec<u8> = (0..length).map(|k| (k % 251) as u8).collect();
            let hash = of_bytes(&bytes);
            assert_eq!(hash.len(), DIGITS);
            let step = if length <= 32768 { 1000 } else { 4096 };
            let seen = [0, length.saturating_sub(1)].into_iter().chain(
                (0..length.min(32768))
                    .step_by(step)
                    .take(usize::from(length <= 32768) * 40),
            );
            for at in seen.filter(|&at| at < length) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1;
                assert_ne!(of_bytes(&damaged), hash, "byte {at} of {length}");
            }
            let zeros = vec![0; length];
            assert_eq!(of_bytes(&zeros) == hash, length <= 1, "zeros of {length}");
            let mut longer = bytes.clone();
            longer.push(0);
            assert_ne!(of_bytes(&longer), hash, "one byte more than {length}");
        }
    }

    #[test]
    fn a_file_has_the_hash_of_its_bytes() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let bytes: Vec<u8> = (0..70_000_u32).map(|k| (k % 253) as u8).collect();
        std::fs::write(file.path(), &bytes).expect("it is written");
        assert!(has(file.path(), &of_bytes(&bytes)).expect("it is read"));
        let all = of(file.as_file(), true).expect("it is read");
        assert_eq!(all.len(), 64);
        assert!(has(file.path(), &all).expect("it is read"));
        // A byte between the blocks.
        let mut other = bytes.clone();
        other[5000] ^= 1;
        std::fs::write(file.path(), &other).expect("it is written");
        assert!(has(file.path(), &of_bytes(&bytes)).expect("it is read"));
        assert!(!has(file.path(), &all).expect("it is read"));
    }
}
