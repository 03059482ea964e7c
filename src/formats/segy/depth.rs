//! The depth axis. The standard has no place for measured depth, so the fields are tried in the order in which they are
//! likely to hold it.

use super::fields::{Raw, TRACE_HEADER};
use super::layout::Layout;
use crate::formats::FormatError;
use crate::formats::mapped::Pieces;

const METRES_PER_FOOT: f64 = 0.3048;
const DEPTH: &str = "receiver depths";
const ELEVATION: &str = "receiver elevations";

/// Measured depth of each trace in metres, from the first field that differs between traces.
///
/// # Errors
/// When the headers cannot be read.
pub fn measured(
    file: &Pieces,
    layout: &Layout,
    warnings: &mut Vec<String>,
) -> Result<Vec<f64>, FormatError> {
    let (mut depth, origin) = stored(file, layout)?;
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
            return Ok(depth);
        }
    }
    if layout.binary().i16(54) == 2 {
        warnings.push("lengths are in feet: the depth axis was converted to metres".into());
        depth.iter_mut().for_each(|d| *d *= METRES_PER_FOOT);
    }
    Ok(depth)
}

/// distpy's depth axis: elevation divided by the scalar of the *coordinates*, where scalars below 1 count as 1.
///
/// # Errors
/// When the headers cannot be read.
pub fn distpy(file: &Pieces, layout: &Layout) -> Result<Vec<f64>, FormatError> {
    let mut depth = Vec::with_capacity(layout.traces);
    layout.each(file, |trace| {
        depth.push(f64::from(trace.i32(40)) / f64::from(trace.i16(70).max(1)));
    })?;
    Ok(depth)
}

/// The axis in the file's unit and where it was found; the channel's number where nothing was.
fn stored(file: &Pieces, layout: &Layout) -> Result<(Vec<f64>, Option<&'static str>), FormatError> {
    let mut extended = true;
    let (mut depth, mut extended_elevation) = (Vec::new(), Vec::new());
    let (mut elevation, mut offset) = (Vec::new(), Vec::new());
    let mut along = [Along::of(180, 184), Along::of(80, 84)];
    layout.each(file, |trace| {
        extended &= trace.is_extended();
        if extended {
            depth.push(trace.f64(TRACE_HEADER + 40));
            extended_elevation.push(trace.f64(TRACE_HEADER + 32));
        }
        elevation.push(scaled(trace.i32(40), trace.i16(68)));
        offset.push(f64::from(trace.i32(36)));
        along.iter_mut().for_each(|it| it.push(trace));
    })?;
    let [cdps, receivers] = along;
    let axes = [
        (DEPTH, depth),
        (ELEVATION, extended_elevation),
        (ELEVATION, elevation),
        ("distances along the CDPs", cdps.distances),
        ("distances along the receivers", receivers.distances),
        ("distances from source to receiver", offset),
    ];
    // The extension counts where every trace has it.
    let known = axes.into_iter().skip(if extended { 0 } else { 2 });
    Ok(match { known }.find(|(_, depth)| varies(depth)) {
        Some((origin, depth)) => (depth, Some(origin)),
        None => ((0..layout.traces).map(|k| k as f64).collect(), None),
    })
}

/// Distances along points, where these are lengths and not angles.
struct Along {
    fields: [usize; 2],
    last: Option<[f64; 2]>,
    distance: f64,
    distances: Vec<f64>,
}

impl Along {
    fn of(x: usize, y: usize) -> Self {
        Self {
            fields: [x, y],
            last: None,
            distance: 0.0,
            distances: Vec::new(),
        }
    }

    fn push(&mut self, trace: &Raw) {
        if trace.i16(88) > 1 {
            self.distances.push(0.0);
            return;
        }
        let point = self.fields.map(|at| scaled(trace.i32(at), trace.i16(70)));
        if let Some(last) = self.last.replace(point) {
            self.distance += (point[0] - last[0]).hypot(point[1] - last[1]);
        }
        self.distances.push(self.distance);
    }
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
