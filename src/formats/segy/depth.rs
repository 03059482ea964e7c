//! The depth axis. The standard has no place for measured depth, so the fields are tried in the order in which they are
//! likely to hold it.

use super::fields::{Raw, TRACE_HEADER};
use super::layout::{Layout, binary_header};
use crate::formats::mapped::View;

const METRES_PER_FOOT: f64 = 0.3048;
const DEPTH: &str = "receiver depths";
const ELEVATION: &str = "receiver elevations";

/// Measured depth of each trace in metres, from the first field that differs between traces.
pub fn measured(file: &View, layout: &Layout, warnings: &mut Vec<String>) -> Vec<f64> {
    let (mut depth, origin) = stored(file, layout);
    match origin {
        Some(DEPTH | ELEVATION) => {}
        Some(origin) => warnings.push(format!(
            "the receiver elevations are all the same: the depth axis is the {origin}"
        )),
        None => {
            warnings.push(
                "no trace header field holds a depth: the depth axis is the channel's number"
                    .into(),
            );
            return depth;
        }
    }
    if binary_header(file, layout.order).i16(54) == 2 {
        warnings.push("lengths are in feet: the depth axis was converted to metres".into());
        depth.iter_mut().for_each(|d| *d *= METRES_PER_FOOT);
    }
    depth
}

/// distpy's depth axis: elevation divided by the scalar of the *coordinates*, where scalars below 1 count as 1.
pub fn distpy(file: &View, layout: &Layout) -> Vec<f64> {
    each(file, layout, |t| {
        f64::from(t.i32(40)) / f64::from(t.i16(70).max(1))
    })
}

/// The axis in the file's unit and where it was found; the channel's number where nothing was.
fn stored(file: &View, layout: &Layout) -> (Vec<f64>, Option<&'static str>) {
    let mut axes = Vec::new();
    if layout.extended(file) {
        axes.push((DEPTH, each(file, layout, |t| t.f64(TRACE_HEADER + 40))));
        axes.push((ELEVATION, each(file, layout, |t| t.f64(TRACE_HEADER + 32))));
    }
    let elevation = each(file, layout, |t| scaled(t.i32(40), t.i16(68)));
    let offset = each(file, layout, |t| f64::from(t.i32(36)));
    axes.extend([
        (ELEVATION, elevation),
        ("distances along the CDPs", along(file, layout, 180, 184)),
        ("distances along the receivers", along(file, layout, 80, 84)),
        ("distances from source to receiver", offset),
    ]);
    match axes.into_iter().find(|(_, depth)| varies(depth)) {
        Some((origin, depth)) => (depth, Some(origin)),
        None => ((0..layout.traces).map(|k| k as f64).collect(), None),
    }
}

/// Distance along the points, where these are lengths and not angles.
fn along(file: &View, layout: &Layout, x: usize, y: usize) -> Vec<f64> {
    let mut distance = 0.0;
    let mut last = None;
    each(file, layout, |t| {
        if t.i16(88) > 1 {
            return 0.0;
        }
        let point = [x, y].map(|at| scaled(t.i32(at), t.i16(70)));
        let [dx, dy] = last.map_or([0.0; 2], |[a, b]: [f64; 2]| [point[0] - a, point[1] - b]);
        last = Some(point);
        distance += dx.hypot(dy);
        distance
    })
}

/// The standard's scalars: a positive one multiplies, a negative one divides, 0 stands for 1.
fn scaled(value: i32, scalar: i16) -> f64 {
    let (value, scalar) = (f64::from(value), f64::from(scalar));
    match scalar {
        s if s > 0.0 => value * s,
        s if s < 0.0 => value / -s,
        _ => value,
    }
}

/// Whether an axis says something: not all the same, unless there is one trace only.
fn varies(depth: &[f64]) -> bool {
    depth.iter().all(|d| d.is_finite()) && depth.iter().any(|d| *d != depth[0] || depth.len() == 1)
}

fn each(file: &View, layout: &Layout, mut value: impl FnMut(&Raw) -> f64) -> Vec<f64> {
    (0..layout.traces)
        .map(|channel| value(&layout.headers(file, channel)))
        .collect()
}
