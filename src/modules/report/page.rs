//! The page itself.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::picture::colormap::Colormap;
use crate::picture::{escaped, ticks};
use crate::pipeline::logs::Overview;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What a page tells.
#[derive(Debug, Default)]
pub struct Page {
    /// The flow's name.
    pub title: String,
    /// What the flow is for.
    pub description: String,
    /// Logs, each with its curves.
    pub logs: Vec<Log>,
    /// Pictures, in their order.
    pub pictures: Vec<Picture>,
    /// What runs left of themselves.
    pub runs: Vec<Map<String, Value>>,
    /// Manifests of the runs.
    pub manifests: Vec<Value>,
    /// The flow's drawing, as SVG.
    pub graph: String,
    /// What the drawing is planned for.
    pub plan: String,
    /// The command file.
    pub flow: String,
    /// The system configuration.
    pub system: String,
    /// What the reader should know.
    pub warnings: Vec<String>,
}

/// Logs of one folder.
#[derive(Debug)]
pub struct Log {
    /// The folder's name.
    pub name: String,
    /// Their values.
    pub overview: Overview,
}

/// A picture.
#[derive(Debug)]
pub struct Picture {
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub kind: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Page {
    /// The page as HTML that needs no other file.
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut sections: Vec<(&str, String, String)> = Vec::new();
        if !self.warnings.is_empty() {
            sections.push(("warnings", "Warnings".into(), self.warned()));
        }
        for (k, log) in self.logs.iter().enumerate() {
            let name = match log.name.as_str() {
                "" => "Log".to_string(),
                name => name.to_string(),
            };
            sections.push(("log", escaped(&name), log.html(k)));
        }
        if !self.pictures.is_empty() {
            let pictures = self.pictures.iter().map(Picture::html).collect();
            sections.push(("pictures", "Pictures".into(), pictures));
        }
        if !self.graph.is_empty() {
            sections.push(("flow", "The flow".into(), self.drawn()));
        }
        sections.push(("run", "The run".into(), self.told()));
        let mut links = String::new();
        let mut body = String::new();
        for (k, (id, name, content)) in sections.iter().enumerate() {
            let id = format!("{id}-{k}");
            links += &format!("<li><a href=\"#{id}\">{name}</a></li>");
            body += &format!(
                "<section aria-labelledby=\"{id}\"><h2 id=\"{id}\">{name}</h2>\n{content}</section>\n"
            );
        }
        let lead = escaped(&self.description);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"generator\" content=\"distpy-gpu {}\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header><h1>{title}</h1>\n<p class=\"lead\">{lead}</p>\n<nav aria-label=\"Sections\"><ul>{links}</ul></nav></header>\n\
             <main>\n{body}</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            env!("CARGO_PKG_VERSION")
        )
    }

    fn warned(&self) -> String {
        let lines = self.warnings.iter();
        let lines = lines.map(|line| format!("<p class=\"warning\">{}</p>\n", escaped(line)));
        lines.collect()
    }

    fn drawn(&self) -> String {
        format!(
            "<figure>{}<figcaption>{}</figcaption></figure>\n<details><summary>The command file</summary><pre>{}</pre></details>\n",
            self.graph,
            escaped(&self.plan),
            escaped(&self.flow)
        )
    }

    /// Runs as a table, and the configuration.
    fn told(&self) -> String {
        let mut keys: Vec<&str> = Vec::new();
        for key in self.runs.iter().flat_map(Map::keys) {
            if !keys.contains(&key.as_str()) {
                keys.push(key);
            }
        }
        let mut text = String::new();
        if !self.runs.is_empty() {
            let cell = |run: &Map<String, Value>, key: &str| match run.get(key) {
                None => String::new(),
                Some(Value::String(text)) => escaped(text),
                Some(other) => escaped(&other.to_string()),
            };
            text += "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"What runs left\"><table>\n";
            for key in keys {
                let name = escaped(&key.replace('_', " "));
                text += &format!("<tr><th scope=\"row\">{name}</th>");
                for run in &self.runs {
                    text += &format!("<td>{}</td>", cell(run, key));
                }
                text += "</tr>\n";
            }
            text += "</table></div>\n";
        }
        for manifest in &self.manifests {
            let name = |key: &str| escaped(manifest[key].as_str().unwrap_or_default());
            let json = serde_json::to_string_pretty(manifest).unwrap_or_default();
            text += &format!(
                "<details><summary>Manifest: {}, {}</summary><pre>{}</pre></details>\n",
                name("module"),
                name("started"),
                escaped(&json)
            );
        }
        text + &format!(
            "<p>Made by distpy-gpu {}.</p>\n<details><summary>The system configuration</summary><pre>{}</pre></details>\n",
            env!("CARGO_PKG_VERSION"),
            escaped(&self.system)
        )
    }
}

