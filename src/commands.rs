//! The commands: one file each, named as in a command file, and this list of them.

mod abs;
mod add;
mod angle;
mod approx_vlf;
mod argmax;
mod bounded_select;
mod broaden;
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
mod geometric_mean;
mod gradient;
mod hard_threshold;
mod harmonic_mean;
mod hash;
mod ifft;
mod kurtosis;
mod lin_transform;
mod mean;
mod moment;
mod multiple_calcs;
mod multiply;
mod none;
mod peak_to_peak;
mod real;
mod rescale;
mod rms_from_fft;
mod roll;
mod running_mean;
mod skewness;
mod soft_threshold;
mod sta_lta;
mod std_dev;
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
    &approx_vlf::SPEC,
    &argmax::SPEC,
    &bounded_select::SPEC,
    &broaden::SPEC,
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
    &geometric_mean::SPEC,
    &gradient::SPEC,
    &hard_threshold::SPEC,
    &harmonic_mean::SPEC,
    &hash::SPEC,
    &ifft::SPEC,
    &kurtosis::SPEC,
    &lin_transform::SPEC,
    &mean::SPEC,
    &moment::SPEC,
    &multiple_calcs::SPEC,
    &multiply::SPEC,
    &none::SPEC,
    &peak_to_peak::SPEC,
    &real::SPEC,
    &rescale::SPEC,
    &rms_from_fft::SPEC,
    &roll::SPEC,
    &running_mean::SPEC,
    &skewness::SPEC,
    &soft_threshold::SPEC,
    &sta_lta::SPEC,
    &std_dev::SPEC,
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
