//! `thumbnail`: the input as a picture.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::write_npy::folder;
use crate::command::prelude::*;
use crate::picture::colormap::Colormap;
use crate::picture::limits::{Clip, Limits, Scale, coloured};
use crate::picture::panel::{self, Axis as Scaled};
use crate::picture::reduce::{
    Cells, Grid, Row, Rows as Array, Rule as Sharing, interpolate, reduce,
};
use crate::picture::scene::{Canvas, Image, Paint};
use crate::picture::{self, Size, ticks};

/// The command.
pub static SPEC: Spec = Spec {
    name: "thumbnail",
    summary: "Draws the input as `<unix time>.png`: depth downwards, time to the right.",
    notes: "Colours span the mean plus and minus `clip_level` standard deviations of all samples. Where samples share a pixel it \
            shows their mean, or with `\"downsample\": \"extreme\"` the one farthest from zero. A single column is drawn as a \
            line along depth; complex input by its magnitude. The title is the chunk's time in UTC.",
    family: Family::Output,
    kinds: ANY,
    gathers: Gathers::Any,
    cost: Cost::Free,
    schema: schema_of::<Args>,
    build: |args| build(parse(args)?),
    examples: &[],
};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
struct Args {
    /// Folder below the output folder; without one nothing is drawn.
    directory_out: Option<String>,
    /// Kind of file: `png`, `jpg`, `svg` or `pdf`.
    format: String,
    /// Standard deviations to either side of the mean that the colours span.
    #[schemars(range(min = 0.0))]
    clip_level: f64,
    /// The colours: a name of matplotlib's, such as `viridis`, `magma`, `seismic` or `RdBu`, or `UAVK`; `_r` behind it turns it
    /// round.
    cmap: String,
    /// What is written beside the depth axis and the time axis.
    axes: Option<[String; 2]>,
    /// Width and height.
    #[schemars(extend("unit" = "inch"))]
    figure_size: [f64; 2],
    /// Pixels per inch.
    dpi: f64,
    /// How samples are drawn.
    plot_style: Style,
    /// Not 0 to have the first channel at the bottom.
    #[schemars(with = "u8")]
    invert_depth: Value,
    /// What a pixel shows of samples that share it.
    downsample: Shared,
}

