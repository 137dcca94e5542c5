//! A small shell: enough to look around in a container and to write a test in one line. It knows
//! quotes, `$NAME`, `$?`, `$$`, `;`, `&`, `&&`, `||`, `|`, `<`, `>`, `>>`, `2>`, `>&2`, `2>&1`, `#` and the
//! builtins cd, exit, export, exec, wait. It has no loops and no functions, and never will.

mod words;

use self::words::{Token, assignment, expand, tokens};
use crate::{Outcome, complain};
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};

#[derive(Debug, Default)]
struct Simple {
    words: Vec<String>,
    redirects: Vec<(u8, &'static str, String)>,
}

#[derive(Default)]
struct Shell {
    status: i32,
    background: Vec<Child>,
    /// Set by `NAME=value` and `export NAME=value`; every program gets them.
    variables: BTreeMap<String, String>,
}

/// `sh [-c COMMANDS]`; without `-c`, or with a file name, lines are read until the end.
pub fn main(arguments: &[String]) -> Outcome {
    let mut shell = Shell::default();
    match arguments {
        [flag, commands, ..] if flag == "-c" => shell.run(commands),
        [flag] if flag == "-c" => return Err("-c needs commands".into()),
        [file, ..] if !file.starts_with('-') => {
            let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
            shell.run(&text);
        }
        _ => shell.interact(),
    }
    Ok(shell.status)
}

impl Shell {
    fn interact(&mut self) {
        let terminal = io::stdin().is_terminal();
        loop {
            if terminal {
                let folder = std::env::current_dir().unwrap_or_default();
                let mark = if nix::unistd::geteuid().is_root() { '#' } else { '$' };
                let _ = write!(io::stderr(), "{} {mark} ", folder.display());
            }
            let mut line = String::new();
            match io::stdin().lock().read_line(&mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) => self.run(&line),
            }
        }
        if terminal {
            complain("");
        }
    }

    fn run(&mut self, text: &str) {
        let mut tokens = match tokens(text) {
            Ok(tokens) => tokens,
            Err(sentence) => return self.fail(2, &sentence),
        };
        let mut skip = false;
        while !tokens.is_empty() {
            let (pipeline, end) = match pipeline(&mut tokens) {
                Ok(part) => part,
                Err(sentence) => return self.fail(2, &sentence),
            };
            if !skip && pipeline.iter().any(|p| !p.words.is_empty() || !p.redirects.is_empty()) {
                self.status = self.pipe(pipeline, end == "&");
            }
            skip = match end {
                "&&" => self.status != 0,
                "||" => self.status == 0,
                _ => false,
            };
        }
    }

    fn fail(&mut self, status: i32, sentence: &str) {
        complain(&format!("sh: {sentence}"));
        self.status = status;
    }

    fn pipe(&mut self, pipeline: Vec<Simple>, background: bool) -> i32 {
        let pipeline: Vec<_> = pipeline.into_iter().map(|p| self.expand(p)).collect();
        if let ([only], false) = (&pipeline[..], background)
            && let Some(status) = self.builtin(only)
        {
            return status;
        }
        let (mut children, mut before, last) = (Vec::new(), None, pipeline.len() - 1);
        for (index, simple) in pipeline.iter().enumerate() {
            let (input, output) = match index == last {
                true => (before.take(), None),
                false => match io::pipe() {
                    Ok((reader, writer)) => {
                        (before.replace(OwnedFd::from(reader)), Some(OwnedFd::from(writer)))
                    }
                    Err(error) => return self.report(126, &format!("pipe: {error}")),
                },
            };
            match self.command(simple, input, output).and_then(|mut c| {
                c.spawn().map_err(|e| (status_of(&e), format!("{}: {e}", simple.words[0])))
            }) {
                Ok(child) => children.push(child),
                Err((status, sentence)) => return self.report(status, &sentence),
            }
        }
        if background {
            self.background.append(&mut children);
            return 0;
        }
        let mut status = 0;
        for mut child in children {
            status = child.wait().map_or(1, code);
        }
        status
    }

    fn report(&self, status: i32, sentence: &str) -> i32 {
        complain(&format!("sh: {sentence}"));
        status
    }

