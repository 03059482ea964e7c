//! What the modules beside the processing are told: the JSON that a system configuration names as `config`. distpy's keys, and
//! ours beside them.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::convert::Convert;
use super::{Problem, Problems};
use crate::store;

/// The form of WITSML files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As instruments write it.
    Standard,
    /// As distpy writes it.
    Distpy,
}

/// A curve of a log, as `curves` describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurveKeys {
    /// Its short name.
    pub mnemonic: String,
    /// Its unit.
    #[serde(default)]
    pub unit: Option<String>,
    /// What it is.
    #[serde(default)]
    pub description: String,
    /// What its values are converted by; `unit` is that of the result.
    #[serde(default)]
    pub convert: Option<Convert>,
}

impl CurveKeys {
    /// distpy's curve for a grid that says nothing of its values.
    pub fn fahrenheit() -> Self {
        Self {
            mnemonic: "T".into(),
            unit: Some("F".into()),
            description: "DTS temperature in Fahrenheit".into(),
            convert: None,
        }
    }
}

/// How tables of comma-separated values are read.
#[derive(Debug, Clone, PartialEq)]
pub struct Csv {
    /// What the tables look like.
    pub layout: Layout,
    /// The form of their times.
    pub time_format: String,
    /// The curves that the logs get.
    pub curves: Vec<CurveKeys>,
    /// The unit of the depths in the logs.
    pub depth_unit: String,
    /// What depths are converted by.
    pub depth_convert: Option<Convert>,
    /// What was measured, for the logs' headers.
    pub data_style: String,
    /// The form of the logs; without it the run's compatibility decides.
    pub format: Option<Form>,
}

/// What a table looks like.
#[derive(Debug, Clone, PartialEq)]
pub enum Layout {
    /// A row for each time and depth, columns by their names.
    Long {
        /// The column of times.
        time: String,
        /// The column of depths.
        depth: String,
        /// The columns of values, one for each curve.
        labels: Vec<String>,
    },
    /// A row for each depth, which is the first column; a column for each time.
    Grid {
        /// The line of times, from 0.
        time_row: u64,
        /// The first line of values, from 0.
        first_data: u64,
        /// Whether the result is one array rather than a log for each time.
        array: bool,
        /// The times of the first and of the last column that are wanted; all without them.
        times: [Option<String>; 2],
    },
}

/// distpy's form of times.
const TIME_FORMAT: &str = "%Y-%m-%d %H:%M:%S";
/// That of the instruments whose grids distpy's `ingest_csv` reads.
const DTS_FORMAT: &str = "%Y/%m/%d %H:%M:%S %p";
/// Lines above the values of those grids.
const DTS_LINES: u64 = 11;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CsvKeys {
    time_row: Option<i64>,
    first_data: Option<u64>,
    output_format: Option<String>,
    time_label: Option<String>,
    depth_label: Option<String>,
    csv_labels: Option<Vec<String>>,
    curves: Option<Vec<CurveKeys>>,
    time_format: Option<String>,
    depth_unit: Option<String>,
    depth_convert: Option<Convert>,
    data_style: Option<String>,
    format: Option<Form>,
    tmin: Option<String>,
    tmax: Option<String>,
}

const CSV: &[&str] = &[
    "time_row",
    "first_data",
    "output_format",
    "time_label",
    "depth_label",
    "csv_labels",
    "curves",
    "time_format",
    "depth_unit",
    "depth_convert",
    "data_style",
    "format",
    "tmin",
    "tmax",
];

impl Csv {
    /// Takes the keys of a configuration: `time_row` of 0 and more is for a grid, the labels of columns are for rows; a
    /// configuration without either is for the grids that distpy's `ingest_csv` reads.
    ///
    /// # Errors
    /// Keys of a wrong type, that are missing, or that do not fit each other.
    pub fn of(settings: &Settings) -> Result<Self, Problems> {
        let keys: CsvKeys = settings.keys(CSV)?;
        let wrong =
            |key: &str, message: String| Err(Problems::single(&settings.file, key, message));
        let grid = keys.time_row.and_then(|row| u64::try_from(row).ok());
        let labelled =
            keys.csv_labels.is_some() || keys.time_label.is_some() || keys.depth_label.is_some();
        let chunk = grid.is_none() && !labelled && keys.curves.is_none();
        let layout = if grid.is_some() || chunk {
            let array = match keys.output_format.as_deref() {
                None => chunk,
                Some(format) => format != "witsml",
            };
            Layout::Grid {
                time_row: grid.unwrap_or(0),
                first_data: keys.first_data.unwrap_or(if chunk { DTS_LINES } else { 1 }),
                array,
                times: [keys.tmin, keys.tmax],
            }
        } else {
            let label = |key: &str, label: Option<String>| {
                let missing = || {
                    Problems::single(
                        &settings.file,
                        key,
                        "missing; expected the name of a column",
                    )
                };
                label.ok_or_else(missing)
            };
            Layout::Long {
                time: label("time_label", keys.time_label)?,
                depth: label("depth_label", keys.depth_label)?,
                labels: keys.csv_labels.unwrap_or_default(),
            }
        };
        let curves = match (&layout, keys.curves) {
            (Layout::Grid { .. }, None) => vec![CurveKeys::fahrenheit()],
            (Layout::Grid { .. }, Some(curves)) if curves.len() != 1 => {
                let found = format!(
                    "found {} curves, expected one, as a grid has one value for each time and depth",
                    curves.len()
                );
                return wrong("curves", found);
            }
            (Layout::Long { labels, .. }, curves) => {
                let curves = curves.unwrap_or_default();
                if labels.is_empty() || labels.len() != curves.len() {
                    let found = format!(
                        "found {} labels and {} curves, expected as many of both, and one at least",
                        labels.len(),
                        curves.len()
                    );
                    return wrong("csv_labels", found);
                }
                curves
            }
            (_, Some(curves)) => curves,
        };
        let usual = if chunk { DTS_FORMAT } else { TIME_FORMAT };
        Ok(Self {
            layout,
            curves,
            time_format: keys.time_format.unwrap_or_else(|| usual.into()),
            depth_unit: keys
                .depth_unit
                .unwrap_or_else(|| keys.depth_convert.map_or("m", Convert::unit).into()),
            depth_convert: keys.depth_convert,
            data_style: keys.data_style.unwrap_or_else(|| "UNKNOWN".into()),
            format: keys.format,
        })
    }
}

