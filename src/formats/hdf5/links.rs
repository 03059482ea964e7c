//! Links to other files, by which a recording could name any file of the machine.

use std::ffi::{CStr, CString, c_char};
use std::path::{Component, Path};

use hdf5::{File, Group, LinkType, LocationToken, LocationType};

use super::Place;
use crate::formats::FormatError;

/// Groups in groups; no layout has more than a few.
const DEPTH: usize = 64;

/// True for the name of a file below the folder of the file that has it.
pub fn is_inside(name: &str) -> bool {
    let inner = |it: Component| matches!(it, Component::Normal(_) | Component::CurDir);
    Path::new(name).components().all(inner)
}

/// Checks that a file links to none outside its own folder.
///
/// # Errors
/// When it does, its groups cannot be listed, or they lie deeper than any layout's.
pub fn check(at: Place, file: &File) -> Result<(), FormatError> {
    walk(at, file, 0, &mut Vec::new())
}

/// `seen` are groups that several links lead to, perhaps from below.
fn walk(
    at: Place,
    group: &Group,
    depth: usize,
    seen: &mut Vec<LocationToken>,
) -> Result<(), FormatError> {
    let name = group.name();
    let failed = |e: hdf5::Error| at.library(&name, "a readable group", &e);
    if depth > DEPTH {
        let found = format!("groups in groups, {depth} deep");
        return Err(at.content(name, found, format!("at most {DEPTH}")));
    }
    let about = group.loc_info().map_err(failed)?;
    if about.num_links > 1 {
        if seen.contains(&about.token) {
            return Ok(());
        }
        seen.push(about.token);
    }
    let mut links = Vec::new();
    let listed = group.iter_visit_default(|name, link| {
        links.push((name.to_string(), link.link_type));
        Ok(())
    });
    listed.map_err(failed)?;
    for (link, kind) in links {
        match kind {
            LinkType::External => {
                let target = target(group, &link).map_err(failed)?;
                if !is_inside(&target) {
                    let place = format!("{}/{link}", name.trim_end_matches('/'));
                    let found = format!("a link to the file {target}");
                    return Err(at.content(place, found, "files below the file's own folder"));
                }
            }
            LinkType::Hard => {
                let inner = group.loc_info_by_name(&link);
                if inner.is_ok_and(|it| it.loc_type == LocationType::Group) {
                    walk(at, &group.group(&link).map_err(failed)?, depth + 1, seen)?;
                }
            }
            // It names something in the file, which is met by another way, or by such a link.
            LinkType::Soft => {}
        }
    }
    Ok(())
}

/// The file that an external link names.
fn target(group: &Group, link: &str) -> hdf5::Result<String> {
    /// A name as long as the system takes, with that of the object in it.
    const MOST: usize = 1 << 16;
    let link = CString::new(link).map_err(|e| e.to_string())?;
    let mut value = vec![0_u8; MOST];
    let mut name: *const c_char = std::ptr::null();
    let _lock = hdf5_sys::LOCK.lock();
    #[expect(
        unsafe_code,
        reason = "the binding does not tell of an external link's file"
    )]
    // SAFETY: the group is open while it is borrowed, the lock is held, and the library writes at most the bytes of the buffer.
    let got = unsafe {
        hdf5_sys::h5l::H5Lget_val(
            group.id(),
            link.as_ptr(),
            value.as_mut_ptr().cast(),
            value.len(),
            hdf5_sys::h5p::H5P_DEFAULT,
        )
    };
    hdf5::h5check(got)?;
    // The names in it end before the last byte, whatever the file holds.
    value[MOST - 1] = 0;
    #[expect(unsafe_code, reason = "as above")]
    // SAFETY: the buffer has the length that is given, and outlives the name in it.
    let unpacked = unsafe {
        hdf5_sys::h5l::H5Lunpack_elink_val(
            value.as_ptr().cast(),
            value.len(),
            std::ptr::null_mut(),
            &raw mut name,
            std::ptr::null_mut(),
        )
    };
    hdf5::h5check(unpacked)?;
    if name.is_null() {
        return Err("an external link without a file".into());
    }
    #[expect(unsafe_code, reason = "as above")]
    // SAFETY: the library points into the buffer, which ends by a zero.
    let name = unsafe { CStr::from_ptr(name) };
    Ok(name.to_string_lossy().into_owned())
}
