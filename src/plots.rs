//! The kinds of plots that `plotgenerator` draws: one file each, and this list of them.
//!
//! A kind takes sections (values along the fibre over time) and gives a canvas. What all have in common is here: depth runs
//! down and time to the right, in UTC; zones of the well are shaded, events are lines with their texts beside them, and the
//! ends of the fibre are white lines.

mod band_ratio;
mod fk;
mod psd;
mod rgb;
mod single;
mod spectrogram;
mod stack;
mod summary;
mod trace;
mod waterfall;
mod well_log;
mod zones;

use std::path::Path;

use crate::command::Compat;
use crate::config::plots::{FEET, Item, Marks, Plot};
use crate::formats::FormatError;
use crate::picture::limits::{Clip, Limits};
use crate::picture::panel::{self, Axis, points};
use crate::picture::reduce::{Grid, Rule};
use crate::picture::scene::{BLACK, Canvas, Image, Paint, Rect, Side, WHITE};
use crate::picture::text::{Turn, fitted};
use crate::pipeline::recording::Recording;
use crate::pipeline::section::{Axes, Faults, Section, monotonic};

pub use zones::{Zone, zones};

/// A kind of plot.
#[derive(Debug)]
pub struct Kind {
    /// Its name in a plots file.
    pub name: &'static str,
    /// One line on what it shows.
    pub summary: &'static str,
    /// Draws one.
    draw: fn(&Context<'_>, &Plot, &mut Canvas) -> Result<(), PlotError>,
}

/// Every kind.
pub static ALL: &[&Kind] = &[
    &well_log::KIND,
    &stack::KIND,
    &rgb::KIND,
    &band_ratio::KIND,
    &summary::KIND,
    &waterfall::KIND,
    &trace::KIND,
    &spectrogram::KIND,
    &psd::KIND,
    &fk::KIND,
];

/// What plots are drawn from.
#[derive(Debug)]
pub struct Context<'a> {
    /// The folder of the data.
    pub folder: &'a Path,
    /// Axes of that folder.
    pub axes: Axes,
    /// Samples per second of a channel in chunks whose folder has no index; `None` where the configuration has none.
    pub prf: Option<f64>,
    /// What stands on every picture.
    pub marks: &'a Marks,
    /// Zones of the well, in the display unit.
    pub zones: &'a [Zone],
    /// Whose colours are wanted.
    pub compat: Compat,
    /// What was found unreadable while a plot was drawn.
    pub faults: Faults,
}

/// Why a plot could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// Its data are bad.
    #[error("{0}")]
    Data(#[from] FormatError),
    /// It asks for what cannot be.
    #[error("{path}: {message}")]
    Config {
        /// Where in the plots file.
        path: String,
        /// What was found and expected.
        message: String,
    },
}

impl PlotError {
    fn config(path: impl Into<String>, message: impl Into<String>) -> Self {
        PlotError::Config {
            path: path.into(),
            message: message.into(),
        }
    }
}

/// The kind of a plot.
///
/// # Errors
/// Where the name is unknown: which are known.
pub fn find(plot: &Plot) -> Result<&'static Kind, PlotError> {
    let known = ALL.iter().find(|kind| kind.name == plot.kind);
    known.copied().ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|kind| kind.name).collect();
        let found = format!(
            "found \"{}\", expected one of {}",
            plot.kind,
            names.join(", ")
        );
        PlotError::config(format!("{}.plot_type", plot.path), found)
    })
}

/// Draws a plot.
///
/// # Errors
/// Where its data cannot be read, or it asks for what cannot be.
pub fn draw(context: &Context<'_>, plot: &Plot) -> Result<Canvas, PlotError> {
    let mut canvas = Canvas::new(plot.size);
    (find(plot)?.draw)(context, plot, &mut canvas)?;
    // A picture of what could not be read would look like one of what was not recorded.
    match context.faults.take() {
        Some(fault) => Err(fault.into()),
        None => Ok(canvas),
    }
}

