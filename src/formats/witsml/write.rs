//! Writing a log.

use std::fmt::Write;

use jiff::Timestamp;

use super::{Curve, DepthText, Dialect, Log};

const WELL: &str = "FBR01";
/// The identifier that distpy gives every log.
const DISTPY_LOG: &str = "5B8B6FB8-AACA-11E8-9637-0CC47A31FD84";
/// The most characters of a curve's short name, and of other names, in WITSML's schema.
const MNEMONIC: usize = 32;
const NAME: usize = 64;
/// What stands for a missing value, by the industry's habit.
const NULL: &str = "-999.25";
/// The root's attributes but its schema's location.
const NAMESPACES: &str = "xmlns=\"http://www.witsml.org/schemas/131\" \
     xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" version=\"1.3.1.1\"";

/// The file of a log. Every curve has a value for each depth.
///
/// Panics if one has fewer.
///
/// The standard dialect cuts names to the lengths of WITSML's schema, and writes NaN and infinities as the null value, -999.25, times with their fractions of a second
/// and no byte order mark; distpy's writes `nan` and `inf` and whole seconds.
pub fn write(log: &Log, dialect: Dialect) -> Vec<u8> {
    let mut xml = Xml {
        // A row is about this long; the rest of the file is a few kilobytes.
        out: String::with_capacity(8192 + log.depth.values.len() * (48 + 20 * log.curves.len())),
        open: Vec::new(),
    };
    match dialect {
        Dialect::Standard => standard(&mut xml, log),
        Dialect::Distpy => distpy(&mut xml, log),
    }
    xml.out.into_bytes()
}

fn standard(xml: &mut Xml, log: &Log) {
    let created = date(log.created, "%Y-%m-%dT%H:%M:%S%.f+00:00");
    let stamp = date(log.created, "%Y%m%dT%H%M%S%.fZ");
    // Names and identifiers have 64 characters, with the well's and the time behind it.
    let style: &str = cut(&log.style, NAME - WELL.len() - stamp.len() - 2).trim_end();
    let name = format!("{WELL}:{style}:{stamp}");
    xml.out
        .push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let location =
        "xsi:noNamespaceSchemaLocation=\"http://www.witsml.org/schemas/131/WITSML_composite.xsd\"";
    xml.open("WITSMLComposite", &format!("{NAMESPACES} {location}"));
    xml.open("wellSet", "");
    open_well(xml, style, "singlemode");
    xml.open("dtsMeasurementSet", "");
    xml.open("dtsMeasurement", &attribute("uid", &name));
    xml.leaf("name", "", &name);
    xml.leaf("installedSystemUsed", &attribute("uidRef", style), style);
    xml.leaf("dataInWellLog", &attribute("uidRef", &name), &name);
    xml.leaf("connectedToFiber", &attribute("uidRef", "1"), "1");
    xml.close();
    xml.close();

    xml.open("wellLogSet", "");
    xml.open("wellLog", &attribute("uid", &name));
    xml.leaf("name", "", &name);
    xml.leaf("creationDate", "", &created);
    xml.text("description", &log.style);
    xml.leaf("indexType", "", "length");
    xml.leaf("nullValue", "", NULL);
    for (column, curve) in columns(log) {
        xml.open("logCurveInfo", &attribute("uid", &column.to_string()));
        xml.leaf("mnemonic", "", cut(&curve.mnemonic, MNEMONIC));
        xml.text("unit", curve.unit.as_deref().unwrap_or_default());
        xml.text("curveDescription", &curve.description);
        xml.close();
    }
    xml.open("blockInfo", &attribute("uid", "1"));
    xml.leaf("indexType", "", "length");
    let falls = log.depth.values.first() > log.depth.values.last();
    let direction = if falls { "decreasing" } else { "increasing" };
    xml.leaf("direction", "", direction);
    xml.leaf(
        "indexCurve",
        &attribute("columnIndex", "1"),
        cut(&log.depth.mnemonic, MNEMONIC),
    );
    for (column, _) in columns(log) {
        xml.open("blockCurveInfo", "");
        xml.leaf("curveId", "", &column.to_string());
        xml.leaf("columnIndex", "", &column.to_string());
        xml.close();
    }
    xml.close();
    xml.open("logData", "");
    data(xml, log, ",", |out, column, value| {
        if !value.is_finite() {
            out.push_str(NULL);
        } else if column == 0 {
            depth_number(out, value, log.depth_text);
        } else {
            python_float(out, value);
        }
    });
    xml.close_all();
}