impl Default for Args {
    fn default() -> Self {
        Self {
            directory_out: None,
            format: "png".into(),
            clip_level: 1.0,
            cmap: "viridis".into(),
            axes: None,
            figure_size: [8.0, 6.0],
            dpi: 300.0,
            plot_style: Style::Imshow,
            invert_depth: 0.into(),
            downsample: Shared::Mean,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Style {
    /// A pixel or more for each sample.
    Imshow,
    /// Areas between levels.
    Contourf,
    /// The input against `gather_uids[0]`, coloured by `gather_uids[1]`, as points of the areas `gather_uids[2]` in square points.
    Scatter,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Shared {
    /// Their mean.
    Mean,
    /// The one that is farthest from zero.
    Extreme,
}

fn build(args: Args) -> Result<Command, ArgProblem> {
    let problem = |path: &'static str| move |message| ArgProblem::new(path, message);
    // Arguments are checked where nothing is drawn too.
    let folder = folder(args.directory_out)?;
    let thumbnail = Thumbnail {
        folder: folder.clone().unwrap_or_default(),
        format: picture::Format::named(&args.format).map_err(problem("format"))?,
        extension: args.format.to_ascii_lowercase(),
        map: Colormap::named(&args.cmap).map_err(problem("cmap"))?,
        size: Size::new(args.figure_size, args.dpi)
            .map_err(|(path, message)| ArgProblem::new(path, message))?,
        deviations: args.clip_level,
        labels: args.axes,
        style: args.plot_style,
        inverted: truth(&args.invert_depth).ok_or_else(|| {
            let found = format!("found {}, expected 0 or 1", args.invert_depth);
            ArgProblem::new("invert_depth", found)
        })?,
        sharing: match args.downsample {
            Shared::Mean => Sharing::Mean,
            Shared::Extreme => Sharing::Extreme,
        },
    };
    Ok(match folder {
        Some(_) => Command::Sink(Arc::new(thumbnail)),
        None => Command::Passthrough,
    })
}

/// 0 and 1, or JSON's own words.
fn truth(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| Some(value.as_f64()? != 0.0))
}

#[derive(Debug)]
struct Thumbnail {
    folder: PathBuf,
    format: picture::Format,
    extension: String,
    map: Colormap,
    size: Size,
    deviations: f64,
    labels: Option<[String; 2]>,
    style: Style,
    inverted: bool,
    sharing: Sharing,
}

impl SinkCommand for Thumbnail {
    fn check(&self, _: &Env, inputs: &[&Signature]) -> Result<(), Mismatch> {
        let samples = |x: &Signature| x.rows() * x.cols();
        let first = samples(inputs[0]);
        if self.style != Style::Scatter {
            return Ok(());
        }
        match inputs[1..].iter().find(|x| samples(x) != first) {
            Some(other) => Err(Mismatch::argument(
                "gather_uids",
                format!("found {other}, expected {first} samples, one for each of the input's"),
            )),
            None => Ok(()),
        }
    }

    fn memory(&self, _: u64) -> u64 {
        let Size { width, height, dpi } = self.size;
        // Three colours, drawn, scaled and packed, and what a line of text or a scale takes.
        (width * height * dpi * dpi) as u64 * 12 + (4 << 20)
    }

    fn paths(&self, chunk: &ChunkId) -> Vec<PathBuf> {
        let name = format!("{}.{}", chunk.name, self.extension);
        vec![self.folder.join(name)]
    }

    fn files(
        &self,
        env: &Env,
        chunk: &ChunkId,
        inputs: &[(&Signature, Computed)],
    ) -> Vec<Artifact> {
        let title = title(chunk, env.compat);
        let canvas = self.draw(env, &title, inputs);
        let bytes = picture::render(&canvas, self.format, &title)
            .expect("a picture of a checked size has bytes in every format");
        vec![Artifact {
            path: self.paths(chunk).remove(0),
            content: Content::Bytes(bytes),
            shared: false,
        }]
    }
}

/// The time of a chunk, as a person reads it and as files have it.
fn title(chunk: &ChunkId, compat: Compat) -> String {
    let time = TimeZone::UTC.to_datetime(chunk.time(compat));
    let format = match time.subsec_nanosecond() {
        0 => "%Y-%m-%d %H:%M:%S",
        _ => "%Y-%m-%d %H:%M:%S%.6f",
    };
    format!("{} UTC ({})", time.strftime(format), chunk.name)
}

impl Thumbnail {
    fn draw(&self, env: &Env, title: &str, inputs: &[(&Signature, Computed)]) -> Canvas {
        let mut canvas = Canvas::new(self.size);
        let (signature, computed) = &inputs[0];
        let arrays: Vec<&dyn Array> = inputs.iter().map(|(_, block)| block.array()).collect();
        match self.style {
            // As in distpy, points need something to be drawn against.
            Style::Scatter if arrays.len() > 1 => self.points(&mut canvas, title, &arrays),
            _ if signature.cols() == 1 => self.line(&mut canvas, title, signature, arrays[0]),
            style => {
                let contours = style == Style::Contourf;
                let source = (*signature, computed.array());
                self.image(env, &mut canvas, title, source, contours);
            }
        }
        canvas
    }

    fn label(&self, k: usize, usual: &str) -> String {
        let labels = self.labels.as_ref();
        labels.map_or_else(|| usual.to_string(), |labels| labels[k].clone())
    }

    /// The array as an image in its axes.
    fn image(
        &self,
        env: &Env,
        canvas: &mut Canvas,
        title: &str,
        (signature, array): (&Signature, &dyn Array),
        contours: bool,
    ) {
        let (mut depth, mut time) = (span(&signature.depth), span(&signature.time));
        // One value has no extent; distpy counts rows, or samples, instead.
        if depth.0 == depth.1 {
            depth = (0.0, signature.rows() as f64);
        }
        if time.0 == time.1 {
            time = (0.0, signature.cols() as f64);
        }
        // Contours begin at the bottom, images at the top.
        let upwards = contours != self.inverted;
        let y = Scaled::numbers(
            if upwards { depth.1 } else { depth.0 },
            if upwards { depth.0 } else { depth.1 },
            self.label(0, depth_label(signature)),
        );
        let x_label = self.label(1, time_label(env, signature));
        let x = if signature.time.unit == Unit::Second && time.0 > 1e7 {
            let label = if self.labels.is_some() {
                x_label
            } else {
                "time".into()
            };
            Scaled {
                label,
                ..Scaled::dates(time.0, time.1)
            }
        } else {
            Scaled::numbers(time.0, time.1, x_label)
        };

        // The limits need the data, the room for the bar the limits, and the pixels of the data the room.
        let scale = Scale::Linear;
        let known = match contours {
            false => Some(Limits::choose(
                Clip::Deviations(self.deviations),
                scale,
                &Grid::empty(0, 0),
                &[array],
            )),
            true => None,
        };
        let place = |canvas: &Canvas, limits: &Limits| {
            let right = panel::upright_bar_width(canvas, limits, "") + canvas.pt(10.0);
            let above = canvas.pt(panel::points::TITLE + 16.0);
            panel::inside(canvas, canvas.whole(), (&x, &y), right, above)
        };
        let guess = Limits {
            low: 0.0,
            high: 1.0,
            scale,
        };
        let rect = place(canvas, known.as_ref().unwrap_or(&guess));
        let (width, height) = panel::pixels(rect);
        let mut grid = if contours {
            let places = (&*signature.depth.values, &*signature.time.values);
            interpolate(array, places, (width, height))
        } else {
            let (rows, cols) = array.shape();
            let cells = (Cells::even(rows, height), Cells::even(cols, width));
            reduce(array, &cells.0, &cells.1, self.sharing)
        };
        let mut map = self.map.clone();
        let limits = known.unwrap_or_else(|| {
            let limits = Limits::choose(Clip::Percentiles(0.0, 100.0), scale, &grid, &[array]);
            let levels = Levels::of(&limits);
            grid.values.iter_mut().for_each(|v| *v = levels.middle(*v));
            map = map.in_steps(levels.count);
            levels.limits()
        });
        if upwards {
            upside_down(&mut grid);
        }
        let empty = grid.values.iter().all(|v| v.is_nan());
        panel::data(canvas, rect, coloured(&grid, &map, &limits));
        if empty {
            panel::nothing(canvas, rect);
        }
        panel::left_axis(canvas, rect, &y);
        panel::lower_axis(canvas, rect, &x);
        panel::upright_bar(canvas, rect, &map, &limits, "");
        self.title(canvas, rect, title);
    }

    fn title(&self, canvas: &mut Canvas, rect: picture::scene::Rect, title: &str) {
        let middle = (rect.left + rect.right) / 2.0;
        let widest = canvas.whole().width() - canvas.pt(8.0);
        let bottom = rect.top - canvas.pt(6.0);
        panel::title(canvas, middle, bottom, title, panel::points::TITLE, widest);
    }

    /// A single column as a line along depth.
    fn line(&self, canvas: &mut Canvas, title: &str, signature: &Signature, array: &dyn Array) {
        let values = flat(array);
        let depths = &signature.depth.values;
        let depth = span(&signature.depth);
        let x = Scaled::numbers(depth.0, depth.1, self.label(0, depth_label(signature)));
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = (
            finite().fold(f64::INFINITY, f64::min),
            finite().fold(f64::NEG_INFINITY, f64::max),
        );
        let (low, high) = match high - low {
            range if range > 0.0 => (low - range * 0.05, high + range * 0.05),
            0.0 => (low - 1.0, high + 1.0),
            _ => (0.0, 1.0),
        };
        let y = Scaled::numbers(high, low, "");
        let above = canvas.pt(panel::points::TITLE + 16.0);
        let right = canvas.pt(24.0);
        let rect = panel::inside(canvas, canvas.whole(), (&x, &y), right, above);
        for run in values
            .iter()
            .zip(depths.iter())
            .collect::<Vec<_>>()
            .split(|(value, _)| !value.is_finite())
        {
            let point = |(value, depth): &(&f64, &f64)| {
                let x = x.place(**depth, rect.left, rect.right);
                (x, y.place(**value, rect.top, rect.bottom))
            };
            canvas.line(run.iter().map(point).collect(), BLUE, 1.2);
        }
        if finite().next().is_none() {
            panel::nothing(canvas, rect);
        }
        canvas.outline(rect, picture::scene::BLACK, 0.8);
        panel::left_axis(canvas, rect, &y);
        panel::lower_axis(canvas, rect, &x);
        self.title(canvas, rect, title);
    }

    /// The first array against the second, coloured by the third, points as large as the fourth says.
    fn points(&self, canvas: &mut Canvas, title: &str, arrays: &[&dyn Array]) {
        let columns: Vec<Vec<f64>> = arrays.iter().take(4).map(|array| flat(*array)).collect();
        let range = |values: &[f64]| {
            let finite = || values.iter().copied().filter(|v| v.is_finite());
            let (low, high) = (
                finite().fold(f64::INFINITY, f64::min),
                finite().fold(f64::NEG_INFINITY, f64::max),
            );
            let margin = if high > low { (high - low) * 0.05 } else { 0.5 };
            if low.is_finite() {
                (low - margin, high + margin)
            } else {
                (0.0, 1.0)
            }
        };
        let (across, up) = (range(&columns[0]), range(&columns[1]));
        // distpy writes the labels of depth and time here too; points have neither.
        let x = Scaled::numbers(across.0, across.1, self.label(1, ""));
        let (top, bottom) = if self.inverted {
            (up.0, up.1)
        } else {
            (up.1, up.0)
        };
        let y = Scaled::numbers(top, bottom, self.label(0, ""));
        let limits = columns.get(2).map(|values| {
            let grid = Grid::new(values.len(), 1, values.iter().map(|v| *v as f32).collect());
            Limits::choose(Clip::Percentiles(0.0, 100.0), Scale::Linear, &grid, &[])
        });
        let bar = limits.map_or(0.0, |limits| panel::upright_bar_width(canvas, &limits, ""));
        let above = canvas.pt(panel::points::TITLE + 16.0);
        let right = bar + canvas.pt(24.0);
        let rect = panel::inside(canvas, canvas.whole(), (&x, &y), right, above);
        let (width, height) = panel::pixels(rect);
        let mut image = Image {
            width: width as u32,
            height: height as u32,
            rgb: vec![255; width * height * 3],
        };
        // Of points with one middle the last counts, so that at most one is drawn for each pixel.
        let mut last = vec![u32::MAX; width * height];
        for (k, (a, b)) in columns[0].iter().zip(&columns[1]).enumerate() {
            if a.is_finite() && b.is_finite() {
                let (px, py) = (
                    x.place(*a, 0.0, width as f64),
                    y.place(*b, 0.0, height as f64),
                );
                let (px, py) = ((px as usize).min(width - 1), (py as usize).min(height - 1));
                last[py * width + px] = k as u32;
            }
        }
        let per_point = canvas.pt(1.0);
        for (at, k) in last.iter().enumerate().filter(|(_, k)| **k != u32::MAX) {
            let k = *k as usize;
            let colour = match (&limits, columns.get(2)) {
                (Some(limits), Some(values)) => self.map.colour(limits.place(values[k])),
                _ => Some(BLUE.rgb),
            };
            // Areas are in square points, 36 where none is given.
            let area = columns.get(3).map_or(36.0, |areas| areas[k]);
            if let Some(colour) = colour
                && area > 0.0
            {
                let radius = area.sqrt() / 2.0 * per_point;
                disc(&mut image, (at % width, at / width), radius, colour);
            }
        }
        panel::data(canvas, rect, image);
        panel::left_axis(canvas, rect, &y);
        panel::lower_axis(canvas, rect, &x);
        if let Some(limits) = limits {
            panel::upright_bar(canvas, rect, &self.map, &limits, "");
        }
        self.title(canvas, rect, title);
    }
}

/// The blue of matplotlib's first line.
const BLUE: Paint = Paint::of([31, 119, 180]);

/// Fills the pixels whose middle lies in a circle.
fn disc(image: &mut Image, (x, y): (usize, usize), radius: f64, colour: [u8; 3]) {
    let reach = radius.floor() as i64;
    for dy in -reach..=reach {
        let half = (radius * radius - (dy * dy) as f64).sqrt().floor() as i64;
        let row = y as i64 + dy;
        if !(0..i64::from(image.height)).contains(&row) {
            continue;
        }
        let from = (x as i64 - half).max(0);
        let to = (x as i64 + half).min(i64::from(image.width) - 1);
        for column in from..=to {
            let at = (row as usize * image.width as usize + column as usize) * 3;
            image.rgb[at..at + 3].copy_from_slice(&colour);
        }
    }
}

/// All samples, row by row.
fn flat(array: &dyn Array) -> Vec<f64> {
    let (rows, cols) = array.shape();
    let mut values = Vec::with_capacity(rows * cols);
    array.visit(0..rows, &mut |row| match row {
        Row::F32(row) => values.extend(row.iter().map(|v| f64::from(*v))),
        Row::F64(row) => values.extend_from_slice(row),
    });
    values
}

/// The ends of an axis. A whole spectrum, whose upper half stands for negative frequencies, runs on to the sample rate.
fn span(axis: &Coords) -> (f64, f64) {
    match &*axis.values {
        [first, _, .., last] if axis.unit == Unit::Hertz && last < first => {
            (*first, first + axis.spacing() * axis.len() as f64)
        }
        [first, .., last] => (*first, *last),
        [only] => (*only, *only),
        [] => (0.0, 0.0),
    }
}

fn depth_label(signature: &Signature) -> &'static str {
    match signature.depth.unit {
        Unit::PerMetre => "wavenumber (1/m)",
        Unit::Index => "channel",
        _ => "depth (m)",
    }
}

fn time_label(env: &Env, signature: &Signature) -> &'static str {
    match signature.time.unit {
        Unit::Hertz => "frequency (Hz)",
        // distpy counts samples here, whatever the label says.
        Unit::Index if env.compat == Compat::Distpy => "time (samples)",
        Unit::Index => "column",
        _ => "time (s)",
    }
}

fn upside_down(grid: &mut Grid) {
    let rows: Vec<&[f32]> = grid.values.chunks(grid.width.max(1)).rev().collect();
    grid.values = rows.concat();
}

/// The levels of contours: round values, about thirty.
struct Levels {
    first: f64,
    step: f64,
    count: usize,
}

impl Levels {
    fn of(limits: &Limits) -> Self {
        const MOST: usize = 30;
        let marks = ticks::numbers(limits.low, limits.high, MOST).marks;
        let step = match &marks[..] {
            [(a, _), (b, _), ..] => b - a,
            _ => limits.high - limits.low,
        };
        let first = (limits.low / step).floor() * step;
        let count = ((limits.high - first) / step).ceil().max(1.0) as usize;
        Self { first, step, count }
    }

    /// The middle of the levels around a value.
    fn middle(&self, value: f32) -> f32 {
        let level = ((f64::from(value) - self.first) / self.step).floor();
        let level = level.clamp(0.0, self.count as f64 - 1.0);
        if value.is_nan() {
            return value;
        }
        (self.first + (level + 0.5) * self.step) as f32
    }

    fn limits(&self) -> Limits {
        Limits {
            low: self.first,
            high: self.first + self.step * self.count as f64,
            scale: Scale::Linear,
        }
    }
}
