//! What Docker's client prints for the same templates of the same objects.

use super::*;
use serde_json::json;

fn web() -> Value {
    json!({
        "Id": "abc", "Name": "/web-a", "Path": "sh", "Args": [], "RestartCount": 0,
        "State": {"Status": "running", "Running": true, "Pid": 42, "ExitCode": 0, "Error": ""},
        "HostConfig": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "Memory": 64, "Dns": null},
        "Mounts": [{"Type": "volume", "Name": "data", "Destination": "/d", "RW": true}],
        "Config": {"Cmd": ["a", "b"], "Env": ["A=1", "B=2"], "Labels": {"app": "shop"}, "Entrypoint": null},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostPort": "8080"}]}},
    })
}

#[test]
fn an_object_by_its_type() {
    for (template, said) in [
        ("{{.Name}} {{.ID}}", "/web-a abc"),
        ("{{.Id}} {{.HostConfig.RestartPolicy}}", "abc map[MaximumRetryCount:0 Name:no]"),
        ("{{.State.Pid}}", "42"),
        ("{{.State}}", "{running true false false false false 42 0    <nil>}"),
        ("{{.HostConfig.RestartPolicy}} {{.HostConfig.DNS}} {{.HostConfig.DNS}}", "{no 0} [] []"),
        ("{{.Mounts}}", "[{volume data  /d   true }]"),
        ("{{.State.Health}} {{.SizeRw}} {{.HostConfig.Init}}", "<nil> <nil> <nil>"),
        ("{{.Config.Entrypoint}} {{.Config.ExposedPorts}} {{.Config.User}}|", "[] map[] |"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .State.Health}}h{{else if .State.Paused}}p{{else}}-{{end}}", "-"),
        ("{{range .Config.Cmd}}<{{.}}>{{end}}", "<a><b>"),
        ("{{range .HostConfig.Dns}}x{{else}}none{{end}}", "none"),
        ("{{index .Config.Labels \"nope\"}}|", "|"),
        ("{{if .Config.Labels.nope}}x{{end}}{{$c := .Config}}{{$c.User}}|", "|"),
        ("{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{$e}}{{end}}", "A=1,B=2"),
        ("{{range .Config.Env}}{{.}}{{break}}{{end}}", "A=1"),
        ("{{range $k, $v := .State}}{{$k}} {{end}}", "Error ExitCode Pid Running Status "),
        ("{{$x := .Name}}{{$x}}{{$x = \"b\"}}{{$x}}", "/web-ab"),
        ("{{join .Config.Cmd \" \"}}", "a b"),
        ("{{json .Config.Cmd}} {{json .Config.Labels}}", "[\"a\",\"b\"] {\"app\":\"shop\"}"),
        ("{{upper .Name}} {{lower \"X\"}} {{title .Name}}", "/WEB-A x /Web-A"),
        ("{{index .Config.Cmd 1}} {{index .Config.Labels \"app\"}}", "b shop"),
        ("{{.Config.Labels.app}} {{.Config.Labels.nope}}", "shop <no value>"),
        ("{{len .Config.Cmd}} {{eq .Name \"x\"}} {{not .State.Running}}", "2 false false"),
        ("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8080"),
        (
            "{{range $p, $b := .NetworkSettings.Ports}}{{$p}}={{(index $b 0).HostPort}}{{end}}",
            "80/tcp=8080",
        ),
        ("{{truncate .Name 3}}|{{pad .Path 1 2}}|{{printf \"%s-%d\" .Path 3}}", "/we| sh  |sh-3"),
        ("{{.Config.Cmd}} {{- .Path -}} {{\"}}\"}}", "[a b]sh}}"),
        ("{{split .Name \"-\"}} {{printf \"%-4s|%q\" .Path .Path}}", "[/web a] sh  |\"sh\""),
        ("{{with .State}}{{.Pid}}{{end}}{{println .Path}}", "42sh\n"),
        (
            "{{print 1 2 \"x\"}} {{html \"<\"}} {{urlquery \"/\"}} {{slice .Path 0 1}}",
            "1 2x &lt; %2F s",
        ),
        ("{{define \"x\"}}[{{.}}]{{end}}{{template \"x\" .Config.Cmd}}", "[[a b]]"),
        ("{{/* nothing */}}a\\tb", "a\\tb"),
    ] {
        let found = Template::parse(template).and_then(|t| t.render_as(&web(), "Container"));
        assert_eq!(found.map_err(|e| e.to_string()).as_deref(), Ok(said), "{template}");
    }
}

#[test]
fn a_row_has_labels_and_headings() {
    let row = json!({"Names": "web", LABELS: {"app": "shop"}});
    let template = Template::of_rows("{{lower .Names}}\\t{{.Label \"app\"}}").unwrap();
    assert_eq!(template.render(&row).unwrap(), "web\tshop");
    let heading = json!({"Names": "NAMES"});
    assert_eq!(template.render_heading(&heading).unwrap(), "NAMES\tapp");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let said = |template: &str| {
        let found = Template::parse(template).and_then(|t| t.render_as(&web(), "Container"));
        found.unwrap_err().to_string()
    };
    let begin =
        "template: :1:9: executing \"\" at <.Config.Nope>: map has no entry for key \"Nope\"";
    assert!(said("{{.Config.Nope}}").starts_with(begin), "{}", said("{{.Config.Nope}}"));
    assert!(said("a\n{{.State.Health.Status}}").starts_with("template: :2:8: executing"));
    assert!(said("{{.Nope}}").contains("executing \"\" at <.Nope>"), "{}", said("{{.Nope}}"));
    assert!(said("{{.Nope}}").contains("; there are Args, Config"), "{}", said("{{.Nope}}"));
    assert!(said("{{nope .Name}}").contains("function \"nope\" not defined"));
    assert!(said("{{.Name").starts_with("template: :1: "), "{}", said("{{.Name"));
    assert!(said("{{index .Config.Cmd 9}}").contains("index out of range: 9"));
}
