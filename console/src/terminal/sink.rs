//! A ratatui backend that writes each frame with one system call, between the marks of a synchronised
//! update, and writes nothing at all when no cell has changed.

use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

/// What a frame is gathered in.
#[derive(Clone, Debug, Default)]
struct Gathered(Rc<RefCell<Vec<u8>>>);

impl Write for Gathered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The backend.
#[derive(Debug)]
pub struct Sink<W: Write> {
    inner: CrosstermBackend<Gathered>,
    gathered: Gathered,
    out: W,
    changed: bool,
}

impl<W: Write> Sink<W> {
    /// Writes frames to `out`.
    pub fn new(out: W) -> Self {
        let gathered = Gathered::default();
        Self { inner: CrosstermBackend::new(gathered.clone()), gathered, out, changed: false }
    }

    fn send(&mut self) -> io::Result<()> {
        let mut bytes = std::mem::take(&mut *self.gathered.0.borrow_mut());
        if self.changed {
            self.out.write_all(&bytes)?;
            self.out.flush()?;
        }
        self.changed = false;
        bytes.clear();
        *self.gathered.0.borrow_mut() = bytes;
        Ok(())
    }
}

impl<W: Write> Backend for Sink<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.changed = true;
        queue!(self.gathered, BeginSynchronizedUpdate)?;
        self.inner.draw(content)?;
        queue!(self.gathered, EndSynchronizedUpdate)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.changed = true;
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        // The cursor is never shown; asking the terminal would swallow keys.
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.changed = true;
        self.inner.clear()
    }

    fn clear_region(&mut self, clear: ClearType) -> io::Result<()> {
        self.changed = true;
        self.inner.clear_region(clear)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    #[test]
    fn a_frame_without_a_change_writes_nothing() {
        let out = Gathered::default();
        let viewport = Viewport::Fixed(Rect::new(0, 0, 20, 2));
        let options = TerminalOptions { viewport };
        let mut terminal = Terminal::with_options(Sink::new(out.clone()), options).unwrap();
        terminal.draw(|f| f.render_widget("hello", f.area())).unwrap();
        let first = out.0.borrow_mut().split_off(0);
        assert!(first.starts_with(b"\x1b[?2026h"), "{}", String::from_utf8_lossy(&first));
        terminal.draw(|f| f.render_widget("hello", f.area())).unwrap();
        assert!(out.0.borrow().is_empty());
    }
}
