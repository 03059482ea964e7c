//! WITSML logs: distpy's bytes, the standard form, instruments' files, broken files.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::Path;

use distpy_gpu::formats::witsml::{Curve, DepthText, Dialect, Log, parse, write};

fn small() -> Log {
    Log {
        style: "NoiseLog".into(),
        created: "2017-07-14T02:40:00.25Z".parse().unwrap(),
        depth: Curve::depth(vec![-0.5, 1e16, 2.0]),
        depth_text: DepthText::F64,
        curves: vec![
            Curve {
                mnemonic: "band_01_0.5--1".into(),
                unit: None,
                description: "a < b & \"c\" > 'd'\u{1}".into(),
                values: vec![1e-5, f64::NAN, -0.0001],
            },
            Curve {
                mnemonic: "T".into(),
                unit: Some("degC".into()),
                description: String::new(),
                values: vec![f64::INFINITY, f64::NEG_INFINITY, 5e-324],
            },
        ],
    }
}

/// The lines of an element's opening tag and all that follows, without indentation.
fn from(xml: &[u8], tag: &str) -> Vec<String> {
    let text = std::str::from_utf8(xml).unwrap();
    let lines = text.lines().map(|line| line.trim().to_owned());
    lines.skip_while(|line| !line.starts_with(tag)).collect()
}

#[track_caller]
fn rewritten(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let log = parse(path, &bytes).unwrap();
    let again = write(&log, Dialect::Distpy);
    assert!(again == bytes, "{} came out differently", path.display());
}

#[test]
fn writes_distpys_bytes() {
    for case in ["02", "06", "07"] {
        rewritten(&crate::root().join(format!("tests/golden/witsml/write_witsml-{case}.fbe")));
    }
}

#[test]
fn writes_distpys_bytes_of_every_golden_file() {
    let Some(folder) = crate::samples::golden() else {
        return;
    };
    let mut folders = vec![folder];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = path.to_str().unwrap();
            if path.is_dir() {
                // LAS texts are copied as they stand, averages printed with blank lines; zulu dates have fractions.
                if !["las2fbe", "averagefbe/expected", "readfbe-zulu"]
                    .iter()
                    .any(|part| text.contains(part))
                {
                    folders.push(path);
                }
            } else if text.ends_with(".fbe") {
                rewritten(&path);
                count += 1;
            }
        }
    }
    assert!(count > 40, "only {count} files");
}

#[test]
fn numbers_are_printed_as_python_prints_them() {
    let log = |values: Vec<f64>, depth_text| Log {
        depth: Curve::depth(values),
        depth_text,
        curves: Vec::new(),
        ..small()
    };
    let check = |values: &[f64], depth_text, expected: &[&str]| {
        let xml = write(&log(values.to_vec(), depth_text), Dialect::Distpy);
        let rows = from(&xml, "<data ");
        let expected = expected
            .iter()
            .map(|e| format!("<data id=\"1\">{e}</data>"));
        for (row, expected) in rows.iter().zip(expected) {
            assert_eq!(*row, expected);
        }
    };
    check(
        &[
            0.0,
            -0.0,
            1.0,
            0.1,
            1e-4,
            9.999e-5,
            1e-5,
            -1.5e-10,
            1e15,
            1e16,
            1.25e22,
            1e100,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            123456789012345680.0,
            9007199254740993.0,
        ],
        DepthText::F64,
        &[
            "0.0",
            "-0.0",
            "1.0",
            "0.1",
            "0.0001",
            "9.999e-05",
            "1e-05",
            "-1.5e-10",
            "1000000000000000.0",
            "1e+16",
            "1.25e+22",
            "1e+100",
            "5e-324",
            "nan",
            "inf",
            "-inf",
            "1.2345678901234568e+17",
            "9007199254740992.0",
        ],
    );
    check(
        &[
            f64::from(0.1f32),
            f64::from(16777216.0f32),
            f64::from(1e-5f32),
            f64::from(1e20f32),
        ],
        DepthText::F32,
        &["0.1", "16777216.0", "1e-05", "1e+20"],
    );
    check(
        &[0.0, -12.0, 5000.0],
        DepthText::Integer,
        &["0", "-12", "5000"],
    );
}

