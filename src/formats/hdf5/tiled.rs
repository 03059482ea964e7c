//! Writing arrays in tiles, with every write checked.
//!
//! The HDF5 library does not report every error of a write: some end the process, some leave wrong arrays. So the library only
//! makes the structure of a file, in memory: groups, attributes, and datasets without samples. This module writes that image, the
//! tiles, and the B-trees that index them. The file is then read back before its caller gives it its final name.
//!
//! The formats are from the HDF5 File Format Specification 3.0: superblock II.A, B-trees III.A.1, object headers IV.A.1.a, layout
//! messages IV.A.2.i.

use std::ffi::CString;
use std::fs::File as Plain;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use hdf5::File;
use hdf5::file::LibraryVersion;
use libdeflater::{CompressionLvl, Compressor, Crc};
use rayon::prelude::*;

use crate::formats::FormatError;

/// zlib's own default is 6, which is half as fast and hardly smaller.
pub(super) const LEVEL: u8 = 4;
/// Children of a full node: twice the library's default for indices of chunks.
const CHILDREN: usize = 64;
/// An address that is none.
const UNDEFINED: u64 = u64::MAX;
/// Places in a superblock of version 0, whose addresses have 8 bytes.
const END_OF_FILE: usize = 40;
/// Bytes that are read back at a time.
const BLOCK: usize = 1 << 20;

/// An array in tiles.
#[derive(Debug, Clone)]
pub(super) struct Array {
    /// The path of its dataset.
    pub name: String,
    pub shape: Vec<usize>,
    /// Lengths of a tile, none of which is 0.
    pub tile: Vec<usize>,
    /// Bytes of a sample.
    pub element: usize,
    /// True for the filters shuffle and deflate, false for none.
    pub packed: bool,
}

impl Array {
    /// Bytes of one index of the first dimension.
    fn row(&self) -> usize {
        self.shape[1..].iter().product::<usize>() * self.element
    }

    /// Tiles along each dimension.
    fn grid(&self) -> Vec<usize> {
        let pairs = self.shape.iter().zip(&self.tile);
        pairs.map(|(n, tile)| n.div_ceil(*tile)).collect()
    }

    /// Tiles with the same indices of the first dimension.
    fn tiles_of_a_row(&self) -> usize {
        self.grid()[1..].iter().product()
    }

    /// The place of a tile in the grid; tiles are numbered with the last dimension first.
    fn position(&self, number: usize) -> Vec<usize> {
        let grid = self.grid();
        let mut position = vec![0; grid.len()];
        let mut rest = number;
        for k in (0..grid.len()).rev() {
            position[k] = rest % grid[k];
            rest /= grid[k];
        }
        position
    }

    /// The samples of a tile, with zeros beyond the array. `rows` has the rows of the array from `from` on.
    fn gather(&self, rows: &[u8], from: usize, number: usize) -> Vec<u8> {
        let dims = self.shape.len();
        let first: Vec<usize> = self
            .position(number)
            .iter()
            .zip(&self.tile)
            .map(|(at, tile)| at * tile)
            .collect();
        let mut known = self.shape.clone();
        known[0] = from + rows.len() / self.row().max(1);
        let mut tile = vec![0; self.tile.iter().product::<usize>() * self.element];
        let last = dims - 1;
        let length = self.tile[last].min(known[last].saturating_sub(first[last])) * self.element;
        let lines: usize = self.tile[..last].iter().product();
        for (line, dst) in (0..lines).zip(tile.chunks_exact_mut(self.tile[last] * self.element)) {
            let (mut rest, mut src, mut stride, mut inside) = (line, first[last], 1, true);
            for k in (0..last).rev() {
                stride *= self.shape[k + 1];
                let at = first[k] + rest % self.tile[k];
                rest /= self.tile[k];
                inside &= at < known[k];
                src += stride * if k == 0 { at.saturating_sub(from) } else { at };
            }
            if last == 0 {
                src -= from;
            }
            if inside {
                let src = src * self.element;
                dst[..length].copy_from_slice(&rows[src..src + length]);
            }
        }
        tile
    }

    /// A key of the index: the tile's bytes and its first sample, or the end of the index.
    fn key(&self, number: usize, bytes: u32, is_end: bool) -> Vec<u8> {
        let scale = self.tile.iter().chain([&self.element]);
        let position = self.position(number).into_iter().chain([0]);
        let offsets = position.zip(scale).flat_map(|(at, scale)| {
            let at = at + usize::from(is_end);
            ((at * scale) as u64).to_le_bytes()
        });
        let mask = 0_u32;
        let head = [bytes.to_le_bytes(), mask.to_le_bytes()].concat();
        head.into_iter().chain(offsets).collect()
    }
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct TileWriter {
    path: PathBuf,
    file: Plain,
    image: Vec<u8>,
    end: u64,
    arrays: Vec<Tiled>,
    /// Of everything behind the image.
    checksum: Checksum,
}

struct Checksum(Crc);

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0.sum())
    }
}

