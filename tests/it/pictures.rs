//! Pictures by what they show: decoded pixels at known places, axes, texts, and golden images.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod recordings;
mod zarr;

use std::path::Path;

use distpy_gpu::picture::colormap::Colormap;
use serde_json::{Value, json};

use crate::program::{Project, Ran, npy};

const START: f64 = 1_767_225_600.0;
const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0; 3];
const NOTHING: [u8; 3] = [217; 3];

/// A decoded picture.
struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// A rectangle of pixels; right and lower edges lie outside.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Panel {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap();
        let decoder = png::Decoder::new(std::io::BufReader::new(file));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self {
            width: info.width as usize,
            height: info.height as usize,
            rgb,
        }
    }

    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        self.rgb[at..at + 3].try_into().unwrap()
    }

    /// The panels, from left to right: what has black lines around it that are at least so long.
    fn panels(&self, least: usize) -> Vec<Panel> {
        let upright = |x: usize| {
            let mut longest = (0, 0);
            let mut from = 0;
            for y in 0..=self.height {
                if y == self.height || self.at(x, y) != BLACK {
                    if y - from > longest.1 - longest.0 {
                        longest = (from, y);
                    }
                    from = y + 1;
                }
            }
            longest
        };
        let lines: Vec<(usize, (usize, usize))> = (0..self.width)
            .map(|x| (x, upright(x)))
            .filter(|(_, (from, to))| to - from >= least)
            .collect();
        // A line of a large picture is several pixels wide.
        let mut wide: Vec<(usize, usize, (usize, usize))> = Vec::new();
        for (x, run) in lines {
            match wide.last_mut() {
                Some(line) if line.1 + 1 == x => line.1 = x,
                _ => wide.push((x, x, run)),
            }
        }
        let pairs = wide.chunks_exact(2);
        assert!(pairs.remainder().is_empty(), "{wide:?}");
        pairs
            .map(|pair| {
                let (left, right) = (pair[0], pair[1]);
                // A mark of the time axis goes on below the panel; the lower line does so inside.
                let lower = (left.2.0..left.2.1).rev();
                let bottom = lower.clone().find(|&y| self.at(left.1 + 2, y) == BLACK);
                Panel {
                    left: left.0.midpoint(left.1),
                    top: left.2.0,
                    right: right.0.midpoint(right.1),
                    bottom: bottom.unwrap(),
                }
            })
            .collect()
    }

    fn panel(&self) -> Panel {
        self.panels(self.height / 3)[0]
    }

    /// The pixel at a part of a panel.
    fn inside(&self, panel: Panel, across: f64, down: f64) -> [u8; 3] {
        let (x, y) = panel.place(across, down);
        self.at(x, y)
    }
}

impl Panel {
    fn place(&self, across: f64, down: f64) -> (usize, usize) {
        let x = self.left as f64 + across * (self.right - self.left) as f64;
        let y = self.top as f64 + down * (self.bottom - self.top) as f64;
        (x as usize, y as usize)
    }
}

#[track_caller]
fn near(found: [u8; 3], expected: [u8; 3]) {
    let far = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
    assert!(far <= Some(2), "{found:?}, expected {expected:?}");
}

fn array(rows: usize, cols: usize, value: impl Fn(usize, usize) -> f64) -> Vec<u8> {
    let values = (0..rows * cols).map(|k| value(k / cols, k % cols));
    let bytes: Vec<u8> = values.flat_map(f64::to_le_bytes).collect();
    npy("'<f8'", false, &[rows, cols], &bytes)
}

fn axis(n: usize, value: impl Fn(usize) -> f64) -> Vec<u8> {
    let bytes: Vec<u8> = (0..n).flat_map(|k| value(k).to_le_bytes()).collect();
    npy("'<f8'", false, &[n], &bytes)
}

/// Curves of 50 channels, 10 m apart, and 60 times, a second apart.
fn curves() -> Project {
    let project = Project::new();
    project.system(json!({"in_directory": "curves", "config": "plots.json"}));
    project.write("curves/time.npy", &axis(60, |k| START + k as f64));
    project.write(
        "curves/measured_depth.npy",
        &axis(50, |k| 100.0 + 10.0 * k as f64),
    );
    project
}

fn plots(project: &Project, plots: Value) {
    let mut root = json!({
        "figure_size": [8, 5], "dpi": 80, "start_of_fibre": 0, "end_of_fibre": 9999,
        "time_reference": "time.npy", "depth_reference": "measured_depth.npy", "depth_display_unit": "m",
        "label_list": []
    });
    for (key, value) in plots.as_object().unwrap() {
        root[key] = value.clone();
    }
    project.write("plots.json", root.to_string().as_bytes());
}

