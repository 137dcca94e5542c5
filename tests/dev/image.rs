//! Writes the built-in image to a file, for any engine that has `load`.

use harness::image;
use shared::error::{Context, Error, Result};

/// The task: one argument, the file.
pub fn run(arguments: &[String]) -> Result<()> {
    let [file] = arguments else { return Err(Error::invalid("name the file to write")) };
    std::fs::write(file, image::probe().docker_archive())
        .with_context(|| format!("write {file}"))?;
    println!("{file}: {} {}", image::PROBE, image::probe().id());
    Ok(())
}
