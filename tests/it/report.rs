//! `-m report`: the page's content, and how it behaves in a browser.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;

use browser::Browser;
use distpy_gpu::picture::colormap::Colormap;
use serde_json::json;

use crate::program::{Project, Ran};

/// A run of three chunks, of which the third is not the next second.
fn run() -> Project {
    let project = Project::new();
    for (k, time) in [1_767_225_600_i64, 1_767_225_601, 1_767_225_603]
        .into_iter()
        .enumerate()
    {
        let chunk = crate::program::chunk(k, 6, 200);
        project.write(&format!("chunks/{time}.npy"), &chunk);
    }
    project.summary("").ends(0);
    project
}

fn report(project: &Project, args: &str) -> (Ran, String) {
    let ran = project
        .run(&format!("-m report -c system.json {args}"))
        .ends(0);
    let page = std::fs::read_to_string(project.path("results/report.html")).unwrap();
    (ran, page)
}

/// Values of a curve of the logs: by channel, then by time.
fn values(project: &Project, curve: usize) -> Vec<Vec<f64>> {
    let files = project.names("results/NoiseLog");
    let logs = files.iter().map(|name| {
        let path = project.path(&format!("results/NoiseLog/{name}"));
        distpy_gpu::formats::witsml::parse(&path, &std::fs::read(&path).unwrap()).unwrap()
    });
    let columns: Vec<Vec<f64>> = logs.map(|log| log.curves[curve].values.clone()).collect();
    (0..6)
        .map(|row| columns.iter().map(|c| c[row]).collect())
        .collect()
}

#[test]
fn a_page_needs_nothing_else() {
    let project = run();
    project.write(
        "pictures/a & b.svg",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
    );
    let (_, page) = report(&project, "-f pictures");
    for part in [
        "<title>unnamed</title>",
        "NoiseLog: gaps in time: 1, logs missing: 1",
        "3 logs of 6 channels, from 2026-01-01 00:00:00 to 2026-01-01 00:00:04 UTC.",
        "<figcaption>a &amp; b</figcaption>",
        ">rms_from_fft</text>",
        "As planned for chunks/1767225600.npy",
        "&quot;in_directory&quot;",
        "<th scope=\"row\">chunks done</th><td>3</td>",
        "<details><summary>Manifest: strainrate2summary, 2",
        "&quot;path&quot;: &quot;chunks/1767225601.npy&quot;",
    ] {
        assert!(page.contains(part), "{part}\nin\n{page}");
    }
    // Only names of XML's own vocabularies look like addresses.
    let addresses = page.split("http").skip(1);
    let strange: Vec<&str> = addresses
        .filter(|rest| !rest.starts_with("://www.w3.org/"))
        .map(|rest| &rest[..rest.len().min(60)])
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert!(!page.contains("src=\"/") && !page.contains("@import"));
}

/// Names come from files of anybody: none of them may become a part of the page.
#[test]
fn names_that_are_markup_stay_text() {
    let project = run();
    let hostile = "<!--<script>alert(1)</script>";
    let escaped = "&lt;!--&lt;script&gt;alert(1)&lt;/script&gt;";
    for name in project.names("results/NoiseLog") {
        let name = format!("results/NoiseLog/{name}");
        let log = std::fs::read_to_string(project.path(&name)).unwrap();
        assert!(log.contains("band_0-nyquist"), "{log}");
        project.write(&name, log.replace("band_0-nyquist", escaped).as_bytes());
    }
    let folder = "<img src=x onerror=alert(1)>\"'";
    std::fs::rename(
        project.path("results/NoiseLog"),
        project.path(&format!("results/{folder}")),
    )
    .unwrap();
    let picture = "pictures/\"><script>alert(2)<!--.svg";
    project.write(
        picture,
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(3)</script></svg>",
    );
    let flow = std::fs::read_to_string(project.path("flow.json")).unwrap();
    let flow = flow.replacen(
        '{',
        "{\"name\": \"</title><script>alert(4)</script>\", \"description\": \"<!-- <b>\", ",
        1,
    );
    project.write("flow.json", flow.as_bytes());
    let (_, page) = report(&project, "-f pictures");
    for part in ["alert(1)&lt;/script&gt;</option>", "&lt;img src=x"] {
        assert!(page.contains(part), "{part}\nin\n{page}");
    }
    for part in [
        "<!--",
        "<img src=x",
        "<script>alert",
        "</script>alert",
        "<b>",
    ] {
        assert!(!page.contains(part), "{part}\nin\n{page}");
    }
    // Each element of a script ends, and the names in its data are the ones of the files.
    let scripts: Vec<&str> = page.split("<script").skip(1).collect();
    assert!(
        scripts
            .iter()
            .all(|rest| rest.matches("</script>").count() == 1)
    );
    let data = "type=\"application/json\">";
    let data = page.split(data).nth(1).unwrap();
    let data = data.split("</script>").next().unwrap();
    let about: serde_json::Value = serde_json::from_str(data).unwrap();
    let curves = about["curves"].as_array().unwrap();
    assert!(
        curves.iter().any(|curve| curve["name"] == hostile),
        "{about}"
    );
}

