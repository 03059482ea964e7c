//! `summary`: one page of a run: the bands, the loudest zones, and how good the data are.

use super::{Context, Frame, Kind, PlotError, Zone, finish, limits};
use crate::config::plots::{Item, Plot};
use crate::picture::colormap::Colormap;
use crate::picture::limits::coloured;
use crate::picture::panel::{self, points};
use crate::picture::reduce::Rule;
use crate::picture::scene::{BLACK, Canvas, GREY, Paint, Rect, Side};
use crate::picture::text::{Turn, fitted};
use crate::picture::ticks::significant;
use crate::pipeline::logs::Gaps;
use crate::pipeline::section::{Channel, Section};

/// The kind.
pub static KIND: Kind = Kind {
    name: "summary",
    summary: "One page: a panel for each band, the loudest zones, gaps in time and dead channels",
    draw,
};

const GOOD: Paint = Paint::of([86, 180, 130]);
const BAD: Paint = Paint::of([200, 60, 30]);

fn draw(context: &Context<'_>, plot: &Plot, canvas: &mut Canvas) -> Result<(), PlotError> {
    let sections = plot.items.iter().map(|item| context.section(item));
    let sections = sections.collect::<Result<Vec<_>, _>>()?;
    let frame = Frame::of(context, plot, &sections[0]);
    let whole = canvas.whole();
    let (from, to) = (frame.x.from, frame.x.to);
    let walked = sections.iter().map(|section| section.channels(from, to));
    let walked: Vec<Vec<Channel>> = walked.collect();
    let quality = quality(&sections, &walked);
    let table = table(context, &frame, &plot.items, (&sections, &walked));
    let line = canvas.pt(13.0);
    // The panels take what the table and the strip leave; of a low picture's table they take the last rows.
    let layout = Layout::of(canvas, &frame, sections.len());
    let least = layout.above + layout.below + canvas.pt(60.0);
    let fixed = canvas.pt(46.0) + 2.0 * line;
    let rows = ((whole.height() - least - fixed) / line).max(2.0) as usize;
    let table = &table[..table.len().min(rows)];
    let lower = fixed + line * table.len() as f64;
    let lower = lower.min(whole.height() * 0.5);
    let upper = Rect::new(whole.left, whole.top, whole.right, whole.bottom - lower);
    bands(context, plot, canvas, upper, &frame, (&layout, &sections));
    let left = canvas.pt(24.0);
    let right = whole.right - canvas.pt(24.0);
    let top = upper.bottom + canvas.pt(4.0);
    let strip = Rect::new(left, top, right, top + canvas.pt(30.0));
    timeline(canvas, &frame, strip, &quality);
    let below = Rect::new(left, strip.bottom + canvas.pt(10.0), right, whole.bottom);
    write(canvas, below, table, line);
    Ok(())
}

/// What the panels side by side need around them.
struct Layout {
    above: f64,
    below: f64,
    left: f64,
    width: f64,
    gap: f64,
}

impl Layout {
    fn of(canvas: &Canvas, frame: &Frame, count: usize) -> Self {
        let whole = canvas.whole();
        let gap = canvas.pt(10.0);
        let left = panel::left_margin(canvas, &frame.y, whole.height() * 0.5);
        let width =
            (whole.width() - left - canvas.pt(24.0) - gap * (count - 1) as f64) / count as f64;
        let bar = panel::level_bar_height(canvas) + canvas.pt(4.0);
        Self {
            above: bar + canvas.pt(points::TITLE + 10.0),
            below: panel::lower_margin(canvas, &frame.x, width),
            left,
            width,
            gap,
        }
    }
}

