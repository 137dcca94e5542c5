//! What surrounds every view: host and totals above, the views, news and keys below.

use super::layout::Areas;
use super::{put_at, put_parts};
use crate::app::{App, Link, Pane, SECOND, View};
use crate::keys::{Scope, TABLE};
use crate::message::Tone;
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

type Parts = Vec<(String, Style)>;

/// Draws header, tabs, news and footer.
pub fn draw(app: &App, areas: &Areas, buffer: &mut Buffer) {
    header(app, areas.header, buffer);
    tabs(app, areas.tabs, buffer);
    notice(app, areas.notice, buffer);
    footer(app, areas.footer, buffer);
}

fn header(app: &App, area: Rect, buffer: &mut Buffer) {
    let (style, glyphs) = (|role| app.theme.style(role), app.theme.glyphs());
    let mut parts: Parts = Vec::new();
    let host = app.hello.as_ref().map_or(app.endpoint.as_str(), |h| h.host.as_str());
    parts.push((format!(" {host} "), style(Role::Title)));
    parts.push(link(app));
    let census = app.census;
    if app.hello.is_some() {
        parts.push((format!("  {}: ", census.total), style(Role::Plain)));
        for (count, glyph, role) in [
            (census.running, glyphs.running, Role::Good),
            (census.failed, glyphs.failed, Role::Bad),
            (census.restarting, glyphs.restarting, Role::Warn),
            (census.paused, glyphs.paused, Role::Info),
            (census.stopped, glyphs.stopped, Role::Dim),
        ] {
            if count > 0 {
                parts.push((format!("{count}{glyph} "), style(role)));
            }
        }
        let (cpu, memory) = app.totals;
        parts.push((format!("  cpu {}%", text::percent(cpu)), style(Role::Plain)));
        parts.push((format!("  mem {}", text::bytes(memory)), style(Role::Plain)));
    }
    put_parts(buffer, area, (0, 0), &parts);
    if let Some(hello) = app.hello.as_ref().filter(|_| area.width >= 100) {
        let up = text::age(app.now - hello.started_at_nanos);
        let said = format!(
            "{} cpus  {}  cofferd {} up {up}  {} ",
            hello.cpus,
            text::bytes(hello.memory_bytes),
            hello.version,
            text::clock(app.now, app.offset)
        );
        let x = area.width.saturating_sub(u16::try_from(text::width(&said)).unwrap_or(0));
        put_at(buffer, area, (x, 0), &said, style(Role::Dim));
    }
    if app.freshness() == crate::table::Freshness::Stale {
        buffer.set_style(Rect { height: 1, ..area }, style(Role::Warn));
    }
}

fn link(app: &App) -> (String, Style) {
    let bad = app.theme.style(Role::Bad);
    match &app.link {
        Link::Connecting => ("connecting".into(), app.theme.style(Role::Warn)),
        Link::Live => ("live".into(), app.theme.style(Role::Good)),
        Link::Lost { retry_at, .. } => {
            let left = ((retry_at - app.now).max(0) + SECOND - 1) / SECOND;
            (format!("DAEMON GONE, retry in {left}s (^r now)"), bad)
        }
        Link::Reconnecting { attempts, .. } => (format!("DAEMON GONE, attempt {attempts}"), bad),
    }
}

fn tabs(app: &App, area: Rect, buffer: &mut Buffer) {
    let mut x = 0;
    for (view, title) in [(View::Containers, "1 Containers"), (View::Events, "2 Events")] {
        let active = app.view == view;
        let text = if active { format!("[{title}]") } else { format!(" {title} ") };
        let role = if active { Role::Accent } else { Role::Plain };
        x = put_at(buffer, area, (x, 0), &text, app.theme.style(role));
    }
    let since = match &app.link {
        Link::Lost { since, reason, .. } | Link::Reconnecting { since, reason, .. } => {
            format!(
                "  containers keep running; shown is the state of {} ago ({reason})",
                text::age(app.now - since)
            )
        }
        _ => return,
    };
    put_at(buffer, area, (x, 0), &since, app.theme.style(Role::Warn));
}

fn notice(app: &App, area: Rect, buffer: &mut Buffer) {
    let job = app.job.as_ref().filter(|job| job.left > 0).map(|job| {
        let done = job.total - job.left;
        (format!(" {done} of {} done", job.total), job.command.clone(), Role::Warn)
    });
    let said = app.notice.as_ref().map(|n| {
        let role = if n.tone == Tone::Good { Role::Good } else { Role::Bad };
        (format!(" {}", n.text), n.command.clone(), role)
    });
    let Some((words, command, role)) = job.or(said) else { return };
    let room = usize::from(area.width);
    let cut = app.theme.glyphs().ellipsis;
    let left = put_at(buffer, area, (0, 0), &text::cut(&words, room, cut), app.theme.style(role));
    let right = format!("{} {command} ", app.theme.glyphs().command);
    let width = u16::try_from(text::width(&right)).unwrap_or(u16::MAX);
    if !command.is_empty() && left + 2 + width <= area.width {
        put_at(buffer, area, (area.width - width, 0), &right, app.theme.style(Role::Dim));
    }
}

fn footer(app: &App, area: Rect, buffer: &mut Buffer) {
    let scopes = app.scopes();
    let mut shown: Vec<(String, &str)> = Vec::new();
    let mut add = |scope: Scope| {
        for b in TABLE.iter().filter(|b| b.scope == scope && !b.footer.is_empty()) {
            shown.push((b.keys[0].name(), b.footer));
        }
    };
    add(Scope::Global);
    scopes.iter().filter(|s| **s != Scope::Global).for_each(|scope| add(*scope));
    let mut x = 1;
    for (key, word) in shown {
        let need = u16::try_from(key.len() + word.len() + 2).unwrap_or(u16::MAX);
        if x + need > area.width {
            break;
        }
        x = put_at(buffer, area, (x, 0), &key, app.theme.style(Role::Accent));
        x = put_at(buffer, area, (x + 1, 0), word, app.theme.style(Role::Plain)) + 2;
    }
}

/// The role of the border of a pane.
pub fn border(app: &App, pane: Pane) -> Role {
    if app.pane == pane && app.overlays.is_empty() { Role::Accent } else { Role::Border }
}
