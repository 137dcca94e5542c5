//! Images.

pub mod unpack;
