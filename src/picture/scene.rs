//! A scene: what a picture consists of, before it is pixels or lines of a file.
//!
//! Drawings are made on a [`Canvas`], with its own methods or, for whole charts, through plotters, whose backend it is. Either
//! way the shapes are kept in their order, and each format draws them with the means that it has: PNG and JPEG as pixels, SVG
//! and PDF as lines, letters and embedded images.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea};
use plotters::style::{FontStyle, FontTransform, register_font};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};

use super::Size;
use super::colormap::Rgb;
use super::text::{self, Turn};

/// A colour that may let through what is below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Paint {
    /// The colour.
    pub rgb: Rgb,
    /// How much of it: 1 hides what is below.
    pub alpha: f64,
}

impl Paint {
    /// A colour that hides what is below.
    pub const fn of(rgb: Rgb) -> Self {
        Self { rgb, alpha: 1.0 }
    }

    /// The same colour, thinner.
    pub const fn thin(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// Black.
pub const BLACK: Paint = Paint::of([0, 0, 0]);
/// White.
pub const WHITE: Paint = Paint::of([255, 255, 255]);
/// The grey of lines that are not to be looked at.
pub const GREY: Paint = Paint::of([128, 128, 128]);
/// Where there are no data.
pub const NOTHING: Rgb = [217, 217, 217];

/// Pixels, row by row from the top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
    /// Three bytes each.
    pub rgb: Vec<u8>,
}

/// One thing that is drawn. Places are in pixels from the upper left corner.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A line through points, or the area that it closes.
    Path {
        /// Its corners.
        points: Vec<(f64, f64)>,
        /// Whether the last is joined to the first.
        closed: bool,
        /// What fills it.
        fill: Option<Paint>,
        /// What its line is drawn with, and how wide.
        stroke: Option<(Paint, f64)>,
    },
    /// A line of text, from where it begins, on the line that its letters stand on.
    Text {
        /// The text.
        text: String,
        /// Where it begins.
        at: (f64, f64),
        /// Size of the font.
        size: f64,
        /// Which way it runs.
        turn: Turn,
        /// Its colour.
        paint: Paint,
    },
    /// An image, pixel on pixel.
    Image {
        /// Its upper left corner.
        at: (i32, i32),
        /// Its pixels.
        image: Arc<Image>,
    },
}

/// A rectangle in pixels: its right and lower edges lie outside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge.
    pub right: f64,
    /// Lower edge.
    pub bottom: f64,
}

impl Rect {
    /// By its edges.
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    /// From left to right.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    /// From top to bottom.
    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    /// The same with whole edges, at least a pixel wide and high.
    pub fn whole(&self) -> Self {
        let (left, top) = (self.left.round(), self.top.round());
        Self {
            left,
            top,
            right: self.right.round().max(left + 1.0),
            bottom: self.bottom.round().max(top + 1.0),
        }
    }

    /// Whether two have a place in common.
    pub fn meets(&self, other: &Rect) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Where text stands, seen from the point that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// It begins at the point.
    Start,
    /// The point is its middle.
    Middle,
    /// It ends at the point.
    End,
}

/// What is drawn on.
#[derive(Debug)]
pub struct Canvas {
    size: Size,
    shapes: Vec<Shape>,
}

