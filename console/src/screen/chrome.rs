//! What surrounds every view: host and totals above, the views, news and keys below.

use super::detail::overview;
use crate::app::{App, Link, SECOND, View};
use crate::keys::{Binding, Key, Scope, TABLE};
use crate::layout::Areas;
use crate::message::Tone;
use crate::paint::{put_at, put_parts};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The footer's word for leaving.
const LEAVE: &str = "quit";

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
    let host = text::cut(host, usize::from(area.width / 4), glyphs.ellipsis);
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
        if app.freshness() == crate::table::Freshness::Live {
            totals(app, &mut parts);
        }
    }
    put_parts(buffer, area, (0, 0), &parts);
    if let Some(hello) = app.hello.as_ref().filter(|_| area.width >= 100) {
        let up = text::age(app.now - hello.started_at_nanos);
        let clock = text::clock(app.now, app.offset);
        let said = format!("cofferd {} up {up}  {clock} ", hello.version);
        let x = area.width.saturating_sub(u16::try_from(text::width(&said)).unwrap_or(0));
        put_at(buffer, area, (x, 0), &said, style(Role::Dim));
    }
    if app.freshness() == crate::table::Freshness::Stale {
        buffer.set_style(Rect { height: 1, ..area }, style(Role::Warn));
    }
}

/// What all containers use together, as shares of the host.
fn totals(app: &App, parts: &mut Parts) {
    let Some(hello) = &app.hello else { return };
    let (cpu, memory) = app.totals;
    let shares = [
        ("cpu", cpu / f64::from(hello.cpus.max(1)), format!("of {} cpus", hello.cpus)),
        (
            "mem",
            memory as f64 * 100.0 / hello.memory_bytes.max(1) as f64,
            format!("{} of {}", text::bytes(memory), text::bytes(hello.memory_bytes)),
        ),
    ];
    for (word, share, whole) in shares {
        let role = match share {
            share if share > 90.0 => Role::Bad,
            share if share > 75.0 => Role::Warn,
            _ => Role::Plain,
        };
        parts.push((format!("  {word} "), app.theme.style(Role::Dim)));
        parts.push((format!("{share:.0}%"), app.theme.style(role)));
        parts.push((format!(" {whole}"), app.theme.style(Role::Dim)));
    }
}

fn link(app: &App) -> (String, Style) {
    let bad = app.theme.style(Role::Bad);
    let gone = if app.hello.is_some() { "DAEMON GONE" } else { "NO DAEMON" };
    match &app.link {
        Link::Connecting => ("connecting".into(), app.theme.style(Role::Warn)),
        Link::Live => ("live".into(), app.theme.style(Role::Good)),
        Link::Lost { retry_at, .. } => {
            let left = ((retry_at - app.now).max(0) + SECOND - 1) / SECOND;
            (format!("{gone}, retry in {left}s (^r now)"), bad)
        }
        Link::Reconnecting { attempts, .. } => (format!("{gone}, attempt {attempts}"), bad),
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
        // Nothing was ever shown.
        _ if app.hello.is_none() => return,
        Link::Lost { since, .. } | Link::Reconnecting { since, .. } => {
            let ago = text::age(app.now - since);
            format!("  containers keep running; shown is the state of {ago} ago")
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
    let gone = match &app.link {
        Link::Lost { reason, .. } | Link::Reconnecting { reason, .. } => {
            Some((format!(" {reason}"), String::new(), Role::Bad))
        }
        Link::Live | Link::Connecting => None,
    };
    let Some((words, command, role)) = job.or(said).or(gone) else {
        return selected(app, area, buffer);
    };
    let room = usize::from(area.width);
    let cut = app.theme.glyphs().ellipsis;
    let left = put_at(buffer, area, (0, 0), &text::cut(&words, room, cut), app.theme.style(role));
    let right = format!("{} {command} ", app.theme.glyphs().command);
    let width = u16::try_from(text::width(&right)).unwrap_or(u16::MAX);
    if !command.is_empty() && left + 2 + width <= area.width {
        put_at(buffer, area, (area.width - width, 0), &right, app.theme.style(Role::Dim));
    }
}

/// Where there is no news: the selected container in a line, unless the detail pane says more.
fn selected(app: &App, area: Rect, buffer: &mut Buffer) {
    if app.view != View::Containers || Areas::of(app).detail.is_some() {
        return;
    }
    let Some((_, entry)) = app.selected() else { return };
    let c = &entry.container;
    let (words, role) = match overview::why(entry) {
        (_, Role::Good) => (format!("{}  {}", c.image, c.command.join(" ")), Role::Dim),
        why => why,
    };
    let words = format!(" {}: {words}", c.name);
    let cut = text::cut(&words, usize::from(area.width), app.theme.glyphs().ellipsis);
    put_at(buffer, area, (0, 0), &cut, app.theme.style(role));
}

/// The keys that matter here. Those that hold everywhere come first, but for the last of them, which
/// stands at the right end: how to leave.
fn footer(app: &App, area: Rect, buffer: &mut Buffer) {
    let scopes = app.scopes();
    let of = |scope: Scope| {
        TABLE.iter().filter(move |b| b.scope == scope && !b.footer.is_empty() && b.footer != LEAVE)
    };
    let here = scopes.iter().filter(|s| **s != Scope::Global).flat_map(|scope| of(*scope));
    let leave = TABLE.iter().find(|b| b.footer == LEAVE);
    let room = area.width.saturating_sub(u16::try_from(LEAVE.len() + 4).unwrap_or(0));
    let mut x = 1;
    let mut taken: Vec<Key> = Vec::new();
    for binding in of(Scope::Global).chain(here) {
        // The same key in a wider scope is hidden by this one.
        if taken.contains(&binding.keys[0]) {
            continue;
        }
        taken.push(binding.keys[0]);
        let need = binding.keys[0].name().len() + binding.footer.len() + 2;
        if x + u16::try_from(need).unwrap_or(u16::MAX) > room {
            break;
        }
        x = hint(app, binding, area, x, buffer) + 2;
    }
    if let Some(leave) = leave.filter(|_| x <= room) {
        hint(app, leave, area, room + 1, buffer);
    }
}

fn hint(app: &App, binding: &Binding, area: Rect, x: u16, buffer: &mut Buffer) -> u16 {
    let key = app.theme.style(Role::Accent);
    let x = put_at(buffer, area, (x, 0), &binding.keys[0].name(), key);
    put_at(buffer, area, (x + 1, 0), binding.footer, app.theme.style(Role::Plain))
}
