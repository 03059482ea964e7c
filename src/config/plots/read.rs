//! Reading a plots file.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::{Event, Item, Marks, Options, Plot, Plots};
use crate::config::workflow::kind_of;
use crate::config::{Problem, Problems, Severity};
use crate::picture::colormap::Colormap;
use crate::picture::limits::{Clip, Scale};
use crate::picture::reduce::Rule;
use crate::picture::{Format, Size};
use crate::store;

const AT_THE_TOP: &[&str] = &[
    "figure_size",
    "dpi",
    "start_of_fibre",
    "end_of_fibre",
    "time_reference",
    "depth_reference",
    "depth_display_unit",
    "well_segments",
    "label_list",
    "plots",
    "BOXSIZE",
    "name",
    "description",
    "comment",
];
const OF_A_PLOT: &[&str] = &["plot_type", "out_plot", "plot_list", "comment", "name"];
const OF_AN_ITEM: &[&str] = &["title_text", "data", "comment"];
/// Keys that may stand at any level.
const SHARED: &[&str] = &[
    "alpha",
    "inverted",
    "colormap",
    "unit",
    "scale",
    "clip_percentiles",
    "limits",
    "symmetric",
    "downsample",
];
/// Keys of a plot, or of all plots.
const DRAWN: &[&str] = &[
    "figure_size",
    "dpi",
    "format",
    "time_range",
    "depth_range",
    "depth",
    "window",
    "max_frequency",
    "max_wavenumber",
    "velocities",
    "traces",
    "gain",
];

/// Reads a plots file.
pub fn plots(file: &Path, text: &str) -> Result<Plots, Problems> {
    let root = crate::config::json(file, text)?;
    let Value::Object(root) = root else {
        let found = format!("found {}, expected an object with `plots`", kind_of(&root));
        return Err(Problems::single(file, "", found));
    };
    let mut reader = Reader {
        problems: Problems::new(file),
    };
    let top = Level {
        path: String::new(),
        maps: vec![&root],
    };
    reader.unknown(&top, &[AT_THE_TOP, SHARED, DRAWN]);
    let marks = reader.marks(&top);
    let plots = Plots {
        file: file.to_path_buf(),
        time_reference: reader
            .text(&top, "time_reference")
            .unwrap_or("time.npy".into()),
        depth_reference: reader
            .text(&top, "depth_reference")
            .unwrap_or("measured_depth.npy".into()),
        marks,
        well_segments: reader
            .text(&top, "well_segments")
            .filter(|text| !text.is_empty() && text != "NONE")
            .and_then(|text| {
                let path = store::path(&text.replace('\\', "/"));
                let problem = |message| Problem::error("well_segments", message);
                path.map_err(|message| reader.problems.push(problem(message)))
                    .ok()
            }),
        list: reader.plots(&top),
        warnings: reader.problems.lines(Severity::Warning),
    };
    if reader.problems.has_errors() {
        Err(reader.problems)
    } else {
        Ok(plots)
    }
}

/// An object of the file, and those around it: what is missing is looked for there.
struct Level<'a> {
    path: String,
    /// The innermost first.
    maps: Vec<&'a Map<String, Value>>,
}

impl<'a> Level<'a> {
    /// A value of this object itself.
    fn own(&self, key: &str) -> Option<&'a Value> {
        self.maps[0].get(key).filter(|value| !value.is_null())
    }

    /// A value of this object or of one around it.
    fn any(&self, key: &str) -> Option<&'a Value> {
        let mut values = self.maps.iter().filter_map(|map| map.get(key));
        values.find(|value| !value.is_null())
    }

    fn key(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.into(),
            path => format!("{path}.{key}"),
        }
    }

    fn inner(&self, key: &str, k: usize, map: &'a Map<String, Value>) -> Level<'a> {
        Level {
            path: format!("{}[{k}]", self.key(key)),
            maps: std::iter::once(map)
                .chain(self.maps.iter().copied())
                .collect(),
        }
    }
}

struct Reader {
    problems: Problems,
}

impl Reader {
    fn wrong(&mut self, path: String, found: &Value, expected: &str) {
        let message = format!("found {}, expected {expected}", kind_of(found));
        self.problems.push(Problem::error(path, message));
    }

    fn missing(&mut self, path: String, expected: &str) {
        let message = format!("missing; expected {expected}");
        self.problems.push(Problem::error(path, message));
    }