impl Canvas {
    /// An empty one.
    pub fn new(size: Size) -> Self {
        Self {
            size,
            shapes: Vec::new(),
        }
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Everything, as a rectangle.
    pub fn whole(&self) -> Rect {
        let (width, height) = self.size.pixels();
        Rect::new(0.0, 0.0, width.into(), height.into())
    }

    /// A length in points, 72 to the inch, in pixels.
    pub fn pt(&self, points: f64) -> f64 {
        self.size.pt(points)
    }

    /// What was drawn.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The width of a line of text of a size in points, in pixels.
    pub fn text_width(&self, text: &str, points: f64) -> f64 {
        text::width(text, self.pt(points))
    }

    /// A filled rectangle.
    pub fn fill(&mut self, rect: Rect, paint: Paint) {
        self.area(corners(rect), paint);
    }

    /// The outline of a rectangle, of a width in points.
    pub fn outline(&mut self, rect: Rect, paint: Paint, points: f64) {
        let width = self.line_width(points);
        self.shapes.push(Shape::Path {
            points: corners(rect),
            closed: true,
            fill: None,
            stroke: Some((paint, width)),
        });
    }

    /// A filled area.
    pub fn area(&mut self, points: Vec<(f64, f64)>, paint: Paint) {
        self.shapes.push(Shape::Path {
            points,
            closed: true,
            fill: Some(paint),
            stroke: None,
        });
    }

    /// A line through points, of a width in points.
    pub fn line(&mut self, points: Vec<(f64, f64)>, paint: Paint, width: f64) {
        let width = self.line_width(width);
        self.shapes.push(Shape::Path {
            points,
            closed: false,
            fill: None,
            stroke: Some((paint, width)),
        });
    }

    /// Text of a size in points. `along` is where the point lies along the line of text, `across` across it: with
    /// [`Side::Start`] the text hangs below the point (as read), with [`Side::End`] it stands above.
    pub fn text(
        &mut self,
        text: &str,
        at: (f64, f64),
        points: f64,
        turn: Turn,
        (along, across): (Side, Side),
        paint: Paint,
    ) {
        if text.is_empty() {
            return;
        }
        let size = self.pt(points);
        let shift = match along {
            Side::Start => 0.0,
            Side::Middle => -text::width(text, size) / 2.0,
            Side::End => -text::width(text, size),
        };
        let down = size
            * match across {
                Side::Start => text::CAPITAL,
                Side::Middle => text::CAPITAL / 2.0,
                Side::End => -text::DESCENT,
            };
        let at = match turn {
            Turn::Right => (at.0 + shift, at.1 + down),
            Turn::Up => (at.0 + down, at.1 - shift),
            Turn::Down => (at.0 - down, at.1 + shift),
        };
        self.shapes.push(Shape::Text {
            text: text.into(),
            at,
            size,
            turn,
            paint,
        });
    }

    /// An image, its upper left corner at a place.
    pub fn image(&mut self, at: (i32, i32), image: Arc<Image>) {
        self.shapes.push(Shape::Image { at, image });
    }

    /// The whole canvas for a chart of plotters.
    pub fn chart(&mut self) -> DrawingArea<&mut Self, Shift> {
        LazyLock::force(&REGISTERED);
        self.into_drawing_area()
    }

    /// Lines are whole pixels wide, at least one, so that none is blurred.
    fn line_width(&self, points: f64) -> f64 {
        self.pt(points).round().max(1.0)
    }
}

/// The font of charts, registered once.
static REGISTERED: LazyLock<()> = LazyLock::new(|| {
    // What is embedded is a font; were it none, drawing would tell.
    let _ = register_font(super::FONT, FontStyle::Normal, *text::BYTES);
});

fn corners(rect: Rect) -> Vec<(f64, f64)> {
    let Rect {
        left,
        top,
        right,
        bottom,
    } = rect;
    vec![(left, top), (right, top), (right, bottom), (left, bottom)]
}

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

fn paint(colour: BackendColor) -> Paint {
    let (r, g, b) = colour.rgb;
    Paint {
        rgb: [r, g, b],
        alpha: colour.alpha,
    }
}

fn place((x, y): BackendCoord) -> (f64, f64) {
    (x.into(), y.into())
}

/// plotters' charts.
impl DrawingBackend for &mut Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size.pixels()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        let rect = Rect::new(x.into(), y.into(), f64::from(x) + 1.0, f64::from(y) + 1.0);
        self.fill(rect, paint(colour));
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ((left, top), (right, bottom)) = (place(upper_left), place(bottom_right));
        let paint = paint(style.color());
        self.shapes.push(Shape::Path {
            points: corners(Rect::new(left, top, right, bottom)),
            closed: true,
            fill: fill.then_some(paint),
            stroke: (!fill).then_some((paint, style.stroke_width().into())),
        });
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.shapes.push(Shape::Path {
            points: path.into_iter().map(place).collect(),
            closed: false,
            fill: None,
            stroke: Some((paint(style.color()), style.stroke_width().into())),
        });
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (x, y) = place(center);
        let corner = |k: u32| {
            let angle = f64::from(k) * std::f64::consts::TAU / 24.0;
            let radius = f64::from(radius);
            (x + radius * angle.cos(), y + radius * angle.sin())
        };
        let paint = paint(style.color());
        self.shapes.push(Shape::Path {
            points: (0..24).map(corner).collect(),
            closed: true,
            fill: fill.then_some(paint),
            stroke: (!fill).then_some((paint, style.stroke_width().into())),
        });
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        let points = vert.into_iter().map(place).collect();
        self.area(points, paint(style.color()));
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        pos: BackendCoord,
    ) -> Drawn {
        let turn = match style.transform() {
            FontTransform::None | FontTransform::Rotate180 => Turn::Right,
            FontTransform::Rotate90 => Turn::Down,
            FontTransform::Rotate270 => Turn::Up,
        };
        let along = match style.anchor().h_pos {
            HPos::Left => Side::Start,
            HPos::Center => Side::Middle,
            HPos::Right => Side::End,
        };
        let across = match style.anchor().v_pos {
            VPos::Top => Side::Start,
            VPos::Center => Side::Middle,
            VPos::Bottom => Side::End,
        };
        // plotters counts sizes by the height of a line.
        let points = style.size() / 1.24 / self.pt(1.0);
        let paint = paint(style.color());
        self.text(text, place(pos), points, turn, (along, across), paint);
        Ok(())
    }

    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let size = style.size() / 1.24;
        Ok((text::width(text, size).ceil() as u32, size.ceil() as u32))
    }

    fn blit_bitmap(&mut self, at: BackendCoord, (width, height): (u32, u32), src: &[u8]) -> Drawn {
        let rgb = src.to_vec();
        let image = Image { width, height, rgb };
        self.image(at, Arc::new(image));
        Ok(())
    }
}
