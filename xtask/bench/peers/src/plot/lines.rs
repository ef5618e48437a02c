//! Lines over a logarithmic axis.

use anyhow::{Result, anyhow};
use plotters::chart::{ChartBuilder, SeriesLabelPosition};
use plotters::coord::combinators::IntoLogRange;
use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::{Circle, DrawingArea, IntoDrawingArea, LineSeries, PathElement, SVGBackend, Text, WHITE};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor};

use super::{INK, OTHERS, OURS, PALE, RULE, text};
use crate::results;

/// A plot of several panels side by side.
#[derive(Clone, Copy, Debug)]
pub struct Lines<'a> {
    /// The text above the panels.
    pub title: &'a str,
    /// The panels, from left to right.
    pub panels: &'a [Panel],
}

/// Lines over common axes.
#[derive(Clone, Debug)]
pub struct Panel {
    /// The label of the horizontal axis.
    pub x: &'static str,
    /// The label of the vertical axis.
    pub y: &'static str,
    /// Writes a value of the vertical axis.
    pub format: fn(f64) -> String,
    /// Makes the vertical axis logarithmic; otherwise it begins at 0. The horizontal axis is always logarithmic.
    pub logarithmic: bool,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A line in a panel.
#[derive(Clone, Debug)]
pub struct Line {
    /// The text beside the line.
    pub label: String,
    /// True for this project's lines, which are highlighted.
    pub highlighted: bool,
    /// Draws a thin line, for the second of a pair.
    pub thin: bool,
    /// The points, from left to right.
    pub points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (960, 430);

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Lines<'_> {
    /// Draws the plot into a file of the results.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be written.
    pub fn draw(&self, name: &str) -> Result<()> {
        let path = results::file(name);
        let area = SVGBackend::new(&path, SIZE).into_drawing_area();
        self.draw_on(&area).and_then(|()| Ok(area.present()?)).map_err(|error| anyhow!("{name}: {error}"))
    }

    fn draw_on(&self, area: &Area<'_>) -> Result<()> {
        area.fill(&WHITE)?;
        area.draw(&Text::new(self.title, (24, 30), text(19, INK, HPos::Left)))?;
        let below = area.margin(56, 12, 12, 12);
        for (area, panel) in below.split_evenly((1, self.panels.len())).iter().zip(self.panels) {
            panel.draw_on(area)?;
        }
        Ok(())
    }
}

impl Panel {
    fn draw_on(&self, area: &Area<'_>) -> Result<()> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let (low, high) = bounds(points().map(|point| point.1));
        if self.logarithmic {
            let decade = |value: f64, round: fn(f64) -> f64| 10_f64.powf(round(value.log10()));
            self.draw_over(area, (decade(low, f64::floor)..decade(high, f64::ceil)).log_scale())
        } else {
            // Room for the names of the lines.
            self.draw_over(area, 0.0..high * 1.4)
        }
    }

    fn draw_over<Y>(&self, area: &Area<'_>, vertical: impl AsRangedCoord<CoordDescType = Y, Value = f64>) -> Result<()>
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let (left, right) = bounds(self.lines.iter().flat_map(|line| &line.points).map(|point| point.0));
        let mut chart = ChartBuilder::on(area)
            .margin_right(24)
            .x_label_area_size(44)
            .y_label_area_size(70)
            .build_cartesian_2d((left..right).log_scale(), vertical)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(RULE)
            .axis_style(PALE)
            .x_desc(self.x)
            .y_desc(self.y)
            .axis_desc_style(text(14, INK, HPos::Center))
            .label_style(("sans-serif", 12, &INK))
            .x_labels(7)
            .y_labels(6)
            .x_label_formatter(&|x| short(*x))
            .y_label_formatter(&|y| (self.format)(*y))
            .draw()?;
        for (index, line) in self.lines.iter().enumerate() {
            let color = self.color(index);
            let style = color.stroke_width(if line.thin { 1 } else { 3 });
            chart
                .draw_series(LineSeries::new(line.points.clone(), style))?
                .label(&*line.label)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 22, y)], style));
            chart.draw_series(line.points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .legend_area_size(28)
            .margin(8)
            .background_style(WHITE)
            .label_font(("sans-serif", 13, &INK))
            .draw()?;
        Ok(())
    }

    /// Returns the color: one for all of this project's lines, the next one for each other line and its pair.
    fn color(&self, index: usize) -> RGBColor {
        if self.lines[index].highlighted {
            return OURS;
        }
        let before = self.lines[..index].iter().filter(|line| !line.highlighted && !line.thin).count();
        OTHERS[(before - usize::from(self.lines[index].thin && before > 0)) % OTHERS.len()]
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(low, high), value| (low.min(value), high.max(value)))
}

/// Writes `1k` for 1,000.
fn short(number: f64) -> String {
    match number {
        1e6.. => format!("{:.0}M", number / 1e6),
        1e3.. => format!("{:.0}k", number / 1e3),
        _ => format!("{number:.0}"),
    }
}