impl Picture {
    fn html(&self) -> String {
        let name = escaped(&self.name);
        format!(
            "<figure><img alt=\"{name}\" src=\"data:{};base64,{}\"><figcaption>{name}</figcaption></figure>\n",
            self.kind,
            STANDARD.encode(&self.bytes)
        )
    }
}

/// JSON for a script element. Texts from files must not end the element (`</script>`) or hide its end (`<!--<script>`); outside of
/// texts JSON has no `<`.
fn in_script(json: &Value) -> String {
    json.to_string().replace('<', "\\u003c")
}

impl Log {
    fn html(&self, k: usize) -> String {
        let Overview {
            curves,
            depths,
            times,
            shape: (logs, channels),
            ..
        } = &self.overview;
        let [width, height] = curves
            .first()
            .map_or([1, 1], |(_, _, g)| [g.width, g.height]);
        // Depths are of the middles of channels; a map ends at their edges.
        let half = match channels {
            0 | 1 => 0.5,
            n => (depths.1 - depths.0) / (n - 1) as f64 / 2.0,
        };
        let map = Colormap::named("cividis").expect("it is in the list");
        let about = json!({
            "width": width,
            "height": height,
            "times": [times.0, times.1],
            "depths": [depths.0 - half, depths.1 + half],
            "colours": map.table(),
            "curves": curves.iter().map(|(name, unit, _)| json!({"name": name, "unit": unit})).collect::<Vec<_>>(),
        });
        let options = |(name, ..): &(String, Option<String>, _)| {
            format!("<option>{}</option>", escaped(name))
        };
        let options: String = curves.iter().map(options).collect();
        let when = |time: f64| match ticks::civil(time) {
            Some(at) => at.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            None => time.to_string(),
        };
        let shared = match *logs > width || *channels > height {
            true => " Where logs or channels share a cell, it shows the value farthest from zero.",
            false => "",
        };
        let mut text = format!(
            "<p>{logs} logs of {channels} channels, from {} to {} UTC.{shared}</p>\n<div class=\"noise-log\">\n\
             <div class=\"tools\"><label>Curve <select class=\"curve\">{options}</select></label>\
             <label>Scale <select class=\"scale\"><option value=\"log\">logarithmic</option><option value=\"linear\">linear</option></select></label>\
             <button type=\"button\" class=\"whole\">Show all</button>\
             <span>from <span class=\"low\"></span> (dark) to <span class=\"high\"></span> (light)</span></div>\n\
             <div class=\"map\"><canvas tabindex=\"0\" role=\"application\" aria-label=\"{}: value by time and depth; arrow keys move a cross, plus and minus zoom\" aria-describedby=\"hint-{k}\"></canvas></div>\n\
             <p class=\"readout\" aria-live=\"polite\"></p>\n\
             <p class=\"hint\" id=\"hint-{k}\">Drag to move, turn the wheel to zoom. With keys: arrows move a cross (shift: by ten), plus and minus zoom, escape shows all. Grey is where nothing was recorded.</p>\n\
             <script type=\"application/json\">{}</script>\n",
            when(times.0),
            when(times.1),
            escaped(&self.name),
            in_script(&about)
        );
        for (_, _, grid) in curves {
            let bytes: Vec<u8> = grid.values.iter().flat_map(|v| v.to_le_bytes()).collect();
            text += &format!(
                "<script type=\"text/plain\" class=\"values\">{}</script>\n",
                STANDARD.encode(bytes)
            );
        }
        text + "</div>\n"
    }
}
