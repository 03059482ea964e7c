//! Without the feature `object-store`: paths in stores are refused.

#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::unused_self,
    reason = "as remote.rs has them; no value of this type can be"
)]

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{Entry, Kind, Meta};

#[derive(Debug, Clone)]
pub enum Place {}

#[derive(Debug, Clone)]
pub enum Version {}

#[derive(Debug)]
pub enum Pinned {}

impl Place {
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        match super::parts(path) {
            None => Ok(None),
            Some(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this program is built without the feature object-store, which paths in stores need",
            )),
        }
    }
    pub fn kind(&self) -> io::Result<Option<Kind>> {
        match *self {}
    }
    pub fn is_dir(&self) -> io::Result<bool> {
        match *self {}
    }
    pub fn head(&self) -> io::Result<Meta> {
        match *self {}
    }
    pub fn get(&self) -> io::Result<Vec<u8>> {
        match *self {}
    }
    pub fn list(&self) -> io::Result<Vec<Entry>> {
        match *self {}
    }
    pub fn below(&self) -> io::Result<Vec<(PathBuf, Meta)>> {
        match *self {}
    }
    pub fn put(&self, _: &mut File) -> io::Result<()> {
        match *self {}
    }
    pub fn remove(&self) -> io::Result<()> {
        match *self {}
    }
    pub fn fetch(&self, _: &File) -> io::Result<()> {
        match *self {}
    }
    pub fn pin(&self) -> io::Result<Pinned> {
        match *self {}
    }
    pub fn create(&self, _: Vec<u8>) -> io::Result<bool> {
        match *self {}
    }
    pub fn swap(&self, _: Vec<u8>, _: &Version) -> io::Result<bool> {
        match *self {}
    }
    pub fn overwrite(&self, _: Vec<u8>) -> io::Result<()> {
        match *self {}
    }
    pub fn versioned(&self) -> io::Result<Option<(Vec<u8>, Version)>> {
        match *self {}
    }
}

impl Version {
    pub fn modified(&self) -> SystemTime {
        match *self {}
    }
}

impl Pinned {
    pub fn len(&self) -> u64 {
        match *self {}
    }
    pub fn is_empty(&self) -> bool {
        match *self {}
    }
    pub fn is_same(&self, _: &Self) -> bool {
        match *self {}
    }
    pub fn fetch(&self, _: &[std::ops::Range<u64>], _: &File) -> io::Result<()> {
        match *self {}
    }
}
