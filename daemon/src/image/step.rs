//! What a long operation tells its caller while it runs.

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A line for people, without its end.
    Line(String),
    /// A layer is being read.
    Layer {
        /// Its name so far: the first digits of its digest, or its path in the archive.
        id: String,
        /// Bytes read.
        current: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// Takes messages. Called on a blocking thread; it may block, and what it does with a message when the
/// listener is gone is its own affair.
pub type Progress = Box<dyn FnMut(Step) + Send>;