fn distpy(xml: &mut Xml, log: &Log) {
    let style = &log.style;
    xml.out.push_str("<?xml version=\"1.0\" ?>\n");
    let location = "xsi:schemaLocation=\"http://www.witsml.org/schemas/131 WITSML_composite.xsd\"";
    xml.open("WITSMLComposite", &format!("{NAMESPACES} {location}"));
    xml.open("wellSet", "");
    open_well(xml, style, style);
    xml.open("dtsMeasurementSet", "");
    xml.open("dtsMeasurement", &attribute("uid", style));
    xml.leaf("name", "", style);
    xml.leaf("installedSystemUsed", &attribute("uidRef", style), style);
    xml.leaf(
        "dataInWellLog",
        &attribute("uidRef", DISTPY_LOG),
        DISTPY_LOG,
    );
    xml.leaf("connectedToFiber", &attribute("uid", "1"), "");
    xml.close();
    xml.close();

    xml.open("wellLogSet", "");
    xml.open("wellLog", &attribute("uidRef", DISTPY_LOG));
    xml.leaf("name", "", DISTPY_LOG);
    xml.leaf("serviceCompany", "", style);
    let created = date(log.created, "%Y-%m-%dT%H:%M:%S+00:00");
    xml.leaf("creationDate", "", &created);
    xml.leaf("indexType", "", "depth");
    xml.leaf("nullValue", "", "NULL");
    for (column, curve) in columns(log) {
        let unit = curve.unit.as_deref().unwrap_or("unitless");
        curve_info(xml, column, curve, unit);
        xml.open("blockInfo", &attribute("uid", &column.to_string()));
        if column == 1 {
            xml.leaf("indexType", "", "length");
            xml.leaf("direction", "", "increasing");
            xml.leaf("indexCurve", &attribute("columnIndex", "1"), "1");
        } else {
            xml.open("blockCurveInfo", "");
            xml.leaf("curveId", "", &(column - 1).to_string());
            xml.leaf("columnIndex", "", &(column - 1).to_string());
            xml.close();
        }
        xml.close();
    }
    xml.open("logData", "");
    data(xml, log, ", ", |out, column, value| {
        if column == 0 {
            depth_number(out, value, log.depth_text);
        } else {
            python_float(out, value);
        }
    });
    xml.close_all();
}

/// The well and its fibre, which both dialects describe alike; `mode` is the fibre's.
fn open_well(xml: &mut Xml, style: &str, mode: &str) {
    xml.open("well", &attribute("uid", WELL));
    xml.leaf("name", "", WELL);
    xml.open("wellboreSet", "");
    xml.open("wellbore", &attribute("uid", WELL));
    xml.leaf("name", "", WELL);
    xml.open("dtsInstalledSystemSet", "");
    xml.open("dtsInstalledSystem", &attribute("uid", style));
    xml.leaf("name", "", style);
    xml.open("fiberInformation", "");
    xml.open("fiber", &attribute("uid", "1"));
    xml.leaf("name", "", WELL);
    xml.leaf("mode", "", mode);
    xml.close_to("wellbore");
}

/// Columns from 1, depth first.
fn columns(log: &Log) -> impl Iterator<Item = (usize, &Curve)> {
    (1..).zip(std::iter::once(&log.depth).chain(&log.curves))
}

/// The first characters of a text.
fn cut(text: &str, most: usize) -> &str {
    text.char_indices()
        .nth(most)
        .map_or(text, |(at, _)| &text[..at])
}

