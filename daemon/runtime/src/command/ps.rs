//! `ps`: the host's `ps`, its lines reduced to those of the container.

use super::arguments::Ps;
use super::container::open;
use super::global::Global;
use shared::error::{Context, Error, Result};
use std::process::Command;

/// Prints numbers as JSON, or ps's table.
pub fn run(global: &Global, args: &Ps) -> Result<u8> {
    let (_, record) = open(global, &args.id)?;
    let pids = record.group()?.processes()?;
    match args.format.as_str() {
        "json" => {
            println!("{}", serde_json::to_string(&pids).context("encode process ids")?);
            return Ok(0);
        }
        "table" => {}
        other => return Err(Error::invalid(format!("invalid format option {other:?}"))),
    }
    let default = ["-ef".to_owned()];
    let options = if args.options.is_empty() { &default[..] } else { &args.options[..] };
    let output = Command::new("ps").args(options).output().context("run ps")?;
    if !output.status.success() {
        return Err(Error::invalid(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    print!("{}", filter(&String::from_utf8_lossy(&output.stdout), &pids)?);
    Ok(0)
}

fn filter(table: &str, pids: &[i32]) -> Result<String> {
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default();
    let column = head.split_ascii_whitespace().position(|name| name == "PID");
    let column = column.ok_or_else(|| Error::invalid("couldn't find PID field in ps output"))?;
    let ours = |line: &&str| {
        let field = line.split_ascii_whitespace().nth(column);
        field.and_then(|pid| pid.parse::<i32>().ok()).is_some_and(|pid| pids.contains(&pid))
    };
    Ok(std::iter::once(head).chain(lines.filter(ours)).flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own() {
        let table = "UID PID CMD\nroot 1 init\nroot 42 sh\n";
        assert_eq!(filter(table, &[42]).unwrap(), "UID PID CMD\nroot 42 sh\n");
        assert!(filter("nothing", &[]).is_err());
    }
}
