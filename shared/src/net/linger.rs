//! The end of a connection whose peer may still be sending.
//!
//! Closing a socket with unread input resets the connection: a peer that was refused in the middle of its
//! body would find an error where the answer is. So our side is shut down first, and what still comes is
//! read and dropped, within limits.

use crate::net::stop::Guard;
use crate::net::stream::Stream;
use futures_util::future::{Either, select};
use futures_util::io::{AsyncReadExt, AsyncWriteExt};
use std::pin::pin;
use std::time::Duration;

/// A peer that still sends after so long does not want the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are dropped at most: clients that send a body before they read the answer get it for bodies
/// up to this size.
const BYTES: u64 = 256 << 20;
/// Read at once.
const PIECE: usize = 16 << 10;

/// Ends `stream`; returns when the peer has gone, when it has had its time, or when the server stops.
pub async fn linger(mut stream: Stream, guard: &Guard) {
    if stream.close().await.is_err() {
        return; // the peer has gone first
    }
    let dropped = pin!(drop_input(&mut stream));
    let limit = async {
        let late = async_io::Timer::after(PATIENCE);
        select(late, pin!(guard.stopping())).await;
    };
    match select(dropped, pin!(limit)).await {
        Either::Left(_) | Either::Right(_) => {}
    }
}

async fn drop_input(stream: &mut Stream) {
    // Nearly always the peer has nothing more to say: no room is taken for it.
    let mut little = [0; 64];
    let mut room = Vec::new();
    let mut left = BYTES;
    loop {
        let buffer = if room.is_empty() { &mut little[..] } else { &mut room[..] };
        match stream.read(buffer).await {
            Ok(length) if length > 0 && left > length as u64 => left -= length as u64,
            _ => return,
        }
        room.resize(PIECE, 0);
    }
}
