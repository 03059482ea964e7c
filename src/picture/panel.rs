//! Panels: a rectangle of data with its axes, its title and a bar of its colours.

use std::sync::Arc;

use super::colormap::Colormap;
use super::limits::{Limits, Scale};
use super::scene::{BLACK, Canvas, GREY, Image, Paint, Rect, Side};
use super::text::{Turn, fitted};
use super::ticks::{self, Ticks};

/// Sizes of text in points.
pub mod points {
    /// Of a picture's title.
    pub const TITLE: f64 = 11.0;
    /// Of an axis.
    pub const LABEL: f64 = 9.5;
    /// Of a tick.
    pub const TICK: f64 = 8.5;
    /// Of what is written into a picture.
    pub const NOTE: f64 = 8.0;
}

/// What an axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Numbers.
    Number,
    /// Unix times, told as dates in UTC.
    Date,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The value at its left or upper end.
    pub from: f64,
    /// The value at its right or lower end.
    pub to: f64,
    /// What it counts.
    pub count: Count,
    /// What it is, with its unit.
    pub label: String,
}

impl Axis {
    /// Of numbers.
    pub fn numbers(from: f64, to: f64, label: impl Into<String>) -> Self {
        Self {
            from,
            to,
            count: Count::Number,
            label: label.into(),
        }
    }

    /// Of Unix times.
    pub fn dates(from: f64, to: f64) -> Self {
        Self {
            from,
            to,
            count: Count::Date,
            label: "time".into(),
        }
    }

    /// Where a value lies between two pixels.
    pub fn place(&self, value: f64, first: f64, last: f64) -> f64 {
        first + (value - self.from) / (self.to - self.from) * (last - first)
    }

    /// Whether a value lies on it.
    pub fn holds(&self, value: f64) -> bool {
        value >= self.from.min(self.to) && value <= self.from.max(self.to)
    }

    /// Its marks, at most so many.
    pub fn ticks(&self, most: usize) -> Ticks {
        match self.count {
            Count::Number => ticks::numbers(self.from, self.to, most),
            Count::Date => ticks::times(self.from, self.to, most),
        }
    }

    /// Its label with what its ticks have in common.
    fn said(&self, ticks: &Ticks) -> String {
        match (&self.label[..], &ticks.note[..]) {
            (label, "") => label.into(),
            ("", note) => note.into(),
            (label, note) if self.count == Count::Date => format!("{label} ({note})"),
            (label, note) => format!("{label} {note}"),
        }
    }
}

/// The marks of an axis of so many pixels, upright: about one for each four lines of text.
fn upright(canvas: &Canvas, axis: &Axis, height: f64) -> Ticks {
    let line = canvas.pt(points::TICK) * 3.0;
    axis.ticks(((height / line) as usize).clamp(2, 10))
}

/// How wide what stands to the left of a panel is: its marks, their labels and the axis' label.
pub fn left_margin(canvas: &Canvas, axis: &Axis, height: f64) -> f64 {
    let ticks = upright(canvas, axis, height);
    let widths = ticks
        .marks
        .iter()
        .map(|(_, label)| canvas.text_width(label, points::TICK));
    let label = if axis.said(&ticks).is_empty() {
        0.0
    } else {
        canvas.pt(points::LABEL + 7.0)
    };
    widths.fold(0.0, f64::max) + canvas.pt(8.0) + label
}

/// The axis at the left edge of a panel.
pub fn left_axis(canvas: &mut Canvas, rect: Rect, axis: &Axis) {
    let ticks = upright(canvas, axis, rect.height());
    let tick = canvas.pt(3.5);
    let mut widest: f64 = 0.0;
    for (value, label) in &ticks.marks {
        let y = axis.place(*value, rect.top, rect.bottom);
        canvas.line(vec![(rect.left - tick, y), (rect.left, y)], BLACK, 0.8);
        let at = (rect.left - tick * 1.7, y);
        let sides = (Side::End, Side::Middle);
        canvas.text(label, at, points::TICK, Turn::Right, sides, BLACK);
        widest = widest.max(canvas.text_width(label, points::TICK));
    }
    let at = (
        rect.left - tick * 1.7 - widest - canvas.pt(5.0),
        (rect.top + rect.bottom) / 2.0,
    );
    let said = axis.said(&ticks);
    let sides = (Side::Middle, Side::End);
    canvas.text(&said, at, points::LABEL, Turn::Up, sides, BLACK);
}