fn draw(project: &Project) -> Ran {
    project.run("-m plotgenerator -c system.json")
}

fn one(kind: &str, items: Value) -> Value {
    json!({"plots": [{"plot_type": kind, "out_plot": "picture", "plot_list": items}]})
}

fn drawn(project: &Project) -> Picture {
    draw(project).ends(0);
    Picture::read(&project.path("results/picture.png"))
}

#[test]
fn an_event_is_at_its_depth_and_time() {
    let project = curves();
    let event = |row, col| if (row, col) == (20, 45) { 9.0 } else { 1.0 };
    project.write("curves/band.npy", &array(50, 60, event));
    let item = json!([{"title_text": "Band", "data": "band.npy", "colormap": "viridis", "limits": [0, 9]}]);
    plots(&project, one("well_log", item));
    let picture = drawn(&project);
    assert_eq!((picture.width, picture.height), (640, 400));
    let panel = picture.panel();
    let map = Colormap::named("viridis").unwrap();
    let (usual, high) = (map.colour(1.0 / 9.0).unwrap(), map.colour(1.0).unwrap());
    // Channels have their depth in their middle, and the outermost half of their width.
    let down = (20.0 * 10.0) / 490.0;
    assert_eq!(picture.inside(panel, 45.5 / 60.0, down), high);
    for (across, down) in [
        (43.5 / 60.0, down),
        (47.5 / 60.0, down),
        (0.76, 0.35),
        (0.76, 0.45),
    ] {
        assert_eq!(picture.inside(panel, across, down), usual);
    }
}

#[test]
fn one_sample_of_many_is_seen_in_a_small_picture() {
    let project = curves();
    project.write("curves/time.npy", &axis(20_000, |k| START + k as f64));
    let event = |row, col| if (row, col) == (30, 5_000) { 9.0 } else { 0.0 };
    project.write("curves/band.npy", &array(50, 20_000, event));
    let item =
        json!([{"title_text": "", "data": "band.npy", "colormap": "viridis", "limits": [0, 9]}]);
    plots(&project, one("well_log", item));
    let picture = drawn(&project);
    let (x, y) = picture.panel().place(5_000.5 / 20_000.0, 300.0 / 490.0);
    let high = Colormap::named("viridis").unwrap().colour(1.0).unwrap();
    assert!((x - 1..=x + 1).any(|x| picture.at(x, y) == high));
}

#[test]
fn ticks_are_at_the_values_of_their_labels() {
    let project = curves();
    project.write("curves/band.npy", &array(50, 60, |row, _| row as f64));
    plots(
        &project,
        one(
            "well_log",
            json!([{"data": "band.npy", "colormap": "viridis"}]),
        ),
    );
    let picture = drawn(&project);
    let panel = picture.panel();
    // Depth from 100 to 590 m has marks at every 100 m.
    for depth in [100.0, 200.0, 300.0, 400.0, 500.0] {
        let (_, y) = panel.place(0.0, (depth - 100.0) / 490.0);
        let dark = (y - 1..=y + 1).any(|y| picture.at(panel.left - 2, y) == BLACK);
        assert!(dark, "no mark at {depth} m");
        let (_, between) = panel.place(0.0, (depth - 70.0) / 490.0);
        assert_eq!(picture.at(panel.left - 2, between), WHITE);
    }
    // A minute has marks at every ten seconds.
    for second in [10.0, 20.0, 30.0, 40.0, 50.0] {
        let (x, _) = panel.place(second / 60.0, 0.0);
        let dark = (x - 1..=x + 1).any(|x| picture.at(x, panel.bottom + 2) == BLACK);
        assert!(dark, "no mark at {second} s");
    }
}

#[test]
fn layers_let_through_what_is_below() {
    let project = curves();
    for (name, value) in [("low", 0.0), ("high", 1.0)] {
        project.write(&format!("curves/{name}.npy"), &array(50, 60, |_, _| value));
    }
    let item = |name: &str, map: &str, alpha: Value| json!({"title_text": name, "data": format!("{name}.npy"), "colormap": map, "alpha": alpha, "limits": [0, 1]});
    let items = json!([
        item("low", "viridis", json!("0.5")),
        item("high", "plasma", json!(0.25))
    ]);
    plots(&project, one("stack", items));
    let picture = drawn(&project);
    let [below, above] = [("viridis", 0.0), ("plasma", 1.0)]
        .map(|(map, value)| Colormap::named(map).unwrap().colour(value).unwrap());
    let expected = std::array::from_fn(|c| {
        let white = 255.0 * 0.5 + f64::from(below[c]) * 0.5;
        (white * 0.75 + f64::from(above[c]) * 0.25).round() as u8
    });
    near(picture.inside(picture.panel(), 0.5, 0.5), expected);
}

