//! One verb a file: what an owner does when it is asked, each a recipe that reads top to bottom.
//!
//! The order is always the same: intent, act, fact, event, answer.

mod attach;
mod create;
mod exec;
pub(super) mod exit;
mod kill;
mod pause;
mod prune;
mod remove;
mod rename;
mod start;
mod stop;
mod update;
