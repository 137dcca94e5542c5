//! The state under messages: what keys and the stream do, random messages, and what is then on screen.

mod fixture;
mod keys;
mod picture;
mod random;
mod screens;
mod speed;
mod stream;