/// What a plot is called, by its data.
pub fn title(plot: &Plot) -> String {
    let items: Vec<&str> = plot.items.iter().map(|item| &*item.title).collect();
    format!("{}: {}", plot.kind, items.join(", "))
}

impl Context<'_> {
    fn section(&self, item: &Item) -> Result<Section, PlotError> {
        let (folder, axes) = (self.folder, &self.axes);
        Ok(Section::open(folder, &item.data, axes, &self.faults)?)
    }

    fn recording(&self, plot: &Plot, item: &Item) -> Result<Recording, PlotError> {
        let (folder, axes) = (self.folder, &self.axes);
        Ok(Recording::open(
            folder, &item.data, self.prf, axes, plot.times,
        )?)
    }

    /// How places along the fibre are told: in the display unit, or as numbers of channels where nothing says how deep they are.
    fn places(&self, numbered: bool) -> Places {
        match (numbered, self.marks.feet) {
            (true, _) => Places {
                unit: 1.0,
                unit_name: "channel",
                label: "channel",
            },
            (_, true) => Places {
                unit: FEET,
                unit_name: "ft",
                label: "depth (ft)",
            },
            (_, false) => Places {
                unit: 1.0,
                unit_name: "m",
                label: "depth (m)",
            },
        }
    }

    /// The axis of depths between two ends in metres, or where the plot wants it.
    fn depth_axis(&self, plot: &Plot, depths: &[f64], places: &Places) -> Axis {
        let (low, high) = if monotonic(depths) {
            let bounds = |of: fn(f64, f64) -> f64| depths.iter().copied().reduce(of);
            let (low, high) = (bounds(f64::min), bounds(f64::max));
            (low.unwrap_or(0.0), high.unwrap_or(1.0))
        } else {
            (depths[0], depths[depths.len() - 1])
        };
        // One channel has no extent: it gets a metre.
        let (low, high) = if low == high {
            (low - 0.5, high + 0.5)
        } else {
            (low, high)
        };
        let [top, bottom] = plot
            .depths
            .unwrap_or([low * places.unit, high * places.unit]);
        Axis::numbers(top, bottom, places.label)
    }
}

/// How places along the fibre are told.
struct Places {
    /// A metre, or a channel, in the unit.
    unit: f64,
    /// What it is called.
    unit_name: &'static str,
    /// What stands beside an axis.
    label: &'static str,
}

/// The axes of a picture of sections: those of the first, as far as the plot wants them.
struct Frame {
    x: Axis,
    y: Axis,
    unit: f64,
}

impl Frame {
    fn of(context: &Context<'_>, plot: &Plot, section: &Section) -> Self {
        let places = context.places(false);
        let times = &section.times;
        let (first, last) = (times[0], times[times.len() - 1] + section.usual_time());
        let [from, to] = plot.times.unwrap_or([first, last]);
        let x = time_axis(from, to);
        Self {
            x,
            y: context.depth_axis(plot, &section.depths, &places),
            unit: places.unit,
        }
    }

    /// The pixels of a section in a panel.
    fn grid(&self, section: &Section, rect: Rect, rule: Rule) -> Grid {
        section.grid(
            (self.y.from, self.y.to),
            (self.x.from, self.x.to),
            self.unit,
            panel::pixels(rect),
            rule,
        )
    }
}

/// An axis of times: dates, or numbers where these are too small for Unix times.
fn time_axis(from: f64, to: f64) -> Axis {
    if from > 1e7 {
        Axis::dates(from, to)
    } else {
        Axis::numbers(from, to, "time")
    }
}

/// The limits of an item's colours.
fn limits(context: &Context<'_>, item: &Item, section: &Section, grid: &Grid) -> Limits {
    let usual = match context.compat {
        Compat::Exact => Clip::Percentiles(1.0, 99.0),
        Compat::Distpy => Clip::Despiked,
    };
    let clip = item.clip.unwrap_or(usual);
    Limits::choose(
        clip,
        item.scale.unwrap_or_default(),
        grid,
        &section.arrays(),
    )
}