#[derive(Debug)]
struct Tiled {
    array: Array,
    /// Place of the address of its index in the image.
    index: usize,
    /// Addresses and sizes of its tiles.
    stored: Vec<(u64, u32)>,
}

impl TileWriter {
    /// Begins a file, in place of one that is there. `build` makes everything but the samples of `arrays`, their datasets included.
    ///
    /// # Errors
    /// When the structure cannot be made, or the file cannot be written.
    pub fn create(
        path: &Path,
        arrays: Vec<Array>,
        build: impl FnOnce(&File) -> hdf5::Result<()>,
    ) -> Result<Self, FormatError> {
        let unexpected = || {
            let found = "a structure that this program does not know";
            FormatError::content(path, "HDF5", found, "version 0 of the superblock")
        };
        let (image, headers) = structure(&arrays, build).map_err(|e| failed(path, &e))?;
        if image.len() < 96 || image[8] != 0 || image[13..15] != [8, 8] {
            return Err(unexpected());
        }
        let arrays = arrays.into_iter().zip(headers).map(|(array, header)| {
            Some(Tiled {
                index: place_of_index(&image, header)?,
                array,
                stored: Vec::new(),
            })
        });
        let arrays: Option<Vec<Tiled>> = arrays.collect();
        let arrays = arrays.ok_or_else(unexpected)?;
        let open = Plain::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path);
        Ok(Self {
            path: path.to_path_buf(),
            file: open.map_err(|e| FormatError::io(path, e))?,
            end: image.len().next_multiple_of(8) as u64,
            image,
            arrays,
            checksum: Checksum(Crc::new()),
        })
    }

    /// The structure, as it will be at the beginning of the file.
    pub fn image(&mut self) -> &mut Vec<u8> {
        &mut self.image
    }

    /// Writes the next rows (indices of the first dimension) of an array: `bytes` has their samples in this machine's byte
    /// order. All but the last rows come in multiples of the tile.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn write(&mut self, at: usize, from: usize, bytes: &[u8]) -> Result<(), FormatError> {
        let Tiled { array, stored, .. } = &self.arrays[at];
        let row = array.row();
        if row == 0 || bytes.is_empty() {
            return Ok(());
        }
        let (each, tile) = (array.tiles_of_a_row(), array.tile[0]);
        assert!(
            from.is_multiple_of(tile) && from / tile * each == stored.len(),
            "rows come in order, in multiples of the tile"
        );
        let numbers = stored.len()..stored.len() + (bytes.len() / row).div_ceil(tile) * each;
        let level = CompressionLvl::new(LEVEL.into()).expect("a level of zlib");
        let tiles: Vec<Vec<u8>> = numbers
            .into_par_iter()
            .map_init(
                || Compressor::new(level),
                |compressor, number| {
                    let samples = array.gather(bytes, from, number);
                    match array.packed {
                        true => pack(compressor, &samples, array.element),
                        false => samples,
                    }
                },
            )
            .collect();
        for tile in tiles {
            let size = u32::try_from(tile.len()).map_err(|_| {
                let found = format!("a tile of {} bytes", tile.len());
                let name = self.arrays[at].array.name.clone();
                FormatError::content(&self.path, name, found, "less than 4 GiB")
            })?;
            let address = self.append(&tile)?;
            self.arrays[at].stored.push((address, size));
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<u64, FormatError> {
        let address = self.end;
        self.put(bytes, address)
            .map_err(|e| FormatError::io(&self.path, e))?;
        self.checksum.0.update(bytes);
        self.end += bytes.len() as u64;
        Ok(address)
    }

    /// Completes the file and reads it back.
    ///
    /// # Errors
    /// When it cannot be written, or is not as it was written.
    pub fn finish(mut self) -> Result<(), FormatError> {
        let begin = self.image.len().next_multiple_of(8) as u64;
        for at in 0..self.arrays.len() {
            if self.arrays[at].stored.is_empty() {
                continue;
            }
            let root = self.write_index(at)?;
            let place = self.arrays[at].index;
            self.image[place..place + 8].copy_from_slice(&root.to_le_bytes());
        }
        // The image ends before the first tile, where the library would continue it.
        self.image[END_OF_FILE..END_OF_FILE + 8].copy_from_slice(&self.end.to_le_bytes());
        let written = self
            .put(&self.image, 0)
            .and_then(|()| self.file.set_len(self.end))
            .and_then(|()| self.file.metadata());
        let length = written.map_err(|e| FormatError::io(&self.path, e))?.len();
        let mut known = length == self.end && self.reads(0, &self.image)?;
        known &= self.checksum_from(begin)? == self.checksum.0.sum();
        if !known {
            let lost = "what was written is not what is read back: the disk or share lost it";
            return Err(FormatError::io(&self.path, io::Error::other(lost)));
        }
        self.check().map_err(|e| failed(&self.path, &e))
    }

    /// Writes the index of an array, leaves first, and gives the address of its root.
    fn write_index(&mut self, at: usize) -> Result<u64, FormatError> {
        let Tiled { array, stored, .. } = &self.arrays[at];
        let keys = stored.iter().zip(0..).map(|((address, bytes), number)| {
            let key = array.key(number, *bytes, false);
            (key, *address)
        });
        let mut children: Vec<(Vec<u8>, u64)> = keys.collect();
        let end = array.key(stored.len() - 1, 0, true);
        let size = 24 + CHILDREN * 8 + (CHILDREN + 1) * end.len();
        for level in 0_u8.. {
            let padding = vec![0; (self.end.next_multiple_of(8) - self.end) as usize];
            self.append(&padding)?;
            let base = self.end;
            let count = children.len().div_ceil(CHILDREN);
            let address = |node: usize| base + (node * size) as u64;
            let mut above = Vec::with_capacity(count);
            for node in 0..count {
                let own = &children[node * CHILDREN..children.len().min((node + 1) * CHILDREN)];
                let left = node.checked_sub(1).map_or(UNDEFINED, address);
                let right = Some(node + 1).filter(|it| *it < count);
                let right = right.map_or(UNDEFINED, address);
                let mut bytes = b"TREE\x01".to_vec();
                bytes.push(level);
                bytes.extend((own.len() as u16).to_le_bytes());
                bytes.extend([left.to_le_bytes(), right.to_le_bytes()].concat());
                for (key, child) in own {
                    bytes.extend(key);
                    bytes.extend(child.to_le_bytes());
                }
                bytes.extend(children.get((node + 1) * CHILDREN).map_or(&end, |it| &it.0));
                bytes.resize(size, 0);
                above.push((own[0].0.clone(), self.append(&bytes)?));
            }
            children = above;
            if children.len() == 1 {
                break;
            }
        }
        Ok(children[0].1)
    }

    fn put(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    fn read(&self, bytes: &mut [u8], at: u64) -> Result<(), FormatError> {
        let mut file = &self.file;
        let read = file.seek(SeekFrom::Start(at));
        let read = read.and_then(|_| file.read_exact(bytes));
        read.map_err(|e| FormatError::io(&self.path, e))
    }

    fn reads(&self, at: u64, expected: &[u8]) -> Result<bool, FormatError> {
        let mut bytes = vec![0; expected.len()];
        self.read(&mut bytes, at)?;
        Ok(bytes == expected)
    }

    fn checksum_from(&self, begin: u64) -> Result<u32, FormatError> {
        let mut checksum = Crc::new();
        let mut block = vec![0; BLOCK];
        let mut at = begin;
        while at < self.end {
            let count = (self.end - at).min(BLOCK as u64) as usize;
            self.read(&mut block[..count], at)?;
            checksum.update(&block[..count]);
            at += count as u64;
        }
        Ok(checksum.sum())
    }

    /// Opens the file as any reader does, and compares shapes and the places of tiles.
    fn check(&self) -> hdf5::Result<()> {
        let file = File::open(&self.path)?;
        for Tiled { array, stored, .. } in &self.arrays {
            let data = file.dataset(&array.name)?;
            let last = stored.len().checked_sub(1);
            let place = last.and_then(|last| data.chunk_info(last));
            let place = place.map(|it| (it.addr, it.size));
            let expected = stored.last().map(|&(at, size)| (at, u64::from(size)));
            if data.shape() != array.shape || place != expected {
                let shape = data.shape();
                return Err(format!(
                    "{}: found {shape:?} and its last tile at {place:?}, expected {:?} and {expected:?}",
                    array.name, array.shape
                )
                .into());
            }
        }
        file.close()
    }
}

pub(super) fn failed(path: &Path, error: &hdf5::Error) -> FormatError {
    FormatError::io(path, io::Error::other(error.to_string()))
}

/// Shuffled and deflated, as the library's filters do it.
fn pack(compressor: &mut Compressor, samples: &[u8], element: usize) -> Vec<u8> {
    let count = samples.len() / element;
    let mut planes = vec![0; samples.len()];
    for (n, plane) in planes.chunks_exact_mut(count.max(1)).enumerate() {
        let bytes = samples[n..].iter().step_by(element);
        plane
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
    }
    let mut packed = vec![0; compressor.zlib_compress_bound(planes.len())];
    let length = compressor.zlib_compress(&planes, &mut packed);
    packed.truncate(length.expect("the buffer has the bound's length"));
    packed
}

/// A new file in memory that any HDF5 library from 1.8 on can read, as instruments write them, and without time of creation, so
/// that equal recordings give equal bytes. Returns the file's bytes, and the addresses of the headers of `arrays`.
fn structure(
    arrays: &[Array],
    build: impl FnOnce(&File) -> hdf5::Result<()>,
) -> hdf5::Result<(Vec<u8>, Vec<u64>)> {
    // The library looks for a file of this name first.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("distpy-gpu-in-memory-{}-{count}", std::process::id());
    let file = File::with_options()
        .with_fapl(|access| {
            access
                .core_filebacked(false)
                .libver_bounds(LibraryVersion::Earliest, LibraryVersion::V110)
        })
        .with_fcpl(|create| create.obj_track_times(false))
        .create(name)?;
    build(&file)?;
    file.flush()?;
    let headers = arrays.iter().map(|array| header_of(&file, &array.name));
    let headers = headers.collect::<hdf5::Result<Vec<u64>>>()?;
    let image = image_of(&file)?;
    file.close()?;
    Ok((image, headers))
}

/// The address of a dataset's header.
fn header_of(file: &File, name: &str) -> hdf5::Result<u64> {
    let name = CString::new(name).map_err(|e| e.to_string())?;
    let mut address = 0_u64;
    let _lock = hdf5_sys::LOCK.lock();
    #[expect(
        unsafe_code,
        reason = "the binding keeps addresses of objects to itself"
    )]
    // SAFETY: the file is open while it is borrowed, the lock is held, and a reference of this kind is one address of 8 bytes.
    let status = unsafe {
        hdf5_sys::h5r::H5Rcreate(
            (&raw mut address).cast(),
            file.id(),
            name.as_ptr(),
            hdf5_sys::h5r::H5R_type_t::H5R_OBJECT1,
            -1,
        )
    };
    match status {
        0.. => Ok(address),
        _ => hdf5::h5check(status).map(|_| address),
    }
}

