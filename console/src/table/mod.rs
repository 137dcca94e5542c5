//! A list with a selection, marks and an offset, and the table that shows it.
//!
//! Only the visible rows are ever built: the cost of a frame does not depend on the number of rows.
//! Columns have priorities; what does not fit is left out, lowest priority first, and can be reached by
//! scrolling sideways. The first columns stay. Knows nothing about containers.

mod list;

pub use list::{Id, List};

use crate::text;
use crate::theme::{Role, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::hash::Hash;

/// On which side a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Names.
    Left,
    /// Figures.
    Right,
}

/// A column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// Cells it needs at least.
    pub width: u16,
    /// Share of the space left over; 0 means none.
    pub grow: u16,
    /// Most cells it can use.
    pub most: u16,
    /// Text to the left or right.
    pub side: Side,
    /// What does not fit goes, lowest priority first.
    pub priority: u8,
}

/// Where a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Position in the list of columns.
    pub column: usize,
    /// First cell.
    pub x: u16,
    /// Cells.
    pub width: u16,
}

/// Places columns on `width` cells with one blank between them. The first column always stays. Without
/// `skip` the most important ones are shown; `skip` 1 shows all from the second on as far as they fit,
/// 2 from the third on, and so forth: every column can be reached.
pub fn place(columns: &[Column], width: u16, skip: usize) -> Vec<Place> {
    let mut kept: Vec<usize> = (0..columns.len()).filter(|at| *at == 0 || *at >= skip).collect();
    let need = |kept: &[usize]| -> u16 {
        kept.iter().map(|at| columns[*at].width + 1).sum::<u16>().saturating_sub(1)
    };
    while kept.len() > 1 && need(&kept) > width {
        let importance = |at: &usize| match skip {
            0 => (columns[*at].priority, 0),
            _ => (0, columns.len() - at),
        };
        let worst = kept[1..].iter().copied().min_by_key(importance);
        kept.retain(|at| Some(*at) != worst);
    }
    let mut widths: Vec<u16> = kept.iter().map(|at| columns[*at].width).collect();
    let mut left = width.saturating_sub(need(&kept));
    loop {
        let growing: Vec<usize> = (0..kept.len())
            .filter(|i| columns[kept[*i]].grow > 0 && widths[*i] < columns[kept[*i]].most)
            .collect();
        let shares: u16 = growing.iter().map(|i| columns[kept[*i]].grow).sum();
        if shares == 0 || left == 0 {
            break;
        }
        let before = left;
        for i in growing {
            let column = &columns[kept[i]];
            let more =
                (before * column.grow / shares).max(1).min(column.most - widths[i]).min(left);
            widths[i] += more;
            left -= more;
        }
    }
    let mut x = 0;
    kept.into_iter()
        .zip(widths)
        .map(|(column, wide)| {
            let place = Place { column, x, width: wide.min(width.saturating_sub(x)) };
            x += wide + 1;
            place
        })
        .collect()
}

/// What stands in one cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Clean text; cut to the column.
    pub text: String,
    /// Its meaning.
    pub role: Role,
    /// What stands in front of the text, with a meaning of its own. The sign of the first column is the
    /// meaning of the whole row.
    pub sign: Option<(String, Role)>,
}

impl Cell {
    /// Text with a meaning.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role, sign: None }
    }

    /// The same behind a sign.
    pub fn signed(self, sign: impl Into<String>, role: Role) -> Self {
        Self { sign: Some((sign.into(), role)), ..self }
    }
}

/// Where and how a table is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// Columns.
    pub columns: &'a [Column],
    /// Their places.
    pub places: &'a [Place],
    /// Colours and glyphs.
    pub theme: Theme,
    /// Role of the selected row; [`Role::Selected`] takes the meaning of the row.
    pub selected: Role,
    /// Everything is shown dim: the data is old.
    pub stale: Freshness,
}

/// Whether what is shown is still true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Connected.
    Live,
    /// The last that was known.
    Stale,
}

/// Draws the headings; `marked` is the sorted column and its arrow.
pub fn draw_head(look: Look, area: Rect, buffer: &mut Buffer, marked: Option<(usize, &str)>) {
    for place in look.places {
        let column = &look.columns[place.column];
        let mut title = column.title.to_string();
        let room = text::width(&title) < usize::from(place.width);
        if let Some((_, arrow)) = marked.filter(|(at, _)| *at == place.column && room) {
            title.push_str(arrow);
        }
        let cell = Cell::new(title, Role::Title);
        draw_cell(look, &cell, *place, column.side, area, area.y, buffer);
    }
}

/// Draws the visible rows of `list`; `build` makes a cell of a row.
pub fn draw_rows<K: Clone + Eq + Hash + Ord>(
    look: Look,
    list: &List<K>,
    area: Rect,
    buffer: &mut Buffer,
    build: impl Fn(&K, usize) -> Cell,
) {
    let rows = list.order().iter().skip(list.offset()).take(usize::from(area.height));
    for (id, y) in rows.zip(area.y..) {
        let mut bar = look.selected;
        for place in look.places {
            let mut cell = build(id, place.column);
            if look.stale == Freshness::Stale {
                cell.role = Role::Dim;
                cell.sign = cell.sign.map(|(sign, _)| (sign, Role::Dim));
            }
            if let Some((_, role)) = cell.sign.as_ref().filter(|_| bar == Role::Selected) {
                bar = role.selected();
            }
            draw_cell(look, &cell, *place, look.columns[place.column].side, area, y, buffer);
        }
        if list.selected() == Some(id) && bar != Role::Plain {
            let line = Rect { y, height: 1, ..area };
            buffer.set_style(line, look.theme.bar(bar));
        }
    }
}

fn draw_cell(
    look: Look,
    cell: &Cell,
    place: Place,
    side: Side,
    area: Rect,
    y: u16,
    buffer: &mut Buffer,
) {
    if place.x >= area.width || y >= area.bottom() {
        return;
    }
    let mut room = usize::from(place.width.min(area.width - place.x));
    let mut left = area.x + place.x;
    if let Some((sign, role)) = &cell.sign {
        let (end, _) = buffer.set_stringn(left, y, sign, room, look.theme.style(*role));
        room -= usize::from(end - left).min(room);
        left = end;
    }
    let shown = text::cut(&cell.text, room, look.theme.glyphs().ellipsis);
    let indent = match side {
        Side::Left => 0,
        Side::Right => room - text::width(&shown).min(room),
    };
    let x = left + u16::try_from(indent).unwrap_or(0);
    buffer.set_stringn(x, y, &shown, room, look.theme.style(cell.role));
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn column(width: u16, grow: u16, priority: u8) -> Column {
        Column { title: "T", width, grow, most: 30, side: Side::Left, priority }
    }

    #[test]
    fn the_least_important_column_goes_first() {
        let columns = [column(10, 1, 9), column(5, 0, 1), column(5, 0, 5)];
        let at = |w| place(&columns, w, 0).iter().map(|p| (p.column, p.width)).collect::<Vec<_>>();
        assert_eq!(at(24), [(0, 12), (1, 5), (2, 5)]);
        assert_eq!(at(20), [(0, 14), (2, 5)]);
        assert_eq!(at(12), [(0, 12)]);
        let from = |skip| place(&columns, 20, skip).iter().map(|p| p.column).collect::<Vec<_>>();
        assert_eq!((from(0), from(1), from(2)), (vec![0, 2], vec![0, 1], vec![0, 2]));
    }
}
