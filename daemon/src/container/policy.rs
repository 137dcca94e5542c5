//! Which verb is allowed in which state, with Docker's words for a refusal. One pure table; nothing
//! here acts.

use super::state::{Status, View};
use shared::error::{Error, Kind};

/// What is asked of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Start it.
    Start,
    /// End it, first politely.
    Stop,
    /// Stop and start.
    Restart,
    /// Send a signal.
    Kill,
    /// Freeze.
    Pause,
    /// Thaw.
    Unpause,
    /// Remove it when it does not run.
    Remove,
    /// Remove it, killing it if it runs.
    RemoveByForce,
    /// Give it another name.
    Rename,
    /// Change resources.
    Update,
    /// Set the terminal's size.
    Resize,
    /// Run a further process.
    Exec,
    /// List processes.
    Top,
    /// Attach to its streams.
    Attach,
}

/// The judgement.
#[derive(Debug)]
pub enum Judgement {
    /// Go on.
    Allow,
    /// There is nothing to do.
    Already,
    /// No, and why.
    Deny(Error),
}

/// The table: a verb in a state.
pub fn judge(view: &View, verb: Verb) -> Judgement {
    use Judgement::{Allow, Already};
    use Status::{Created, Dead, Exited, Paused, Removing, Restarting, Running};
    let id = view.id();
    let not_running = || deny(format!("Container {id} is not running"));
    match (verb, view.status()) {
        (Verb::Remove | Verb::RemoveByForce, Removing) => {
            deny(format!("removal of container {id} is already in progress"))
        }
        (Verb::RemoveByForce, _) => Allow,
        (Verb::Remove, Running | Restarting) => deny(format!(
            "You cannot remove a {} container {id}. Stop the container before attempting removal or force remove",
            view.status().as_str()
        )),
        (Verb::Remove, Paused) => deny(format!(
            "You cannot remove a paused container {id}. Unpause and then stop the container before attempting removal or force remove"
        )),
        (Verb::Remove, Created | Exited | Dead) => Allow,
        (_, Removing | Dead) => match verb {
            Verb::Start | Verb::Restart => {
                deny("container is marked for removal and cannot be started".into())
            }
            Verb::Stop => Already,
            Verb::Rename | Verb::Update => deny(format!("Container {id} is marked for removal")),
            _ => not_running(),
        },
        (Verb::Start, Running) => Already,
        (Verb::Start, Paused) => {
            deny("cannot start a paused container, try unpause instead".into())
        }
        (Verb::Start, Created | Exited | Restarting) => Allow,
        (Verb::Stop, Created | Exited) => Already,
        (Verb::Stop, Running | Paused | Restarting) => Allow,
        (Verb::Restart | Verb::Rename | Verb::Update, _) => Allow,
        (Verb::Kill, Running | Paused | Restarting) => Allow,
        (Verb::Kill, Created | Exited) => not_running(),
        (Verb::Pause, Running) => Allow,
        (Verb::Pause, Paused) => deny(format!("Container {id} is already paused")),
        (Verb::Pause, Restarting) => restarting(view),
        (Verb::Pause, Created | Exited) => not_running(),
        (Verb::Unpause, Paused) => Allow,
        (Verb::Unpause, _) => deny(format!("Container {id} is not paused")),
        (Verb::Exec, Paused) => {
            deny(format!("Container {} is paused, unpause the container before exec", view.name()))
        }
        (Verb::Exec | Verb::Top, Restarting) => restarting(view),
        (Verb::Exec | Verb::Resize, Running) | (Verb::Top | Verb::Resize, Running | Paused) => {
            Allow
        }
        (Verb::Exec | Verb::Top | Verb::Resize, _) => not_running(),
        (Verb::Attach, Paused) => {
            deny(format!("container {id} is paused, unpause the container before attach"))
        }
        (Verb::Attach, Restarting) => {
            deny(format!("container {id} is restarting, wait until the container is running"))
        }
        (Verb::Attach, Created | Running | Exited) => Allow,
    }
}

fn restarting(view: &View) -> Judgement {
    deny(format!("Container {} is restarting, wait until the container is running", view.id()))
}

fn deny(message: String) -> Judgement {
    Judgement::Deny(Error::new(Kind::Conflict, message))
}

#[cfg(test)]
mod tests {
    use super::super::record::{Decided, Record};
    use super::super::state::State;
    use super::*;
    use serde_json::value::RawValue;
    use shared::id::ContainerId;
    use std::sync::Arc;

    fn view(status: Status) -> View {
        let asked = RawValue::from_string("{}".into()).unwrap();
        let decided = Decided { name: "web".into(), ..Decided::default() };
        let record = Record::new(ContainerId::generate(), asked, decided).unwrap();
        let state = State { status, ..State::default() };
        View { record: Arc::new(record), state, health: None, execs: Arc::default(), log_lost: 0 }
    }

    fn word(status: Status, verb: Verb) -> String {
        let view = view(status);
        match judge(&view, verb) {
            Judgement::Allow => "allow".into(),
            Judgement::Already => "already".into(),
            Judgement::Deny(error) => {
                assert_eq!(error.kind(), Kind::Conflict);
                error.to_string().replace(view.id().as_str(), "<id>")
            }
        }
    }

    #[test]
    fn the_recorded_answers() {
        use Status::{Exited, Paused, Running};
        for (status, verb, expected) in [
            (Running, Verb::Start, "already"),
            (Exited, Verb::Start, "allow"),
            (Exited, Verb::Stop, "already"),
            (Exited, Verb::Pause, "Container <id> is not running"),
            (Running, Verb::Unpause, "Container <id> is not paused"),
            (Exited, Verb::Kill, "Container <id> is not running"),
            (Paused, Verb::Pause, "Container <id> is already paused"),
            (Paused, Verb::Start, "cannot start a paused container, try unpause instead"),
            (Paused, Verb::Exec, "Container web is paused, unpause the container before exec"),
            (Exited, Verb::Exec, "Container <id> is not running"),
            (Exited, Verb::Top, "Container <id> is not running"),
            (Exited, Verb::Resize, "Container <id> is not running"),
            (
                Running,
                Verb::Remove,
                "You cannot remove a running container <id>. Stop the container before attempting removal or force remove",
            ),
        ] {
            assert_eq!(word(status, verb), expected, "{verb:?} in {status:?}");
        }
    }

    #[test]
    fn a_dead_container_can_only_be_removed() {
        assert_eq!(word(Status::Dead, Verb::Remove), "allow");
        assert_eq!(word(Status::Dead, Verb::RemoveByForce), "allow");
        for verb in [Verb::Start, Verb::Restart, Verb::Kill, Verb::Pause, Verb::Exec, Verb::Rename]
        {
            assert_ne!(word(Status::Dead, verb), "allow", "{verb:?}");
        }
    }
}
