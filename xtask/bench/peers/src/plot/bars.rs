//! Bars in rows and columns, like a table.

use anyhow::{Result, anyhow};
use plotters::prelude::{DrawingArea, IntoDrawingArea, PathElement, Rectangle, SVGBackend, Text, WHITE};
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor};

use super::{INK, OTHERS, OURS, PALE, RULE, text};
use crate::candidates::Candidate;
use crate::results;

/// The whole plot.
#[derive(Clone, Copy, Debug)]
pub struct Bars<'a> {
    /// The text above the plot.
    pub title: &'a str,
    /// The heading of each column.
    pub columns: &'a [&'a str],
    /// The rows.
    pub groups: &'a [Group],
    /// The total that the values are shares of; draws a trough behind each bar. Without it, each column has its scale.
    pub whole: Option<f64>,
    /// Writes a value.
    pub format: fn(f64) -> String,
}

/// Rows under a common heading.
#[derive(Clone, Debug)]
pub struct Group {
    /// The heading.
    pub label: &'static str,
    /// The rows, at least one.
    pub rows: Vec<Row>,
}

impl Group {
    /// Adds the row of a candidate to the group of its place, which is the last one or a new one.
    pub fn add(groups: &mut Vec<Self>, candidate: &Candidate, values: Vec<f64>) {
        let row = Row { label: candidate.label, highlighted: candidate.is_ours(), values };
        match groups.last_mut() {
            Some(group) if group.label == candidate.place => group.rows.push(row),
            _ => groups.push(Self { label: candidate.place, rows: vec![row] }),
        }
    }
}

/// A row with a bar for each column.
#[derive(Clone, Debug)]
pub struct Row {
    /// The text on the left of the bars.
    pub label: &'static str,
    /// True for this project's rows, which are highlighted.
    pub highlighted: bool,
    /// The values, in the order of the columns.
    pub values: Vec<f64>,
}

const WIDTH: i32 = 960;
const MARGIN: i32 = 24;
const LABELS: i32 = 220;
const ROW: i32 = 22;
const BAR: i32 = 13;
const HEADING: i32 = 34;
const TOP: i32 = 84;
/// The width of the number at the end of the longest bar.
const NUMBER: i32 = 64;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Bars<'_> {
    /// Draws the plot into a file of the results.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be written.
    pub fn draw(&self, name: &str) -> Result<()> {
        let rows: usize = self.groups.iter().map(|group| group.rows.len()).sum();
        let height = TOP + self.groups.len() as i32 * HEADING + rows as i32 * ROW + MARGIN;
        let path = results::file(name);
        let area = SVGBackend::new(&path, (WIDTH as u32, height as u32)).into_drawing_area();
        self.draw_on(&area).and_then(|()| Ok(area.present()?)).map_err(|error| anyhow!("{name}: {error}"))
    }

    fn draw_on(&self, area: &Area<'_>) -> Result<()> {
        area.fill(&WHITE)?;
        area.draw(&Text::new(self.title, (MARGIN, 30), text(19, INK, HPos::Left)))?;
        for (index, column) in self.columns.iter().enumerate() {
            area.draw(&Text::new(*column, (self.start(index), TOP - 18), text(15, INK, HPos::Left)))?;
        }
        let mut y = TOP;
        for group in self.groups {
            let line = vec![(MARGIN, y), (WIDTH - MARGIN, y)];
            area.draw(&PathElement::new(line, RULE.stroke_width(1)))?;
            area.draw(&Text::new(group.label, (MARGIN, y + 18), text(14, PALE, HPos::Left)))?;
            y += HEADING;
            for row in &group.rows {
                self.draw_row(area, row, y)?;
                y += ROW;
            }
        }
        Ok(())
    }

    fn draw_row(&self, area: &Area<'_>, row: &Row, y: i32) -> Result<()> {
        let middle = y + ROW / 2 - 4;
        let color: RGBColor = if row.highlighted { OURS } else { OTHERS[0] };
        let ink = if row.highlighted { OURS } else { INK };
        area.draw(&Text::new(row.label, (MARGIN + 10, middle), text(13, ink, HPos::Left)))?;
        for (index, value) in row.values.iter().enumerate() {
            let start = self.start(index);
            let length = (value / self.scale(index) * f64::from(self.longest())).round().max(1.0) as i32;
            let bar = |length: i32| [(start, middle - BAR / 2), (start + length, middle + BAR / 2)];
            let end = if self.whole.is_some() { self.longest() } else { length };
            area.draw(&Rectangle::new(bar(end), RULE.filled()))?;
            area.draw(&Rectangle::new(bar(length), color.filled()))?;
            let number = (self.format)(*value);
            area.draw(&Text::new(number, (start + end.max(length) + 6, middle), text(12, INK, HPos::Left)))?;
        }
        Ok(())
    }

    /// Returns the left edge of the bars of a column.
    fn start(&self, column: usize) -> i32 {
        MARGIN + LABELS + column as i32 * self.column_width()
    }

    fn column_width(&self) -> i32 {
        (WIDTH - 2 * MARGIN - LABELS) / self.columns.len() as i32
    }

    fn longest(&self) -> i32 {
        self.column_width() - NUMBER
    }

    fn scale(&self, column: usize) -> f64 {
        let values = self.groups.iter().flat_map(|group| &group.rows).map(|row| row.values[column]);
        self.whole.unwrap_or_else(|| values.fold(1.0, f64::max))
    }
}