/// The bytes of a file in memory.
fn image_of(file: &File) -> hdf5::Result<Vec<u8>> {
    let _lock = hdf5_sys::LOCK.lock();
    let get = |image: &mut [u8]| {
        let to = match image.is_empty() {
            // Asks for the length.
            true => std::ptr::null_mut(),
            false => image.as_mut_ptr(),
        };
        #[expect(unsafe_code, reason = "the binding has no such function")]
        // SAFETY: the file is open while it is borrowed, the lock is held, and the buffer has the length that is given.
        let length = unsafe { hdf5_sys::h5f::H5Fget_file_image(file.id(), to.cast(), image.len()) };
        let length = hdf5::h5check(length)?;
        usize::try_from(length).map_err(|e| hdf5::Error::from(e.to_string()))
    };
    let mut image = vec![0; get(&mut [])?];
    get(&mut image)?;
    Ok(image)
}

/// The place in the image of the address of a dataset's index, which is in the layout message of its header.
fn place_of_index(image: &[u8], header: u64) -> Option<usize> {
    const LAYOUT: u16 = 8;
    const CONTINUATION: u16 = 16;
    let word = |at: usize| Some(u16::from_le_bytes(image.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u64::from_le_bytes(image.get(at..at + 8)?.try_into().ok()?));
    let header = usize::try_from(header).ok()?;
    if *image.get(header)? != 1 {
        return None;
    }
    let size = u32::from_le_bytes(image.get(header + 8..header + 12)?.try_into().ok()?);
    let mut blocks = vec![(header + 16, size as usize)];
    let mut block = 0;
    while let Some(&(begin, size)) = blocks.get(block) {
        let mut at = begin;
        while at + 8 <= begin + size {
            let (kind, length, body) = (word(at)?, usize::from(word(at + 2)?), at + 8);
            match kind {
                // Version 3, in chunks, not yet allocated.
                LAYOUT if image.get(body..body + 2)? == [3, 2] => {
                    return Some(body + 3).filter(|place| long(*place) == Some(UNDEFINED));
                }
                CONTINUATION => {
                    let [at, size] = [long(body)?, long(body + 8)?].map(usize::try_from);
                    blocks.push((at.ok()?, size.ok()?));
                }
                _ => {}
            }
            at = body + length;
        }
        block += 1;
    }
    None
}

#[cfg(test)]
mod tests;
