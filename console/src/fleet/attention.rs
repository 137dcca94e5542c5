//! How urgently a container needs somebody: the default order of the list.
//!
//! A level rises at once and falls only after five quiet seconds, so that rows do not flicker.

use shared::watch::{Container, STOPPED_BY_HAND};

const HOUR: i64 = 3_600_000_000_000;
/// How long a container that was started again has to run: the daemon's own measure for its delays.
const PROOF: i64 = 10_000_000_000;
/// How long a lower level must last before it is believed.
const QUIET: i64 = 5_000_000_000;

/// What is wrong, most urgent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Killed by the kernel for memory within the last hour, and not running.
    OomKilled,
    /// Ends and is started again, over and over.
    CrashLoop,
    /// Its health check fails.
    Unhealthy,
    /// Above 90 % of its memory limit.
    NearLimit,
    /// Wanted more CPU than its quota in more than a quarter of its periods.
    Throttled,
    /// Ended with an error within the last hour, or dead.
    Failed,
    /// Nothing.
    #[default]
    Calm,
}

impl Level {
    /// The level of a container now, by its object, per cent of its memory limit if it has one, and per
    /// cent of its periods in which it was throttled.
    pub fn of(c: &Container, memory: Option<f64>, throttled: f64, now: i64) -> Self {
        let recent = now - c.finished_at_nanos < HOUR && c.finished_at_nanos > 0;
        match c.state.as_str() {
            "exited" | "restarting" if c.oom_killed && recent => Level::OomKilled,
            "restarting" => Level::CrashLoop,
            "dead" => Level::Failed,
            // Stopped as somebody wanted: SIGTERM and SIGKILL are no failures then.
            "exited" if matches!(c.exit_code, 137 | 143) && c.reason == STOPPED_BY_HAND => {
                Level::Calm
            }
            "exited" if c.exit_code != 0 && recent => Level::Failed,
            // Started again a moment ago, not for the first time: it has yet to show that it stays.
            "running" if c.restarts > 1 && now - c.started_at_nanos < PROOF => Level::CrashLoop,
            "running" if c.health == "unhealthy" => Level::Unhealthy,
            "running" | "paused" if memory.is_some_and(|percent| percent > 90.0) => {
                Level::NearLimit
            }
            "running" if throttled > 25.0 => Level::Throttled,
            _ => Level::Calm,
        }
    }
}

/// The level that is shown, and since when a lower one holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attention {
    /// What is shown and sorted by.
    pub level: Level,
    lower_since: Option<i64>,
}

impl Attention {
    /// Takes note of the level of the moment.
    pub fn rise_or_calm(&mut self, level: Level, now: i64) {
        if level <= self.level {
            *self = Self { level, lower_since: None };
            return;
        }
        let since = *self.lower_since.get_or_insert(now);
        if now - since >= QUIET {
            *self = Self { level, lower_since: None };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_at_once_and_falls_late() {
        let mut attention = Attention::default();
        attention.rise_or_calm(Level::Unhealthy, 0);
        assert_eq!(attention.level, Level::Unhealthy);
        attention.rise_or_calm(Level::Calm, 1);
        attention.rise_or_calm(Level::Calm, QUIET);
        assert_eq!(attention.level, Level::Unhealthy);
        attention.rise_or_calm(Level::Calm, QUIET + 1);
        assert_eq!(attention.level, Level::Calm);
        attention.rise_or_calm(Level::OomKilled, QUIET + 2);
        assert_eq!(attention.level, Level::OomKilled);
    }
}
