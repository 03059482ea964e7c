//! Pictures of chunks, and those that sum up a run.

use distpy_gpu::picture::colormap::Colormap;
use serde_json::{Value, json};

use super::{Picture, Project, START, array, axis, curves, draw, drawn, near, one, plots};

const PRF: f64 = 200.0;

/// Chunks of 40 channels, 5 m apart, and 200 samples at 200 Hz. Values by channel and time in seconds.
fn recording(seconds: &[usize], value: impl Fn(usize, f64) -> f64) -> Project {
    let project = Project::new();
    project.system(json!({"in_directory": ".", "config": "plots.json", "prf": PRF}));
    project.write("chunks/measured_depth.npy", &axis(40, |k| 5.0 * k as f64));
    for second in seconds {
        let at = |k: usize| *second as f64 + k as f64 / PRF;
        let chunk = array(40, 200, |row, col| value(row, at(col)));
        project.write(&format!("chunks/{}.npy", START + *second as f64), &chunk);
    }
    project
}

fn of_chunks(kind: &str, keys: Value) -> Value {
    let mut plot =
        json!({"plot_type": kind, "out_plot": "picture", "plot_list": [{"data": "chunks"}]});
    for (key, value) in keys.as_object().unwrap() {
        plot[key] = value.clone();
    }
    json!({"plots": [plot]})
}

/// Where a panel is brightest, as parts of its width and height.
fn brightest(picture: &Picture) -> (f64, f64) {
    let panel = picture.panel();
    let mut best = (0, 0.0, 0.0);
    for y in panel.top + 1..panel.bottom - 1 {
        for x in panel.left + 1..panel.right - 1 {
            let light: u32 = picture.at(x, y).map(u32::from).iter().sum();
            // Grey is where there is nothing.
            if light > best.0 && picture.at(x, y) != super::NOTHING {
                let across = (x - panel.left) as f64 / (panel.right - panel.left) as f64;
                let down = (y - panel.top) as f64 / (panel.bottom - panel.top) as f64;
                best = (light, across, down);
            }
        }
    }
    (best.1, best.2)
}

#[track_caller]
fn close(found: f64, expected: f64, within: f64) {
    assert!(
        (found - expected).abs() <= within,
        "{found}, expected {expected}"
    );
}

#[test]
fn a_waterfall_has_time_down_and_depth_across() {
    let spike = |row: usize, time: f64| {
        if row == 30 && (time - 1.25).abs() < 0.5 / PRF {
            9.0
        } else {
            0.0
        }
    };
    let project = recording(&[0, 1, 2], spike);
    plots(
        &project,
        of_chunks(
            "waterfall",
            json!({"colormap": "viridis", "limits": [0, 9]}),
        ),
    );
    let (across, down) = brightest(&drawn(&project));
    close(across, 30.0 / 39.0, 0.02);
    close(down, 1.25 / 3.0, 0.01);
}

#[test]
fn a_spectrogram_shows_a_tone_while_it_lasts() {
    let tone = |_: usize, time: f64| {
        let loud = if (1.0..2.0).contains(&time) {
            5.0
        } else {
            0.01
        };
        loud * (std::f64::consts::TAU * 60.0 * time).sin()
    };
    let project = recording(&[0, 1, 2], tone);
    let keys = json!({"colormap": "viridis", "window": 64, "depth": 100, "scale": "linear", "clip_percentiles": [0, 100]});
    plots(&project, of_chunks("spectrogram", keys));
    let (across, down) = brightest(&drawn(&project));
    // 60 of 100 Hz, from the bottom.
    close(down, 0.4, 0.04);
    assert!((1.0 / 3.0..=2.0 / 3.0).contains(&across), "{across}");
}

#[test]
fn a_spectrogram_leaves_what_was_not_recorded_grey() {
    let project = recording(&[0, 3], |row, time| {
        (row as f64 + 1.0) * (time * 300.0).sin()
    });
    plots(&project, of_chunks("spectrogram", json!({"window": 32})));
    let picture = drawn(&project);
    let panel = picture.panel();
    assert_eq!(picture.inside(panel, 0.5, 0.5), super::NOTHING);
    assert_ne!(picture.inside(panel, 0.1, 0.5), super::NOTHING);
}

