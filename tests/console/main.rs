//! The console on a pseudo terminal, against a small daemon made for it: keys, sizes, signals, a daemon
//! that goes and comes back, what is written to the terminal, and how fast.

mod fake;
mod keyboard;
mod keys;
mod screen;
mod signals;
mod speed;
mod usage;
mod words;