/// A panel for each band, with small axes.
fn bands(
    context: &Context<'_>,
    plot: &Plot,
    canvas: &mut Canvas,
    area: Rect,
    frame: &Frame,
    (layout, sections): (&Layout, &[Section]),
) {
    let Layout {
        above,
        left,
        width,
        gap,
        ..
    } = *layout;
    let bar = panel::level_bar_height(canvas) + canvas.pt(4.0);
    let below = layout.below.min(area.height() * 0.4);
    let usual = Colormap::named("magma").expect("it is in the list");
    for (k, (item, section)) in plot.items.iter().zip(sections).enumerate() {
        let left = area.left + left + k as f64 * (width + gap);
        let bottom = area.bottom - below;
        let rect = Rect::new(left, area.top + above, left + width, bottom).whole();
        let grid = frame.grid(section, rect, item.rule.unwrap_or(Rule::Extreme));
        let limits = limits(context, item, section, &grid);
        let map = item.colormap.as_ref().unwrap_or(&usual);
        let image = (coloured(&grid, map, &limits), grid.is_empty());
        finish(canvas, (context, frame), rect, image, k == 0);
        let unit = panel::unit_of(item.scale.unwrap_or_default(), &item.unit);
        panel::level_bar(canvas, rect, map, &limits, &unit);
        let middle = (rect.left + rect.right) / 2.0;
        panel::title(
            canvas,
            middle,
            rect.top - bar,
            &item.title,
            points::TITLE,
            width,
        );
    }
}

/// What is known of the data's quality.
struct Quality {
    gaps: Gaps,
    /// Channels without a value, or with one value at all times, in every band; by their numbers.
    dead: Vec<usize>,
    channels: usize,
    times: usize,
}

fn quality(sections: &[Section], walked: &[Vec<Channel>]) -> Quality {
    let mut alive = vec![false; sections[0].depths.len()];
    for channels in walked {
        for (alive, channel) in alive.iter_mut().zip(channels) {
            *alive |= channel.spread > 0.0;
        }
    }
    let one_time = sections[0].times.len() < 2;
    let dead = alive.iter().enumerate().filter(|(_, alive)| !**alive);
    Quality {
        gaps: Gaps::of(&sections[0].times),
        dead: if one_time {
            vec![]
        } else {
            dead.map(|(k, _)| k).collect()
        },
        channels: alive.len(),
        times: sections[0].times.len(),
    }
}

/// The strip with gaps in time, and what is to be said of the data.
fn timeline(canvas: &mut Canvas, frame: &Frame, rect: Rect, quality: &Quality) {
    let bar = Rect::new(rect.left, rect.top, rect.right, rect.top + canvas.pt(8.0)).whole();
    canvas.fill(bar, GOOD);
    for (from, to) in &quality.gaps.list {
        let place = |time: f64| {
            frame
                .x
                .place(time, bar.left, bar.right)
                .clamp(bar.left, bar.right)
        };
        let gap = Rect::new(place(*from), bar.top, place(*to), bar.bottom).whole();
        canvas.fill(gap, BAD);
    }
    canvas.outline(bar, GREY, 0.6);
    let gaps = match quality.gaps.list.len() {
        0 => "no gaps".to_string(),
        n => format!("gaps: {n}, times missing: {}", quality.gaps.missing),
    };
    let dead = match &quality.dead[..] {
        [] => "no dead channels".to_string(),
        dead => {
            let first: Vec<String> = dead.iter().take(8).map(ToString::to_string).collect();
            let more = if dead.len() > 8 { ", …" } else { "" };
            format!("dead channels: {} ({}{more})", dead.len(), first.join(", "))
        }
    };
    let said = format!(
        "times: {}, channels: {}; {gaps}; {dead}",
        quality.times, quality.channels
    );
    let said = fitted(&said, canvas.pt(points::LABEL), rect.width());
    let at = (rect.left, bar.bottom + canvas.pt(5.0));
    let sides = (Side::Start, Side::Start);
    canvas.text(&said, at, points::LABEL, Turn::Right, sides, BLACK);
}

/// Number of rows of the table without its head.
const ROWS: usize = 5;
/// Parts that a fibre without zones is told in.
const PARTS: usize = 20;

