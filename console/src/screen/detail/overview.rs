//! Overview: what the container is, and why it is as it is.

use crate::app::App;
use crate::fleet::{Entry, Level};
use crate::paint::put_parts;
use crate::screen::containers::{limit, sign, state, used};
use crate::text;
use crate::theme::Role;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use shared::watch::STOPPED_BY_HAND;

/// Reasons that the words here hold already.
const SAID: [&str; 3] = ["killed for memory", "exited with", "out of memory"];

type Line = (&'static str, String, Role);

/// Draws the tab.
pub fn draw(app: &App, entry: &Entry, area: Rect, buffer: &mut Buffer) {
    let room = usize::from(area.width.saturating_sub(12));
    let mut row = 0;
    for (title, words, role) in lines(app, entry).into_iter().skip(app.detail.scroll) {
        for (part, piece) in text::fold(&words, room).into_iter().enumerate() {
            let title = if part == 0 { title } else { "" };
            let parts = [
                (format!(" {title:<10} "), app.theme.style(Role::Dim)),
                (piece.to_string(), app.theme.style(role)),
            ];
            put_parts(buffer, area, (0, row), &parts);
            row += 1;
        }
    }
}

/// Why it is not running, or what is wrong while it is.
pub fn why(entry: &Entry) -> (String, Role) {
    let c = &entry.container;
    // The daemon's sentence, unless it says no more than the one here.
    let told = c.reason.is_empty() || SAID.iter().any(|said| c.reason.starts_with(said));
    let reason = if told { String::new() } else { format!(": {}", c.reason) };
    match (c.state.as_str(), entry.attention.level) {
        ("exited" | "restarting", _) if c.oom_killed => {
            let limit = if c.memory_limit_bytes > 0 {
                format!(" at its limit of {}", text::bytes(c.memory_limit_bytes))
            } else {
                String::new()
            };
            (
                format!("the kernel killed it for memory{limit} (exit {}){reason}", c.exit_code),
                Role::Bad,
            )
        }
        ("exited", _) if c.reason == STOPPED_BY_HAND => {
            (format!("{STOPPED_BY_HAND}, exit code {}", c.exit_code), Role::Plain)
        }
        ("exited" | "restarting", _) => {
            let signal = signal(c.exit_code).map_or(String::new(), |s| format!(", {s}"));
            let role = if c.exit_code == 0 { Role::Plain } else { Role::Bad };
            (format!("exit code {}{signal}{reason}", c.exit_code), role)
        }
        ("running", Level::CrashLoop) => {
            (format!("it ended and was started again {} times", c.restarts), Role::Warn)
        }
        ("running", Level::Unhealthy) => (format!("its health check fails{reason}"), Role::Bad),
        ("running", Level::NearLimit) => {
            ("it uses more than 90 % of its memory limit".into(), Role::Bad)
        }
        ("running", Level::Throttled) => (
            format!("it was held back by its CPU quota in {:.0} % of all periods", entry.throttled),
            Role::Warn,
        ),
        ("created", _) => (format!("it was never started{reason}"), Role::Plain),
        ("paused", _) => ("its processes are frozen; p thaws them".into(), Role::Info),
        _ if !c.reason.is_empty() => (c.reason.clone(), Role::Warn),
        _ => ("as it should be".into(), Role::Good),
    }
}

/// The signal behind an exit code above 128.
fn signal(code: i32) -> Option<&'static str> {
    Some(match code {
        129 => "SIGHUP",
        130 => "SIGINT",
        131 => "SIGQUIT",
        132 => "SIGILL",
        134 => "SIGABRT",
        135 => "SIGBUS",
        136 => "SIGFPE",
        137 => "SIGKILL",
        139 => "SIGSEGV",
        141 => "SIGPIPE",
        143 => "SIGTERM",
        _ => return None,
    })
}

fn lines(app: &App, entry: &Entry) -> Vec<Line> {
    let c = &entry.container;
    let ago = |nanos: i64| {
        if nanos == 0 {
            return "never".to_string();
        }
        format!("{} ({} ago)", text::clock(nanos, app.offset), text::age(app.now - nanos))
    };
    let (why, role) = why(entry);
    let restarts = match (c.restart_policy.as_str(), c.restart_max) {
        ("on-failure", max) if max > 0 => format!("on-failure, {} of {max} used", c.restarts),
        ("" | "no", _) => "no restart policy".to_string(),
        (policy, _) => format!("{policy}, restarted {} times", c.restarts),
    };
    let mut out: Vec<Line> = vec![
        ("state", format!("{} since {}", state(entry), ago(entry.since())), sign(app, entry).1),
        ("why", why, role),
        ("restarts", restarts, Role::Plain),
        ("memory", memory(entry), Role::Plain),
        ("cpu", cpu(entry), Role::Plain),
        ("image", c.image.clone(), Role::Info),
        ("command", c.command.join(" "), Role::Plain),
        ("id", c.id.get(..12).unwrap_or(&c.id).to_string(), Role::Plain),
        ("created", ago(c.created_at_nanos), Role::Plain),
        ("started", ago(c.started_at_nanos), Role::Plain),
    ];
    if c.finished_at_nanos > 0 {
        out.push(("finished", ago(c.finished_at_nanos), Role::Plain));
    }
    if c.pid > 0 {
        out.push(("pid", c.pid.to_string(), Role::Plain));
    }
    out.push(("network", c.network_mode.clone(), Role::Plain));
    for (title, values) in [("ports", &c.ports), ("mounts", &c.mounts)] {
        out.extend(
            values
                .iter()
                .enumerate()
                .map(|(n, v)| (if n == 0 { title } else { "" }, v.clone(), Role::Plain)),
        );
    }
    out.extend(c.labels.iter().enumerate().map(|(n, (name, value))| {
        (if n == 0 { "labels" } else { "" }, format!("{name}={value}"), Role::Plain)
    }));
    out
}

fn memory(entry: &Entry) -> String {
    let kills = match entry.container.oom_kills {
        0 => String::new(),
        1 => "  1 OOM kill".into(),
        n => format!("  {n} OOM kills"),
    };
    let Some(s) = entry.figures() else { return format!("limit {}{kills}", limit(entry)) };
    let share = entry.memory_percent().map_or(String::new(), |p| format!(" ({p:.0}%)"));
    format!(
        "{} of {}{share}  OOM score {} adj {}{kills}",
        used(entry),
        limit(entry),
        s.oom_score,
        super::stats::adjustment(s)
    )
}

fn cpu(entry: &Entry) -> String {
    let limit = match entry.container.nano_cpus {
        0 => "no limit".to_string(),
        nanos => format!("limit {} cpus", nanos as f64 / 1e9),
    };
    match entry.figures() {
        Some(s) => {
            let word = if s.pids == 1 { "process" } else { "processes" };
            format!("{}% ({limit})  {} {word}", text::percent(s.cpu_percent), s.pids)
        }
        None => limit,
    }
}
