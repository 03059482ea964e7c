//! A snapshot as Prometheus text, format 0.0.4.

use std::fmt::Write;

use super::meter::Snapshot;

/// One metric: name, type, help, and its samples as labels and value.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: Vec<(String, f64)>,
}

/// The text that a Prometheus server or a node exporter's collector of text files reads.
pub fn text(at: &Snapshot) -> String {
    let mut text = String::new();
    for metric in metrics(at) {
        let Metric {
            name, kind, help, ..
        } = metric;
        let _ = writeln!(
            text,
            "# HELP distpy_gpu_{name} {help}\n# TYPE distpy_gpu_{name} {kind}"
        );
        for (labels, value) in metric.samples {
            let _ = writeln!(text, "distpy_gpu_{name}{labels} {value}");
        }
    }
    text
}

fn metrics(at: &Snapshot) -> Vec<Metric> {
    let metric = |name, kind, help, samples| Metric {
        name,
        kind,
        help,
        samples,
    };
    let one = |value: f64| vec![(String::new(), value)];
    let by = |label: &str, values: &[(&str, u64)]| -> Vec<(String, f64)> {
        let sample = |&(key, value): &(&str, u64)| (labels(&[(label, key)]), value as f64);
        values.iter().map(sample).collect()
    };
    let info = labels(&[
        ("version", at.version),
        ("module", &at.module),
        ("shard", at.shard.as_deref().unwrap_or_default()),
        ("device", at.device.as_deref().unwrap_or_default()),
    ]);
    let chunks = [
        ("done", at.chunks_done),
        ("skipped", at.chunks_skipped),
        ("left_out", at.chunks_left_out),
    ];
    let queues = [
        ("read", at.queue_read),
        ("computing", at.queue_computing),
        ("computed", at.queue_computed),
    ];
    vec![
        metric("info", "gauge", "What runs.", vec![(info, 1.0)]),
        metric(
            "chunks_total",
            "counter",
            "Chunks by result.",
            by("result", &chunks),
        ),
        metric(
            "chunks_expected",
            "gauge",
            "Chunks to look at, 0 if unknown.",
            one(at.chunks_expected as f64),
        ),
        metric(
            "inputs_failed_total",
            "counter",
            "Input files that are bad.",
            one(at.inputs_failed as f64),
        ),
        metric(
            "input_bytes_total",
            "counter",
            "Bytes of input gone through.",
            one(at.bytes_done as f64),
        ),
        metric(
            "input_bytes_expected",
            "gauge",
            "Bytes of input to go through.",
            one(at.bytes_expected as f64),
        ),
        metric(
            "input_bytes_per_second",
            "gauge",
            "Mean rate since the start.",
            one(at.bytes_per_second),
        ),
        metric(
            "queue_chunks",
            "gauge",
            "Chunks between their file and their results.",
            by("queue", &queues),
        ),
        metric("run_seconds", "gauge", "Since the start.", one(at.seconds)),
        metric(
            "seconds_since_progress",
            "gauge",
            "Since something was last done.",
            one(at.seconds_since_progress),
        ),
    ]
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let escape = |text: &str| {
        text.replace('\\', r"\\")
            .replace('"', "\\\"")
            .replace('\n', r"\n")
    };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_what_prometheus_reads() {
        let at = Snapshot {
            module: "m".into(),
            device: Some("a \"b\" \\ c\nd".into()),
            chunks_done: 3,
            bytes_per_second: 1.5,
            ..Snapshot::default()
        };
        let text = text(&at);
        for line in [
            r#"distpy_gpu_info{version="",module="m",shard="",device="a \"b\" \\ c\nd"} 1"#,
            r#"distpy_gpu_chunks_total{result="done"} 3"#,
            "# TYPE distpy_gpu_chunks_total counter",
            "distpy_gpu_input_bytes_per_second 1.5",
            r#"distpy_gpu_queue_chunks{queue="computing"} 0"#,
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\nin\n{text}");
        }
    }
}
