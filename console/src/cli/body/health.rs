//! How the health is checked.

use super::object::{Object, set};
use crate::args::create::Health;
use crate::units;
use serde_json::json;
use shared::error::{Error, Result};

/// The Healthcheck of the body.
pub fn health(given: &Health, body: &mut Object) -> Result<()> {
    let mut check = Object::new();
    if let Some(command) = &given.health_cmd {
        check.insert("Test".into(), json!(["CMD-SHELL", command]));
    }
    for (name, text) in [
        ("Interval", &given.health_interval),
        ("Timeout", &given.health_timeout),
        ("StartPeriod", &given.health_start_period),
        ("StartInterval", &given.health_start_interval),
    ] {
        set(&mut check, name, text.as_ref().map(|t| units::duration(t)).transpose()?);
    }
    set(&mut check, "Retries", given.health_retries);
    if given.no_healthcheck {
        if !check.is_empty() {
            return Err(Error::invalid("--no-healthcheck conflicts with --health-* options"));
        }
        check.insert("Test".into(), json!(["NONE"]));
    }
    if !check.is_empty() {
        body.insert("Healthcheck".into(), check.into());
    }
    Ok(())
}
