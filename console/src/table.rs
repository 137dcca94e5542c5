//! A list with a selection, marks and an offset, and the table that shows it.
//!
//! Only the visible rows are ever built: the cost of a frame does not depend on the number of rows.
//! Columns have priorities; what does not fit is left out, lowest priority first, and can be reached by
//! scrolling sideways. The first columns stay. Knows nothing about containers.

use crate::text;
use crate::theme::{Role, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

/// Names a row for as long as it lives.
pub type Id = Arc<str>;

/// Which rows there are, in order, and where the cursor stands. The selection is an id: rows may come,
/// go and move without the cursor jumping to another one.
#[derive(Clone, Debug)]
pub struct List<K = Id> {
    order: Vec<K>,
    selected: Option<K>,
    index: usize,
    offset: usize,
    touched: bool,
    marks: HashSet<K>,
    anchor: Option<K>,
}

impl<K> Default for List<K> {
    fn default() -> Self {
        Self {
            order: Vec::new(),
            selected: None,
            index: 0,
            offset: 0,
            touched: false,
            marks: HashSet::new(),
            anchor: None,
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> List<K> {
    /// The rows in order.
    pub fn order(&self) -> &[K] {
        &self.order
    }

    /// The selected row.
    pub fn selected(&self) -> Option<&K> {
        self.selected.as_ref()
    }

    /// Position of the selected row.
    #[cfg(test)]
    pub fn index(&self) -> usize {
        self.index
    }

    /// First visible row.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Marked rows.
    pub fn marks(&self) -> &HashSet<K> {
        &self.marks
    }

    /// Replaces the rows. The selected row stays selected and, once the cursor was moved by hand,
    /// on its line of the screen; a row that is gone hands the cursor to what took its place.
    pub fn set_order(&mut self, order: Vec<K>, height: usize) {
        let line = self.index.saturating_sub(self.offset);
        self.order = order;
        let found = self.selected.as_ref().and_then(|id| {
            if self.order.get(self.index) == Some(id) {
                return Some(self.index);
            }
            self.order.iter().position(|other| other == id)
        });
        self.index = found.unwrap_or(self.index).min(self.order.len().saturating_sub(1));
        self.selected = self.order.get(self.index).cloned();
        if self.touched {
            self.offset = self.index.saturating_sub(line);
        }
        self.reveal(height);
    }

    /// Forgets marks of rows that `exists` no longer knows.
    pub fn keep_marks(&mut self, exists: impl Fn(&K) -> bool) {
        self.marks.retain(|id| exists(id));
    }

    /// Moves the cursor by `rows`.
    pub fn step(&mut self, rows: isize, height: usize) {
        self.go(self.index.saturating_add_signed(rows), height);
    }

    /// Moves the cursor to a position; beyond the end means the last.
    pub fn go(&mut self, index: usize, height: usize) {
        self.touched = true;
        self.index = index.min(self.order.len().saturating_sub(1));
        self.selected = self.order.get(self.index).cloned();
        self.reveal(height);
    }

    /// Gives up the cursor's line: it stays where it is and the first rows are shown again.
    pub fn release(&mut self, height: usize) {
        self.touched = false;
        self.go(0, height);
        self.touched = false;
    }

    /// Scrolls as little as needed for the cursor to be visible on `height` lines.
    pub fn reveal(&mut self, height: usize) {
        let height = height.max(1);
        if self.index < self.offset {
            self.offset = self.index;
        } else if self.index >= self.offset + height {
            self.offset = self.index + 1 - height;
        }
        self.offset = self.offset.min(self.order.len().saturating_sub(height));
    }

    /// Marks or unmarks the selected row and goes to the next.
    pub fn toggle_mark(&mut self, height: usize) {
        if let Some(id) = self.selected.clone() {
            if !self.marks.remove(&id) {
                self.marks.insert(id.clone());
            }
            self.anchor = Some(id);
            self.step(1, height);
        }
    }

    /// Marks every row from the last marked one to the cursor.
    pub fn mark_range(&mut self) {
        let from = self.anchor.as_ref().and_then(|id| self.order.iter().position(|o| o == id));
        let from = from.unwrap_or(self.index);
        let (low, high) = (from.min(self.index), from.max(self.index));
        if !self.order.is_empty() {
            self.marks.extend(self.order[low..=high].iter().cloned());
        }
        self.anchor = self.selected.clone();
    }

    /// Marks every row, or none when all are.
    pub fn mark_all(&mut self) {
        if self.order.iter().all(|id| self.marks.contains(id)) {
            self.marks.clear();
        } else {
            self.marks.extend(self.order.iter().cloned());
        }
    }

    /// Removes all marks; true when there were some.
    pub fn clear_marks(&mut self) -> bool {
        self.anchor = None;
        let some = !self.marks.is_empty();
        self.marks.clear();
        some
    }

    /// What an action applies to: the marked rows in order, else the selected one.
    pub fn targets(&self) -> Vec<K> {
        if self.marks.is_empty() {
            return self.selected.iter().cloned().collect();
        }
        let mut shown: Vec<K> = self.order.iter().filter(|id| self.marks.contains(*id)).cloned().collect();
        let mut hidden: Vec<K> = self.marks.iter().filter(|id| !shown.contains(id)).cloned().collect();
        hidden.sort();
        shown.append(&mut hidden);
        shown
    }
}

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

/// Places columns on `width` cells with one blank between them. The first column always stays; `skip`
/// columns after it are scrolled away to the left.
pub fn place(columns: &[Column], width: u16, skip: usize) -> Vec<Place> {
    let mut kept: Vec<usize> = (0..columns.len()).filter(|at| *at == 0 || *at > skip).collect();
    let need = |kept: &[usize]| -> u16 { kept.iter().map(|at| columns[*at].width + 1).sum::<u16>().saturating_sub(1) };
    while kept.len() > 1 && need(&kept) > width {
        let worst = kept[1..].iter().copied().min_by_key(|at| columns[*at].priority);
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
            let more = (before * column.grow / shares).max(1).min(column.most - widths[i]).min(left);
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
}

impl Cell {
    /// Text with a meaning.
    pub fn new(text: impl Into<String>, role: Role) -> Self {
        Self { text: text.into(), role }
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
    /// Role of the selected row.
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
        if let Some((_, arrow)) = marked.filter(|(at, _)| *at == place.column) {
            if text::width(&title) < usize::from(place.width) {
                title.push_str(arrow);
            }
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
        for place in look.places {
            let mut cell = build(id, place.column);
            if look.stale == Freshness::Stale {
                cell.role = Role::Dim;
            }
            draw_cell(look, &cell, *place, look.columns[place.column].side, area, y, buffer);
        }
        if list.selected() == Some(id) {
            let line = Rect { y, height: 1, ..area };
            buffer.set_style(line, look.theme.style(look.selected));
        }
    }
}

fn draw_cell(look: Look, cell: &Cell, place: Place, side: Side, area: Rect, y: u16, buffer: &mut Buffer) {
    if place.x >= area.width || y >= area.bottom() {
        return;
    }
    let room = usize::from(place.width.min(area.width - place.x));
    let shown = text::cut(&cell.text, room, look.theme.glyphs().ellipsis);
    let indent = match side {
        Side::Left => 0,
        Side::Right => room - text::width(&shown).min(room),
    };
    let x = area.x + place.x + u16::try_from(indent).unwrap_or(0);
    buffer.set_stringn(x, y, &shown, room, look.theme.style(cell.role));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(names: &[&str]) -> Vec<Id> {
        names.iter().map(|n| Id::from(*n)).collect()
    }

    #[test]
    fn the_selection_follows_its_row() {
        let mut list = List::<Id>::default();
        list.set_order(ids(&["a", "b", "c", "d"]), 2);
        list.go(2, 2);
        list.set_order(ids(&["d", "c", "b", "a"]), 2);
        assert_eq!((list.selected().map(|i| &**i), list.index()), (Some("c"), 1));
        list.set_order(ids(&["d", "b", "a"]), 2);
        assert_eq!(list.selected().map(|i| &**i), Some("b"), "its place was taken by b");
    }

    #[test]
    fn marks_win_over_the_cursor() {
        let mut list = List::default();
        list.set_order(ids(&["a", "b", "c"]), 9);
        assert_eq!(list.targets(), ids(&["a"]));
        list.toggle_mark(9);
        list.go(2, 9);
        list.mark_range();
        assert_eq!(list.targets(), ids(&["a", "b", "c"]));
        list.set_order(ids(&["c"]), 9);
        assert_eq!(list.targets(), ids(&["c", "a", "b"]), "hidden ones stay marked");
        list.keep_marks(|id| &**id == "c");
        assert_eq!(list.targets(), ids(&["c"]));
    }

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
        assert_eq!(place(&columns, 30, 1).iter().map(|p| p.column).collect::<Vec<_>>(), [0, 2]);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_visible(sizes in proptest::collection::vec((0usize..40, 1usize..12, -50isize..50), 1..30)) {
            let mut list = List::default();
            for (rows, height, step) in sizes {
                list.set_order((0..rows).map(|n| Id::from(n.to_string())).collect(), height);
                list.step(step, height);
                prop_assert!(list.index() >= list.offset() && list.index() < list.offset() + height);
                prop_assert_eq!(list.selected().is_some(), rows > 0);
            }
        }
    }
}