/// The loudest zones: for each band its mean there and how often that is the fibre's median. The head comes first.
fn table(
    context: &Context<'_>,
    frame: &Frame,
    items: &[Item],
    (sections, walked): (&[Section], &[Vec<Channel>]),
) -> Vec<Vec<String>> {
    let (low, high) = (frame.y.from.min(frame.y.to), frame.y.from.max(frame.y.to));
    let count = PARTS.min(sections[0].depths.len());
    let part = (high - low) / count as f64;
    let parts = (0..count).map(|k| Zone {
        from: low + k as f64 * part,
        to: low + (k + 1) as f64 * part,
        name: String::new(),
    });
    let zones: Vec<Zone> = match context.zones {
        [] => parts.collect(),
        zones => zones.to_vec(),
    };
    let means = walked
        .iter()
        .map(|band| band.iter().map(|channel| channel.mean).collect());
    let means: Vec<Vec<f64>> = means.collect();
    // Of each zone and band the mean, over the fibre's median.
    let ratio = |zone: &Zone, band: usize| {
        let (from, to) = (zone.from.min(zone.to), zone.from.max(zone.to));
        let depths = sections[band].depths.iter().map(|d| d * frame.unit);
        let inside = depths
            .zip(&means[band])
            .filter(|(d, _)| (from..to).contains(d) || (*d == to && to == high))
            .filter(|(_, v)| v.is_finite());
        let (sum, count) = inside.fold((0.0, 0.0), |(sum, n), (_, v)| (sum + v, n + 1.0));
        let mut all: Vec<f64> = means[band]
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .collect();
        all.sort_by(f64::total_cmp);
        let median = all.get(all.len() / 2).copied().unwrap_or(f64::NAN);
        (sum / count, sum / count / median)
    };
    let mut rows: Vec<(f64, Vec<String>)> = zones
        .iter()
        .map(|zone| {
            let found: Vec<(f64, f64)> =
                (0..sections.len()).map(|band| ratio(zone, band)).collect();
            let loudest = found.iter().map(|(_, r)| *r).filter(|r| r.is_finite());
            let cell = |(mean, ratio): &(f64, f64)| match ratio.is_finite() {
                true => format!("{} ({}×)", significant(*mean), significant(*ratio)),
                false => "–".into(),
            };
            let digits = if (zone.to - zone.from).abs() < 10.0 {
                1
            } else {
                0
            };
            let place = format!("{:.digits$} – {:.digits$}", zone.from, zone.to);
            let name = match zone.name.as_str() {
                "" => place,
                name => format!("{name} ({place})"),
            };
            let cells = std::iter::once(name)
                .chain(found.iter().map(cell))
                .collect();
            (loudest.fold(f64::NEG_INFINITY, f64::max), cells)
        })
        .collect();
    rows.retain(|(loudest, _)| loudest.is_finite());
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let head = format!("Loudest zones, {}", frame.y.label);
    let head = std::iter::once(head).chain(items.iter().map(|item| item.title.clone()));
    std::iter::once(head.collect())
        .chain(rows.into_iter().take(ROWS).map(|(_, row)| row))
        .collect()
}

/// Writes a table: the first column as wide as it needs to be, the others alike.
fn write(canvas: &mut Canvas, rect: Rect, table: &[Vec<String>], line: f64) {
    let size = points::NOTE;
    let first = table.iter().map(|row| canvas.text_width(&row[0], size));
    let first = first.fold(0.0, f64::max).min(rect.width() * 0.35) + canvas.pt(12.0);
    let columns = table[0].len().saturating_sub(1).max(1);
    let share = (rect.width() - first) / columns as f64;
    for (k, row) in table.iter().enumerate() {
        let y = rect.top + k as f64 * line;
        for (column, cell) in row.iter().enumerate() {
            let (x, room) = match column {
                0 => (rect.left, first - canvas.pt(6.0)),
                n => (
                    rect.left + first + (n - 1) as f64 * share,
                    share - canvas.pt(6.0),
                ),
            };
            let cell = fitted(cell, canvas.pt(size), room);
            let sides = (Side::Start, Side::Start);
            canvas.text(&cell, (x, y), size, Turn::Right, sides, BLACK);
        }
        if k == 0 {
            let y = y + line * 0.8;
            canvas.line(vec![(rect.left, y), (rect.right, y)], GREY, 0.6);
        }
    }
}
