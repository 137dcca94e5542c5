//! Go templates of `--format`, on the `gotmpl` crate with Docker's functions and types.
//!
//! An object is shown as Docker's own client does: first as its Go type, and where that fails (a field
//! that only JSON has, a `range` over a struct) as the JSON that the daemon sent.

mod function;
mod shape;
mod tree;

pub use shape::{LABELS, escaped};

use function::For;
use gotmpl::TemplateError;
use gotmpl::parse::{ListNode, Parser};
use serde_json::Value;
use shared::error::{Error, Result};

/// A parsed template.
pub struct Template {
    main: ListNode,
    others: Vec<(String, ListNode)>,
    given: String,
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template({:?})", self.given)
    }
}

/// Name of the template itself among those that it defines.
const MAIN: &str = "\u{0}main";

/// Rows and lists in one template at most: what a daemon has is far less, a slip of the finger far more.
const ROUNDS: u64 = 1_000_000;

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self> {
        let (mut main, defines) =
            parsed(text).map_err(|said| Error::invalid(format!("template: :1: {said}")))?;
        let mut others: Vec<(String, ListNode)> =
            defines.into_iter().map(|one| (one.name.to_string(), one.body)).collect();
        for tree in others.iter_mut().map(|(_, tree)| tree).chain([&mut main]) {
            tree::prepare(tree, text)
                .map_err(|error| Error::invalid(format!("template: :1: {error}")))?;
        }
        Ok(Self { main, others, given: text.into() })
    }

    /// Reads a template of rows: `\t` and `\n` typed as two characters count, as for Docker.
    pub fn of_rows(text: &str) -> Result<Self> {
        Self::parse(&text.replace("\\t", "\t").replace("\\n", "\n"))
    }

    /// The template applied to a row, or to any JSON.
    pub fn render(&self, value: &Value) -> Result<String> {
        self.execute(&shape::raw(value), For::Row).map_err(explain)
    }

    /// The template applied to an object of one of Docker's types.
    pub fn render_as(&self, value: &Value, of: &str) -> Result<String> {
        let typed = shape::typed(value, of);
        let found = match self.execute(&typed, For::Struct) {
            Err(TemplateError::MissingKey { .. }) => self.execute(&typed, For::StructAgain),
            found => found,
        };
        found.or_else(|_| self.execute(&shape::raw(value), For::Json).map_err(explain))
    }

    /// The template applied to headings: functions that change a value leave them alone.
    pub fn render_heading(&self, value: &Value) -> Result<String> {
        self.execute(&shape::raw(value), For::Headings).map_err(explain)
    }

    /// True when it may show this field: by its name, or with all others.
    pub fn mentions(&self, field: &str) -> bool {
        self.given.contains(&format!(".{field}")) || self.given.contains("json .}")
    }

    fn execute(&self, value: &gotmpl::Value, whom: For) -> gotmpl::Result<String> {
        let functions = function::all(whom);
        let mut template = gotmpl::Template::new("").funcs(functions).max_range_iters(ROUNDS);
        for (name, tree) in &self.others {
            template = template.add_parse_tree(name, tree.clone());
        }
        template.add_parse_tree(MAIN, self.main.clone()).execute_template_to_string(MAIN, value)
    }
}

/// What went wrong in Go's words, with the place where it is known.
fn explain(error: TemplateError) -> Error {
    let said = match error {
        TemplateError::Exec(said) => said,
        other => other.to_string(),
    };
    let place = if said.starts_with(':') { "" } else { ":1: executing \"\": " };
    Error::invalid(format!("template: {place}{said}"))
}

fn parsed(text: &str) -> std::result::Result<(ListNode, Vec<gotmpl::parse::DefineNode>), String> {
    let parser = Parser::new(text, "{{", "}}").map_err(sentence)?;
    parser.parse().map_err(sentence)
}

/// What is wrong, without the place: Go names the line only.
fn sentence(error: TemplateError) -> String {
    match error {
        TemplateError::Parse { message, .. } | TemplateError::Lex { message, .. } => message,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