fn curve_info(xml: &mut Xml, column: usize, curve: &Curve, unit: &str) {
    xml.open("logCurveInfo", &attribute("uid", &column.to_string()));
    xml.leaf("mnemonic", "", &curve.mnemonic);
    xml.leaf("unit", "", unit);
    xml.leaf("curveDescription", "", &curve.description);
    xml.close();
}

/// One element per depth; `print` appends a value, given its column from 0.
fn data(xml: &mut Xml, log: &Log, separator: &str, print: impl Fn(&mut String, usize, f64)) {
    let indent = " ".repeat(INDENT * xml.open.len());
    let out = &mut xml.out;
    for (row, depth) in log.depth.values.iter().enumerate() {
        out.push_str(&indent);
        out.push_str("<data id=\"1\">");
        print(out, 0, *depth);
        for (column, curve) in (1..).zip(&log.curves) {
            out.push_str(separator);
            print(out, column, curve.values[row]);
        }
        out.push_str("</data>\n");
    }
}

fn depth_number(out: &mut String, value: f64, text: DepthText) {
    match text {
        DepthText::F64 => python_float(out, value),
        DepthText::F32 => python_float(out, value as f32),
        DepthText::Integer => append(out, format_args!("{value:.0}")),
    }
}

/// As Python prints a float: the shortest text that reads back exactly, always with a point or an exponent, which has a sign
/// and two digits or more: `0.0001`, `1e-05`, `1e+16`, `nan`.
///
/// Rust's debug format has the same digits and the same ranges for the exponent form, but writes `1e-5`, `1e16` and `NaN`.
fn python_float(out: &mut String, value: impl std::fmt::Debug + Into<f64> + Copy) {
    if value.into().is_nan() {
        out.push_str("nan");
        return;
    }
    let start = out.len();
    append(out, format_args!("{value:?}"));
    let Some(at) = out[start..].find('e') else {
        return;
    };
    let exponent = out.split_off(start + at + 1);
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent.as_str()),
    };
    append(out, format_args!("{sign}{digits:0>2}"));
}

fn append(out: &mut String, text: std::fmt::Arguments) {
    out.write_fmt(text).expect("a string takes any text");
}

fn date(time: Timestamp, format: &str) -> String {
    time.strftime(format).to_string()
}

const INDENT: usize = 3;

/// An XML text in the making, one element per line.
struct Xml {
    out: String,
    open: Vec<&'static str>,
}

impl Xml {
    fn open(&mut self, name: &'static str, attributes: &str) {
        self.start(name, attributes);
        self.out.push_str(">\n");
        self.open.push(name);
    }

    fn leaf(&mut self, name: &'static str, attributes: &str, text: &str) {
        self.start(name, attributes);
        if text.is_empty() {
            self.out.push_str("/>\n");
        } else {
            append(&mut self.out, format_args!(">{}</{name}>\n", escaped(text)));
        }
    }

    /// An element that may be left out, but not be empty.
    fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.leaf(name, "", text);
        }
    }

    fn close(&mut self) {
        let name = self.open.pop().expect("as many elements closed as opened");
        let width = INDENT * self.open.len();
        append(&mut self.out, format_args!("{:width$}</{name}>\n", ""));
    }

    /// Closes what was opened after `name`.
    fn close_to(&mut self, name: &str) {
        while self.open.last().is_some_and(|open| *open != name) {
            self.close();
        }
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    fn start(&mut self, name: &str, attributes: &str) {
        let width = INDENT * self.open.len();
        let blank = if attributes.is_empty() { "" } else { " " };
        append(
            &mut self.out,
            format_args!("{:width$}<{name}{blank}{attributes}", ""),
        );
    }
}

fn attribute(name: &str, value: &str) -> String {
    format!("{name}=\"{}\"", escaped(value))
}

/// Text for an element or a quoted attribute. Control characters have no place in XML 1.0, escaped or not.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => {
                out.push(char::REPLACEMENT_CHARACTER);
            }
            c => out.push(c),
        }
    }
    out
}