#[test]
fn a_density_map_shows_which_channel_hums() {
    let hum = |row: usize, time: f64| {
        let loud = if row == 10 { 3.0 } else { 0.001 };
        loud * (std::f64::consts::TAU * 25.0 * time).cos()
    };
    let project = recording(&[0, 1], hum);
    let keys = json!({"colormap": "viridis", "window": 64, "scale": "linear", "clip_percentiles": [0, 100]});
    plots(&project, of_chunks("psd", keys));
    let (across, down) = brightest(&drawn(&project));
    close(across, 0.25, 0.02);
    close(down, 10.0 / 39.0, 0.02);
}

#[test]
fn what_travels_to_greater_depth_has_a_positive_wavenumber() {
    // 40 Hz at 1000 m/s: 0.04 waves a metre, of at most 0.1.
    let wave = |sign: f64| {
        move |row: usize, time: f64| {
            let depth = 5.0 * row as f64;
            (std::f64::consts::TAU * 40.0 * (time - sign * depth / 1000.0)).sin()
        }
    };
    for sign in [1.0, -1.0] {
        let project = recording(&[0, 1], wave(sign));
        let keys = json!({"colormap": "viridis", "scale": "linear", "clip_percentiles": [0, 100]});
        plots(&project, of_chunks("fk", keys));
        let (across, down) = brightest(&drawn(&project));
        close(across, 0.5 + sign * 0.2, 0.02);
        close(down, 0.6, 0.02);
    }
}

#[test]
fn velocities_are_lines_with_names() {
    let project = recording(&[0], |row, time| (time * 99.0 + row as f64).sin());
    let keys = json!({"velocities": [1000, -500], "format": "svg"});
    plots(&project, of_chunks("fk", keys));
    draw(&project).ends(0);
    let svg = std::fs::read_to_string(project.path("results/picture.svg")).unwrap();
    assert!(svg.contains(">1000 m/s</text>") && svg.contains(">-500 m/s</text>"));
}

#[test]
fn a_trace_is_filled_where_it_is_positive() {
    let pulse = |row: usize, time: f64| {
        let near = |at: f64| (-((time - at) * 40.0).powi(2)).exp();
        if row == 20 {
            near(0.3) - near(0.7)
        } else {
            0.0
        }
    };
    let project = recording(&[0], pulse);
    plots(
        &project,
        of_chunks(
            "trace",
            json!({"traces": 10, "gain": 0.9, "depth_range": [0, 195]}),
        ),
    );
    let picture = drawn(&project);
    // Quiet traces are black lines too, from the upper edge to the lower.
    let panels = picture.panels(picture.height / 2);
    let panel = super::Panel {
        right: panels.last().unwrap().right,
        ..panels[0]
    };
    // Every fourth channel: the sixth of ten is number 20.
    let (x, y) = panel.place(20.0 / 39.0, 0.3);
    let reach = (panel.right - panel.left) / 10 / 2;
    let dark = |x: usize, y: usize| picture.at(x, y)[0] < 100;
    assert!(dark(x + reach / 2, y), "filled to the right");
    let (_, later) = panel.place(0.0, 0.7);
    assert!(!dark(x - reach / 2, later), "not filled to the left");
    assert!(
        (x - 4 * reach..x - 3).any(|x| dark(x, later)),
        "but drawn there"
    );
}

#[test]
fn a_ratio_of_one_is_in_the_middle() {
    let project = curves();
    project.write(
        "curves/a.npy",
        &array(50, 60, |row, _| if row < 25 { 2.0 } else { 20.0 }),
    );
    project.write("curves/b.npy", &array(50, 60, |_, _| 2.0));
    let items = json!([{"title_text": "A", "data": "a.npy"}, {"title_text": "B", "data": "b.npy"}]);
    plots(&project, one("band_ratio", items));
    let picture = drawn(&project);
    let panel = picture.panel();
    let map = Colormap::named("RdBu_r").unwrap();
    near(picture.inside(panel, 0.5, 0.25), map.colour(0.5).unwrap());
    near(picture.inside(panel, 0.5, 0.75), map.colour(1.0).unwrap());
}

