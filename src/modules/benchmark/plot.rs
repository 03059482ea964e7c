//! The time of a chunk by its size, as a picture.

use std::path::Path;

use plotters::prelude::*;

use super::sizes::{Crossover, Sizes, gpus_of, times};
use crate::picture::scene::Canvas;
use crate::picture::{FONT, Format, Size, line, render};

const TITLE: &str = "Time of a chunk by its size";
const PIXELS: (u32, u32) = (900, 600);

/// Colours that those who see few can tell apart (Okabe and Ito).
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

/// Whether a picture of that name can be made.
pub fn check(path: &Path) -> Result<(), String> {
    Format::of(path).map(drop)
}

/// The picture's bytes.
pub fn draw(sizes: &Sizes, path: &Path) -> Result<Vec<u8>, String> {
    let mut canvas = Canvas::new(Size::of_pixels(PIXELS));
    sizes.chart(&mut canvas)?;
    render(&canvas, Format::of(path)?, TITLE)
}

impl Sizes {
    fn chart(&self, canvas: &mut Canvas) -> Result<(), String> {
        let area = canvas.chart();
        let cpu = times_of_cpu(self);
        let gpus: Vec<(String, Vec<(f64, f64)>)> = gpus_of(&self.tables)
            .map(|row| {
                let times = times(&self.tables, row.adapter);
                let points = times.iter().map(|&[samples, _, gpu]| (samples, gpu));
                (row.device.clone(), points.collect())
            })
            .collect();
        let series: Vec<(String, Vec<(f64, f64)>)> = std::iter::once(("CPU f32".to_string(), cpu))
            .chain(gpus)
            .collect();
        let all = || series.iter().flat_map(|(_, points)| points);
        let span = |of: fn(&(f64, f64)) -> f64| {
            let low = all().map(of).fold(f64::INFINITY, f64::min);
            let high = all().map(of).fold(0.0, f64::max);
            low / 2.0..high * 2.0
        };
        area.fill(&WHITE).map_err(line)?;
        let mut chart = ChartBuilder::on(&area)
            .caption(TITLE, (FONT, 24))
            .margin(20)
            .x_label_area_size(50)
            .y_label_area_size(90)
            .build_cartesian_2d(span(|p| p.0).log_scale(), span(|p| p.1).log_scale())
            .map_err(line)?;
        chart
            .configure_mesh()
            .x_desc("samples of a chunk")
            .y_desc("seconds")
            .axis_desc_style((FONT, 18))
            .label_style((FONT, 15))
            .x_label_formatter(&|v| format!("{v:.0e}"))
            .y_label_formatter(&|v| format!("{v:.0e}"))
            .draw()
            .map_err(line)?;
        for ((name, points), colour) in series.iter().zip(COLOURS.iter().cycle()) {
            let style = colour.stroke_width(2);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style).point_size(4))
                .map_err(line)?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], style));
        }
        let bounds = span(|p| p.1);
        for (Crossover { samples, .. }, colour) in
            self.crossovers.iter().zip(COLOURS.iter().cycle().skip(1))
        {
            // From here on the GPU pays.
            if let Some(samples) = samples {
                let ends = [(*samples, bounds.start), (*samples, bounds.end)];
                let dashes = DashedLineSeries::new(ends, 6, 6, colour.stroke_width(1));
                chart.draw_series(dashes).map_err(line)?;
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font((FONT, 16))
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.4))
            .draw()
            .map_err(line)
    }
}

fn times_of_cpu(sizes: &Sizes) -> Vec<(f64, f64)> {
    let point = |table: &super::report::Table| {
        ((table.channels * table.samples) as f64, table.cpu_seconds())
    };
    sizes.tables.iter().map(point).collect()
}