/// How LAS files become logs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LasKeys {
    /// The form of the date in the files, where it is not a usual one.
    pub time_format: Option<String>,
    /// The time of files that have none.
    pub date: Option<String>,
    /// What was measured, for the logs' headers.
    pub data_style: Option<String>,
    /// What depths are converted by.
    pub depth_convert: Option<Convert>,
    /// The form of the logs; without it the run's compatibility decides.
    pub format: Option<Form>,
}

impl LasKeys {
    /// Takes the keys of a configuration.
    ///
    /// # Errors
    /// Keys of a wrong type.
    pub fn of(settings: &Settings) -> Result<Self, Problems> {
        settings.keys(&[
            "time_format",
            "date",
            "data_style",
            "depth_convert",
            "format",
        ])
    }
}

/// By how much names and times move.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct ShiftKeys {
    /// Hours that are added.
    pub hours: f64,
}

impl ShiftKeys {
    /// Takes the keys of a configuration, and gives whole seconds, as distpy counts them.
    ///
    /// # Errors
    /// Without `hours`, or where they are too many to count.
    pub fn seconds(settings: &Settings) -> Result<i64, Problems> {
        /// More than a Unix time of any recording.
        const MOST: f64 = 1e10;
        let keys: Self = settings.keys(&["hours"])?;
        let seconds = (keys.hours * 3600.0).trunc();
        if seconds.abs() <= MOST && seconds != 0.0 {
            return Ok(seconds as i64);
        }
        let found = format!(
            "found {}, expected hours other than 0, negative to go back",
            keys.hours
        );
        Err(Problems::single(&settings.file, "hours", found))
    }
}

/// A text with places to fill.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateKeys {
    /// The file of the text.
    pub filename: Option<PathBuf>,
    /// What stands in it, and by what it is replaced.
    pub variables: Vec<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawTemplate {
    filename: Option<String>,
    variables: Map<String, Value>,
}

impl TemplateKeys {
    /// Takes the keys of a configuration.
    ///
    /// # Errors
    /// Keys of a wrong type, and variables without a name or with a value that is no text, number or truth value.
    pub fn of(settings: &Settings) -> Result<Self, Problems> {
        let raw: RawTemplate = settings.keys(&["filename", "variables", "out_directory"])?;
        let mut problems = Problems::new(&settings.file);
        let mut variables = Vec::new();
        for (key, value) in raw.variables {
            let path = format!("variables.{key}");
            match value {
                _ if key.is_empty() => problems.push(Problem::error(
                    "variables",
                    "found an empty name, expected a text to replace",
                )),
                Value::String(text) => variables.push((key, text)),
                Value::Number(_) | Value::Bool(_) => variables.push((key, value.to_string())),
                other => problems.push(Problem::error(
                    path,
                    format!("found {other}, expected text or a number"),
                )),
            }
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let filename = raw
            .filename
            .map(|name| store::path(&name.replace('\\', "/")));
        let filename = filename
            .transpose()
            .map_err(|problem| Problems::single(&settings.file, "filename", problem))?;
        Ok(Self {
            filename,
            variables,
        })
    }
}

/// A configuration's keys, not looked at yet.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file that it was read from.
    pub file: PathBuf,
    /// Its keys.
    pub object: Map<String, Value>,
}

/// Keys that stand in any configuration and concern nobody.
const FREE: &[&str] = &[
    "comment",
    "name",
    "description",
    "verbose",
    "document",
    "compat",
];

impl Settings {
    /// Reads a configuration.
    ///
    /// # Errors
    /// Where it is no JSON object.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Problems> {
        match super::json(file, text)? {
            Value::Object(object) => Ok(Self {
                file: file.to_path_buf(),
                object,
            }),
            _ => {
                let found = "found a JSON value that is no object, expected settings";
                Err(Problems::single(file, "", found))
            }
        }
    }

    /// The keys that are not among those that a module knows, one line each.
    pub fn unknown(&self, known: &[&str]) -> Vec<String> {
        let odd = self
            .object
            .keys()
            .filter(|key| !known.contains(&key.as_str()) && !FREE.contains(&key.as_str()));
        odd.map(|key| format!("{}: {key}: unknown key, ignored", self.file.display()))
            .collect()
    }

    fn keys<T: DeserializeOwned>(&self, known: &[&str]) -> Result<T, Problems> {
        self.unknown(known)
            .iter()
            .for_each(|line| tracing::warn!("{line}"));
        let value = Value::Object(self.object.clone());
        serde_path_to_error::deserialize(value).map_err(|e| {
            let path = match e.path().to_string() {
                path if path == "." => String::new(),
                path => path,
            };
            Problems::single(&self.file, &path, e.inner().to_string())
        })
    }
}
