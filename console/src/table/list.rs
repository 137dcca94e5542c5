//! Rows, selection, marks and offset of a list. The selection is an id: rows may come, go and move
//! without the cursor jumping to another one. Pure; draws nothing.

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
    /// on its line of the screen; a row that is gone hands the cursor to what took its place. A cursor
    /// that nobody moved stays on the first page: what has come to stand there is what is to be seen.
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
        if self.touched {
            self.offset = self.index.saturating_sub(line);
        } else if self.index >= height.max(1) {
            self.index = 0;
        }
        self.selected = self.order.get(self.index).cloned();
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

    /// Whether the cursor was moved by hand.
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// Gives up the cursor's line: it stays where it is and the first rows are shown again.
    pub fn release(&mut self, height: usize) {
        self.touched = false;
        self.go(0, height);
        self.touched = false;
    }

    /// Forgets the selection: with the next rows the cursor stands on the first.
    pub fn restart(&mut self) {
        (self.selected, self.index, self.offset, self.touched) = (None, 0, 0, false);
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
        let mut shown: Vec<K> =
            self.order.iter().filter(|id| self.marks.contains(*id)).cloned().collect();
        let mut hidden: Vec<K> =
            self.marks.iter().filter(|id| !shown.contains(id)).cloned().collect();
        hidden.sort();
        shown.append(&mut hidden);
        shown
    }
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
    fn a_cursor_that_nobody_moved_stays_on_the_first_page() {
        let at = |list: &List| (list.selected().map(|id| id.to_string()), list.offset());
        let mut list = List::<Id>::default();
        list.set_order(ids(&["a"]), 2);
        list.set_order(ids(&["b", "a", "c"]), 2);
        assert_eq!(at(&list), (Some("a".into()), 0), "it follows its row");
        list.set_order(ids(&["b", "c", "a"]), 2);
        assert_eq!(at(&list), (Some("b".into()), 0), "but not off the page");
        list.go(2, 2);
        list.restart();
        list.set_order(ids(&["c", "b", "a"]), 2);
        assert_eq!(at(&list), (Some("c".into()), 0), "the first of another order");
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