/// How the labels of a lower axis lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// As one reads.
    Level,
    /// Upwards, where the panel is narrow.
    Upright,
}

/// The middles of level labels below a panel that begins at 0: none reaches far beyond its edges, where the next panel's are.
fn middles(canvas: &Canvas, axis: &Axis, ticks: &Ticks, width: f64) -> Vec<f64> {
    let beyond = canvas.pt(4.0);
    let middle = |(value, label): &(f64, String)| {
        let half = canvas.text_width(label, points::TICK) / 2.0;
        let place = axis.place(*value, 0.0, width);
        place.min(width + beyond - half).max(half - beyond)
    };
    ticks.marks.iter().map(middle).collect()
}

/// The marks below a panel and how their labels lie: level where at least three fit.
fn level(canvas: &Canvas, axis: &Axis, width: f64) -> (Ticks, Labels) {
    let apart = canvas.pt(6.0);
    let fits = |ticks: &Ticks| {
        let wide = |k: usize| canvas.text_width(&ticks.marks[k].1, points::TICK);
        let middles = middles(canvas, axis, ticks, width);
        let pairs = middles.windows(2).enumerate();
        let free = |(k, pair): (usize, &[f64])| pair[1] - pair[0] - (wide(k) + wide(k + 1)) / 2.0;
        pairs.map(free).all(|free| free >= apart)
    };
    for most in (2..=10).rev() {
        let ticks = axis.ticks(most);
        if ticks.marks.len() >= 3 && fits(&ticks) {
            return (ticks, Labels::Level);
        }
    }
    let line = canvas.pt(points::TICK) * 1.8;
    let most = ((width / line) as usize).clamp(2, 8);
    let ticks = axis.ticks(most);
    let labels = match fits(&ticks) {
        true => Labels::Level,
        false => Labels::Upright,
    };
    (ticks, labels)
}

/// How high what stands below a panel is.
pub fn lower_margin(canvas: &Canvas, axis: &Axis, width: f64) -> f64 {
    let (ticks, labels) = level(canvas, axis, width);
    let wide = ticks
        .marks
        .iter()
        .map(|(_, label)| canvas.text_width(label, points::TICK))
        .fold(0.0, f64::max);
    let high = match labels {
        Labels::Level => canvas.pt(points::TICK),
        Labels::Upright => wide,
    };
    let label = if axis.said(&ticks).is_empty() {
        0.0
    } else {
        canvas.pt(points::LABEL + 7.0)
    };
    high + label + canvas.pt(10.0)
}

/// The axis below a panel.
pub fn lower_axis(canvas: &mut Canvas, rect: Rect, axis: &Axis) {
    let (ticks, labels) = level(canvas, axis, rect.width());
    let tick = canvas.pt(3.5);
    let mut high = canvas.pt(points::TICK);
    let middles = middles(canvas, axis, &ticks, rect.width());
    for ((value, label), middle) in ticks.marks.iter().zip(middles) {
        let x = axis.place(*value, rect.left, rect.right);
        canvas.line(vec![(x, rect.bottom), (x, rect.bottom + tick)], BLACK, 0.8);
        match labels {
            Labels::Level => {
                let at = (rect.left + middle, rect.bottom + tick * 1.7);
                let sides = (Side::Middle, Side::Start);
                canvas.text(label, at, points::TICK, Turn::Right, sides, BLACK);
            }
            Labels::Upright => {
                let at = (x, rect.bottom + tick * 1.7);
                let sides = (Side::End, Side::Middle);
                canvas.text(label, at, points::TICK, Turn::Up, sides, BLACK);
                high = high.max(canvas.text_width(label, points::TICK));
            }
        }
    }
    let at = (
        (rect.left + rect.right) / 2.0,
        rect.bottom + tick * 1.7 + high + canvas.pt(4.0),
    );
    // Beside a narrow panel's label is another's: what its ticks have in common counts most.
    let room = rect.width() + canvas.pt(8.0);
    let said = axis.said(&ticks);
    let said = match canvas.text_width(&said, points::LABEL) > room {
        true if !ticks.note.is_empty() => fitted(&ticks.note, canvas.pt(points::LABEL), room),
        _ => fitted(&said, canvas.pt(points::LABEL), room),
    };
    let sides = (Side::Middle, Side::Start);
    canvas.text(&said, at, points::LABEL, Turn::Right, sides, BLACK);
}