#[test]
fn a_summary_tells_the_loudest_zones_gaps_and_dead_channels() {
    let project = curves();
    project.write(
        "curves/time.npy",
        &axis(60, |k| START + if k < 30 { k } else { k + 20 } as f64),
    );
    let loud = |row: usize, col: usize| match row {
        3 | 17 => 0.0,
        30..=39 => 50.0 + col as f64 / 60.0,
        _ => 1.0 + col as f64 / 60.0,
    };
    project.write("curves/a.npy", &array(50, 60, loud));
    project.write(
        "segments.txt",
        b"a\nb\n100 x Top\n200 x Top\n400 x Perf\n490 x Perf\n",
    );
    let mut root = one(
        "summary",
        json!([{"title_text": "Band A", "data": "a.npy"}]),
    );
    root["well_segments"] = json!("segments.txt");
    root["plots"][0]["format"] = json!("svg");
    plots(&project, root.clone());
    draw(&project).ends(0);
    let svg = std::fs::read_to_string(project.path("results/picture.svg")).unwrap();
    for text in [
        "times: 60, channels: 50; gaps: 1, times missing: 20; dead channels: 2 (3, 17)",
        "Loudest zones, depth (m)",
        "Perf (400 – 490)",
    ] {
        assert!(
            svg.contains(&format!(">{text}</text>")),
            "{text}\nin\n{svg}"
        );
    }
    let place = |text: &str| svg.find(text).unwrap();
    assert!(place("Perf (400") < place("Top (100"), "the loudest first");
    root["plots"][0]["format"] = json!("png");
    plots(&project, root);
    let picture = drawn(&project);
    let red = |[r, g, b]: [u8; 3]| (r, g, b) == (200, 60, 30);
    let row = (0..picture.height).find(|y| (0..picture.width).any(|x| red(picture.at(x, *y))));
    let gap: Vec<usize> = (0..picture.width)
        .filter(|&x| red(picture.at(x, row.unwrap())))
        .collect();
    // 29 to 50 of 80 seconds.
    let width = (gap.last().unwrap() - gap[0]) as f64 / (picture.width as f64 - 54.0);
    close(width, 21.0 / 80.0, 0.01);
}

#[test]
fn bad_chunks_are_told() {
    let project = recording(&[0], |_, _| 0.0);
    project.write(
        &format!("chunks/{}.npy", START + 1.0),
        &array(39, 200, |_, _| 0.0),
    );
    plots(&project, of_chunks("waterfall", json!({})));
    draw(&project)
        .ends(65)
        .says("chunks/1767225601.npy: header: found 39 channels, expected 40");
    let item = |data: &str| json!({"plots": [{"plot_type": "fk", "out_plot": "x", "plot_list": [{"data": data}]}]});
    plots(&project, item("nothing/*.npy"));
    draw(&project)
        .ends(65)
        .says("nothing/*.npy: file: found none, expected chunks such as 1500000000.npy");
    plots(&project, item("plots.json"));
    draw(&project)
        .ends(65)
        .says("plots.json: name: found \"plots\", expected a Unix time such as 1500000000.npy");
}

#[test]
fn channels_without_depths_are_told_by_their_numbers() {
    let project = recording(&[0], |row, time| (row as f64 + 40.0 * time).sin());
    let texts = |kind: &str| {
        plots(
            &project,
            of_chunks(kind, json!({"format": "svg", "velocities": [50]})),
        );
        draw(&project).ends(0);
        std::fs::read_to_string(project.path("results/picture.svg")).unwrap()
    };
    let kinds = [
        ("waterfall", "depth (m)", "channel"),
        ("trace", "depth (m)", "channel"),
        ("psd", "depth (m)", "channel"),
        ("spectrogram", " at 100.0 m<", " at channel 20<"),
        ("fk", "wavenumber (1/m)", "wavenumber (1/channel)"),
        ("fk", "50 m/s", "50 channel/s"),
    ];
    for (kind, known, _) in kinds {
        let svg = texts(kind);
        assert!(
            svg.contains(known) && !svg.contains("channel"),
            "{kind}: {svg}"
        );
    }
    std::fs::remove_file(project.path("chunks/measured_depth.npy")).unwrap();
    for (kind, known, numbered) in kinds {
        let svg = texts(kind);
        assert!(
            svg.contains(numbered) && !svg.contains(known),
            "{kind}: {svg}"
        );
    }
}
