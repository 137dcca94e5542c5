//! Takes the terminal and gives it back: on leaving, on an error, on a panic in any thread.
//!
//! There is one panic hook, however often the terminal is taken; entering and leaving twice does no
//! harm. The two flags are the only global state of the console: a panic hook has no other way to know.

use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use shared::error::{Context, Result};
use std::io::stdout;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Holds the terminal; gives it back when dropped.
#[derive(Debug)]
pub struct TermGuard(());

impl TermGuard {
    /// Takes the terminal: raw mode, alternate screen, no cursor.
    pub fn take() -> Result<Self> {
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let ours = TAKEN.load(Ordering::SeqCst);
                give_back();
                before(info);
                if ours {
                    // A panic in a task would else leave the loop running on a screen given back.
                    std::process::exit(101);
                }
            }));
        });
        let guard = Self(());
        guard.enter()?;
        Ok(guard)
    }

    /// Takes it again after [`TermGuard::leave`].
    pub fn enter(&self) -> Result<()> {
        if TAKEN.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        terminal::enable_raw_mode().context("set the terminal to raw mode")?;
        execute!(
            stdout(),
            EnterAlternateScreen,
            EnableBracketedPaste,
            EnableFocusChange,
            cursor::Hide
        )
        .context("take the terminal")
    }

    /// Gives it back for a while.
    pub fn leave(&self) {
        give_back();
    }
}

impl Drop for TermGuard {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone.
        let _ = execute!(
            stdout(),
            EndSynchronizedUpdate,
            DisableFocusChange,
            DisableBracketedPaste,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = terminal::disable_raw_mode();
    }
}