#[test]
fn three_data_are_three_colours() {
    let project = curves();
    project.write("curves/r.npy", &array(50, 60, |_, col| col as f64));
    project.write("curves/g.npy", &array(50, 60, |row, _| row as f64));
    project.write("curves/b.npy", &array(50, 60, |_, _| 3.0));
    let items = json!([
        {"title_text": "R", "data": "r.npy", "limits": [0, 59]},
        {"title_text": "G", "data": "g.npy", "limits": [0, 49], "inverted": "yes"},
        {"title_text": "B", "data": "b.npy", "limits": [0, 4]}
    ]);
    plots(&project, one("rgb", items));
    let picture = drawn(&project);
    let panel = picture.panel();
    for (row, col) in [(10, 5), (25, 30), (40, 55)] {
        let expected = [
            (f64::from(col) / 59.0 * 255.0) as u8,
            ((1.0 - f64::from(row) / 49.0) * 255.0) as u8,
            191,
        ];
        let found = picture.inside(panel, (f64::from(col) + 0.5) / 60.0, f64::from(row) / 49.0);
        near(found, expected);
    }
    let two = json!([{"data": "r.npy"}, {"data": "g.npy"}]);
    plots(&project, one("rgb", two));
    draw(&project)
        .ends(78)
        .says("plots.json: plots[0].plot_list: found 2 data, expected 3");
}

#[test]
fn an_events_line_is_at_its_time_and_its_text_beside_it() {
    let project = curves();
    project.write("curves/band.npy", &array(50, 60, |_, _| 0.0));
    let items = json!([{"data": "band.npy", "colormap": "gray_r", "limits": [0, 1]}]);
    let mut root = one("well_log", items);
    root["label_list"] = json!([
        {"event_label_start": 200, "event_mark": "2026-01-01 00:00:15", "event_text": "Well shut in"},
        {"event_label_start": 200, "event_mark": "2026-01-01T01:00:16+01:00", "event_text": "Open 100 bbl/day"},
        {"event_label_start": 200, "event_mark": START + 59.5, "event_text": "at the edge"},
        {"event_label_start": 200, "event_mark": "2027-01-01 00:00:00", "event_text": "later"}
    ]);
    plots(&project, root);
    let picture = drawn(&project);
    let panel = picture.panel();
    let red = |[r, g, b]: [u8; 3]| r > 150 && g < 80 && b < 80;
    let row: Vec<usize> = (panel.left..panel.right)
        .filter(|&x| red(picture.at(x, panel.bottom - 5)))
        .collect();
    for (second, line) in [(15.0, row[0]), (16.0, row[1]), (59.5, row[2])] {
        let (x, _) = panel.place(second / 60.0, 0.0);
        assert!(line.abs_diff(x) <= 1, "{second} s: {line}, expected {x}");
    }
    assert_eq!(row.len(), 3, "{row:?}");
    // No text hides a line: each is red from the top to the bottom.
    for x in row {
        let whole = (panel.top + 2..panel.bottom - 1).all(|y| red(picture.at(x, y)));
        assert!(whole, "a text lies on the line at {x}");
    }
    let yellow = |[r, g, b]: [u8; 3]| r > 240 && g > 235 && (180..=225).contains(&b);
    let boxes = (panel.left..panel.right)
        .flat_map(|x| (panel.top..panel.bottom).map(move |y| (x, y)))
        .filter(|&(x, y)| yellow(picture.at(x, y)));
    assert!(boxes.count() > 1000, "the texts have boxes");
}

