//! A parsed template made ready for Docker's values: what an action prints passes through `show`, what a
//! `range` goes through passes `each`, fields are asked of `field`, which knows structs and says where a
//! mistake stands, `.Label "name"` becomes a call, and a function that does not exist is found before
//! anything is printed.

use super::function::known;
use gotmpl::parse::{CommandNode, Expr, ListNode, Node, PipeNode, Pos, SmolStr};
use shared::error::{Error, Result};

/// Makes a tree of this source ready.
pub fn prepare(list: &mut ListNode, source: &str) -> Result<()> {
    for node in &mut list.nodes {
        match node {
            Node::List(list) => prepare(list, source)?,
            Node::Action(action) => {
                pipe(&mut action.pipe, source)?;
                if action.pipe.decl.is_empty() {
                    append(&mut action.pipe, "show");
                }
            }
            Node::If(branch) | Node::With(branch) | Node::Range(branch) => {
                pipe(&mut branch.pipe, source)?;
                prepare(&mut branch.body, source)?;
                if let Some(other) = &mut branch.else_body {
                    prepare(other, source)?;
                }
            }
            Node::Template(template) => {
                if let Some(given) = &mut template.pipe {
                    pipe(given, source)?;
                }
            }
            Node::Define(define) => prepare(&mut define.body, source)?,
            Node::Text(_) | Node::Break(_) | Node::Continue(_) => {}
        }
        if let Node::Range(branch) = node {
            append(&mut branch.pipe, "each");
        }
    }
    Ok(())
}

/// Adds a function at the end of a pipeline.
fn append(pipe: &mut PipeNode, function: &str) {
    let args = vec![Expr::Identifier(pipe.pos, function.into())];
    pipe.commands.push(CommandNode { pos: pipe.pos, args });
}

fn pipe(pipe: &mut PipeNode, source: &str) -> Result<()> {
    for command in &mut pipe.commands {
        label(command);
        for argument in &mut command.args {
            expression(argument, source)?;
        }
    }
    Ok(())
}

/// The one method of Docker's rows that takes an argument.
fn label(command: &mut CommandNode) {
    let [Expr::Field(pos, names), _] = command.args.as_slice() else { return };
    if let [name] = names.as_slice()
        && name == "Label"
    {
        let pos = *pos;
        command.args.insert(1, Expr::Dot(pos));
        command.args[0] = Expr::Identifier(pos, "label".into());
    }
}

fn expression(expression: &mut Expr, source: &str) -> Result<()> {
    match expression {
        Expr::Identifier(_, name) if !known(name) => {
            return Err(Error::invalid(format!("function {:?} not defined", name.as_str())));
        }
        Expr::Pipe(_, inner) => pipe(inner, source)?,
        Expr::Field(pos, names) => *expression = field(Expr::Dot(*pos), "", names, *pos, source),
        Expr::Variable(pos, variable, names) if !names.is_empty() => {
            let of = Expr::Variable(*pos, variable.clone(), Vec::new());
            *expression = field(of, variable, names, *pos, source);
        }
        Expr::Chain(pos, inner, names) => {
            self::expression(inner, source)?;
            // A function's name is called only where it stands.
            if !matches!(**inner, Expr::Identifier(..)) {
                *expression = field((**inner).clone(), "", names, *pos, source);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The call that finds a chain of fields: of what, where it stands, and the names.
fn field(of: Expr, before: &str, names: &[SmolStr], pos: Pos, source: &str) -> Expr {
    let line = source.get(..pos.offset).and_then(|text| text.rfind('\n')).map_or(0, |end| end + 1);
    let place = format!("{} {} {before}", pos.line, pos.offset.saturating_sub(line) + before.len());
    let mut args = vec![Expr::Identifier(pos, "field".into()), of, Expr::String(pos, place.into())];
    args.extend(names.iter().map(|name| Expr::String(pos, name.as_str().into())));
    let commands = vec![CommandNode { pos, args }];
    Expr::Pipe(pos, PipeNode { pos, decl: Vec::new(), commands, is_assign: false })
}