/// The rectangles of panels side by side that share the depth axis at their left, and of the strip with the names of zones.
fn row(
    canvas: &Canvas,
    context: &Context<'_>,
    frame: &Frame,
    count: usize,
    above: f64,
) -> (Vec<Rect>, Option<Rect>) {
    let whole = canvas.whole();
    let names = context.zones.iter();
    let names = names.filter(|zone| frame.y.holds(zone.from) || frame.y.holds(zone.to));
    let widest = names
        .map(|zone| canvas.text_width(&zone.name, points::NOTE))
        .fold(0.0, f64::max);
    let strip = if widest > 0.0 {
        (widest + canvas.pt(12.0)).min(whole.width() * 0.2)
    } else {
        0.0
    };
    let gap = canvas.pt(10.0);
    let right = strip + canvas.pt(14.0) + if strip > 0.0 { gap } else { 0.0 };
    let left = panel::left_margin(canvas, &frame.y, whole.height() * 0.8).min(whole.width() * 0.4);
    let width = (whole.width() - left - right - gap * (count - 1) as f64) / count as f64;
    let below = panel::lower_margin(canvas, &frame.x, width).min(whole.height() * 0.35);
    let (top, bottom) = (above.min(whole.height() * 0.35), whole.height() - below);
    let panel = |k: usize| {
        let left = left + k as f64 * (width + gap);
        Rect::new(left, top, left + width, bottom).whole()
    };
    let rects: Vec<Rect> = (0..count).map(panel).collect();
    let edge = rects.last().map_or(left, |rect| rect.right) + gap;
    let strip = (strip > 0.0).then(|| Rect::new(edge, top, edge + strip, bottom).whole());
    (rects, strip)
}

/// Colours of zones, in turn: light ones that those who see few colours can tell apart.
const TINTS: [[u8; 3]; 4] = [
    [86, 180, 233],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
];
const LINE: Paint = Paint::of([200, 30, 30]);
const LABEL: Paint = Paint::of([255, 250, 205]).thin(0.9);