    /// Warns of keys that nobody reads.
    fn unknown(&mut self, level: &Level<'_>, known: &[&[&str]]) {
        for key in level.maps[0].keys() {
            if known.iter().any(|known| known.contains(&key.as_str())) {
                continue;
            }
            let near = known.iter().copied().flatten();
            let near = near.min_by_key(|known| strsim::levenshtein(known, key));
            let hint = near.filter(|near| strsim::levenshtein(near, key) <= 3);
            let hint = hint.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            let message = format!("unknown key{hint}");
            self.problems
                .push(Problem::warning(level.key(key), message));
        }
    }

    fn text(&mut self, level: &Level<'_>, key: &str) -> Option<String> {
        match level.any(key)? {
            Value::String(text) => Some(text.clone()),
            other => {
                self.wrong(level.key(key), other, "text");
                None
            }
        }
    }

    /// A number, or one written as text, as distpy's own example has it.
    fn number(&mut self, level: &Level<'_>, key: &str) -> Option<f64> {
        let value = level.any(key)?;
        let number = value
            .as_f64()
            .or_else(|| value.as_str()?.trim().parse().ok());
        if number.is_none_or(|n| !n.is_finite()) {
            self.wrong(level.key(key), value, "a number");
            return None;
        }
        number
    }

    fn pair(&mut self, level: &Level<'_>, key: &str, expected: &str) -> Option<[f64; 2]> {
        let value = level.any(key)?;
        let list: Option<Vec<f64>> = value
            .as_array()
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        match list.as_deref() {
            Some(&[a, b]) => Some([a, b]),
            _ => {
                self.wrong(level.key(key), value, expected);
                None
            }
        }
    }

    fn whole(&mut self, level: &Level<'_>, key: &str, usual: usize) -> usize {
        let Some(value) = level.any(key) else {
            return usual;
        };
        match value.as_u64().filter(|n| *n > 0) {
            Some(number) => number as usize,
            None => {
                self.wrong(level.key(key), value, "a whole number above 0");
                usual
            }
        }
    }

