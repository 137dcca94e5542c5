//! Applets that write: lines for log drivers, streams for attach.

use crate::{Outcome, number, say};
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// `echo [-n] [WORD]...`
pub fn echo(arguments: &[String]) -> Outcome {
    let bare = arguments.first().is_some_and(|a| a == "-n");
    let words = &arguments[usize::from(bare)..];
    let end = if bare { "" } else { "\n" };
    let mut out = io::stdout().lock();
    write!(out, "{}{end}", words.join(" "))
        .and_then(|()| out.flush())
        .map_err(|e| e.to_string())?;
    Ok(0)
}

/// `seq FIRST LAST`
pub fn seq(arguments: &[String]) -> Outcome {
    let (first, last): (i64, i64) = (number(arguments, 0, None)?, number(arguments, 1, None)?);
    for value in first..=last {
        say(&value.to_string());
    }
    Ok(0)
}

/// `yes [WORD]`
pub fn yes(arguments: &[String]) -> Outcome {
    let word = arguments.first().map_or("y", String::as_str);
    let block = format!("{word}\n").repeat(32 * 1024 / (word.len() + 1) + 1);
    let mut out = io::stdout().lock();
    while out.write_all(block.as_bytes()).is_ok() {}
    Ok(141)
}

/// `wc`: lines and bytes of standard input.
pub fn count(_: &[String]) -> Outcome {
    let (mut lines, mut bytes, mut buffer) = (0, 0, vec![0; 64 * 1024]);
    let mut from = io::stdin().lock();
    loop {
        let read = from.read(&mut buffer).map_err(|e| e.to_string())?;
        if read == 0 {
            say(&format!("{lines} {bytes}"));
            return Ok(0);
        }
        bytes += read;
        lines += buffer[..read].iter().filter(|b| **b == b'\n').count();
    }
}

/// `log LINES [BYTES] [RATE] [out|err|both]`: numbered lines, so that a reader can tell what is missing.
/// Line n is `n` in eight digits, a space and letters up to BYTES in all; a RATE of 0 is as fast as it goes.
pub fn log(arguments: &[String]) -> Outcome {
    let lines: u64 = number(arguments, 0, None)?;
    let bytes: usize = number(arguments, 1, Some(80))?;
    let rate: u64 = number(arguments, 2, Some(0))?;
    let to = arguments.get(3).map_or("out", String::as_str);
    if !["out", "err", "both"].contains(&to) {
        return Err(format!("{to}: not out, err or both"));
    }
    let fill: String = ('a'..='z').cycle().take(bytes.saturating_sub(10)).collect();
    let begin = Instant::now();
    // LineWriter would flush each line; a full speed log is written in blocks, as real programs do.
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in 1..=lines {
        let text = format!("{line:08} {fill}\n");
        match to == "err" || (to == "both" && line % 2 == 0) {
            true => {
                out.flush().map_err(|e| e.to_string())?;
                io::stderr().write_all(text.as_bytes()).map_err(|e| e.to_string())?;
            }
            false => out.write_all(text.as_bytes()).map_err(|e| e.to_string())?,
        }
        if rate > 0 {
            out.flush().map_err(|e| e.to_string())?;
            let due = Duration::from_secs_f64(line as f64 / rate as f64);
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
        }
    }
    out.flush().map_err(|e| e.to_string())?;
    Ok(0)
}