/// What is left for a panel of a rectangle, when its axes have their room at the left and below, and others theirs at the right
/// and above. A margin takes at most two fifths, so that something is seen at any size.
pub fn inside(
    canvas: &Canvas,
    outer: Rect,
    (x, y): (&Axis, &Axis),
    right: f64,
    above: f64,
) -> Rect {
    let most = |wish: f64, of: f64| wish.min(of * 0.4);
    let left = most(left_margin(canvas, y, outer.height() * 0.8), outer.width());
    let right = most(right, outer.width());
    let width = outer.width() - left - right;
    let below = most(lower_margin(canvas, x, width), outer.height());
    let above = most(above, outer.height());
    Rect::new(
        outer.left + left,
        outer.top + above,
        outer.right - right,
        outer.bottom - below,
    )
    .whole()
}

/// Puts an image into a panel and a line around it. The image has the panel's size in pixels.
pub fn data(canvas: &mut Canvas, rect: Rect, image: Image) {
    canvas.image((rect.left as i32, rect.top as i32), Arc::new(image));
    canvas.outline(rect, BLACK, 0.8);
}

/// The number of pixels of a panel.
pub fn pixels(rect: Rect) -> (usize, usize) {
    let rect = rect.whole();
    (rect.width() as usize, rect.height() as usize)
}

/// A title above a panel, cut to a width.
pub fn title(canvas: &mut Canvas, middle: f64, bottom: f64, text: &str, size: f64, widest: f64) {
    let text = fitted(text, canvas.pt(size), widest);
    let sides = (Side::Middle, Side::End);
    canvas.text(&text, (middle, bottom), size, Turn::Right, sides, BLACK);
}

/// A scale's name and unit, as a bar of colours has it.
pub fn unit_of(scale: Scale, unit: &str) -> String {
    match (scale, unit) {
        (Scale::Decibel, "") => "dB".into(),
        (Scale::Decibel, unit) => format!("dB re 1 {unit}"),
        (_, unit) => unit.into(),
    }
}

fn bar_ticks(limits: &Limits, most: usize) -> Ticks {
    match limits.scale {
        Scale::Linear | Scale::Decibel => ticks::numbers(limits.low, limits.high, most),
        Scale::Log => ticks::decades(limits.low, limits.high, most),
    }
}

/// How wide an upright bar of colours is with its labels.
pub fn upright_bar_width(canvas: &Canvas, limits: &Limits, unit: &str) -> f64 {
    let ticks = bar_ticks(limits, 6);
    let widest = ticks
        .marks
        .iter()
        .map(|(_, label)| canvas.text_width(label, points::TICK))
        .fold(0.0, f64::max);
    let said = !(unit.is_empty() && ticks.note.is_empty());
    let label = if said { points::LABEL + 6.0 } else { 0.0 };
    canvas.pt(12.0 + 14.0 + 10.0 + label) + widest
}

/// A bar of colours to the right of a panel.
pub fn upright_bar(canvas: &mut Canvas, rect: Rect, map: &Colormap, limits: &Limits, unit: &str) {
    let left = rect.right + canvas.pt(12.0);
    let bar = Rect::new(left, rect.top, left + canvas.pt(14.0), rect.bottom).whole();
    let (width, height) = pixels(bar);
    let colour = |k: usize| map.colour(1.0 - (k as f64 + 0.5) / height as f64);
    let rows = (0..height).flat_map(|k| {
        let rgb = colour(k).unwrap_or_default();
        std::iter::repeat_n(rgb, width).flatten()
    });
    let image = Image {
        width: width as u32,
        height: height as u32,
        rgb: rows.collect(),
    };
    data(canvas, bar, image);
    let most = (bar.height() / canvas.pt(points::TICK * 3.0)) as usize;
    let ticks = bar_ticks(limits, most.clamp(2, 6));
    let axis = Axis::numbers(limits.high, limits.low, "");
    let tick = canvas.pt(3.0);
    let mut widest: f64 = 0.0;
    for (value, label) in &ticks.marks {
        let y = axis.place(*value, bar.top, bar.bottom);
        canvas.line(vec![(bar.right, y), (bar.right + tick, y)], BLACK, 0.8);
        let at = (bar.right + tick * 1.8, y);
        let sides = (Side::Start, Side::Middle);
        canvas.text(label, at, points::TICK, Turn::Right, sides, BLACK);
        widest = widest.max(canvas.text_width(label, points::TICK));
    }
    let said = said(unit, &ticks);
    let at = (
        bar.right + tick * 1.8 + widest + canvas.pt(5.0),
        (bar.top + bar.bottom) / 2.0,
    );
    let sides = (Side::Middle, Side::Start);
    canvas.text(&said, at, points::LABEL, Turn::Up, sides, BLACK);
}