#[test]
fn what_failed_is_among_the_warnings() {
    let project = run();
    let name = "results/NoiseLog/1767225601.fbe";
    let whole = std::fs::read(project.path(name)).unwrap();
    project.write("chunks/1767225605.npy", b"no chunk");
    project.summary("").ends(65);
    // A run would make it again.
    project.write(name, &whole[..whole.len() / 2]);
    let (_, page) = report(&project, "");
    for part in [
        "1767225601.fbe: byte ",
        "strainrate2summary: chunks/1767225605.npy: ",
        "<th scope=\"row\">inputs failed</th><td>0</td><td>1</td>",
    ] {
        assert!(page.contains(part), "{part}\nin\n{page}");
    }
}

#[test]
fn a_run_that_was_cut_off_is_told() {
    let project = run();
    std::fs::remove_dir_all(project.path("results/.distpy-gpu/manifests")).unwrap();
    let (_, page) = report(&project, "");
    assert!(page.contains("strainrate2summary: left no manifest, so it was cut off or still runs"));
    assert!(page.contains("<th scope=\"row\">chunks done</th><td>3</td>"));
}

#[test]
fn a_run_without_logs_still_has_its_flow() {
    let project = Project::with_chunks(1);
    let (_, page) = report(&project, "");
    assert!(page.contains(">fft</text>") && !page.contains("class=\"values\""));
    let found = project.run("-m report -c system.json -f nothing.png");
    found.ends(74).says("nothing.png: no such file or folder");
    project.write("notes.txt", b"x");
    let found = project.run("-m report -c system.json -f notes.txt");
    found.ends(65).says(
        "notes.txt: found the ending \"txt\", expected a picture that ends in .png, .jpg or .svg",
    );
}

/// In a browser as people have it: nothing is asked of the network, no script complains, and what is read under the pointer is
/// what the logs hold.
#[test]
fn a_browser_shows_the_values() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let project = run();
    report(&project, "");
    browser.open(&project.path("results/report.html"), (1000, 900));
    let canvas = browser.place("canvas");
    let rms = values(&project, 0);
    // The panel begins 62 and 10 pixels inside the canvas, and ends 14 and 42 before its end.
    let inside = |across: f64, down: f64| {
        let x = canvas[0] + 62.0 + across * (canvas[2] - 76.0);
        (x, canvas[1] + 10.0 + down * (canvas[3] - 52.0))
    };
    for (second, column, row) in [
        (0, Some(0), 2),
        (1, Some(1), 5),
        (2, None, 3),
        (3, Some(2), 0),
    ] {
        let (x, y) = inside((f64::from(second) + 0.5) / 4.0, (row as f64 + 0.5) / 6.0);
        browser.mouse("mouseMoved", (x, y), json!({}));
        let expected = match column {
            Some(column) => shortest(rms[row][column]),
            None => "no data".into(),
        };
        let expected = format!("2026-01-01 00:00:0{second} UTC, {row}.0 m: {expected}");
        assert_eq!(browser.text(".readout"), expected);
    }
    // The pixel there has the colour of the value.
    let low: f64 = browser.text(".low").parse().unwrap();
    let high: f64 = browser.text(".high").parse().unwrap();
    let place = (rms[2][0].log10() - low.log10()) / (high.log10() - low.log10());
    let map = Colormap::named("cividis").unwrap();
    let found = browser.pixel(
        "canvas",
        (
            62.0 + 0.125 * (canvas[2] - 76.0),
            10.0 + (canvas[3] - 52.0) * 2.5 / 6.0,
        ),
    );
    let expected = map.colour(place).unwrap();
    let far = found.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
    // The ends of the colours are told with six digits.
    assert!(far <= Some(2), "{found:?}, expected {expected:?}");
    browser.end();
}