    /// The builtins, which change the shell itself; `None` is for programs.
    fn builtin(&mut self, simple: &Simple) -> Option<i32> {
        let argument = |index: usize| simple.words.get(index).map(String::as_str);
        match argument(0)? {
            "cd" => {
                let folder = argument(1).unwrap_or("/");
                let moved = std::env::set_current_dir(folder);
                Some(moved.map_or_else(|e| self.report(1, &format!("cd: {folder}: {e}")), |()| 0))
            }
            "exit" => {
                let status = argument(1).map_or(Ok(self.status), str::parse);
                std::process::exit(status.unwrap_or(2));
            }
            "exec" => {
                let rest = Simple {
                    words: simple.words[1..].to_vec(),
                    redirects: simple.redirects.clone(),
                };
                let (status, sentence) = match self.command(&rest, None, None) {
                    Ok(mut command) => {
                        let error = command.exec();
                        (status_of(&error), format!("{}: {error}", rest.words[0]))
                    }
                    Err(failed) => failed,
                };
                complain(&format!("sh: {sentence}"));
                std::process::exit(status);
            }
            "wait" => {
                for child in &mut self.background {
                    let _ = child.wait();
                }
                self.background.clear();
                Some(0)
            }
            "export" => Some(self.assign(&simple.words[1..])),
            ":" => Some(0),
            first if assignment(first).is_some() && simple.words.len() == 1 => {
                Some(self.assign(&simple.words))
            }
            _ => None,
        }
    }

    fn assign(&mut self, words: &[String]) -> i32 {
        for word in words {
            if let Some((name, value)) = assignment(word) {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
        0
    }

    fn expand(&self, simple: Simple) -> Simple {
        let expand = |word: String| expand(&word, self.status, &self.variables);
        Simple {
            words: simple.words.into_iter().map(expand).collect(),
            redirects: simple.redirects.into_iter().map(|(f, o, t)| (f, o, expand(t))).collect(),
        }
    }

    /// Programs of the image are looked up in PATH as anywhere else.
    fn command(
        &self,
        simple: &Simple,
        input: Option<OwnedFd>,
        output: Option<OwnedFd>,
    ) -> Result<Command, (i32, String)> {
        let name = simple.words.first().ok_or((2, "a command is missing".to_owned()))?;
        let mut command = Command::new(name);
        command.args(&simple.words[1..]).envs(&self.variables);
        // Standard output and error as they will be, for `2>&1` and `>&2`.
        let own = |fd: io::Result<OwnedFd>| fd.map_err(|e| (126, e.to_string()));
        let mut out = match output {
            Some(pipe) => pipe,
            None => own(io::stdout().as_fd().try_clone_to_owned())?,
        };
        let mut err = own(io::stderr().as_fd().try_clone_to_owned())?;
        if let Some(pipe) = input {
            command.stdin(Stdio::from(pipe));
        }
        for (fd, operator, target) in &simple.redirects {
            let opened = |file: io::Result<File>| {
                file.map(OwnedFd::from).map_err(|e| (1, format!("{target}: {e}")))
            };
            let to = match *operator {
                "<" => {
                    command.stdin(Stdio::from(opened(File::open(target))?));
                    continue;
                }
                ">" => opened(File::create(target))?,
                ">>" => opened(OpenOptions::new().create(true).append(true).open(target))?,
                _ if target == "2" => own(err.try_clone())?,
                _ => own(out.try_clone())?,
            };
            match fd {
                2 => err = to,
                _ => out = to,
            }
        }
        command.stdout(Stdio::from(out)).stderr(Stdio::from(err));
        Ok(command)
    }
}

fn status_of(error: &io::Error) -> i32 {
    if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|s| 128 + s)).unwrap_or(1)
}

/// The simple commands up to the next operator that is not `|`, and that operator.
fn pipeline(tokens: &mut VecDeque<Token>) -> Result<(Vec<Simple>, &'static str), String> {
    let mut pipeline = vec![Simple::default()];
    while let Some(token) = tokens.pop_front() {
        let current = pipeline.last_mut().ok_or("empty")?;
        match token {
            Token::Word(word) => current.words.push(word),
            Token::Redirect(fd, operator) => match tokens.pop_front() {
                Some(Token::Word(target)) => current.redirects.push((fd, operator, target)),
                _ => return Err(format!("a word must follow {operator}")),
            },
            Token::Operator("|") => pipeline.push(Simple::default()),
            Token::Operator(end) => return Ok((pipeline, end)),
        }
    }
    Ok((pipeline, ";"))
}
