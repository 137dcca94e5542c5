//! `--log-opt tag=`: Docker's template for the name that a log goes under. Pure.

use shared::error::{Error, Result};

/// What a template may name (Docker's documentation, "Log tags").
#[derive(Clone, Copy, Debug, Default)]
pub struct Info<'a> {
    /// 64 digits.
    pub id: &'a str,
    /// Without a slash.
    pub name: &'a str,
    /// Digest of the image's configuration.
    pub image_id: &'a str,
    /// The image as the user named it.
    pub image_name: &'a str,
}

/// Docker's short form of an id.
fn short(id: &str) -> &str {
    let digits = id.strip_prefix("sha256:").unwrap_or(id);
    digits.get(..12).unwrap_or(digits)
}

fn field<'a>(name: &str, info: &Info<'a>) -> Option<&'a str> {
    Some(match name {
        ".ID" => short(info.id),
        ".FullID" => info.id,
        ".Name" => info.name,
        ".ImageID" => short(info.image_id),
        ".ImageFullID" => info.image_id,
        ".ImageName" => info.image_name,
        ".DaemonName" => "docker",
        _ => return None,
    })
}

/// The text of `template`; an empty one is `{{.ID}}`.
///
/// # Errors
/// `Invalid` for a template that names something else.
pub fn expand(template: &str, info: &Info<'_>) -> Result<String> {
    let bad =
        || Error::invalid(format!("failed to parse log tag: template: log-tag: {template:?}"));
    let mut rest = if template.is_empty() { "{{.ID}}" } else { template };
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or_else(bad)?;
        out.push_str(before);
        out.push_str(field(name.trim(), info).ok_or_else(bad)?);
        rest = behind;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates() {
        let id = "0123456789abcdef".repeat(4);
        let info = Info { id: &id, name: "web", image_id: "sha256:abc", image_name: "probe" };
        let rows = [
            ("", "0123456789ab"),
            ("plain", "plain"),
            ("{{.ImageName}}/{{ .Name }}/{{.ID}}", "probe/web/0123456789ab"),
            ("{{.ImageID}}", "abc"),
        ];
        for (template, want) in rows {
            assert_eq!(expand(template, &info).unwrap(), want, "{template}");
        }
        for bad in ["{{.Foo}}", "{{.ID"] {
            assert!(expand(bad, &info).is_err(), "{bad}");
        }
    }
}
