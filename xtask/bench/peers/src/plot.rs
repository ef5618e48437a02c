//! Plots as SVG: a white card with dark text, which is readable on light and dark pages.

pub mod bars;
pub mod lines;

use plotters::style::RGBColor;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, IntoFont, TextStyle};

/// The color of text.
const INK: RGBColor = RGBColor(31, 35, 40);
/// The color of less important text.
const PALE: RGBColor = RGBColor(101, 109, 118);
/// The color of the frame.
const RULE: RGBColor = RGBColor(216, 222, 228);
/// The color of this project.
const OURS: RGBColor = RGBColor(194, 65, 12);
/// The colors of the others, in order.
const OTHERS: [RGBColor; 3] = [RGBColor(120, 144, 168), RGBColor(71, 98, 130), RGBColor(150, 130, 170)];

fn text(size: u32, color: RGBColor, horizontally: HPos) -> TextStyle<'static> {
    TextStyle {
        font: ("sans-serif", size).into_font(),
        color: color.to_backend_color(),
        pos: Pos::new(horizontally, VPos::Center),
    }
}