#[test]
fn zones_are_where_they_are_in_either_unit() {
    for unit in ["m", "ft"] {
        let project = curves();
        let factor = if unit == "ft" { 3.28084 } else { 1.0 };
        project.write("curves/band.npy", &array(50, 60, |_, _| 0.0));
        let lines = [198.0, 296.0].map(|depth| format!("{:.3} x Perf-1\n", depth * factor));
        project.write(
            "segments.txt",
            format!("a\nb\n{}", lines.concat()).as_bytes(),
        );
        let items = json!([{"data": "band.npy", "colormap": "gray_r", "limits": [0, 1]}]);
        let mut root = one("well_log", items);
        root["well_segments"] = json!("segments.txt");
        root["depth_display_unit"] = json!(unit);
        plots(&project, root);
        let picture = drawn(&project);
        // The strip with the names is a panel too.
        let panel = picture.panel();
        let shaded = |depth: f64| picture.inside(panel, 0.4, (depth - 100.0) / 490.0) != WHITE;
        for (depth, expected) in [(190.0, false), (205.0, true), (290.0, true), (305.0, false)] {
            assert_eq!(shaded(depth), expected, "{depth} m in {unit}");
        }
    }
}

#[test]
fn packages_and_gaps_in_time_are_drawn() {
    let project = curves();
    // Two packages, and nothing between 20 and 40 seconds.
    let time = |k: usize| START + if k < 20 { k as f64 } else { k as f64 + 20.0 };
    project.write("curves/band/time.npy", &axis(40, time));
    project.write(
        "curves/band/measured_depth.npy",
        &axis(50, |k| 100.0 + 10.0 * k as f64),
    );
    for (first, value) in [(0, 0.0), (20, 1.0)] {
        let name = format!("curves/band/{}.npy", time(first));
        project.write(&name, &array(50, 20, |_, _| value));
    }
    let items = json!([{"data": "band.npy", "colormap": "viridis", "limits": [0, 1]}]);
    plots(&project, one("well_log", items));
    let picture = drawn(&project);
    let panel = picture.panel();
    let map = Colormap::named("viridis").unwrap();
    let ends = [0.0, 1.0].map(|v| map.colour(v).unwrap());
    for (second, expected) in [(10.0, ends[0]), (30.0, NOTHING), (50.0, ends[1])] {
        assert_eq!(picture.inside(panel, second / 60.0, 0.5), expected);
    }
}

#[test]
fn odd_data_are_drawn() {
    let long = "a title that is much longer than the panel that it stands above ".repeat(4);
    for (name, rows, cols, value) in [
        ("all NaN", 50, 60, f64::NAN),
        ("constant", 50, 60, 4.0),
        ("zero", 50, 60, 0.0),
        ("one channel", 1, 60, 2.0),
        ("one time", 50, 1, 2.0),
        ("one sample", 1, 1, 2.0),
        ("infinite", 50, 60, f64::INFINITY),
    ] {
        for (figure, scale) in [
            ([8.0, 5.0], "linear"),
            ([1.0, 0.7], "log"),
            ([30.0, 2.0], "db"),
        ] {
            let project = curves();
            project.write("curves/time.npy", &axis(cols, |k| START + k as f64));
            project.write("curves/measured_depth.npy", &axis(rows, |k| k as f64));
            project.write("curves/band.npy", &array(rows, cols, |_, _| value));
            let item = json!({"title_text": long, "data": "band.npy", "alpha": 1, "scale": scale});
            let plot = |kind: &str, items: usize| json!({"plot_type": kind, "out_plot": kind, "plot_list": vec![item.clone(); items]});
            plots(
                &project,
                json!({
                    "figure_size": figure,
                    "plots": [plot("well_log", 2), plot("stack", 2), plot("rgb", 3)]
                }),
            );
            draw(&project).ends(0);
            for kind in ["well_log", "stack", "rgb"] {
                let picture = Picture::read(&project.path(&format!("results/{kind}.png")));
                let middle = picture.at(picture.width / 2 - 9, picture.height / 2);
                let grey = middle == NOTHING;
                let drawn = value.is_nan() || figure[0] < 2.0 || !grey;
                assert!(drawn, "{kind} of {name} at {figure:?}: {middle:?}");
            }
        }
    }
}

