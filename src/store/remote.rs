//! Object stores, through the crate `object_store`: a few threads of its own do the requests, callers wait.

mod connect;
mod failure;
mod http;

use std::fs::File;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path as Key;
use object_store::{
    Error, GetOptions, GetRange, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, UpdateVersion,
};

use super::{Entry, Kind, Meta};
use failure::failure;

/// Most bytes of one request: larger objects are read and put in parts.
const PART: u64 = 8 << 20;
/// Requests at once for the parts of an object: where only headers of traces are wanted, there are many small ones.
const AT_ONCE: usize = 16;
/// Parts that are sent at once: each is held in memory.
const SENT_AT_ONCE: usize = 4;
/// S3 allows 10,000 parts.
const MOST_PARTS: u64 = 9_000;

/// A name in a store: an object's, or the beginning of many.
#[derive(Debug, Clone)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    key: Key,
    /// The URL.
    path: PathBuf,
}

/// Which of an object's versions was read.
#[derive(Debug, Clone)]
pub struct Version {
    tag: UpdateVersion,
    modified: SystemTime,
}

impl Version {
    /// When it was put, by the store's clock.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }
}

impl Place {
    /// The place of a path; `None` where that is one of this machine's.
    ///
    /// # Errors
    /// When it is malformed, or there are no credentials for its store.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        let Some((scheme, bucket, key)) = super::parts(path) else {
            return Ok(None);
        };
        let key = if cfg!(windows) {
            key.replace('\\', "/")
        } else {
            key.to_string()
        };
        let key = Key::parse(&key).map_err(|e| {
            let what = format!("not an object's name: {e}");
            io::Error::new(io::ErrorKind::InvalidInput, what)
        })?;
        Ok(Some(Self {
            store: connect::store(scheme, bucket)?,
            key,
            path: path.to_path_buf(),
        }))
    }

    /// What it names; `None` for nothing.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn kind(&self) -> io::Result<Option<Kind>> {
        if !self.key.is_root() {
            match self.head() {
                Ok(_) => return Ok(Some(Kind::File)),
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(self.is_dir()?.then_some(Kind::Folder))
    }

    /// Whether objects are below it. An empty bucket is a folder.
    ///
    /// # Errors
    /// When the bucket cannot be listed.
    pub fn is_dir(&self) -> io::Result<bool> {
        let first = wait(async { self.store.list(Some(&self.key)).next().await })?;
        match first {
            Some(Ok(_)) => Ok(true),
            Some(Err(e)) => Err(failure(&e)),
            None => Ok(self.key.is_root()),
        }
    }

    /// The facts of an object.
    ///
    /// # Errors
    /// When there is none.
    pub fn head(&self) -> io::Result<Meta> {
        if self.key.is_root() {
            return Err(super::not_a_file());
        }
        ask(self.store.head(&self.key)).map(|meta| facts(&meta))
    }

    /// A whole object.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.each_part(|at, part| {
            let at = usize::try_from(at).map_err(io::Error::other)?;
            if bytes.len() < at + part.len() {
                bytes.resize(at + part.len(), 0);
            }
            bytes[at..at + part.len()].copy_from_slice(&part);
            Ok(())
        })?;
        Ok(bytes)
    }

    /// Writes a whole object to a new file of this machine.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn fetch(&self, to: &File) -> io::Result<()> {
        self.each_part(|at, part| write_at(to, at, &part))
    }

    /// All bytes, in parts of one version, in any order. A small object takes one request.
    fn each_part(&self, mut take: impl FnMut(u64, Bytes) -> io::Result<()>) -> io::Result<()> {
        if self.key.is_root() {
            return Err(super::not_a_file());
        }
        let got = ask(self.store.get(&self.key))?;
        let meta = got.meta.clone();
        if meta.size <= PART {
            return take(0, ask(got.bytes())?);
        }
        drop(got);
        let whole = 0..meta.size;
        let pinned = self.pinned(&meta);
        pinned.each(&[whole], take)
    }

    /// Holds on to the object's present version.
    ///
    /// # Errors
    /// When there is none.
    pub fn pin(&self) -> io::Result<Pinned> {
        if self.key.is_root() {
            return Err(super::not_a_file());
        }
        let meta = ask(self.store.head(&self.key))?;
        Ok(self.pinned(&meta))
    }

    fn pinned(&self, meta: &ObjectMeta) -> Pinned {
        Pinned {
            place: self.clone(),
            size: meta.size,
            tag: meta.e_tag.clone(),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// What is in a folder.
    ///
    /// # Errors
    /// When it cannot be listed, or there is nothing.
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        let found = ask(self.store.list_with_delimiter(Some(&self.key)))?;
        if found.objects.is_empty() && found.common_prefixes.is_empty() && !self.key.is_root() {
            let what = "nothing has a name that begins so";
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        let child = |key: &Key| Some(self.path.join(key.filename()?));
        let files = found.objects.iter().filter_map(|meta| {
            // What consoles put to show an empty folder.
            (meta.location != self.key).then_some(())?;
            Some((child(&meta.location)?, Kind::File, facts(meta)))
        });
        let folders = found.common_prefixes.iter().filter_map(|key| {
            let meta = Meta {
                len: 0,
                modified: None,
            };
            Some((child(key)?, Kind::Folder, meta))
        });
        let all = files.chain(folders);
        Ok(all
            .map(|(path, kind, meta)| Entry {
                path,
                listed: Some((kind, meta)),
                local: None,
            })
            .collect())
    }

    /// All objects of a folder and the folders below.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn below(&self) -> io::Result<Vec<(PathBuf, Meta)>> {
        let found: Vec<ObjectMeta> = ask(self.store.list(Some(&self.key)).try_collect())?;
        let text = self.path.to_string_lossy();
        let root = text.trim_end_matches('/').strip_suffix(self.key.as_ref());
        let root = root.map_or_else(|| self.path.clone(), PathBuf::from);
        Ok(found
            .iter()
            .map(|meta| (root.join(meta.location.as_ref()), facts(meta)))
            .collect())
    }

    /// Puts a file of this machine.
    ///
    /// # Errors
    /// When it could not be put; an older object is left then.
    pub fn put(&self, file: &mut File) -> io::Result<()> {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        let part = PART.max(size.div_ceil(MOST_PARTS));
        if size <= part {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            return self.overwrite(bytes);
        }
        let mut upload = ask(self.store.put_multipart(&self.key))?;
        let sent = send(upload.as_mut(), file, part);
        match sent {
            Ok(()) => ask(upload.complete()).map(|_| ()),
            Err(e) => {
                // Parts that stay cost money.
                let _ = ask(upload.abort());
                Err(e)
            }
        }
    }

    /// Puts an object, whatever was there.
    ///
    /// # Errors
    /// When it could not be put.
    pub fn overwrite(&self, bytes: Vec<u8>) -> io::Result<()> {
        ask(self.store.put(&self.key, bytes.into())).map(|_| ())
    }

    /// Puts an object where there is none; false where there is one.
    ///
    /// # Errors
    /// When neither could be told.
    pub fn create(&self, bytes: Vec<u8>) -> io::Result<bool> {
        match self.put_if(bytes, PutMode::Create) {
            Ok(()) => Ok(true),
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(false),
            Err(e) => Err(failure(&e)),
        }
    }

    /// Puts an object in place of a version; false where there is another by now, or none.
    ///
    /// # Errors
    /// When neither could be told.
    pub fn swap(&self, bytes: Vec<u8>, version: &Version) -> io::Result<bool> {
        match self.put_if(bytes, PutMode::Update(version.tag.clone())) {
            Ok(()) => Ok(true),
            Err(
                Error::AlreadyExists { .. } | Error::Precondition { .. } | Error::NotFound { .. },
            ) => Ok(false),
            Err(e) => Err(failure(&e)),
        }
    }

    fn put_if(&self, bytes: Vec<u8>, mode: PutMode) -> Result<(), Error> {
        let options = PutOptions::from(mode);
        let payload = PutPayload::from(bytes);
        // Threads that cannot be started are a failure like that of a request.
        let put = wait(self.store.put_opts(&self.key, payload, options));
        let put = put.map_err(|e| Error::Generic {
            store: "threads",
            source: Box::new(e),
        })?;
        put.map(|_| ())
    }

    /// An object, and which version that is; `None` where there is none.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn versioned(&self) -> io::Result<Option<(Vec<u8>, Version)>> {
        let got = match wait(self.store.get(&self.key))? {
            Ok(got) => got,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(failure(&e)),
        };
        let tag = UpdateVersion {
            e_tag: got.meta.e_tag.clone(),
            version: got.meta.version.clone(),
        };
        let modified = got.meta.last_modified.into();
        let bytes = ask(got.bytes())?;
        Ok(Some((bytes.to_vec(), Version { tag, modified })))
    }

    /// Removes an object.
    ///
    /// # Errors
    /// When it could not be removed.
    pub fn remove(&self) -> io::Result<()> {
        ask(self.store.delete(&self.key))
    }
}