/// Puts an image of sections into its panel, with what stands on it and its axes: the first of a row has the depth axis and the
/// events' texts.
fn finish(
    canvas: &mut Canvas,
    (context, frame): (&Context<'_>, &Frame),
    rect: Rect,
    (image, empty): (Image, bool),
    first: bool,
) {
    panel::data(canvas, rect, image);
    if empty {
        panel::nothing(canvas, rect);
    }
    overlay(canvas, context, frame, rect, first);
    panel::lower_axis(canvas, rect, &frame.x);
    if first {
        panel::left_axis(canvas, rect, &frame.y);
    }
}

/// What stands on the data of a panel: zones, ends of the fibre and events.
fn overlay(canvas: &mut Canvas, context: &Context<'_>, frame: &Frame, rect: Rect, texts: bool) {
    let y = |depth: f64| frame.y.place(depth, rect.top, rect.bottom);
    for (zone, tint) in context.zones.iter().zip(TINTS.iter().cycle()) {
        if let Some((top, bottom)) = within(y(zone.from), y(zone.to), rect) {
            let band = Rect::new(rect.left, top, rect.right, bottom);
            canvas.fill(band, Paint::of(*tint).thin(0.16));
            for edge in [top, bottom] {
                let ends = vec![(rect.left, edge), (rect.right, edge)];
                canvas.line(ends, Paint::of(*tint), 0.7);
            }
        }
    }
    let ends = [context.marks.start_of_fibre, context.marks.end_of_fibre];
    for depth in ends.into_iter().flatten().filter(|d| frame.y.holds(*d)) {
        let ends = vec![(rect.left, y(depth)), (rect.right, y(depth))];
        canvas.line(ends.clone(), BLACK.thin(0.6), 2.2);
        canvas.line(ends, WHITE, 1.2);
    }
    let events = context.marks.events.iter();
    let events: Vec<_> = events.filter(|event| frame.x.holds(event.time)).collect();
    let lines: Vec<f64> = events
        .iter()
        .map(|event| frame.x.place(event.time, rect.left, rect.right))
        .collect();
    for x in &lines {
        canvas.line(vec![(*x, rect.top), (*x, rect.bottom)], LINE, 1.2);
    }
    let mut taken: Vec<Rect> = Vec::new();
    for (event, x) in events.iter().zip(&lines).filter(|_| texts) {
        let text = fitted(&event.text, canvas.pt(points::NOTE), rect.height() * 0.8);
        let start = y(event
            .depth
            .clamp(frame.y.from.min(frame.y.to), frame.y.from.max(frame.y.to)));
        let place = beside(canvas, &text, (*x, start), rect, &lines, &taken);
        if !text.is_empty() {
            taken.push(panel::boxed(canvas, &text, place, Turn::Up, LABEL));
        }
    }
    canvas.outline(rect, BLACK, 0.8);
}

/// Where the box of an event's text goes: to the right of its line or, where that hides another line or there is no room, to the
/// left; lower where another text is. What fits nowhere goes to the first place.
fn beside(
    canvas: &Canvas,
    text: &str,
    (x, start): (f64, f64),
    rect: Rect,
    lines: &[f64],
    taken: &[Rect],
) -> (f64, f64) {
    let size = panel::box_of(canvas, text, (0.0, 0.0), Turn::Up);
    let apart = canvas.pt(3.0);
    let highest = rect.top + canvas.pt(3.0);
    let lowest = (rect.bottom - size.height() - canvas.pt(3.0)).max(highest);
    let start = start.clamp(highest, lowest);
    let step = canvas.pt(points::NOTE);
    let steps = ((lowest - start) / step).max(0.0) as usize;
    let below = (0..=steps).map(|k| start + k as f64 * step);
    let above = (1..=((start - highest) / step) as usize).map(|k| start - k as f64 * step);
    let heights: Vec<f64> = below.chain(above).collect();
    let sides = [x + apart, x - apart - size.width()];
    let mut free = sides
        .iter()
        .flat_map(|left| heights.iter().map(move |top| (*left, *top)));
    let fits = |&(left, top): &(f64, f64)| {
        let place = Rect::new(left, top, left + size.width(), top + size.height());
        let hides = |line: &f64| *line > place.left - 1.0 && *line < place.right + 1.0;
        place.left >= rect.left
            && place.right <= rect.right
            && !lines.iter().any(hides)
            && !taken.iter().any(|other| other.meets(&place))
    };
    let inside = if x + apart + size.width() <= rect.right {
        sides[0]
    } else {
        sides[1]
    };
    free.find(fits).unwrap_or((inside, start))
}

/// A stretch of pixels, as far as it lies in a panel.
fn within(a: f64, b: f64, rect: Rect) -> Option<(f64, f64)> {
    let (top, bottom) = (a.min(b).max(rect.top), a.max(b).min(rect.bottom));
    (bottom > top).then_some((top, bottom))
}

/// The names of zones in a strip beside the panels.
fn names(canvas: &mut Canvas, context: &Context<'_>, frame: &Frame, strip: Option<Rect>) {
    let Some(rect) = strip else { return };
    let y = |depth: f64| frame.y.place(depth, rect.top, rect.bottom);
    let size = canvas.pt(points::NOTE);
    let mut free = rect.top;
    for (zone, tint) in context.zones.iter().zip(TINTS.iter().cycle()) {
        let Some((top, bottom)) = within(y(zone.from), y(zone.to), rect) else {
            continue;
        };
        let band = Rect::new(rect.left, top, rect.right, bottom);
        canvas.fill(band, Paint::of(*tint).thin(0.5));
        let text = fitted(&zone.name, size, rect.width() - canvas.pt(6.0));
        // A name beside a thin zone may stand below it, but on no other name.
        let middle = ((top + bottom) / 2.0).max(free + size * 0.6);
        if middle > rect.bottom {
            continue;
        }
        free = middle + size * 0.6;
        let at = (rect.left + canvas.pt(3.0), middle);
        let sides = (Side::Start, Side::Middle);
        canvas.text(&text, at, points::NOTE, Turn::Right, sides, BLACK);
    }
    canvas.outline(rect, BLACK, 0.5);
}