#[test]
fn every_format_is_what_it_says() {
    let project = curves();
    project.write(
        "curves/band.npy",
        &array(50, 60, |row, col| (row * col) as f64),
    );
    let items = json!([{"title_text": "A < B & \"C\"", "data": "band.npy", "unit": "nε²"}]);
    let plot = |format: &str| json!({"plot_type": "well_log", "out_plot": "x", "format": format, "plot_list": items});
    let formats = ["svg", "pdf", "jpg", "png"].map(plot);
    plots(&project, json!({"plots": formats}));
    draw(&project).ends(0);
    let read = |name: &str| std::fs::read(project.path(&format!("results/{name}"))).unwrap();
    let svg = String::from_utf8(read("x.svg")).unwrap();
    let mut reader = quick_xml::Reader::from_str(&svg);
    let (mut images, mut texts) = (0, Vec::new());
    loop {
        use quick_xml::events::Event;
        match reader.read_event().unwrap() {
            Event::Eof => break,
            Event::Empty(tag) if tag.name().as_ref() == "image" => images += 1,
            Event::Text(text) => texts.push(text.to_string()),
            _ => {}
        }
    }
    // The data and the bar of colours; everything else is lines and letters.
    assert_eq!(images, 2);
    for text in ["00:00:00", "depth (m)", "time (2026-01-01, UTC)", "400"] {
        assert!(texts.iter().any(|t| t == text), "{text} in {texts:?}");
    }
    assert!(svg.contains("A &lt; B &amp; &quot;C&quot;"), "{svg}");
    let pdf = read("x.pdf");
    let text = String::from_utf8_lossy(&pdf);
    // 8 by 5 inches in points.
    assert!(
        text.contains("/MediaBox[0 0 576 360]"),
        "a page of its size"
    );
    assert!(text.contains("DejaVuSans"), "the font is inside");
    let jpeg = read("x.jpg");
    let frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    let side = |at: usize| u16::from_be_bytes([jpeg[frame + at], jpeg[frame + at + 1]]);
    assert_eq!((side(7), side(5)), (640, 400));
}

#[test]
fn what_is_wrong_is_told_before_anything_is_drawn() {
    let project = curves();
    let root = json!({
        "figure_sice": [8, 5], "dpi": 0, "depth_display_unit": "yards",
        "label_list": [{"event_mark": "noon", "event_text": "x"}],
        "plots": [
            {"plot_type": "well_log", "out_plot": "../up", "plot_list": [
                {"data": "a.npy", "colormap": "virides", "alpha": 2, "clip_percentiles": [99, 1], "scale": "cubic"}]},
            {"plot_type": "rgb", "out_plot": "x"},
            {"plot_type": "rgb", "plot_list": [{"title_text": "no data"}]}
        ]
    });
    plots(&project, root);
    let ran = draw(&project).ends(78);
    for line in [
        "plots.json: depth_display_unit: found \"yards\", expected \"m\" or \"ft\"",
        "plots.json: label_list[0].event_mark: found the text \"noon\", expected a time in UTC such as",
        "plots.json: plots[0].out_plot: found \"../up\", expected a name below the output folder",
        "plots.json: plots[0].dpi: found 0, expected a number above 0 of pixels per inch",
        "plots.json: plots[0].plot_list[0].colormap: found \"virides\", expected one of viridis, plasma,",
        "plots.json: plots[0].plot_list[0].alpha: found 2, expected a number from 0 to 1",
        "plots.json: plots[0].plot_list[0].clip_percentiles: found [99, 1], expected two percentiles",
        "plots.json: plots[0].plot_list[0].scale: found \"cubic\", expected \"linear\", \"log\" or \"db\"",
        "plots.json: plots[1].plot_list: missing; expected a list",
        "plots.json: plots[2].out_plot: missing; expected the name of the picture",
        "plots.json: plots[2].plot_list[0].data: missing; expected the name of a file or folder",
    ] {
        assert!(ran.err.contains(line), "{line}\nin\n{}", ran.err);
    }
    assert!(!project.path("results").exists());
    plots(&project, one("waterfal", json!([{"data": "a.npy"}])));
    draw(&project).ends(78).says(
        "plots.json: plots[0].plot_type: found \"waterfal\", expected one of well_log, stack, rgb",
    );
}

#[test]
fn bad_data_of_one_plot_leave_the_others() {
    let project = curves();
    project.write("curves/good.npy", &array(50, 60, |row, _| row as f64));
    project.write("curves/short.npy", &array(50, 59, |row, _| row as f64));
    let plot = |name: &str| json!({"plot_type": "well_log", "out_plot": name, "plot_list": [{"data": format!("{name}.npy")}]});
    plots(
        &project,
        json!({"plots": [plot("missing"), plot("short"), plot("good")]}),
    );
    draw(&project)
        .ends(65)
        .says("missing: curves/missing.npy: file: found none, expected this npy file or Zarr array, or a folder of that name")
        .says("short: curves/short.npy: header: found 59 times, expected 60, as the axis has");
    assert_eq!(project.names("results"), ["good.png"]);
}

