//! What is on the screen. Drawing reads the state and nothing else: no clock, no terminal, no network.

pub mod chrome;
pub mod containers;
pub mod detail;
pub mod events;

use crate::app::{App, View};
use crate::layout::Areas;
use crate::overlay;
use crate::paint::put;
use crate::theme::Role;
use ratatui::Frame;

/// Smallest terminal on which anything useful fits.
pub const MIN: (u16, u16) = (40, 8);

/// Draws everything.
pub fn draw(app: &App, frame: &mut Frame) {
    let area = frame.area();
    let buffer = frame.buffer_mut();
    if (area.width, area.height) != app.size {
        // The state is for a terminal of another size; the next frame is for this one.
        return;
    }
    if area.width < MIN.0 || area.height < MIN.1 {
        put(buffer, area, 0, &format!("at least {}x{}", MIN.0, MIN.1), app.theme.style(Role::Warn));
        return;
    }
    let areas = Areas::of(app);
    chrome::draw(app, &areas, buffer);
    match app.view {
        View::Containers => {
            containers::draw(app, &areas, buffer);
            if let Some(strip) = areas.strip {
                events::draw_strip(app, strip, buffer);
            }
            if let Some(pane) = areas.detail {
                detail::draw(app, pane, buffer);
            }
        }
        View::Events => events::draw(app, &areas, buffer),
    }
    overlay::draw(app, area, buffer);
}
