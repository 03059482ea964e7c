//! The commands: one file each, named as in a command file, and this list of them.

mod abs;
mod acoustic_properties;
mod add;
mod analytic_signal;
mod angle;
mod approx_vlf;
mod argmax;
mod bandpass;
mod bounded_select;
mod broaden;
mod butter;
mod clip;
mod conj;
mod convolve;
mod copy;
mod correlate;
mod count_peaks;
mod cross_correlate;
mod curve_fit;
mod data;
mod data_load;
mod decimate;
mod deconvolve;
mod despike;
mod destripe;
mod detrend;
mod diff;
mod dip_filter;
mod down_wave;
mod downsample;
mod envelope;
mod extract;
mod fft;
mod fk_filter;
mod from_gpu;
mod gather;
mod gaussian;
mod geometric_mean;
mod gradient;
mod hard_threshold;
mod harmonic_mean;
mod hash;
mod ifft;
mod integrate;
mod intensity;
mod interp;
mod keras;
mod kmeans;
mod kurtosis;
mod lin_transform;
mod log_abs_sq;
mod r#macro;
mod mean;
mod median_filter;
mod median_subtract;
mod moment;
mod multiple_calcs;
mod multiply;
mod none;
mod normalize;
mod notch;
mod peak_to_peak;
mod psd;
mod real;
mod reflection;
mod resample;
mod rescale;
mod rms_from_fft;
mod roll;
mod running_max;
mod running_mean;
mod running_min;
mod scattering_matrix;
mod skewness;
mod sobel;
mod soft_threshold;
mod source;
mod spectrogram;
mod sta_lta;
mod std_dev;
mod stft;
mod strain_rate_to_velocity;
mod sum;
mod sweetness;
mod taper;
mod thumbnail;
mod to_gpu;
mod unwrap;
mod up_wave;
mod velocity_map;
mod velocity_mask;
mod virtual_cmp;
mod virtual_source;
mod whiten;
mod wiener;
mod write_csv;
mod write_h5;
mod write_npy;
mod write_parquet;
mod write_witsml;
mod write_zarr;

use crate::command::Spec;

/// Every command, by name in the order of the files.
pub static ALL: &[&Spec] = &[
    &abs::SPEC,
    &acoustic_properties::SPEC,
    &add::SPEC,
    &analytic_signal::SPEC,
    &angle::SPEC,
    &approx_vlf::SPEC,
    &argmax::SPEC,
    &bandpass::SPEC,
    &bounded_select::SPEC,
    &broaden::SPEC,
    &butter::SPEC,
    &clip::SPEC,
    &conj::SPEC,
    &convolve::SPEC,
    &copy::SPEC,
    &correlate::SPEC,
    &count_peaks::SPEC,
    &cross_correlate::SPEC,
    &curve_fit::SPEC,
    &data::SPEC,
    &data_load::SPEC,
    &decimate::SPEC,
    &deconvolve::SPEC,
    &despike::SPEC,
    &destripe::SPEC,
    &detrend::SPEC,
    &diff::SPEC,
    &dip_filter::SPEC,
    &down_wave::SPEC,
    &downsample::SPEC,
    &envelope::SPEC,
    &extract::SPEC,
    &fft::SPEC,
    &fk_filter::SPEC,
    &from_gpu::SPEC,
    &gather::SPEC,
    &gaussian::SPEC,
    &geometric_mean::SPEC,
    &gradient::SPEC,
    &hard_threshold::SPEC,
    &harmonic_mean::SPEC,
    &hash::SPEC,
    &ifft::SPEC,
    &integrate::SPEC,
    &intensity::SPEC,
    &interp::SPEC,
    &keras::SPEC,
    &kmeans::SPEC,
    &kurtosis::SPEC,
    &lin_transform::SPEC,
    &log_abs_sq::SPEC,
    &r#macro::SPEC,
    &mean::SPEC,
    &median_filter::SPEC,
    &median_subtract::SPEC,
    &moment::SPEC,
    &multiple_calcs::SPEC,
    &multiply::SPEC,
    &none::SPEC,
    &normalize::SPEC,
    &notch::SPEC,
    &peak_to_peak::SPEC,
    &psd::SPEC,
    &real::SPEC,
    &reflection::SPEC,
    &resample::SPEC,
    &rescale::SPEC,
    &rms_from_fft::SPEC,
    &roll::SPEC,
    &running_max::SPEC,
    &running_mean::SPEC,
    &running_min::SPEC,
    &scattering_matrix::SPEC,
    &skewness::SPEC,
    &sobel::SPEC,
    &soft_threshold::SPEC,
    &source::SPEC,
    &spectrogram::SPEC,
    &sta_lta::SPEC,
    &std_dev::SPEC,
    &stft::SPEC,
    &strain_rate_to_velocity::SPEC,
    &sum::SPEC,
    &sweetness::SPEC,
    &taper::SPEC,
    &thumbnail::SPEC,
    &to_gpu::SPEC,
    &unwrap::SPEC,
    &up_wave::SPEC,
    &velocity_map::SPEC,
    &velocity_mask::SPEC,
    &virtual_cmp::SPEC,
    &virtual_source::SPEC,
    &whiten::SPEC,
    &wiener::SPEC,
    &write_csv::SPEC,
    &write_h5::SPEC,
    &write_npy::SPEC,
    &write_parquet::SPEC,
    &write_witsml::SPEC,
    &write_zarr::SPEC,
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