#[test]
fn data_without_axes_are_refused() {
    let project = curves();
    project.write("curves/band.npy", &array(50, 60, |row, _| row as f64));
    std::fs::remove_file(project.path("curves/time.npy")).unwrap();
    plots(&project, one("well_log", json!([{"data": "band.npy"}])));
    draw(&project)
        .ends(65)
        .says("picture: curves/band.npy: axis of times: found none, expected the axis that the plots file names");
}

/// distpy's colour scale: 0 to ten times the largest value near the median.
#[test]
fn compat_mode_has_distpys_colours() {
    let project = curves();
    // Median 3, median deviation 1: of 1 to 5 and 90, 5 is the largest near value.
    let value = |row: usize, _: usize| [1.0, 2.0, 3.0, 4.0, 5.0][row % 5];
    let spiky = |row, col| {
        if (row, col) == (0, 0) {
            90.0
        } else {
            value(row, col)
        }
    };
    project.write("curves/band.npy", &array(50, 60, spiky));
    plots(
        &project,
        one(
            "well_log",
            json!([{"data": "band.npy", "colormap": "viridis"}]),
        ),
    );
    project
        .run("-m plotgenerator -c system.json --compat distpy")
        .ends(0);
    let picture = Picture::read(&project.path("results/picture.png"));
    let map = Colormap::named("viridis").unwrap();
    let found = picture.inside(picture.panel(), 0.5, 22.0 / 49.0);
    near(found, map.colour(3.0 / 50.0).unwrap());
}

/// A chunk of 40 channels and 200 samples at 200 Hz through a flow with a thumbnail.
fn thumbnail(keys: Value, value: impl Fn(usize, usize) -> f64) -> (Project, Ran) {
    let project = Project::new();
    project.write("chunks/1767225600.npy", &array(40, 200, value));
    let mut command = json!({"name": "thumbnail", "uid": 1, "in_uid": 0, "directory_out": "png"});
    for (key, value) in keys.as_object().unwrap() {
        command[key] = value.clone();
    }
    project.flow(json!([command]));
    let ran = project.summary("");
    (project, ran)
}

#[test]
fn a_thumbnail_shows_the_samples() {
    let value = |row: usize, col: usize| ((row * 7 + col * 3) % 11) as f64 - 5.0;
    let (project, ran) = thumbnail(json!({}), value);
    ran.ends(0);
    let picture = Picture::read(&project.path("results/png/1767225600.png"));
    // distpy's size: 8 by 6 inches at 300 dots.
    assert_eq!((picture.width, picture.height), (2400, 1800));
    let all: Vec<f64> = (0..8000).map(|k| value(k / 200, k % 200)).collect();
    let mean = all.iter().sum::<f64>() / 8000.0;
    let deviation = (all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 8000.0).sqrt();
    let map = Colormap::named("viridis").unwrap();
    let panel = picture.panel();
    for (row, col) in [(0, 1), (3, 50), (20, 100), (39, 198)] {
        let place = (value(row, col) - (mean - deviation)) / (2.0 * deviation);
        let found = picture.inside(panel, (col as f64 + 0.5) / 200.0, (row as f64 + 0.5) / 40.0);
        near(found, map.colour(place).unwrap());
    }
}

#[test]
fn a_thumbnails_arguments_count() {
    let rising = |row: usize, _: usize| row as f64;
    let small = |keys: Value| {
        let mut all = json!({"dpi": 50});
        for (key, value) in keys.as_object().unwrap() {
            all[key] = value.clone();
        }
        let (project, ran) = thumbnail(all, rising);
        ran.ends(0);
        let picture = Picture::read(&project.path("results/png/1767225600.png"));
        assert_eq!((picture.width, picture.height), (400, 300));
        let panel = picture.panel();
        // The green of viridis rises with the values.
        [0.1, 0.5, 0.9].map(|down| picture.inside(panel, 0.5, down)[1])
    };
    let plain = small(json!({"clip_level": 3}));
    assert!(plain[0] < plain[1] && plain[1] < plain[2], "{plain:?}");
    let inverted = small(json!({"clip_level": 3, "invert_depth": 1}));
    assert!(inverted[0] > inverted[1] && inverted[1] > inverted[2]);
    // Narrow limits: all but the middle has the first or the last colour.
    let narrow = small(json!({"clip_level": 0.1}));
    assert_eq!((narrow[0], narrow[2]), (1, 231));
    // Contours begin at the bottom, and are areas of few colours.
    let contours = small(json!({"plot_style": "contourf"}));
    assert!(contours[0] > contours[1] && contours[1] > contours[2]);
    let turned = small(json!({"clip_level": 3, "cmap": "viridis_r"}));
    assert!(turned[0] > turned[2]);
}

