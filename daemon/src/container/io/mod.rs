//! What goes in and out of a container: streams, logs, files, numbers. Each file takes plain arguments
//! (paths, process ids, descriptors) and knows nothing of owners; the owner decides when it may run.

pub mod archive;
pub mod attach;
pub mod detach;
pub mod logs;
pub mod root;
pub mod stats;
pub mod top;
