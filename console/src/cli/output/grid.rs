//! A table in text: columns as wide as their widest cell and three blanks, at least ten cells, as Docker
//! has it.

use crate::text;
use std::fmt;

/// Rows of cells; the first are the headings.
#[derive(Debug)]
pub struct Grid {
    rows: Vec<Vec<String>>,
    least: usize,
}

/// Blanks between two columns.
const GAP: usize = 3;
/// Cells of a column at least, its gap included.
const LEAST: usize = 10;

impl Grid {
    /// A table with these headings.
    pub fn new(headings: impl IntoIterator<Item = String>) -> Self {
        Self { rows: vec![headings.into_iter().collect()], least: LEAST }
    }

    /// The same with columns of so many cells at least.
    pub fn at_least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// One more row.
    pub fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| text::clean(&cell).into_owned()).collect());
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|c| text::width(c))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = String::new();
            for (at, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if at + 1 < row.len() {
                    let width = (widths[at] + GAP).max(self.least);
                    line.extend(std::iter::repeat_n(' ', width - text::width(cell)));
                }
            }
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}