#[test]
fn the_standard_form_has_one_block_whose_columns_count_the_depth() {
    let xml = write(&small(), Dialect::Standard);
    assert!(xml.starts_with(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<WITSMLComposite "));
    let expected = r#"
<dtsMeasurement uid="FBR01:NoiseLog:20170714T024000.25Z">
<name>FBR01:NoiseLog:20170714T024000.25Z</name>
<installedSystemUsed uidRef="NoiseLog">NoiseLog</installedSystemUsed>
<dataInWellLog uidRef="FBR01:NoiseLog:20170714T024000.25Z">FBR01:NoiseLog:20170714T024000.25Z</dataInWellLog>
<connectedToFiber uidRef="1">1</connectedToFiber>
</dtsMeasurement>
</dtsMeasurementSet>
<wellLogSet>
<wellLog uid="FBR01:NoiseLog:20170714T024000.25Z">
<name>FBR01:NoiseLog:20170714T024000.25Z</name>
<creationDate>2017-07-14T02:40:00.25+00:00</creationDate>
<description>NoiseLog</description>
<indexType>length</indexType>
<nullValue>-999.25</nullValue>
<logCurveInfo uid="1">
<mnemonic>DEPTH</mnemonic>
<unit>m</unit>
<curveDescription>depth along the fiber</curveDescription>
</logCurveInfo>
<logCurveInfo uid="2">
<mnemonic>band_01_0.5--1</mnemonic>
<curveDescription>a &lt; b &amp; &quot;c&quot; &gt; 'd'REPLACED</curveDescription>
</logCurveInfo>
<logCurveInfo uid="3">
<mnemonic>T</mnemonic>
<unit>degC</unit>
</logCurveInfo>
<blockInfo uid="1">
<indexType>length</indexType>
<direction>increasing</direction>
<indexCurve columnIndex="1">DEPTH</indexCurve>
<blockCurveInfo>
<curveId>1</curveId>
<columnIndex>1</columnIndex>
</blockCurveInfo>
<blockCurveInfo>
<curveId>2</curveId>
<columnIndex>2</columnIndex>
</blockCurveInfo>
<blockCurveInfo>
<curveId>3</curveId>
<columnIndex>3</columnIndex>
</blockCurveInfo>
</blockInfo>
<logData>
<data id="1">-0.5,1e-05,-999.25</data>
<data id="1">1e+16,-999.25,-999.25</data>
<data id="1">2.0,-0.0001,5e-324</data>
</logData>
</wellLog>
</wellLogSet>
</wellbore>
</wellboreSet>
</well>
</wellSet>
</WITSMLComposite>"#;
    let expected = expected.replace("REPLACED", "\u{fffd}");
    let expected: Vec<&str> = expected.lines().skip(1).collect();
    assert_eq!(from(&xml, "<dtsMeasurement uid"), expected);
}

#[test]
fn both_forms_read_back() {
    let log = small();
    for (dialect, created, first) in [
        (Dialect::Standard, log.created, f64::NAN),
        (
            Dialect::Distpy,
            "2017-07-14T02:40:00Z".parse().unwrap(),
            f64::INFINITY,
        ),
    ] {
        let read = parse(Path::new("small.fbe"), &write(&log, dialect)).unwrap();
        assert_eq!(read.style, "NoiseLog");
        assert_eq!(read.created, created);
        assert_eq!(read.depth, log.depth);
        assert_eq!(read.curves[0].mnemonic, "band_01_0.5--1");
        assert_eq!(read.curves[0].unit, None);
        assert_eq!(read.curves[0].description, "a < b & \"c\" > 'd'\u{fffd}");
        assert!(read.curves[0].values[1].is_nan());
        assert_eq!(read.curves[1].unit.as_deref(), Some("degC"));
        assert_eq!(read.curves[1].values[0].to_bits(), first.to_bits());
        assert_eq!(read.curves[1].values[2], 5e-324);
    }
}

#[test]
fn a_falling_depth_is_said_to_fall() {
    let mut log = small();
    log.depth.values = vec![3.0, 2.0, 1.0];
    let xml = String::from_utf8(write(&log, Dialect::Standard)).unwrap();
    assert!(xml.contains("<direction>decreasing</direction>"));
}

#[test]
fn reads_an_instruments_file() {
    let Some(path) = crate::samples::recording("apsensing_dts_20240130141820.xml") else {
        return;
    };
    let bytes = std::fs::read(&path).unwrap();
    let log = parse(&path, &bytes).unwrap();
    assert_eq!(log.style, "N4386B-DE47504145");
    // The file has no zone here.
    assert_eq!(log.created.to_string(), "2024-01-30T14:18:20Z");
    assert_eq!(
        (log.depth.mnemonic.as_str(), log.depth.unit.as_deref()),
        ("LAF", Some("m"))
    );
    assert_eq!(log.depth.values.len(), 1201);
    assert_eq!(
        (log.depth.values[0], log.depth.values[1200]),
        (-50.0, 250.0)
    );
    let curves: Vec<_> = log
        .curves
        .iter()
        .map(|c| (c.mnemonic.as_str(), c.unit.as_deref()))
        .collect();
    assert_eq!(
        curves,
        [("TEMP", Some("degC")), ("ST", None), ("AST", None)]
    );
    assert_eq!(log.curves[0].values[0], 22.4929447174072);
    assert_eq!(log.curves[2].values[1], 0.245239646418698);
}

/// A log of two curves with the given parts.
fn minimal(date: &str, block: &str, rows: &str) -> String {
    let curve = |uid: &str| {
        format!("<w:logCurveInfo uid='{uid}'><w:mnemonic>{uid}</w:mnemonic></w:logCurveInfo>")
    };
    format!(
        "<a xmlns:w='x'><w:wellLog><w:creationDate>{date}</w:creationDate><w:nullValue>-1</w:nullValue>{}{}{block}\
         <w:logData>{rows}</w:logData></w:wellLog></a>",
        curve("LAF"),
        curve("TEMP")
    )
}

const ROW: &str = "<w:data>1, 2</w:data>";

#[test]
fn columns_are_those_that_the_block_names() {
    let block = "<w:blockInfo><w:indexCurve columnIndex='2'>LAF</w:indexCurve>\
        <w:blockCurveInfo><w:curveId>LAF</w:curveId><w:columnIndex>2</w:columnIndex></w:blockCurveInfo>\
        <w:blockCurveInfo><w:curveId>TEMP</w:curveId><w:columnIndex>1</w:columnIndex></w:blockCurveInfo></w:blockInfo>";
    let log = parse(
        Path::new("a"),
        minimal("2020-01-01T00:00:01+01:00", block, ROW).as_bytes(),
    )
    .unwrap();
    assert_eq!(log.created.to_string(), "2019-12-31T23:00:01Z");
    assert_eq!(
        (log.depth.mnemonic.as_str(), &log.depth.values[..]),
        ("LAF", &[2.0][..])
    );
    assert_eq!(
        (log.curves[0].mnemonic.as_str(), &log.curves[0].values[..]),
        ("TEMP", &[1.0][..])
    );
}

#[test]
fn null_values_become_nan() {
    let rows = ["NULL", "-999.25", "-999.2500", "", "-1", "-1.0", "nan"]
        .map(|v| format!("<w:data>1,{v}</w:data>"));
    let xml = minimal("2020-01-01T00:00:00Z", "", &rows.concat());
    let log = parse(Path::new("a"), xml.as_bytes()).unwrap();
    assert_eq!(log.curves[0].values.len(), rows.len());
    assert!(log.curves[0].values.iter().all(|v| v.is_nan()));
}

#[test]
fn broken_files_are_refused() {
    let check = |xml: &str, expected: &str| {
        let error = parse(Path::new("a.fbe"), xml.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let time = "2020-01-01T00:00:00Z";
    check(
        "",
        "a.fbe: wellLog: found no such element, expected a WITSML log",
    );
    check(
        "depth,1,2\n",
        "a.fbe: wellLog: found no such element, expected a WITSML log",
    );
    check(
        &minimal(time, "", "<w:data>1,2,3</w:data>"),
        "a.fbe: data row 1 of 1: found 3 values, expected one for each of 2 curves",
    );
    check(
        &minimal(time, "", &format!("{ROW}<w:data>1,x</w:data>")),
        "a.fbe: data row 2 of 2, TEMP: found `x`, expected a number",
    );
    check(
        &minimal(time, "", ""),
        "a.fbe: logData: found no data, expected a row per depth",
    );
    check(
        &minimal("yesterday", "", ROW),
        "a.fbe: creationDate: found `yesterday`, expected a date and time such as 2024-01-30T13:18:25Z",
    );
    let xml = minimal(time, "", "<w:data>1,&deg;</w:data>");
    let at = xml.find("&deg;").unwrap();
    check(
        &xml,
        &format!("a.fbe: byte {at}: found &deg;, expected a character reference of XML"),
    );
    let whole = String::from_utf8(write(&small(), Dialect::Standard)).unwrap();
    let cut = &whole[..whole.find("</logData>").unwrap()];
    let expected = format!(
        "a.fbe: byte {}: found the end of the file inside logData, expected a complete file",
        cut.len()
    );
    check(cut, &expected);
    let error = parse(Path::new("a.fbe"), b"<a>\xff</a>").unwrap_err();
    assert_eq!(
        error.to_string(),
        "a.fbe: byte 3: found bytes that are no UTF-8, expected UTF-8 text"
    );
}

/// The rules of WITSML 1.3.1.1's schema for a log in a DTS composite, as an independent reader checks them.
const CHECK: &str = r##"
import re, sys
import xml.etree.ElementTree as ET
NS = '{http://www.witsml.org/schemas/131}'
root = ET.parse('log.fbe').getroot()
assert root.tag == NS + 'WITSMLComposite' and root.get('version') == '1.3.1.1'
for e in root.iter():
    assert e.tag.startswith(NS), e.tag
    e.tag = e.tag[len(NS):]
    # No element is empty, and no text has blanks around it.
    assert len(e) or (e.text and e.text == e.text.strip()), e.tag
def order(e, allowed, required):
    names = [c.tag for c in e]
    places = [allowed.index(n) for n in names]
    assert places == sorted(places), (e.tag, names)
    for n in required:
        assert n in names, (e.tag, n)
def text(e, path, most=None):
    found = e.findall(path)
    assert len(found) == 1, (e.tag, path, len(found))
    if most: assert len(found[0].text) <= most, (path, found[0].text)
    return found[0].text
order(root, ['documentInfo', 'wellSet'], ['wellSet'])
well = root.find('wellSet/well'); order(well, ['name', 'wellboreSet'], ['name', 'wellboreSet'])
bore = well.find('wellboreSet/wellbore')
order(bore, ['name', 'dtsInstalledSystemSet', 'dtsMeasurementSet', 'wellLogSet'], ['name', 'wellLogSet'])
for e in root.iter():
    for name in ('uid', 'uidRef'):
        if e.get(name) is not None: assert 0 < len(e.get(name)) <= 64, (e.tag, e.get(name))
    if e.tag == 'name': assert len(e.text) <= 64, e.text
system = bore.find('dtsInstalledSystemSet/dtsInstalledSystem')
fiber = system.find('fiberInformation/fiber')
order(fiber, ['name', 'mode'], ['name', 'mode'])
assert fiber.find('mode').text in ('singlemode', 'multimode')
log = bore.find('wellLogSet/wellLog')
order(log, ['name', 'objectGrowing', 'serviceCompany', 'runNumber', 'bhaRunNumber', 'creationDate', 'description', 'indexType',
    'minIndex', 'maxIndex', 'minDateTimeIndex', 'maxDateTimeIndex', 'nullValue', 'logParam', 'logCurveInfo', 'blockInfo', 'logData'],
    ['name', 'indexType', 'logCurveInfo', 'blockInfo', 'logData'])
measured = bore.find('dtsMeasurementSet/dtsMeasurement')
order(measured, ['name', 'installedSystemUsed', 'dataInWellLog', 'connectedToFiber'], ['name', 'installedSystemUsed', 'dataInWellLog', 'connectedToFiber'])
assert measured.find('dataInWellLog').get('uidRef') == log.get('uid')
assert measured.find('installedSystemUsed').get('uidRef') == system.get('uid')
assert measured.find('connectedToFiber').get('uidRef') == fiber.get('uid')
assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)', text(log, 'creationDate'))
assert text(log, 'indexType') in ('date time', 'elapsed time', 'length', 'measured depth', 'vertical depth', 'other', 'unknown')
null = float(text(log, 'nullValue'))
curves = log.findall('logCurveInfo')
for c in curves:
    order(c, ['mnemonic', 'classWitsml', 'unit', 'mnemAlias', 'nullValue', 'alternateIndex', 'wellDatum', 'curveDescription'], ['mnemonic'])
    text(c, 'mnemonic', 32)
ids = [c.get('uid') for c in curves]
assert len(set(ids)) == len(ids) and None not in ids
(block,) = log.findall('blockInfo')
order(block, ['dataRowCount', 'pass', 'description', 'indexType', 'startIndex', 'endIndex', 'stepIncrement', 'startDateTimeIndex',
    'endDateTimeIndex', 'direction', 'indexCurve', 'nullValue', 'logParam', 'blockCurveInfo'],
    ['indexType', 'direction', 'indexCurve', 'blockCurveInfo'])
assert text(block, 'indexType') == text(log, 'indexType')
held = block.findall('blockCurveInfo')
assert [h.find('curveId').text for h in held] == ids
assert [h.find('columnIndex').text for h in held] == [str(k + 1) for k in range(len(ids))]
index = block.find('indexCurve')
column = int(index.get('columnIndex'))
first = curves[column - 1]
assert index.text == first.find('mnemonic').text and first.find('unit').text == 'm'
rows = log.findall('logData/data')
values = []
for row in rows:
    assert row.get('id') == block.get('uid')
    cells = row.text.split(',')
    assert len(cells) == len(ids), row.text
    values.append([float(c) for c in cells])
    assert all(v == v and abs(v) != float('inf') for v in values[-1]), row.text
depths = [v[column - 1] for v in values]
assert depths == sorted(depths, reverse=block.find('direction').text == 'decreasing')
print(len(ids), len(rows), sum(v == null for row in values for v in row))
"##;

#[test]
fn the_standard_form_keeps_the_schemas_rules() {
    let mut odd = small();
    odd.depth.values = vec![-0.5, 2.0, 7.0];
    odd.style = "a long name of what was measured and how "
        .repeat(3)
        .trim()
        .into();
    odd.curves[0].mnemonic = "band_01_0.123456789012345-1234.56789".into();
    let mut falling = odd.clone();
    falling.depth.values.reverse();
    for log in [odd, falling] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("log.fbe"),
            write(&log, Dialect::Standard),
        )
        .unwrap();
        if let Some(said) = crate::python::run(CHECK, folder.path()) {
            assert_eq!(said, "3 3 3\n");
        }
    }
    // And the log of a run, as the program writes it.
    let project = crate::program::Project::with_chunks(1);
    project.summary("").ends(0);
    let log = std::fs::read(project.path("results/NoiseLog/1.fbe")).unwrap();
    project.write("log.fbe", &log);
    if let Some(said) = crate::python::run(CHECK, &project.path("")) {
        assert_eq!(said, "4 6 0\n");
    }
}
