//! Standard output: tables, JSON and templates; a closed pipe ends the program quietly.

pub mod grid;
pub mod json;
pub mod template;
pub mod words;

use grid::Grid;
use serde_json::{Map, Value};
use shared::error::{Context, Error, Kind, Result};
use std::io::{ErrorKind, Write, stdout};
use template::Template;

/// A row of a list: Docker's names of the fields.
pub type Row = Map<String, Value>;

/// How a list is printed.
#[derive(Debug)]
pub enum Format {
    /// Columns with headings.
    Table,
    /// One object a line.
    Json,
    /// A Go template for each row.
    Template(Box<Template>),
    /// A Go template whose results are put under headings.
    TableTemplate(Box<Template>),
}

impl Format {
    /// Reads the value of `--format`.
    pub fn parse(given: Option<&str>) -> Result<Self> {
        Ok(match given {
            None | Some("" | "table") => Format::Table,
            Some("json") => Format::Json,
            Some(text) => match text.strip_prefix("table ") {
                Some(rest) => Format::TableTemplate(Box::new(of_rows(rest)?)),
                None => Format::Template(Box::new(of_rows(text)?)),
            },
        })
    }
}

fn of_rows(text: &str) -> Result<Template> {
    Template::of_rows(text)
        .map_err(|error| Error::invalid(format!("failed to parse template: {error}")))
}

fn rendered(result: Result<String>) -> Result<String> {
    result.map_err(|error| Error::invalid(format!("failed to execute template: {error}")))
}

/// Says that `--quiet` wins over a format.
pub fn quiet(format: Option<&str>) -> Result<()> {
    match format {
        None => Ok(()),
        Some(_) => print_error_bytes(
            b"WARNING: Ignoring custom format, because both --format and --quiet are set.\n",
        ),
    }
}

/// A column of a table: its heading and the field.
pub type Column = (&'static str, &'static str);

/// A list as text. `headings` are those of every field that a template may name.
pub fn render(
    format: &Format,
    columns: &[Column],
    headings: &[Column],
    rows: &[Row],
) -> Result<String> {
    let mut out = String::new();
    match format {
        Format::Table => {
            let mut grid = Grid::new(columns.iter().map(|(heading, _)| heading.to_string()));
            for row in rows {
                grid.push(columns.iter().map(|(_, field)| words::plain(row.get(*field))));
            }
            out = grid.to_string();
        }
        Format::Json => {
            for row in rows {
                let shown = row.iter().filter(|(name, _)| *name != template::LABELS);
                let shown: Row = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
                out.push_str(&template::escaped(&Value::Object(shown).to_string()));
                out.push('\n');
            }
        }
        Format::Template(template) => {
            for row in rows {
                out.push_str(&rendered(template.render(&Value::Object(row.clone())))?);
                out.push('\n');
            }
        }
        Format::TableTemplate(template) => {
            let names: Row = headings
                .iter()
                .map(|(heading, field)| (field.to_string(), Value::from(*heading)))
                .collect();
            let cells = |line: String| line.split('\t').map(str::to_string).collect::<Vec<_>>();
            let mut grid =
                Grid::new(cells(rendered(template.render_heading(&Value::Object(names)))?));
            for row in rows {
                grid.push(cells(rendered(template.render(&Value::Object(row.clone())))?));
            }
            out = grid.to_string();
        }
    }
    Ok(out)
}

/// Prints text; a reader that has gone away ends the program with success, as it does for `head`.
pub fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// Prints a line.
pub fn line(text: &str) -> Result<()> {
    print(&format!("{text}\n"))
}

/// Prints bytes.
pub fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = stdout().lock();
    checked(out.write_all(bytes).and_then(|()| out.flush()))
}

/// Prints bytes to standard error.
pub fn print_error_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = std::io::stderr().lock();
    checked(out.write_all(bytes).and_then(|()| out.flush()))
}

fn checked(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(broken_pipe()),
        other => other.context("write the output"),
    }
}

/// Marks the end of the reader in the chain of an error.
#[derive(Debug)]
pub struct BrokenPipe;

impl std::fmt::Display for BrokenPipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nobody reads the output")
    }
}

impl std::error::Error for BrokenPipe {}

fn broken_pipe() -> Error {
    let broken: std::result::Result<(), _> = Err(BrokenPipe);
    match broken.context_kind(Kind::Internal, "write the output") {
        Err(error) => error,
        Ok(()) => Error::internal("write the output"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |id: &str, name: &str| {
            let mut row = Row::new();
            row.insert("ID".into(), id.into());
            row.insert("Names".into(), name.into());
            row
        };
        vec![row("a1", "web"), row("b2", "a-long-name")]
    }

    const COLUMNS: &[Column] = &[("CONTAINER ID", "ID"), ("NAMES", "Names")];

    fn shown(format: &str) -> String {
        let format = Format::parse(Some(format)).unwrap();
        render(&format, COLUMNS, COLUMNS, &rows()).unwrap()
    }

    #[test]
    fn the_four_formats() {
        assert_eq!(
            shown("table"),
            "CONTAINER ID   NAMES\na1             web\nb2             a-long-name\n"
        );
        assert_eq!(shown("{{.Names}} {{.ID}}"), "web a1\na-long-name b2\n");
        assert_eq!(
            shown("table {{.Names}}\t{{.ID}}"),
            "NAMES         CONTAINER ID\nweb           a1\na-long-name   b2\n"
        );
        assert_eq!(shown("json").lines().next().unwrap(), r#"{"ID":"a1","Names":"web"}"#);
        assert_eq!(shown("{{json .Names}}"), "\"web\"\n\"a-long-name\"\n");
    }

    #[test]
    fn an_unknown_field_is_named() {
        let format = Format::parse(Some("{{.Nope}}")).unwrap();
        let error = render(&format, COLUMNS, COLUMNS, &rows()).unwrap_err().to_string();
        assert!(error.contains("Nope") && error.contains("Names"), "{error}");
        assert!(Format::parse(Some("{{.x")).is_err());
    }
}
