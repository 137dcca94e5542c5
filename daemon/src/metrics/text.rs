//! The exposition formats. The library writes OpenMetrics; most tools still read Prometheus' older text
//! format 0.0.4, in which a counter is declared with its `_total` and there is no end mark.

use prometheus_client::registry::Registry;
use shared::error::{Context, Result};

/// Content type of the older text format.
pub const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Content type of OpenMetrics.
pub const OPEN: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// OpenMetrics 1.0.
pub fn encode_open(registry: &Registry) -> Result<String> {
    let mut text = String::with_capacity(32 << 10);
    prometheus_client::encoding::text::encode(&mut text, registry).context("encode the metrics")?;
    Ok(text)
}

/// Prometheus' text format 0.0.4.
pub fn encode(registry: &Registry) -> Result<String> {
    Ok(plain(&encode_open(registry)?))
}

/// OpenMetrics as text format 0.0.4. `# HELP` comes before `# TYPE`, so the name of a counter is known
/// one line late: the help is held back.
fn plain(open: &str) -> String {
    let mut text = String::with_capacity(open.len());
    let mut help: Option<(&str, &str)> = None;
    for line in open.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|r| r.split_once(' '))
        {
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let kind = if kind == "info" { "gauge" } else { kind };
            if let Some((_, help)) = help.take() {
                text.push_str(&format!("# HELP {name}{suffix} {help}\n"));
            }
            text.push_str(&format!("# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with("# UNIT ") && line != "# EOF" {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_carry_their_suffix_in_the_declaration() {
        let open = "# HELP a Things.\n# TYPE a counter\na_total 1\n# HELP b Now.\n# TYPE b gauge\nb 2\n# EOF\n";
        let expected = "# HELP a_total Things.\n# TYPE a_total counter\na_total 1\n# HELP b Now.\n# TYPE b gauge\nb 2\n";
        assert_eq!(plain(open), expected);
    }
}
