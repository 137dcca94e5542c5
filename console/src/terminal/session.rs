//! The one loop: wait for a key, a message, a signal or the next moment; change the state; draw once.
//!
//! Everything that is already there is taken before a frame is drawn. A key is answered at once, the
//! stream at most twenty times a second, and more rarely when the terminal is slow to take a frame.

use super::guard::TermGuard;
use super::sink::Sink;
use crate::app::App;
use crate::cli;
use crate::command::Command;
use crate::effect::Effects;
use crate::message::{Message, Tone};
use crate::rt::now;
use crate::screen;
use crate::signal::{self, Watch};
use crate::update::{absorb, settle, update};
use async_channel::Receiver;
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{Event, EventStream};
use crossterm::{execute, terminal};
use futures_util::stream::{Fuse, StreamExt};
use futures_util::{FutureExt, poll, select_biased};
use ratatui::Terminal;
use shared::error::{Context, Result};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use std::io::{Stdout, stdout};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Shortest time between two frames that no key has asked for.
const FRAME: Duration = Duration::from_millis(50);
/// Messages taken at most before a frame.
const BATCH: usize = 512;

struct Session {
    app: App,
    effects: Effects,
    guard: TermGuard,
    terminal: Terminal<Sink<Stdout>>,
    input: Option<Fuse<EventStream>>,
    drawn: Instant,
    pause: Duration,
}

/// What ended the wait.
enum Woke {
    Input(Option<std::io::Result<Event>>),
    Message(Message),
    Signal(i32),
    Time,
}

/// What follows from commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Stay,
    Leave,
}

/// Runs until the console is left; returns the exit code.
pub async fn run(app: App, effects: Effects, messages: Receiver<Message>) -> Result<i32> {
    let signals = signal::watch()?;
    let guard = TermGuard::take()?;
    let terminal = Terminal::new(Sink::new(stdout())).context("open the screen")?;
    let mut session = Session {
        app,
        effects,
        guard,
        terminal,
        input: Some(EventStream::new().fuse()),
        drawn: Instant::now(),
        pause: FRAME,
    };
    session.terminal.clear().context("clear the screen")?;
    session.effects.run(Command::Connect { after: None });
    session.draw()?;
    loop {
        if let Some(code) = session.turn(&messages, &signals).await? {
            return Ok(code);
        }
    }
}

impl Session {
    /// One turn of the loop; the exit code when it was the last.
    async fn turn(&mut self, messages: &Receiver<Message>, signals: &Watch) -> Result<Option<i32>> {
        let (woke, urgent) = self.wait(messages, signals).await;
        let mut batch = vec![Message::Tick { now: now() }];
        match woke {
            Woke::Signal(SIGTSTP) => self.suspend()?,
            Woke::Signal(SIGCONT) => self.redraw()?,
            Woke::Signal(signal) => return Ok(Some(128 + signal)),
            // The terminal is gone.
            Woke::Input(None | Some(Err(_))) => return Ok(Some(129)),
            Woke::Input(Some(Ok(event))) => batch.extend(message_of(event)),
            Woke::Message(message) => batch.push(message),
            Woke::Time => {}
        }
        self.drain(messages, &mut batch).await;
        for message in batch {
            let commands = match message {
                Message::Frames(_) | Message::Tick { .. } => absorb(&mut self.app, message),
                other => update(&mut self.app, other),
            };
            if self.execute_all(commands).await? == Next::Leave {
                return Ok(Some(0));
            }
        }
        if self.app.dirty && (urgent || self.drawn.elapsed() >= self.pause) {
            let commands = settle(&mut self.app);
            self.execute_all(commands).await?;
            self.draw()?;
        }
        Ok(None)
    }

    async fn execute_all(&mut self, commands: Vec<Command>) -> Result<Next> {
        for command in commands {
            if command == Command::Quit {
                return Ok(Next::Leave);
            }
            self.execute(command).await?;
        }
        Ok(Next::Stay)
    }

