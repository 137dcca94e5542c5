//! Where everything is. Pure: `update` asks it for heights, drawing for rectangles, so both agree.

use crate::app::{App, View};
use ratatui::layout::Rect;

/// From this width on the panes have borders.
const BORDERS: u16 = 100;
/// From this width on the detail pane stands beside the list.
const BESIDE: u16 = 130;
/// From this height on the last events stand below a wide screen.
const STRIP: u16 = 40;
/// Lines of that strip, its borders included.
const STRIP_LINES: u16 = 9;

/// A pane: its frame, if there is room for one, and what is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pane {
    /// With its borders or its title line.
    pub outer: Rect,
    /// Without.
    pub inner: Rect,
    /// Whether it has borders.
    pub frame: Frame,
}

/// How a pane is set off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Four borders.
    Box,
    /// One line with a title above.
    Rule,
    /// Nothing.
    Bare,
}

impl Pane {
    fn new(outer: Rect, frame: Frame) -> Self {
        let inner = match frame {
            Frame::Bare => outer,
            Frame::Rule => Rect { y: outer.y + 1, height: outer.height.saturating_sub(1), ..outer },
            Frame::Box => Rect {
                x: outer.x + 1,
                y: outer.y + 1,
                width: outer.width.saturating_sub(2),
                height: outer.height.saturating_sub(2),
            },
        };
        Self { outer, inner, frame }
    }
}

/// The parts of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Areas {
    /// Host and totals.
    pub header: Rect,
    /// The views.
    pub tabs: Rect,
    /// Filter, sort and position; inside the border when there is one.
    pub bar: Option<Rect>,
    /// The list with its headings.
    pub list: Pane,
    /// Column headings.
    pub head: Rect,
    /// The rows.
    pub rows: Rect,
    /// The detail pane.
    pub detail: Option<Pane>,
    /// The last events.
    pub strip: Option<Pane>,
    /// News.
    pub notice: Rect,
    /// Keys.
    pub footer: Rect,
}

impl Areas {
    /// The layout for a state.
    pub fn of(app: &App) -> Self {
        let (width, height) = app.size;
        let line = |y: u16| Rect { x: 0, y: y.min(height), width, height: u16::from(y < height) };
        let boxed = width >= BORDERS;
        let frame = if boxed { Frame::Box } else { Frame::Bare };
        // The bar is about the list: it goes with it.
        let zoomed = app.detail.zoom && app.view == View::Containers;
        let bar = (!boxed && !zoomed).then(|| line(2));
        let top = if bar.is_some() { 3 } else { 2 };
        let mut body = Rect { x: 0, y: top, width, height: height.saturating_sub(top + 2) };
        let beside = width >= BESIDE;
        let strip = (app.view == View::Containers && beside && height >= STRIP && !app.detail.zoom)
            .then(|| {
                body.height -= STRIP_LINES;
                Pane::new(Rect { y: body.bottom(), height: STRIP_LINES, ..body }, Frame::Box)
            });
        let shown = app.view == View::Containers && (beside || app.detail.open);
        let (list, detail) = if !shown {
            (body, None)
        } else if app.detail.zoom {
            (Rect { height: 0, ..body }, Some(body))
        } else if beside {
            let right = (width * 9 / 25).clamp(46, 76);
            let left = Rect { width: width - right, ..body };
            (left, Some(Rect { x: left.right(), width: right, ..body }))
        } else {
            // A short list leaves its room to the pane.
            let wanted = u16::try_from(app.containers.list.order().len() + 1).unwrap_or(u16::MAX);
            let frame = if boxed { 2 } else { 0 };
            let upper = (body.height * 2 / 5).min(wanted.saturating_add(frame));
            let upper = upper.max(4).min(body.height);
            let below = Rect { y: body.y + upper, height: body.height - upper, ..body };
            (Rect { height: upper, ..body }, Some(below))
        };
        let list = Pane::new(list, frame);
        let head = Rect { height: list.inner.height.min(1), ..list.inner };
        let rows =
            Rect { y: head.bottom(), height: list.inner.height.saturating_sub(1), ..list.inner };
        Self {
            header: line(0),
            tabs: line(1),
            bar,
            list,
            head,
            rows,
            detail: detail.map(|d| Pane::new(d, if boxed { Frame::Box } else { Frame::Rule })),
            strip,
            notice: line(height.saturating_sub(2)),
            footer: line(height.saturating_sub(1)),
        }
    }
}

/// Lines of the list that fills the screen.
pub fn list_height(app: &App) -> usize {
    usize::from(Areas::of(app).rows.height)
}