#[test]
fn a_scatter_has_a_point_for_each_pair() {
    let project = Project::new();
    project.write("chunks/1767225600.npy", &array(1, 3, |_, col| col as f64));
    project.flow(json!([
        {"name": "lin_transform", "uid": 1, "in_uid": 0, "m": -1},
        {"name": "thumbnail", "uid": 2, "in_uid": 0, "gather_uids": [1], "directory_out": "png", "plot_style": "scatter",
            "dpi": 50}
    ]));
    project.summary("").ends(0);
    let picture = Picture::read(&project.path("results/png/1767225600.png"));
    let panel = picture.panel();
    // The axes reach a twentieth beyond the data.
    let place = |part: f64| (part + 0.05) / 1.1;
    for k in [0.0, 0.5, 1.0] {
        near(picture.inside(panel, place(k), place(k)), [31, 119, 180]);
    }
    assert_eq!(picture.inside(panel, 0.25, 0.25), WHITE);
}

#[test]
fn a_thumbnails_bad_arguments_are_told() {
    for (keys, message) in [
        (
            json!({"cmap": "virides"}),
            "cmap: found \"virides\", expected one of viridis",
        ),
        (
            json!({"format": "gif"}),
            "format: found \"gif\", expected \"png\", \"jpg\"",
        ),
        (
            json!({"figure_size": [0, 6]}),
            "figure_size: found [0, 6], expected width and height above 0",
        ),
        (
            json!({"dpi": 1e9}),
            "figure_size: found 8000000000 pixels (inches times dpi), expected at most",
        ),
        (
            json!({"plot_style": "surface"}),
            "plot_style: unknown variant `surface`",
        ),
        (
            json!({"invert_depth": "up"}),
            "invert_depth: found \"up\", expected 0 or 1",
        ),
    ] {
        let (project, ran) = thumbnail(keys, |_, _| 0.0);
        ran.ends(78)
            .says(&format!("flow.json: command_list[0].{message}"));
        assert!(!project.path("results/png").exists());
    }
}

#[test]
fn a_second_run_draws_no_thumbnail_again() {
    let (project, ran) = thumbnail(json!({"dpi": 30}), |_, _| 0.0);
    ran.ends(0);
    project.summary("").ends(0).says("1 skipped");
}

/// Pictures as they were looked at and found good. `UPDATE=1` draws them anew.
#[test]
fn pictures_are_those_that_were_looked_at() {
    let folder = crate::root().join("tests/golden/pictures");
    let project = curves();
    let wave = |row: usize, col: usize| {
        let distance = row as f64 - 10.0 - col as f64 / 2.0;
        (-distance * distance / 8.0).exp() * 5.0 + (row as f64 / 9.0).sin().powi(2)
    };
    project.write("curves/band.npy", &array(50, 60, wave));
    project.write(
        "curves/other.npy",
        &array(50, 60, |row, col| wave(49 - row, col)),
    );
    project.write(
        "segments.txt",
        b"a\nb\n220 x Perf-1\n280 x Perf-1\n400 x Toe\n590 x Toe\n",
    );
    let item = |data: &str, map: &str| json!({"title_text": data, "data": format!("{data}.npy"), "colormap": map, "alpha": "0.6"});
    let plot =
        |kind: &str, items: Value| json!({"plot_type": kind, "out_plot": kind, "plot_list": items});
    plots(
        &project,
        json!({
            "figure_size": [6, 3.5], "dpi": 80, "start_of_fibre": 120, "end_of_fibre": 570,
            "well_segments": "segments.txt",
            "label_list": [{"event_label_start": 300, "event_mark": "2026-01-01 00:00:40", "event_text": "Shut in"}],
            "plots": [
                plot("well_log", json!([item("band", "UAVK"), item("other", "magma")])),
                plot("stack", json!([item("band", "viridis"), item("other", "plasma")])),
                plot("rgb", json!([item("band", "gray"), item("other", "gray"), item("band", "gray")]))
            ]
        }),
    );
    draw(&project).ends(0);
    let (chunk, ran) = thumbnail(
        json!({"dpi": 60, "cmap": "seismic", "clip_level": 2}),
        |row, col| (col as f64 / 5.0 - row as f64 / 2.0).sin() * row as f64,
    );
    ran.ends(0);
    let pictures = ["well_log", "stack", "rgb"].map(|kind| {
        let path = project.path(&format!("results/{kind}.png"));
        (kind, path)
    });
    let thumbnail = ("thumbnail", chunk.path("results/png/1767225600.png"));
    for (name, path) in pictures.into_iter().chain([thumbnail]) {
        let golden = folder.join(format!("{name}.png"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::copy(&path, &golden).unwrap();
        }
        let far = distance(&Picture::read(&path), &Picture::read(&golden));
        // Letters may be smoothed otherwise elsewhere; a tick or a line that moved is ten times as far.
        assert!(
            far < 0.25,
            "{name} is {far:.2} levels from the golden picture"
        );
    }
}

/// Mean difference of two pictures in levels of 255, each blurred over four by four pixels, as an eye sees it from afar.
fn distance(a: &Picture, b: &Picture) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let (mut sum, mut count) = (0.0, 0.0);
    for top in (0..a.height - 3).step_by(4) {
        for left in (0..a.width - 3).step_by(4) {
            for channel in 0..3 {
                let mean = |p: &Picture| {
                    let block = (0..16).map(|k| p.at(left + k % 4, top + k / 4)[channel]);
                    block.map(f64::from).sum::<f64>() / 16.0
                };
                sum += (mean(a) - mean(b)).abs();
                count += 1.0;
            }
        }
    }
    sum / count
}