    fn flag(&mut self, level: &Level<'_>, key: &str) -> bool {
        let Some(value) = level.any(key) else {
            return false;
        };
        match value {
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) if text.eq_ignore_ascii_case("yes") => true,
            Value::String(text) if text.eq_ignore_ascii_case("no") => false,
            other => {
                self.wrong(level.key(key), other, "\"yes\" or \"no\"");
                false
            }
        }
    }

    fn marks(&mut self, top: &Level<'_>) -> Marks {
        let feet = match self.text(top, "depth_display_unit").as_deref() {
            None | Some("m") => false,
            Some("ft") => true,
            Some(other) => {
                let found = format!("found \"{other}\", expected \"m\" or \"ft\"");
                self.problems
                    .push(Problem::error("depth_display_unit", found));
                false
            }
        };
        let mut events = Vec::new();
        for (k, map) in self.objects(top, "label_list") {
            let level = top.inner("label_list", k, map);
            let alone = Level {
                path: level.path.clone(),
                maps: vec![map],
            };
            self.unknown(
                &alone,
                &[&["event_label_start", "event_mark", "event_text", "comment"]],
            );
            let time = self.time(&alone, "event_mark");
            events.extend(time.map(|time| {
                Event {
                    time,
                    depth: self
                        .number(&alone, "event_label_start")
                        .unwrap_or(f64::NEG_INFINITY),
                    text: self.text(&alone, "event_text").unwrap_or_default(),
                }
            }));
        }
        Marks {
            feet,
            start_of_fibre: self.number(top, "start_of_fibre"),
            end_of_fibre: self.number(top, "end_of_fibre"),
            events,
        }
    }

    /// A time, in UTC where it has no zone: distpy's form, RFC 3339, or a Unix time.
    fn time(&mut self, level: &Level<'_>, key: &str) -> Option<f64> {
        const EXPECTED: &str = "a time in UTC such as \"2026-01-01 12:30:00\"";
        let Some(value) = level.own(key) else {
            self.missing(level.key(key), EXPECTED);
            return None;
        };
        let time = unix_time(value);
        if time.is_none() {
            self.wrong(level.key(key), value, EXPECTED);
        }
        time
    }

    /// The objects of a list; none where there is no list.
    fn objects<'a>(
        &mut self,
        level: &Level<'a>,
        key: &str,
    ) -> Vec<(usize, &'a Map<String, Value>)> {
        let list = match level.own(key) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.wrong(level.key(key), other, "a list");
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (k, value) in list.iter().enumerate() {
            match value {
                Value::Object(map) => found.push((k, map)),
                other => self.wrong(format!("{}[{k}]", level.key(key)), other, "an object"),
            }
        }
        found
    }

    fn plots(&mut self, top: &Level<'_>) -> Vec<Plot> {
        if top.own("plots").is_none() {
            self.missing("plots".into(), "a list of plots");
        }
        let objects = self.objects(top, "plots");
        let plots = objects.into_iter().filter_map(|(k, map)| {
            let level = top.inner("plots", k, map);
            self.plot(&level)
        });
        let plots: Vec<Plot> = plots.collect();
        for (k, plot) in plots.iter().enumerate() {
            let name = |p: &Plot| format!("{}.{}", p.out, p.ending);
            if plots[..k].iter().any(|earlier| name(earlier) == name(plot)) {
                let found = format!("found \"{}\" again, expected another name", plot.out);
                self.problems
                    .push(Problem::error(format!("{}.out_plot", plot.path), found));
            }
        }
        plots
    }

    fn plot(&mut self, level: &Level<'_>) -> Option<Plot> {
        self.unknown(level, &[OF_A_PLOT, SHARED, DRAWN]);
        let name = |reader: &mut Self, key: &str, expected: &str| match level.own(key) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(other) => {
                reader.wrong(level.key(key), other, expected);
                None
            }
            None => {
                reader.missing(level.key(key), expected);
                None
            }
        };
        let kind = name(
            self,
            "plot_type",
            "the kind of the plot, such as \"well_log\"",
        );
        let out = name(self, "out_plot", "the name of the picture");
        let out = out.filter(|out| {
            let inside = !out.split(['/', '\\']).any(|part| part == "..") && !out.starts_with('/');
            if !inside {
                let found = format!("found \"{out}\", expected a name below the output folder");
                self.problems
                    .push(Problem::error(level.key("out_plot"), found));
            }
            inside
        });
        let figure = self.pair(level, "figure_size", "width and height in inches");
        // distpy reads a size and a resolution, and draws matplotlib's usual ones.
        let dpi = self.number(level, "dpi").unwrap_or(100.0);
        let size = Size::new(figure.unwrap_or([12.0, 8.0]), dpi)
            .map_err(|(key, found)| self.problems.push(Problem::error(level.key(key), found)))
            .ok();
        let ending = self.text(level, "format").unwrap_or("png".into());
        let format = Format::named(&ending)
            .map_err(|found| {
                self.problems
                    .push(Problem::error(level.key("format"), found))
            })
            .ok();
        let times = self.times(level);
        let depths = self.pair(level, "depth_range", "two depths in the display unit");
        let options = self.options(level);
        let objects = self.objects(level, "plot_list");
        let items = objects.into_iter().filter_map(|(k, map)| {
            let level = level.inner("plot_list", k, map);
            self.item(&level)
        });
        let items: Vec<Item> = items.collect();
        if items.is_empty() {
            let expected = "a list with at least one of the plot's data";
            match level.own("plot_list") {
                Some(_) if self.problems.has_errors() => {}
                Some(found) => self.wrong(level.key("plot_list"), found, expected),
                None => self.missing(level.key("plot_list"), expected),
            }
        }
        Some(Plot {
            path: level.path.clone(),
            kind: kind?,
            out: out?.replace('\\', "/"),
            size: size?,
            format: format?,
            ending: ending.to_ascii_lowercase(),
            times,
            depths,
            options,
            items,
        })
    }

    fn times(&mut self, level: &Level<'_>) -> Option<[f64; 2]> {
        let value = level.any("time_range")?;
        let both: Option<Vec<f64>> = value
            .as_array()
            .and_then(|list| list.iter().map(unix_time).collect());
        match both.as_deref() {
            Some(&[from, to]) if from < to => Some([from, to]),
            _ => {
                let expected = "two times, the earlier first";
                self.wrong(level.key("time_range"), value, expected);
                None
            }
        }
    }

    fn options(&mut self, level: &Level<'_>) -> Options {
        let velocities = match level.any("velocities") {
            None => Vec::new(),
            Some(value) => {
                let list = value.as_array().map(|list| list.iter().map(Value::as_f64));
                list.and_then(|list| list.collect()).unwrap_or_else(|| {
                    self.wrong(level.key("velocities"), value, "a list of speeds in m/s");
                    Vec::new()
                })
            }
        };
        Options {
            depth: self.number(level, "depth"),
            window: self.whole(level, "window", 256),
            frequency: self.number(level, "max_frequency"),
            wavenumber: self.number(level, "max_wavenumber"),
            velocities,
            traces: self.whole(level, "traces", 60),
            gain: self.number(level, "gain").unwrap_or(1.5),
        }
    }

    fn item(&mut self, level: &Level<'_>) -> Option<Item> {
        self.unknown(level, &[OF_AN_ITEM, SHARED]);
        let data = match level.own("data") {
            Some(Value::String(text)) if !text.is_empty() => Some(text.replace('\\', "/")),
            Some(other) => {
                self.wrong(level.key("data"), other, "the name of a file or folder");
                None
            }
            None => {
                self.missing(level.key("data"), "the name of a file or folder");
                None
            }
        };
        let colormap = self.text(level, "colormap").and_then(|name| {
            Colormap::named(&name)
                .map_err(|found| {
                    self.problems
                        .push(Problem::error(level.key("colormap"), found));
                })
                .ok()
        });
        let alpha = self.number(level, "alpha").unwrap_or(1.0);
        if !(0.0..=1.0).contains(&alpha) {
            let found = format!("found {alpha}, expected a number from 0 to 1");
            self.problems
                .push(Problem::error(level.key("alpha"), found));
        }
        Some(Item {
            path: level.path.clone(),
            title: self
                .text(level, "title_text")
                .or_else(|| {
                    let data = data.as_deref()?.trim_end_matches('/');
                    Some(data.trim_end_matches(".npy").to_string())
                })
                .unwrap_or_default(),
            colormap,
            alpha,
            inverted: self.flag(level, "inverted"),
            unit: self.text(level, "unit").unwrap_or_default(),
            scale: self.scale(level),
            clip: self.clip(level),
            rule: self.rule(level),
            data: data?,
        })
    }

    fn scale(&mut self, level: &Level<'_>) -> Option<Scale> {
        match self.text(level, "scale")?.as_str() {
            "linear" => Some(Scale::Linear),
            "log" => Some(Scale::Log),
            "db" | "dB" => Some(Scale::Decibel),
            other => {
                let found = format!("found \"{other}\", expected \"linear\", \"log\" or \"db\"");
                self.problems
                    .push(Problem::error(level.key("scale"), found));
                None
            }
        }
    }

    fn clip(&mut self, level: &Level<'_>) -> Option<Clip> {
        if let Some([low, high]) =
            self.pair(level, "limits", "the values of the ends of the colours")
        {
            return Some(Clip::Fixed(low, high));
        }
        let percentiles = self.pair(level, "clip_percentiles", "two percentiles from 0 to 100");
        if let Some([low, high]) = percentiles {
            if (0.0..=100.0).contains(&low) && (0.0..=100.0).contains(&high) && low < high {
                return Some(Clip::Percentiles(low, high));
            }
            let found = format!("found [{low}, {high}], expected two percentiles from 0 to 100");
            self.problems
                .push(Problem::error(level.key("clip_percentiles"), found));
        }
        self.flag(level, "symmetric")
            .then_some(Clip::Symmetric(99.0))
    }

    fn rule(&mut self, level: &Level<'_>) -> Option<Rule> {
        match self.text(level, "downsample")?.as_str() {
            "mean" => Some(Rule::Mean),
            "extreme" | "max" => Some(Rule::Extreme),
            other => {
                let found = format!("found \"{other}\", expected \"extreme\" or \"mean\"");
                self.problems
                    .push(Problem::error(level.key("downsample"), found));
                None
            }
        }
    }
}

fn unix_time(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        other => other.as_str()?.trim(),
    };
    let zoned = || text.parse::<Timestamp>().ok();
    let civil = || {
        TimeZone::UTC
            .to_timestamp(text.parse::<DateTime>().ok()?)
            .ok()
    };
    let stamp = zoned().or_else(civil)?;
    Some(stamp.as_microsecond() as f64 / 1e6)
}