/// One version of an object: where it is replaced meanwhile, reading fails.
#[derive(Debug)]
pub struct Pinned {
    place: Place,
    size: u64,
    tag: Option<String>,
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Pinned {
    /// Its bytes.
    pub fn len(&self) -> u64 {
        self.size
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Whether another is of the same object and version.
    pub fn is_same(&self, other: &Self) -> bool {
        let known = self.tag.is_some() && self.tag == other.tag && self.size == other.size;
        known && self.place.path == other.place.path
    }

    /// Writes some ranges to their places in a file of this machine.
    ///
    /// # Errors
    /// When they cannot be read or written.
    pub fn fetch(&self, ranges: &[Range<u64>], to: &File) -> io::Result<()> {
        self.each(ranges, |at, part| write_at(to, at, &part))
    }

    fn each(
        &self,
        ranges: &[Range<u64>],
        mut take: impl FnMut(u64, Bytes) -> io::Result<()>,
    ) -> io::Result<()> {
        let parts = ranges.iter().flat_map(|range| {
            let starts = range.clone().step_by(PART as usize);
            starts.map(|from| from..range.end.min(from + PART))
        });
        let got = stream::iter(parts).map(|range| self.part(range));
        wait(async {
            let mut got = got.buffer_unordered(AT_ONCE);
            while let Some(part) = got.next().await {
                let (at, bytes) = part.map_err(|e| failure(&e))?;
                take(at, bytes)?;
            }
            Ok(())
        })?
    }

    async fn part(&self, range: Range<u64>) -> Result<(u64, Bytes), Error> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range.clone())),
            if_match: self.tag.clone(),
            ..GetOptions::default()
        };
        let Place { store, key, .. } = &self.place;
        let bytes = store.get_opts(key, options).await?.bytes().await?;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok((range.start, bytes))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        tracing::debug!(
            "{}: {} of {} bytes fetched in {} requests",
            self.place.path.display(),
            self.bytes.load(Ordering::Relaxed),
            self.size,
            self.requests.load(Ordering::Relaxed)
        );
    }
}

/// Sends a file part by part, a few at once.
fn send(upload: &mut dyn MultipartUpload, file: &mut File, part: u64) -> io::Result<()> {
    loop {
        let mut sent = Vec::new();
        while sent.len() < SENT_AT_ONCE {
            let mut bytes = Vec::new();
            file.take(part).read_to_end(&mut bytes)?;
            if bytes.is_empty() {
                break;
            }
            sent.push(upload.put_part(bytes.into()));
        }
        if sent.is_empty() {
            return Ok(());
        }
        ask(futures_util::future::try_join_all(sent))?;
    }
}

fn facts(meta: &ObjectMeta) -> Meta {
    Meta {
        len: meta.size,
        modified: Some(meta.last_modified.into()),
    }
}

/// Writes at an offset; one thread at a time.
fn write_at(mut to: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
    to.seek(SeekFrom::Start(at))?;
    to.write_all(bytes)
}

fn ask<T>(request: impl Future<Output = Result<T, Error>>) -> io::Result<T> {
    wait(request)?.map_err(|e| failure(&e))
}

fn wait<T>(what: impl Future<Output = T>) -> io::Result<T> {
    Ok(connect::runtime()?.block_on(what))
}