#[test]
fn a_browser_moves_and_zooms() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let project = run();
    report(&project, "");
    browser.open(&project.path("results/report.html"), (1000, 900));
    let canvas = browser.place("canvas");
    let middle = (canvas[0] + canvas[2] / 2.0, canvas[1] + canvas[3] / 2.0);
    let before = browser.picture("canvas");
    browser.mouse("mouseWheel", middle, json!({"deltaX": 0, "deltaY": -300}));
    let zoomed = browser.picture("canvas");
    assert_ne!(before, zoomed, "the wheel zooms");
    browser.click(".whole");
    assert_eq!(browser.picture("canvas"), before, "all is shown again");
    // The keyboard reaches the map and moves a cross from value to value.
    browser.evaluate("document.querySelector('canvas').focus()");
    browser.key("ArrowRight");
    let first = browser.text(".readout");
    assert!(first.contains(" m: "), "{first}");
    browser.key("ArrowDown");
    let second = browser.text(".readout");
    assert_ne!(first, second);
    browser.key("ArrowUp");
    assert_eq!(browser.text(".readout"), first);
    browser.key("Escape");
    assert_eq!(browser.picture("canvas"), before);
    // Another curve and another scale have other numbers.
    let low = browser.text(".low");
    browser.evaluate("const s = document.querySelector('.curve'); s.selectedIndex = 1; s.dispatchEvent(new Event('change'))");
    assert_ne!(browser.text(".low"), low);
    let shown = browser.picture("canvas");
    browser.evaluate("const t = document.querySelector('.scale'); t.value = 'linear'; t.dispatchEvent(new Event('change'))");
    assert_ne!(browser.picture("canvas"), shown);
    browser.end();
}

#[test]
fn a_page_fits_a_telephone_and_is_reached_by_keyboard() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let project = run();
    report(&project, "");
    browser.open(&project.path("results/report.html"), (360, 740));
    let width = browser.evaluate("document.documentElement.scrollWidth");
    assert!(width.as_f64() <= Some(360.0), "{width} of 360 pixels");
    // Everything that can be used is reached by the tabulator, in its order, and each has a name.
    let mut reached = Vec::new();
    for _ in 0..30 {
        browser.key("Tab");
        let focus = browser.evaluate(
            "(e => e === document.body ? '' : (e.className || e.tagName) + ':' + (e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent).trim().slice(0, 30))(document.activeElement)",
        );
        let focus = focus.as_str().unwrap_or_default().to_string();
        if focus.is_empty() {
            break;
        }
        reached.push(focus);
    }
    for part in [
        "A:NoiseLog",
        "curve:Curve",
        "scale:Scale",
        "whole:Show all",
        "CANVAS:NoiseLog",
        "SUMMARY:The command file",
    ] {
        assert!(
            reached.iter().any(|r| r.starts_with(part)),
            "{part} in {reached:?}"
        );
    }
    assert!(reached.iter().all(|r| !r.ends_with(':')), "{reached:?}");
    browser.end();
}

/// A number as the page tells it: six digits.
fn shortest(value: f64) -> String {
    // The page's values are in single precision.
    let value = f64::from(value as f32);
    let power = value.abs().log10().floor() as i32;
    let decimals = (5 - power).max(0) as usize;
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    text.to_string()
}
