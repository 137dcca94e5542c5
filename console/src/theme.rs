//! Colours by meaning: screens ask for a [`Role`], never for a colour.
//!
//! Sixteen ANSI colours on the terminal's own foreground and background, never black or white text.
//! Without colour the same roles are told apart by bold, dim, underline and reverse only; a state is
//! always a glyph and a word, so that colour is never the only sign.

use ratatui::style::{Color, Modifier, Style};

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// Less important text, and everything while the daemon is away.
    Dim,
    /// Column titles and headings.
    Title,
    /// Borders and rules.
    Border,
    /// The selected row.
    Selected,
    /// The selected row when it is worth a look.
    SelectedWarn,
    /// The selected row when it needs somebody.
    SelectedBad,
    /// The selected row of a pane that has not the focus.
    SelectedIdle,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Needs somebody.
    Bad,
    /// Neutral emphasis: images, names of others.
    Info,
    /// Keys in help and footer, the active tab.
    Accent,
}

/// Colour or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Sixteen ANSI colours.
    Ansi,
    /// Only bold, dim, underline and reverse.
    Mono,
}

/// Which glyphs the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Box drawing, blocks, bullets; all one cell wide, none with an emoji form.
    Unicode,
    /// `+-|` and letters.
    Ascii,
}

/// How everything is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Colour or none.
    pub palette: Palette,
    /// Which glyphs.
    pub charset: Charset,
}

impl Role {
    /// The bar over a selected row that means this.
    pub fn selected(self) -> Self {
        match self {
            Role::Bad => Role::SelectedBad,
            Role::Warn => Role::SelectedWarn,
            _ => Role::Selected,
        }
    }
}

impl Theme {
    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        match self.palette {
            Palette::Ansi => ansi(role),
            Palette::Mono => mono(role),
        }
    }

    /// The style of a bar over a whole line: it replaces every colour below it, so that the line is one
    /// piece from its first cell to its last.
    pub fn bar(self, role: Role) -> Style {
        Style::reset().patch(self.style(role))
    }

    /// The glyphs.
    pub fn glyphs(self) -> &'static Glyphs {
        match self.charset {
            Charset::Unicode => &UNICODE,
            Charset::Ascii => &ASCII,
        }
    }
}

fn ansi(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Plain => style,
        Role::Dim => style.fg(Color::DarkGray),
        Role::Title => style.add_modifier(Modifier::BOLD),
        Role::Border => style.fg(Color::DarkGray),
        Role::Selected => style.fg(Color::Cyan).add_modifier(Modifier::REVERSED),
        Role::SelectedWarn => style.fg(Color::Yellow).add_modifier(Modifier::REVERSED),
        Role::SelectedBad => style.fg(Color::Red).add_modifier(Modifier::REVERSED),
        Role::SelectedIdle => style.fg(Color::DarkGray).add_modifier(Modifier::REVERSED),
        Role::Good => style.fg(Color::Green),
        Role::Warn => style.fg(Color::Yellow),
        Role::Bad => style.fg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Info => style.fg(Color::Cyan),
        Role::Accent => style.fg(Color::Cyan).add_modifier(Modifier::BOLD),
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Plain | Role::Good | Role::Info => style,
        Role::Dim | Role::Border => style.add_modifier(Modifier::DIM),
        Role::Title | Role::Warn | Role::Accent => style.add_modifier(Modifier::BOLD),
        Role::Bad => style.add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
        Role::Selected | Role::SelectedWarn | Role::SelectedBad => {
            style.add_modifier(Modifier::REVERSED)
        }
        Role::SelectedIdle => style.add_modifier(Modifier::UNDERLINED),
    }
}

/// Every glyph that is not a letter.
#[derive(Debug)]
pub struct Glyphs {
    /// Something is missing here.
    pub ellipsis: &'static str,
    /// A running container.
    pub running: &'static str,
    /// A container that was never started.
    pub created: &'static str,
    /// A container that ended well.
    pub stopped: &'static str,
    /// A container that ended badly.
    pub failed: &'static str,
    /// A frozen container.
    pub paused: &'static str,
    /// A container between two runs.
    pub restarting: &'static str,
    /// A failing health check.
    pub unhealthy: &'static str,
    /// Close to its limit.
    pub alarm: &'static str,
    /// A marked row.
    pub mark: &'static str,
    /// Sorted from large to small.
    pub descending: &'static str,
    /// Sorted from small to large.
    pub ascending: &'static str,
    /// In front of a line of standard error.
    pub gutter: &'static str,
    /// A rule.
    pub rule: &'static str,
    /// A folded branch.
    pub folded: &'static str,
    /// An unfolded branch.
    pub unfolded: &'static str,
    /// The equivalent command.
    pub command: &'static str,
    /// Heights of a sparkline, lowest first.
    pub bars: [&'static str; 8],
}

static UNICODE: Glyphs = Glyphs {
    ellipsis: "…",
    running: "●",
    created: "○",
    stopped: "■",
    failed: "✗",
    paused: "‖",
    restarting: "↻",
    unhealthy: "▲",
    alarm: "!",
    mark: "*",
    descending: "▼",
    ascending: "▲",
    gutter: "▎",
    rule: "─",
    folded: "▸",
    unfolded: "▾",
    command: "≡",
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
};

static ASCII: Glyphs = Glyphs {
    ellipsis: "~",
    running: "o",
    created: ".",
    stopped: "-",
    failed: "x",
    paused: "=",
    restarting: "@",
    unhealthy: "^",
    alarm: "!",
    mark: "*",
    descending: "v",
    ascending: "^",
    gutter: "!",
    rule: "-",
    folded: "+",
    unfolded: "-",
    command: "$",
    bars: [" ", ".", ":", "-", "=", "+", "*", "#"],
};

/// `values` as a sparkline of at most `cells` cells, newest last, scaled to `top` or to
/// their own maximum where that is greater.
pub fn sparkline(
    theme: Theme,
    values: impl DoubleEndedIterator<Item = f64>,
    cells: usize,
    top: f64,
) -> String {
    let mut shown: Vec<f64> = values.rev().take(cells).collect();
    shown.reverse();
    let top = shown.iter().copied().fold(top.max(1e-9), f64::max);
    let bars = theme.glyphs().bars;
    shown.iter().map(|v| bars[((v / top * 7.99) as usize).min(7)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_glyph_is_one_cell() {
        for g in [&UNICODE, &ASCII] {
            let all = [
                g.ellipsis,
                g.running,
                g.created,
                g.stopped,
                g.failed,
                g.paused,
                g.restarting,
                g.unhealthy,
                g.alarm,
                g.mark,
                g.descending,
                g.ascending,
                g.gutter,
                g.rule,
                g.folded,
                g.unfolded,
                g.command,
            ];
            for glyph in all.iter().chain(g.bars.iter()) {
                assert_eq!(crate::text::width(glyph), 1, "{glyph}");
            }
        }
    }

    #[test]
    fn mono_has_no_colour() {
        let theme = Theme { palette: Palette::Mono, charset: Charset::Ascii };
        for role in [Role::Bad, Role::Warn, Role::Good, Role::Selected, Role::Border] {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
        assert_eq!(sparkline(theme, [0.0, 50.0, 100.0].into_iter(), 8, 100.0), " -#");
    }
}
