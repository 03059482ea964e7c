//! The commands: one file each, named as in a command file, and this list of them.

mod abs;
mod add;
mod angle;
mod bounded_select;
mod butter;
mod clip;
mod conj;
mod copy;
mod data;
mod data_load;
mod deconvolve;
mod diff;
mod downsample;
mod extract;
mod fft;
mod from_gpu;
mod gather;
mod gradient;
mod hard_threshold;
mod ifft;
mod lin_transform;
mod mean;
mod multiple_calcs;
mod multiply;
mod none;
mod real;
mod rescale;
mod rms_from_fft;
mod roll;
mod soft_threshold;
mod sum;
mod to_gpu;
mod unwrap;
mod write_npy;
mod write_witsml;

use crate::command::Spec;

/// Every command, by name in the order of the files.
pub static ALL: &[&Spec] = &[
    &abs::SPEC,
    &add::SPEC,
    &angle::SPEC,
    &bounded_select::SPEC,
    &butter::SPEC,
    &clip::SPEC,
    &conj::SPEC,
    &copy::SPEC,
    &data::SPEC,
    &data_load::SPEC,
    &deconvolve::SPEC,
    &diff::SPEC,
    &downsample::SPEC,
    &extract::SPEC,
    &fft::SPEC,
    &from_gpu::SPEC,
    &gather::SPEC,
    &gradient::SPEC,
    &hard_threshold::SPEC,
    &ifft::SPEC,
    &lin_transform::SPEC,
    &mean::SPEC,
    &multiple_calcs::SPEC,
    &multiply::SPEC,
    &none::SPEC,
    &real::SPEC,
    &rescale::SPEC,
    &rms_from_fft::SPEC,
    &roll::SPEC,
    &soft_threshold::SPEC,
    &sum::SPEC,
    &to_gpu::SPEC,
    &unwrap::SPEC,
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
