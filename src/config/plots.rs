//! The plots JSON: what `plotgenerator` draws. distpy's keys, and ours beside them.
//!
//! A key that says how data are drawn (`colormap`, `scale`, `clip_percentiles`, ...) may stand with one of a plot's data, with
//! the plot, or at the top for all of them; the nearest counts.

mod read;

use std::path::{Path, PathBuf};

use super::Problems;
use crate::picture::colormap::Colormap;
use crate::picture::limits::{Clip, Scale};
use crate::picture::reduce::Rule;
use crate::picture::{Format, Size};

/// Feet in a metre, as distpy counts them.
pub const FEET: f64 = 3.28084;

/// What is drawn.
#[derive(Debug)]
pub struct Plots {
    /// The file that this was read from.
    pub file: PathBuf,
    /// Name of the time axis, Unix times, below the input folder.
    pub time_reference: String,
    /// Name of the depth axis, in metres, below the input folder.
    pub depth_reference: String,
    /// What stands on every picture beside its data.
    pub marks: Marks,
    /// A file with the zones of the well.
    pub well_segments: Option<PathBuf>,
    /// The plots.
    pub list: Vec<Plot>,
    /// What was found and is not worth stopping for.
    pub warnings: Vec<String>,
}

/// What stands on every picture beside its data. Depths are in the display unit.
#[derive(Debug, Default)]
pub struct Marks {
    /// Whether depths are told in feet.
    pub feet: bool,
    /// Where the fibre begins.
    pub start_of_fibre: Option<f64>,
    /// Where it ends.
    pub end_of_fibre: Option<f64>,
    /// What happened when.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, as Unix time.
    pub time: f64,
    /// The depth at which its text begins.
    pub depth: f64,
    /// What.
    pub text: String,
}

/// One picture.
#[derive(Debug)]
pub struct Plot {
    /// `plots[2]`.
    pub path: String,
    /// Which kind of plot.
    pub kind: String,
    /// The file's name without its ending.
    pub out: String,
    /// How large it is.
    pub size: Size,
    /// How it is stored.
    pub format: Format,
    /// The ending of its name.
    pub ending: String,
    /// The part of time that is drawn; all without it. Unix times.
    pub times: Option<[f64; 2]>,
    /// The part of the fibre that is drawn, in the display unit; all without it.
    pub depths: Option<[f64; 2]>,
    /// Settings of single kinds of plots.
    pub options: Options,
    /// What is drawn.
    pub items: Vec<Item>,
}

/// Settings of single kinds of plots.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The depth that a spectrogram or a trace is of, in the display unit.
    pub depth: Option<f64>,
    /// Samples in a window of a spectrum.
    pub window: usize,
    /// The highest frequency that is drawn, in Hz.
    pub frequency: Option<f64>,
    /// The highest wavenumber that is drawn, in 1/m.
    pub wavenumber: Option<f64>,
    /// Apparent velocities to which lines are drawn in a picture of frequencies and wavenumbers, in m/s.
    pub velocities: Vec<f64>,
    /// Most traces that are drawn.
    pub traces: usize,
    /// Times the spacing of two traces that the largest deflection reaches.
    pub gain: f64,
}

/// Data of a plot, and how they are drawn.
#[derive(Debug, Clone)]
pub struct Item {
    /// `plots[2].plot_list[0]`.
    pub path: String,
    /// What it is called.
    pub title: String,
    /// A file or a folder below the input folder.
    pub data: String,
    /// Its colours; the kind of plot has a usual one.
    pub colormap: Option<Colormap>,
    /// How much of what is below it hides.
    pub alpha: f64,
    /// Whether high values are dark in a picture of three colours.
    pub inverted: bool,
    /// The unit of its values.
    pub unit: String,
    /// How values are laid along the colours; the kind of plot has a usual way.
    pub scale: Option<Scale>,
    /// How the ends of the colours are chosen; the kind of plot has a usual way.
    pub clip: Option<Clip>,
    /// What a pixel shows of samples that share it; the kind of plot has a usual rule.
    pub rule: Option<Rule>,
}

impl Plots {
    /// Reads a plots file.
    ///
    /// # Errors
    /// Every problem of the file at once.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        read::plots(file, text)
    }
}