fn said(unit: &str, ticks: &Ticks) -> String {
    match (unit, &ticks.note[..]) {
        ("", note) => note.into(),
        (unit, "") => unit.into(),
        (unit, note) => format!("{unit} {note}"),
    }
}

/// How high a level bar of colours is with its labels.
pub fn level_bar_height(canvas: &Canvas) -> f64 {
    canvas.pt(7.0 + points::TICK + 9.0)
}

/// A bar of colours above a panel: its labels stand between the bar and `rect.top`, its unit at the end of them.
pub fn level_bar(canvas: &mut Canvas, rect: Rect, map: &Colormap, limits: &Limits, unit: &str) {
    let top = rect.top - level_bar_height(canvas);
    let bar = Rect::new(rect.left, top, rect.right, top + canvas.pt(7.0)).whole();
    let (width, height) = pixels(bar);
    let row: Vec<u8> = (0..width)
        .flat_map(|k| {
            map.colour((k as f64 + 0.5) / width as f64)
                .unwrap_or_default()
        })
        .collect();
    let image = Image {
        width: width as u32,
        height: height as u32,
        rgb: row.repeat(height),
    };
    data(canvas, bar, image);
    let axis = Axis::numbers(limits.low, limits.high, "");
    let most = ((bar.width() / canvas.pt(42.0)) as usize).clamp(1, 5);
    let ticks = bar_ticks(limits, most);
    let note = said(unit, &ticks);
    let size = points::TICK - 1.0;
    // The note stands at the right; labels that would meet it are left out.
    let noted = canvas.text_width(&note, size);
    let room = bar.right
        - if note.is_empty() {
            0.0
        } else {
            noted + canvas.pt(4.0)
        };
    let y = bar.bottom + canvas.pt(3.0);
    let mut free = bar.left - canvas.pt(6.0);
    for (value, label) in &ticks.marks {
        let x = axis.place(*value, bar.left, bar.right);
        let half = canvas.text_width(label, size) / 2.0;
        let x = x.clamp(bar.left + half, (bar.right - half).max(bar.left + half));
        if x + half > room || x - half < free {
            continue;
        }
        free = x + half + canvas.pt(4.0);
        let sides = (Side::Middle, Side::Start);
        canvas.text(label, (x, y), size, Turn::Right, sides, BLACK);
    }
    let sides = (Side::End, Side::Start);
    canvas.text(&note, (bar.right, y), size, Turn::Right, sides, BLACK);
}

/// What is said in the middle of a panel without data.
pub fn nothing(canvas: &mut Canvas, rect: Rect) {
    let middle = (
        (rect.left + rect.right) / 2.0,
        (rect.top + rect.bottom) / 2.0,
    );
    let sides = (Side::Middle, Side::Middle);
    canvas.text("no data", middle, points::LABEL, Turn::Right, sides, GREY);
}

/// A label in a box, so that it can be read on any colour. Gives back its place.
pub fn boxed(canvas: &mut Canvas, text: &str, at: (f64, f64), turn: Turn, ground: Paint) -> Rect {
    let rect = box_of(canvas, text, at, turn);
    canvas.fill(rect, ground);
    canvas.outline(rect, GREY, 0.5);
    let inner = canvas.pt(2.5);
    let (x, y) = match turn {
        Turn::Right => (rect.left + inner, rect.top + inner),
        Turn::Up => (rect.left + inner, rect.bottom - inner),
        Turn::Down => (rect.right - inner, rect.top + inner),
    };
    let sides = (Side::Start, Side::Start);
    canvas.text(text, (x, y), points::NOTE, turn, sides, BLACK);
    rect
}

/// Where the box of a label lies whose upper left corner is at a place.
pub fn box_of(canvas: &Canvas, text: &str, (x, y): (f64, f64), turn: Turn) -> Rect {
    let inner = canvas.pt(2.5);
    let along = canvas.text_width(text, points::NOTE) + 2.0 * inner;
    let across = canvas.pt(points::NOTE) * super::text::CAPITAL + 2.0 * inner;
    match turn {
        Turn::Right => Rect::new(x, y, x + along, y + across).whole(),
        Turn::Up | Turn::Down => Rect::new(x, y, x + across, y + along).whole(),
    }
}