#[test]
fn shards_draw_every_plot_once() {
    let project = curves();
    project.write("curves/band.npy", &array(50, 60, |row, _| row as f64));
    let plot = |name: &str| json!({"plot_type": "well_log", "out_plot": name, "plot_list": [{"data": "band.npy"}]});
    let three = ["a", "b", "c"].map(plot);
    plots(&project, json!({"plots": three}));
    let mut drawn = Vec::new();
    for shard in 0..4 {
        let args = format!("-m plotgenerator -c system.json --shard {shard}/4 -o made{shard}");
        project.run(&args).ends(0);
        drawn.extend(project.names(&format!("made{shard}")));
    }
    drawn.sort();
    assert_eq!(drawn, ["a.png", "b.png", "c.png"]);
}

/// The limits that distpy gave its own thumbnails, and their sizes.
#[test]
fn thumbnails_have_distpys_limits() {
    use distpy_gpu::picture::limits::{Clip, Limits, Scale};
    use distpy_gpu::picture::reduce::Grid;
    let Some(folder) = crate::samples::golden() else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    let flows = manifest["flows"].as_array().unwrap().iter();
    let cases: Vec<&Value> = flows.filter(|case| case["images"].is_array()).collect();
    let mut limited = 0;
    for case in cases {
        let id = case["id"].as_str().unwrap();
        let path = |key: &str| folder.join(case[key].as_str().unwrap());
        let project = Project::new();
        let name = format!("chunks/{}.npy", case["unixtime"]);
        project.write(&name, &std::fs::read(path("chunk")).unwrap());
        let depths = std::fs::read(path("xaxis")).unwrap();
        project.write("chunks/measured_depth.npy", &depths);
        let flow = std::fs::read(path("config")).unwrap();
        project.write("flow.json", &flow);
        project.system(json!({"prf": case["prf"], "measured_depth": "measured_depth.npy"}));
        project.summary("--compat distpy").ends(0);
        for image in case["images"].as_array().unwrap() {
            let file = image["file"].as_str().unwrap();
            let picture = Picture::read(&project.path(&format!("results/{file}")));
            let pixels = json!([picture.width, picture.height]);
            assert_eq!(pixels, image["pixels"], "{id}");
            // Where what the thumbnail is of is written beside it, its limits are checked.
            let band = project.path(&format!("results/band/{}.npy", case["unixtime"]));
            if !band.exists() {
                continue;
            }
            limited += 1;
            let array = distpy_gpu::formats::npy::open(&band).unwrap();
            let stored = array.stored().unwrap();
            let clip = Clip::Deviations(1.0);
            let limits = Limits::choose(clip, Scale::Linear, &Grid::empty(0, 0), &[&stored]);
            let [low, high] = ["vmin", "vmax"].map(|key| image[key].as_f64().unwrap());
            let tolerance = match id {
                // distpy's transfer functions are themselves so far off there.
                "band-thumbnails-10k" => 3e-2,
                _ => 1e-9,
            };
            let scale = low.abs().max(high.abs());
            for (found, expected) in [(limits.low, low), (limits.high, high)] {
                let far = (found - expected).abs() / scale;
                assert!(far <= tolerance, "{id}: {found}, expected {expected}");
            }
        }
    }
    assert!(limited >= 2, "only {limited} had their limits checked");
}
