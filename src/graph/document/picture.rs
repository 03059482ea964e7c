//! A flow as a drawing.

use super::layout::{Layout, layout};
use super::{Flow, Kind};
use crate::graph::Input;
use crate::picture::scene::{BLACK, Canvas, GREY, Paint, Rect, Side};
use crate::picture::text::{Turn, fitted};
use crate::picture::{Format, Size, render};

/// Sizes in points.
const BOX: (f64, f64) = (132.0, 44.0);
const GAP: (f64, f64) = (14.0, 26.0);
const MARGIN: f64 = 14.0;
const LEGEND: f64 = 26.0;
const TITLE: f64 = 22.0;
const DPI: f64 = 96.0;
/// Pixels of the longer side, at most.
const LONGEST: f64 = 16_000.0;

/// The bytes of the drawing.
pub fn draw(flow: &Flow<'_>, format: Format) -> Result<Vec<u8>, String> {
    // The chunk is the first box.
    let inputs = |inputs: &[Input]| {
        let place = |input: &Input| match input {
            Input::Chunk => 0,
            Input::Node(k) => k + 1,
        };
        inputs.iter().map(place).collect()
    };
    let nodes = flow.graph.nodes.iter().map(|node| inputs(&node.inputs));
    let places = layout(&std::iter::once(Vec::new()).chain(nodes).collect::<Vec<_>>());
    let width = (places.columns * (BOX.0 + GAP.0) + 2.0 * MARGIN).max(430.0);
    let height = TITLE + LEGEND + places.layers as f64 * (BOX.1 + GAP.1) + MARGIN;
    // A flow of hundreds of commands is drawn smaller, so that it fits a picture.
    let dpi = DPI.min(LONGEST * 72.0 / width.max(height));
    let size = Size::new([width / 72.0, height / 72.0], dpi).map_err(|(_, found)| found)?;
    let mut canvas = Canvas::new(size);
    let shift = (width - places.columns * (BOX.0 + GAP.0)) / 2.0;
    let sketch = Sketch {
        flow,
        places: &places,
        shift,
    };
    sketch.head(&mut canvas, width);
    for arrow in &places.arrows {
        sketch.arrow(&mut canvas, arrow.from, arrow.to, &arrow.through);
    }
    sketch.boxes(&mut canvas);
    render(&canvas, format, &flow.workflow.name)
}

struct Sketch<'a> {
    flow: &'a Flow<'a>,
    places: &'a Layout,
    /// What is left to the left of the boxes, in points.
    shift: f64,
}

impl Sketch<'_> {
    /// The middle of a box or a point, in pixels.
    fn middle(&self, canvas: &Canvas, (column, layer): (f64, usize)) -> (f64, f64) {
        let x = self.shift + column * (BOX.0 + GAP.0);
        let y = TITLE + LEGEND + layer as f64 * (BOX.1 + GAP.1) + BOX.1 / 2.0;
        (canvas.pt(x), canvas.pt(y))
    }

    fn head(&self, canvas: &mut Canvas, width: f64) {
        let middle = canvas.pt(width / 2.0);
        let name = fitted(
            &self.flow.workflow.name,
            canvas.pt(11.0),
            canvas.pt(width - 20.0),
        );
        let at = (middle, canvas.pt(8.0));
        let sides = (Side::Middle, Side::Start);
        canvas.text(&name, at, 11.0, Turn::Right, sides, BLACK);
        let mut x = canvas.pt(MARGIN);
        let y = canvas.pt(TITLE + 6.0);
        for (kind, words) in Kind::ALL {
            let side = canvas.pt(9.0);
            let square = Rect::new(x, y, x + side, y + side).whole();
            canvas.fill(square, Paint::of(kind.colour()));
            canvas.outline(square, GREY, 0.6);
            let sides = (Side::Start, Side::Middle);
            let at = (x + side * 1.4, y + side / 2.0);
            canvas.text(words, at, 8.0, Turn::Right, sides, BLACK);
            x += side * 1.4 + canvas.text_width(words, 8.0) + canvas.pt(14.0);
        }
    }

    fn arrow(&self, canvas: &mut Canvas, from: usize, to: usize, through: &[(f64, usize)]) {
        let half = canvas.pt(BOX.1 / 2.0);
        let (start, end) = (
            self.middle(canvas, self.places.nodes[from]),
            self.middle(canvas, self.places.nodes[to]),
        );
        let mut points = vec![(start.0, start.1 + half)];
        for point in through {
            let (x, y) = self.middle(canvas, *point);
            points.extend([(x, y - half), (x, y + half)]);
        }
        // Arrows into one box end beside each other.
        let into = self.places.arrows.iter().filter(|arrow| arrow.to == to);
        let mut into: Vec<(f64, usize)> = into
            .map(|arrow| {
                let last = arrow.through.last().copied();
                (last.unwrap_or(self.places.nodes[arrow.from]).0, arrow.from)
            })
            .collect();
        into.sort_by(|a, b| a.0.total_cmp(&b.0));
        let order = into.iter().position(|arrow| arrow.1 == from).unwrap_or(0);
        let spread = (order as f64 - (into.len() - 1) as f64 / 2.0) * canvas.pt(14.0);
        let tip = (end.0 + spread, end.1 - half);
        let head = canvas.pt(5.0);
        points.push((tip.0, tip.1 - head));
        canvas.line(points, GREY, 1.0);
        let corners = vec![
            tip,
            (tip.0 - head * 0.6, tip.1 - head),
            (tip.0 + head * 0.6, tip.1 - head),
        ];
        canvas.area(corners, GREY);
    }

    fn boxes(&self, canvas: &mut Canvas) {
        for (k, place) in self.places.nodes.iter().enumerate() {
            let (x, y) = self.middle(canvas, *place);
            let (half_x, half_y) = (canvas.pt(BOX.0 / 2.0), canvas.pt(BOX.1 / 2.0));
            let rect = Rect::new(x - half_x, y - half_y, x + half_x, y + half_y).whole();
            let (colour, lines) = match k.checked_sub(1) {
                None => ([255; 3], vec!["the chunk".to_string()]),
                Some(node) => (self.flow.kind(node).colour(), self.lines(node)),
            };
            canvas.fill(rect, Paint::of(colour));
            let fused = k
                .checked_sub(1)
                .and_then(|node| self.flow.looks[node].fused);
            canvas.outline(rect, BLACK, if fused.is_some() { 1.6 } else { 0.6 });
            let step = canvas.pt(12.0);
            let top = y - step * (lines.len() - 1) as f64 / 2.0;
            for (row, line) in lines.iter().enumerate() {
                let size = if row == 0 { 9.5 } else { 7.5 };
                let line = fitted(line, canvas.pt(size), rect.width() - canvas.pt(6.0));
                let at = (x, top + row as f64 * step);
                let sides = (Side::Middle, Side::Middle);
                canvas.text(&line, at, size, Turn::Right, sides, BLACK);
            }
        }
    }

    /// What stands in the box of a command.
    fn lines(&self, k: usize) -> Vec<String> {
        let node = &self.flow.graph.nodes[k];
        let look = &self.flow.looks[k];
        let label = self.flow.label(node);
        let mut second = vec![format!("uid {}", node.uid)];
        if label != node.spec.name {
            second.insert(0, node.spec.name.to_string());
        }
        if let Some(step) = look.fused {
            second.push(format!("fused step {step}"));
        }
        let mut lines = vec![label, second.join(" · ")];
        lines.extend(look.gives.clone());
        lines
    }
}
