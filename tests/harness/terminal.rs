//! A program on a pseudo terminal of its own: what a user at a keyboard sees and types.

use crate::wait;
use portable_pty::{Child, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A running program and its screen's raw output.
pub struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts `command` with `rows` and `columns`.
    ///
    /// # Panics
    /// When there are no pseudo terminals here.
    pub fn start(command: &Command, rows: u16, columns: u16) -> Self {
        let pair = native_pty_system().openpty(size(rows, columns)).expect("a pseudo terminal");
        let mut builder = portable_pty::CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(key, value),
                None => builder.env_remove(key),
            }
        }
        let child = pair.slave.spawn_command(builder).expect("start on a terminal");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let sink = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails once the program has closed its side.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                sink.lock().expect("the output").extend_from_slice(&buffer[..read]);
            }
        });
        let writer = pair.master.take_writer().expect("a writer");
        Self { master: pair.master, writer, child, seen }
    }

    /// Types.
    pub fn send(&mut self, text: &str) {
        self.writer.write_all(text.as_bytes()).expect("type");
        self.writer.flush().expect("type");
    }

    /// Everything that was shown so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("the output")).into_owned()
    }

    /// The bytes that were shown after the first `known`.
    pub fn seen_after(&self, known: usize) -> Vec<u8> {
        let seen = self.seen.lock().expect("the output");
        seen.get(known..).unwrap_or_default().to_vec()
    }

    /// Waits until `text` is shown.
    #[track_caller]
    pub fn expect(&self, text: &str) {
        let begin = std::time::Instant::now();
        while !self.seen().contains(text) {
            assert!(begin.elapsed() < wait::LIMIT, "{text:?} is not in {:?}", self.seen());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Process id of the program.
    ///
    /// # Panics
    /// When it has already been waited for.
    pub fn pid(&self) -> i32 {
        let pid = self.child.process_id().expect("it runs");
        i32::try_from(pid).expect("a process id")
    }

    /// Makes the window another size.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.master.resize(size(rows, columns)).expect("resize");
    }

    /// Waits for the end; exit status.
    pub fn status(&mut self) -> u32 {
        wait::until("the program on the terminal ends", wait::LIMIT, || {
            self.child.try_wait().expect("wait").map(|status| status.exit_code())
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn size(rows: u16, columns: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
