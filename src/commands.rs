//! The commands: one file each, named as in a command file, and this list of them.

mod abs;
mod butter;
mod copy;
mod data;
mod data_load;
mod fft;
mod from_gpu;
mod ifft;
mod mean;
mod multiple_calcs;
mod none;
mod real;
mod rms_from_fft;
mod sum;
mod to_gpu;
mod write_npy;
mod write_witsml;

use crate::command::Spec;

/// Every command, by name in the order of the files.
pub static ALL: &[&Spec] = &[
    &abs::SPEC,
    &butter::SPEC,
    &copy::SPEC,
    &data::SPEC,
    &data_load::SPEC,
    &fft::SPEC,
    &from_gpu::SPEC,
    &ifft::SPEC,
    &mean::SPEC,
    &multiple_calcs::SPEC,
    &none::SPEC,
    &real::SPEC,
    &rms_from_fft::SPEC,
    &sum::SPEC,
    &to_gpu::SPEC,
    &write_npy::SPEC,
    &write_witsml::SPEC,
];

/// The command of a name.
pub fn find(name: &str) -> Option<&'static Spec> {
    ALL.iter().copied().find(|spec| spec.name == name)
}

/// The known name nearest to an unknown one, within two edits.
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |spec: &&'static Spec| (strsim::damerau_levenshtein(spec.name, name), spec.name);
    ALL.iter()
        .map(distance)
        .min()
        .filter(|(edits, _)| *edits <= 2)
        .map(|(_, name)| name)
}
