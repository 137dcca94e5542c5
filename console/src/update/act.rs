//! Acting on containers: what may be done at once, what asks first, and what became of it.
//!
//! Tier 0 happens at once: start, unpause. Tier 1 asks with the focus on Cancel: stop, restart, pause,
//! signal, remove what does not run. Tier 2 wants the name or the number typed: remove what runs, and
//! anything else on more than five.

use super::news::say;
use crate::app::overlay::Overlay;
use crate::app::overlay::{Button, Confirm, Proof};
use crate::app::{App, Job, Link};
use crate::command::Command;
use crate::fleet::Entry;
use crate::message::Tone;
use crate::text;
use crate::verb::Target;
use crate::verb::Verb;
use std::time::Duration;
use tui_input::Input;

/// More targets than this are always tier 2.
const MANY: usize = 5;
/// Targets named in the dialog.
const NAMED: usize = 6;

/// Asks for an action, or does it when it needs no question.
pub fn request(app: &mut App, verb: Verb, commands: &mut Vec<Command>) {
    let targets = app.targets();
    if targets.is_empty() {
        return say(app, Tone::Bad, "nothing is selected", String::new());
    }
    if app.link != Link::Live {
        return say(
            app,
            Tone::Bad,
            "the daemon is gone: nothing can be done until it is back",
            String::new(),
        );
    }
    let verb = sharpen(app, verb, &targets);
    let (targets, others): (Vec<_>, Vec<_>) =
        targets.into_iter().partition(|target| changes(app, verb, target));
    if targets.is_empty() {
        let words = match (others.as_slice(), verb) {
            ([one], Verb::Start) => format!("{} runs already", one.name),
            ([one], _) => format!("{} is not running", one.name),
            (_, Verb::Start) => "all of them run already".into(),
            _ => "none of them is running".into(),
        };
        return say(app, Tone::Bad, &words, String::new());
    }
    match verb {
        Verb::Start | Verb::Unpause => go(app, verb, targets, commands),
        _ => {
            let confirm = ask(app, verb, targets);
            app.overlays.push(Overlay::Confirm(Box::new(confirm)));
        }
    }
}

/// True when an action would change a container; one that is unknown is for the daemon to judge.
fn changes(app: &App, verb: Verb, target: &Target) -> bool {
    let Some(entry) = app.fleet.get(&target.id) else { return true };
    let state = entry.container.state.as_str();
    match verb {
        Verb::Start => state != "running",
        Verb::Stop => matches!(state, "running" | "paused" | "restarting"),
        Verb::Pause | Verb::Kill(_) => matches!(state, "running" | "paused"),
        Verb::Unpause | Verb::Restart | Verb::Remove | Verb::RemoveForced => true,
    }
}

/// Pause thaws when all targets are frozen; remove is forced when something runs.
fn sharpen(app: &App, verb: Verb, targets: &[Target]) -> Verb {
    let entries = || targets.iter().filter_map(|t| app.fleet.get(&t.id));
    match verb {
        Verb::Pause if entries().all(|e| e.container.state == "paused") => Verb::Unpause,
        Verb::Remove if entries().any(needs_force) => Verb::RemoveForced,
        other => other,
    }
}

fn needs_force(entry: &Entry) -> bool {
    matches!(entry.container.state.as_str(), "running" | "paused" | "restarting")
}

fn ask(app: &App, verb: Verb, targets: Vec<Target>) -> Confirm {
    let mut hit: Vec<String> = targets
        .iter()
        .take(NAMED)
        .filter_map(|t| Some(describe(app, app.fleet.get(&t.id)?)))
        .collect();
    if targets.len() > NAMED {
        hit.push(format!("... and {} more", targets.len() - NAMED));
    }
    let warning = match verb {
        Verb::Stop => "Gets its stop signal, and SIGKILL when its stop timeout has passed.",
        Verb::Restart => "Is stopped and started again; connections to it break.",
        Verb::Pause => "All processes are frozen; clients wait until they time out.",
        Verb::Kill("SIGKILL") => "Ends at once, without a chance to clean up.",
        Verb::Kill(_) => "The main process gets the signal and does with it what it wants.",
        Verb::Remove => "Its writable layer and its logs are deleted. Named volumes stay. No undo.",
        Verb::RemoveForced => {
            "It RUNS: it gets SIGKILL, then its writable layer and logs are deleted. Named volumes stay. No undo."
        }
        Verb::Start | Verb::Unpause => "",
    };
    let typed = verb == Verb::RemoveForced || targets.len() > MANY;
    let word = match targets.as_slice() {
        [one] => one.name.clone(),
        many => many.len().to_string(),
    };
    let proof = if typed { Proof::Typed { word, input: Input::default() } } else { Proof::Yes };
    Confirm { verb, targets, hit, warning: warning.into(), proof, button: Button::Cancel }
}

fn describe(app: &App, entry: &Entry) -> String {
    let c = &entry.container;
    let mut out = format!("{}  {} {}", c.name, c.state, text::age(app.now - entry.since()));
    for (word, values) in [("ports", &c.ports), ("mounts", &c.mounts)] {
        if !values.is_empty() {
            out.push_str(&format!("  {word} {}", values.join(" ")));
        }
    }
    if !matches!(c.restart_policy.as_str(), "" | "no") {
        out.push_str(&format!("  restart={}", c.restart_policy));
    }
    out
}

/// Does it.
pub fn go(app: &mut App, verb: Verb, targets: Vec<Target>, commands: &mut Vec<Command>) {
    let command = verb.command_line(&targets);
    let job = app.job.get_or_insert_with(|| Job {
        left: 0,
        total: 0,
        errors: Vec::new(),
        command: String::new(),
    });
    job.left += targets.len();
    job.total += targets.len();
    job.command = command;
    app.notice = None;
    app.dirty = true;
    commands.push(Command::Act { verb, targets });
}

/// One target is done.
pub fn done(app: &mut App, verb: Verb, name: &str, took: Duration, error: Option<String>) {
    app.dirty = true;
    let Some(job) = app.job.as_mut() else { return };
    job.left = job.left.saturating_sub(1);
    if let Some(error) = error {
        job.errors.push(format!("{} {name}: {}", verb.name(), text::clean(&error)));
    }
    if job.left > 0 {
        return;
    }
    let Some(job) = app.job.take() else { return };
    let done = job.total - job.errors.len();
    match job.errors.as_slice() {
        [] if job.total == 1 => {
            let words = format!("{} {name} in {:.1}s", verb.past(), took.as_secs_f64());
            say(app, Tone::Good, &words, job.command);
        }
        [] => say(app, Tone::Good, &format!("{} {done} containers", verb.past()), job.command),
        [one] if job.total == 1 => say(app, Tone::Bad, one, job.command),
        errors => {
            let words = format!("{} of {} failed", errors.len(), job.total);
            say(app, Tone::Bad, &words, job.command);
            app.overlays.push(Overlay::Text { title: words, lines: job.errors, offset: 0 });
        }
    }
}
