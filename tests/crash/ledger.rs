//! What was asked for and what was acknowledged, container by container: the truth that a restarted
//! daemon is held to.

/// One container of the storm.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Its name, never used twice.
    pub name: String,
    /// The status with which its program ends.
    pub code: i64,
    /// Lines that its program writes.
    pub lines: u64,
    /// What became of `create`, `start` and `remove`.
    pub created: Step,
    /// See above.
    pub started: Step,
    /// See above.
    pub removed: Step,
}

/// What a client knows of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// Not asked for.
    #[default]
    No,
    /// Asked for; the connection broke before an answer.
    Unknown,
    /// Acknowledged.
    Done,
}

impl Entry {
    /// A plan: name, exit status and lines from a number.
    pub fn plan(number: u64) -> Self {
        let (code, lines) = ((number % 120) as i64, 20 + number % 60);
        Self { name: format!("storm{number}"), code, lines, ..Self::default() }
    }

    /// The program.
    pub fn command(&self) -> String {
        format!("log {} 60 200; exit {}", self.lines, self.code)
    }
}
