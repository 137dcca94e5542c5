//! The console on a real terminal: taking it, giving it back whatever happens, and the one loop.

mod guard;
#[cfg(test)]
mod panic;
mod session;
mod sink;

use crate::app::App;
use crate::effect::Effects;
use crate::message::Message;
use crate::rt;
use crate::theme::Theme;
use crossterm::terminal;
use shared::client::Client;
use shared::error::{Context, Error, Kind, Result};
use std::io::IsTerminal;

/// Messages that may wait for the loop: effects are held back beyond that.
const QUEUE: usize = 256;

/// How the console was asked to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// How everything is drawn.
    pub theme: Theme,
    /// Seconds that local time is east of UTC.
    pub offset: i32,
}

/// Opens the console and stays until it is left; returns the exit code.
pub fn open(client: Client, options: Options) -> Result<i32> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Error::new(Kind::Invalid, "the console needs a terminal; try `coffer ps`"));
    }
    // NO_COLOR is honoured by the theme. crossterm would turn every colour into a reset, which ends
    // the reversed line of the selection at the first coloured cell.
    crossterm::style::force_color_output(true);
    let size = terminal::size().context("ask for the size of the terminal")?;
    let endpoint = client.endpoint().to_string();
    let app = App::new(options.theme, size, rt::now(), options.offset, endpoint);
    let (sender, messages) = async_channel::bounded::<Message>(QUEUE);
    let effects = Effects::new(client, sender);
    rt::block_on(session::run(app, effects, messages))
}