    async fn wait(&mut self, messages: &Receiver<Message>, signals: &Watch) -> (Woke, bool) {
        let wake = u64::try_from(self.app.next_wake() - now()).unwrap_or(0);
        let mut limit = Duration::from_nanos(wake);
        if self.app.dirty {
            limit = limit.min(self.pause.saturating_sub(self.drawn.elapsed()));
        }
        let input = self.input.get_or_insert_with(|| EventStream::new().fuse());
        select_biased! {
            event = input.next() => (Woke::Input(event), true),
            signal = signals.signals.recv().fuse() => (signal.map_or(Woke::Time, Woke::Signal), true),
            message = messages.recv().fuse() => (message.map_or(Woke::Time, Woke::Message), false),
            () = crate::rt::sleep(limit).fuse() => (Woke::Time, false),
        }
    }

    /// Takes everything that is already there. Input is polled in this task only: crossterm remembers
    /// the first waker that it was given.
    async fn drain(&mut self, messages: &Receiver<Message>, batch: &mut Vec<Message>) {
        if let Some(input) = self.input.as_mut() {
            while batch.len() < BATCH {
                let Poll::Ready(Some(Ok(event))) = poll!(input.next()) else { break };
                batch.extend(message_of(event));
            }
        }
        while batch.len() < BATCH {
            let Ok(message) = messages.try_recv() else { break };
            batch.push(message);
        }
    }

    fn draw(&mut self) -> Result<()> {
        let begin = Instant::now();
        // The news of a size may come after the size itself: what is drawn is for the present one.
        let size = self.terminal.size().context("ask for the size of the terminal")?;
        if (size.width, size.height) != self.app.size {
            let (width, height) = (size.width, size.height);
            update(&mut self.app, Message::Resize { width, height });
        }
        let app = &self.app;
        let drawn = self.terminal.draw(|frame| screen::draw(app, frame)).context("draw")?;
        // It may have changed once more in between: then nothing was drawn.
        self.app.dirty = (drawn.area.width, drawn.area.height) != self.app.size;
        self.drawn = Instant::now();
        // A terminal that takes long (a slow line) gets fewer frames.
        self.pause = FRAME.max(begin.elapsed() * 4).min(Duration::from_secs(1));
        Ok(())
    }

    fn redraw(&mut self) -> Result<()> {
        let (width, height) = terminal::size().context("ask for the size of the terminal")?;
        self.terminal.clear().context("clear the screen")?;
        update(&mut self.app, Message::Resize { width, height });
        self.draw()
    }

    /// Gives the terminal to the shell until `fg`.
    fn suspend(&mut self) -> Result<()> {
        self.input = None;
        self.guard.leave();
        signal::stop()?;
        self.guard.enter()?;
        self.redraw()
    }

    async fn execute(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Suspend => self.suspend()?,
            Command::Redraw => self.redraw()?,
            Command::Copy(text) => self.copy(&text),
            Command::Shell(target) => {
                let title = format!("shell in {} (exit or ^D to come back)", target.name);
                let client = self.effects.client().clone();
                self.lend(&title, cli::exec::shell(&client, &target.id)).await?;
            }
            Command::Attach(target) => {
                let title = format!("attached to {} (^P ^Q to come back)", target.name);
                let client = self.effects.client().clone();
                self.lend(&title, cli::attach::terminal(&client, &target.id)).await?;
            }
            other => self.effects.run(other),
        }
        Ok(())
    }

    /// Lends the terminal to something that reads keys itself.
    async fn lend(
        &mut self,
        title: &str,
        work: impl Future<Output = Result<String>>,
    ) -> Result<()> {
        self.input = None;
        self.guard.leave();
        cli::output::line(title)?;
        let result = work.await;
        self.guard.enter()?;
        self.redraw()?;
        match result {
            Ok(said) => self.say(Tone::Good, said),
            Err(error) => self.say(Tone::Bad, error.to_string()),
        }
        Ok(())
    }

    fn copy(&mut self, text: &str) {
        match execute!(stdout(), CopyToClipboard::to_clipboard_from(text)) {
            Ok(()) => self.say(Tone::Good, format!("copied {} characters", text.chars().count())),
            Err(error) => self.say(Tone::Bad, format!("cannot copy: {error}")),
        }
    }

    fn say(&mut self, tone: Tone, text: String) {
        update(&mut self.app, Message::Notice { tone, text });
    }
}

fn message_of(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) => Some(Message::Key(key)),
        Event::Paste(text) => Some(Message::Paste(text)),
        Event::Resize(width, height) => Some(Message::Resize { width, height }),
        Event::FocusGained | Event::FocusLost | Event::Mouse(_) => None,
    }
}
