//! The restart policy: an exit and its history in, "no" or "after this delay" out. Pure.

use crate::container::state::State;
use shared::docker::{RestartPolicy, RestartPolicyNameEnum as Name};
use std::time::Duration;

/// The first delay; it doubles with each restart.
pub const FIRST: Duration = Duration::from_millis(100);
/// The longest delay.
pub const LONGEST: Duration = Duration::from_secs(60);
/// A run at least this long makes the next delay the first one again.
pub const STEADY: Duration = Duration::from_secs(10);

/// What to do after an exit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays down.
    No,
    /// Start it again after this delay.
    After(Duration),
}

/// Judges an exit: `state` already holds the exit code and both times; `backoff_ms` is the delay
/// used before.
pub fn decide(policy: Option<&RestartPolicy>, state: &State) -> Decision {
    if state.stopped_by_hand || !wants_another(policy, state) {
        return Decision::No;
    }
    let ran = Duration::from_nanos(state.run_nanos(state.finished_at_nanos).unsigned_abs());
    let last = Duration::from_millis(state.backoff_ms);
    let delay = if ran >= STEADY || last.is_zero() { FIRST } else { (last * 2).min(LONGEST) };
    Decision::After(delay)
}

fn wants_another(policy: Option<&RestartPolicy>, state: &State) -> bool {
    let Some(policy) = policy else { return false };
    match policy.name.unwrap_or(Name::NO) {
        Name::ALWAYS | Name::UNLESS_STOPPED => true,
        Name::ON_FAILURE => {
            let most = policy.maximum_retry_count.unwrap_or(0);
            state.exit_code != 0 && (most <= 0 || i64::from(state.restarts) < most)
        }
        Name::EMPTY | Name::NO => false,
    }
}

/// Whether a container that does not run is started when the daemon starts: `always` even when it
/// was stopped by hand, `unless-stopped` only when not, `on-failure` only when it had failed.
pub fn at_boot(policy: Option<&RestartPolicy>, state: &State) -> bool {
    if state.started_at_nanos == 0 {
        return false;
    }
    match policy.and_then(|policy| policy.name).unwrap_or(Name::NO) {
        Name::ALWAYS => true,
        Name::UNLESS_STOPPED => !state.stopped_by_hand,
        Name::ON_FAILURE => !state.stopped_by_hand && wants_another(policy, state),
        Name::EMPTY | Name::NO => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(name: Name, most: i64) -> RestartPolicy {
        RestartPolicy { name: Some(name), maximum_retry_count: Some(most) }
    }

    fn exited(code: i32, seconds: i64) -> State {
        let nanos = 1_000_000_000;
        State {
            exit_code: code,
            started_at_nanos: nanos,
            finished_at_nanos: nanos + seconds * nanos,
            ..State::default()
        }
    }

    #[test]
    fn delays_double_up_to_a_minute_and_start_again_after_a_steady_run() {
        let always = policy(Name::ALWAYS, 0);
        let mut state = exited(1, 0);
        let mut delays = Vec::new();
        for _ in 0..12 {
            let Decision::After(delay) = decide(Some(&always), &state) else {
                panic!("no restart")
            };
            state.backoff_ms = u64::try_from(delay.as_millis()).unwrap();
            delays.push(state.backoff_ms);
        }
        assert_eq!(delays[..4], [100, 200, 400, 800]);
        assert_eq!(delays[10..], [60_000, 60_000]);
        state.finished_at_nanos = state.started_at_nanos + 10_000_000_000;
        assert_eq!(decide(Some(&always), &state), Decision::After(FIRST));
    }

    #[test]
    fn on_failure_counts() {
        let twice = policy(Name::ON_FAILURE, 2);
        assert_eq!(decide(Some(&twice), &exited(0, 1)), Decision::No);
        let mut state = exited(3, 1);
        assert_eq!(decide(Some(&twice), &state), Decision::After(FIRST));
        state.restarts = 2;
        assert_eq!(decide(Some(&twice), &state), Decision::No);
    }

    #[test]
    fn a_stop_by_hand_ends_it_and_only_always_comes_back_at_boot() {
        let state = State { stopped_by_hand: true, ..exited(137, 1) };
        for name in [Name::ALWAYS, Name::UNLESS_STOPPED, Name::ON_FAILURE] {
            assert_eq!(decide(Some(&policy(name, 0)), &state), Decision::No);
        }
        assert!(at_boot(Some(&policy(Name::ALWAYS, 0)), &state));
        assert!(!at_boot(Some(&policy(Name::UNLESS_STOPPED, 0)), &state));
        assert!(!at_boot(Some(&policy(Name::ALWAYS, 0)), &State::default()));
        assert!(!at_boot(None, &exited(1, 1)));
    }
}
