//! Operations that may be asked for twice: a daemon that died between asking and hearing asks again,
//! and gets the first result. Never runs one.

use shared::error::Error;
use shared::shim::Failure;
use std::collections::VecDeque;

/// Results kept: a daemon repeats only what it had not heard of, and it has few open at a time.
const KEPT: usize = 64;

/// Who waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Which connection; one that has closed meanwhile is no error.
    pub connection: u64,
    /// The number of the request.
    pub request: u64,
}

/// How an operation came out.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A process exists: its pid and, once it runs, when that began.
    Process(i32, i64),
    /// It failed.
    Failed(Failure),
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

/// What to do about a request.
#[derive(Debug)]
pub enum Begin {
    /// It is new: do it.
    New,
    /// It is being done: the ticket was noted.
    Joined,
    /// It was done.
    Finished(Outcome),
}

#[derive(Debug)]
enum State {
    Running(Vec<Ticket>),
    Finished(Outcome),
}

/// The operations of one shim.
#[derive(Debug, Default)]
pub struct Operations {
    all: VecDeque<(String, State)>,
}

impl Operations {
    /// Notes that `ticket` asks for `name`.
    pub fn begin(&mut self, name: &str, ticket: Ticket) -> Begin {
        let found = self.all.iter_mut().find(|(known, _)| known == name);
        match found.map(|(_, state)| state) {
            Some(State::Finished(outcome)) => Begin::Finished(outcome.clone()),
            Some(State::Running(tickets)) => {
                tickets.push(ticket);
                Begin::Joined
            }
            None => {
                self.all.push_back((name.to_owned(), State::Running(vec![ticket])));
                Begin::New
            }
        }
    }

    /// Notes the outcome; returns who waits for it.
    pub fn finish(&mut self, name: &str, outcome: &Outcome) -> Vec<Ticket> {
        let Some((_, state)) = self.all.iter_mut().find(|(known, _)| known == name) else {
            return Vec::new();
        };
        let before = std::mem::replace(state, State::Finished(outcome.clone()));
        while self.all.len() > KEPT {
            let oldest = self.all.iter().position(|(_, state)| matches!(state, State::Finished(_)));
            let Some(oldest) = oldest else { break };
            self.all.remove(oldest);
        }
        match before {
            State::Running(tickets) => tickets,
            State::Finished(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeat_joins_and_later_gets_the_first_result() {
        let mut operations = Operations::default();
        let ticket = |request| Ticket { connection: 1, request };
        assert!(matches!(operations.begin("a", ticket(1)), Begin::New));
        assert!(matches!(operations.begin("a", ticket(2)), Begin::Joined));
        assert_eq!(operations.finish("a", &Outcome::Process(7, 0)), [ticket(1), ticket(2)]);
        let again = operations.begin("a", ticket(3));
        assert!(matches!(again, Begin::Finished(Outcome::Process(7, 0))));
    }

    #[test]
    fn old_results_go_and_running_ones_stay() {
        let mut operations = Operations::default();
        let ticket = Ticket { connection: 1, request: 1 };
        operations.begin("runs", ticket);
        for number in 0..2 * KEPT {
            operations.begin(&number.to_string(), ticket);
            operations.finish(&number.to_string(), &Outcome::Process(1, 0));
        }
        assert_eq!(operations.all.len(), KEPT);
        assert!(matches!(operations.begin("runs", ticket), Begin::Joined));
        assert!(matches!(operations.begin("0", ticket), Begin::New));
    }
}
