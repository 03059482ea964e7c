//! The files of an array that lies in an object store, as the crate `zarrs` asks for them.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{
    Bytes, MaybeBytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey,
};

use crate::formats::FormatError;
use crate::formats::mapped::View;
use crate::store;

/// A folder of a store.
#[derive(Debug)]
pub struct Objects {
    /// Its URL.
    pub folder: PathBuf,
}

impl Objects {
    fn path(&self, key: &StoreKey) -> PathBuf {
        self.folder.join(key.as_str())
    }
}

impl ReadableStorageTraits for Objects {
    fn get(&self, key: &StoreKey) -> Result<MaybeBytes, StorageError> {
        there(store::read(&self.path(key)).map(Bytes::from))
    }

    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let opened = View::open(&self.path(key)).map_err(|e| match e {
            FormatError::Io { source, .. } => source,
            content => io::Error::other(content),
        });
        let Some(file) = there(opened)? else {
            return Ok(None);
        };
        let ranges = byte_ranges.map(move |range| {
            let [from, to] =
                [range.start(file.len() as u64), range.end(file.len() as u64)].map(usize::try_from);
            let (Ok(from), Ok(to)) = (from, to) else {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            };
            match file.read(from..to, 0).map_err(failed)? {
                Some(bytes) => Ok(Bytes::copy_from_slice(bytes)),
                None => Err(failed(io::ErrorKind::UnexpectedEof.into())),
            }
        });
        Ok(Some(Box::new(ranges)))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(there(store::metadata(&self.path(key)))?.map(|meta| meta.len))
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}

/// What is not there is no failure: tiles of nothing but the fill value are left out.
fn there<T>(read: io::Result<T>) -> Result<Option<T>, StorageError> {
    match read {
        Ok(it) => Ok(Some(it)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(e)),
    }
}

fn failed(error: io::Error) -> StorageError {
    StorageError::IOError(Arc::new(error))
}
