//! The body of create from the flags of `run` and `create`: pure but for the files that flags name.

mod health;
mod limits;
mod mount;
mod object;
mod port;

pub use limits::{limits, restart};

use crate::args::create::Create;
use crate::units;
use object::{Object, set, set_flag, set_list};
use serde_json::{Value, json};
use shared::error::{Context, Error, Result};

/// The body of `POST /containers/create`.
pub fn create(args: &Create, streams: Streams) -> Result<Value> {
    let Some((image, command)) = args.image_and_command.split_first() else {
        return Err(Error::invalid("which image?"));
    };
    if image.is_empty() {
        return Err(Error::invalid("invalid reference format"));
    }
    let mut body = Object::new();
    body.insert("Image".into(), json!(image));
    set_list(&mut body, "Cmd", command);
    process(args, streams, &mut body)?;
    health::health(&args.health, &mut body)?;
    port::exposed(args, &mut body)?;
    let volumes: Object =
        args.volume.iter().filter(|v| !v.contains(':')).map(|v| (v.clone(), json!({}))).collect();
    if !volumes.is_empty() {
        body.insert("Volumes".into(), volumes.into());
    }
    body.insert("HostConfig".into(), host(args)?.into());
    network(args, &mut body);
    Ok(body.into())
}

fn process(args: &Create, streams: Streams, body: &mut Object) -> Result<()> {
    body.insert("AttachStdin".into(), json!(streams.input));
    body.insert("AttachStdout".into(), json!(streams.output));
    body.insert("AttachStderr".into(), json!(streams.error));
    body.insert("Tty".into(), json!(args.tty));
    body.insert("OpenStdin".into(), json!(args.interactive));
    body.insert("StdinOnce".into(), json!(args.interactive && streams.input));
    set(body, "Hostname", args.hostname.clone());
    set(body, "Domainname", args.domainname.clone());
    set(body, "User", args.user.clone());
    set(body, "WorkingDir", args.workdir.clone());
    set(body, "StopSignal", args.stop_signal.clone());
    set(body, "StopTimeout", args.stop_timeout);
    set(body, "MacAddress", args.mac_address.clone());
    if let Some(program) = &args.entrypoint {
        body.insert("Entrypoint".into(), json!([program]));
    }
    let env = environment(&args.env, &args.env_file)?;
    set_list(body, "Env", &env);
    let mut labels = Object::new();
    // A name alone counts on the command line only.
    let from_files = lines_of(&args.label_file)?.into_iter().filter(|line| line.contains('='));
    for pair in from_files.chain(args.label.iter().cloned()) {
        let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
        labels.insert(name.into(), json!(value));
    }
    if !labels.is_empty() {
        body.insert("Labels".into(), labels.into());
    }
    Ok(())
}

/// Which streams the client attaches to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub output: bool,
    /// Standard error.
    pub error: bool,
}

/// No stream: it runs in the background.
pub const DETACHED: Streams = Streams { input: false, output: false, error: false };

/// The streams of `-a`, or Docker's defaults.
pub fn streams(args: &Create) -> Streams {
    if args.attach.is_empty() {
        return Streams { input: args.interactive, output: true, error: true };
    }
    let given = |name: &str| args.attach.iter().any(|one| one.eq_ignore_ascii_case(name));
    Streams { input: given("stdin"), output: given("stdout"), error: given("stderr") }
}

/// Environment of `-e` and `--env-file`: a name without a value takes the one from here, if there is one.
pub fn environment(given: &[String], files: &[String]) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for pair in lines_of(files)?.iter().chain(given) {
        if pair.starts_with('=') {
            return Err(Error::invalid(format!("invalid environment variable: {pair}")));
        }
        if pair.contains('=') {
            out.push(pair.clone());
        } else if let Ok(value) = std::env::var(pair) {
            out.push(format!("{pair}={value}"));
        }
    }
    Ok(out)
}

/// Lines of files without comments and blank ones.
fn lines_of(files: &[String]) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).with_context(|| format!("open {file}"))?;
        let lines = text.lines().map(str::trim_start);
        out.extend(lines.filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_string));
    }
    Ok(out)
}

fn host(args: &Create) -> Result<Object> {
    let mut host = limits(&args.limits)?;
    let s = &args.security;
    set_flag(&mut host, "AutoRemove", args.rm);
    set_flag(&mut host, "Privileged", s.privileged);
    set_flag(&mut host, "ReadonlyRootfs", args.read_only);
    set_flag(&mut host, "PublishAllPorts", args.publish_all);
    set_flag(&mut host, "Init", args.init);
    for (name, list) in [
        ("CapAdd", &s.cap_add),
        ("CapDrop", &s.cap_drop),
        ("DeviceCgroupRules", &s.device_cgroup_rule),
        ("GroupAdd", &args.group_add),
        ("Dns", &args.dns),
        ("DnsOptions", &args.dns_option),
        ("DnsSearch", &args.dns_search),
        ("ExtraHosts", &args.add_host),
        ("VolumesFrom", &args.volumes_from),
        ("Links", &args.link),
    ] {
        set_list(&mut host, name, list);
    }
    for (name, value) in [
        ("NetworkMode", &args.network),
        ("PidMode", &s.pid),
        ("IpcMode", &s.ipc),
        ("UTSMode", &s.uts),
        ("UsernsMode", &s.userns),
        ("CgroupnsMode", &s.cgroupns),
        ("Runtime", &args.runtime),
        ("VolumeDriver", &args.volume_driver),
        ("ContainerIDFile", &args.cidfile),
    ] {
        set(&mut host, name, value.clone());
    }
    if let Some(size) = &args.shm_size {
        host.insert("ShmSize".into(), json!(units::bytes(size)?));
    }
    if args.storage_opt.iter().any(|option| !option.contains('=')) {
        return Err(Error::invalid("invalid storage option"));
    }
    for (name, pairs) in [("StorageOpt", &args.storage_opt), ("Annotations", &args.annotation)] {
        if !pairs.is_empty() {
            let pair = |p: &String| {
                let (name, value) = p.split_once('=').unwrap_or((p, ""));
                (name.to_string(), json!(value))
            };
            host.insert(name.into(), Value::Object(pairs.iter().map(pair).collect()));
        }
    }
    if args.log_driver.is_some() || !args.log_opt.is_empty() {
        let config = units::pairs(&args.log_opt)?;
        host.insert(
            "LogConfig".into(),
            json!({"Type": args.log_driver.clone().unwrap_or_default(), "Config": config}),
        );
    }
    if let Some(policy) = &args.restart {
        host.insert("RestartPolicy".into(), restart(policy)?);
    }
    set_list(&mut host, "SecurityOpt", &security(&s.security_opt)?);
    mount::mounts(args, &mut host)?;
    port::published(args, &mut host)?;
    limits::devices(s, &mut host)?;
    Ok(host)
}

/// Options of security; a seccomp profile is read here and sent as text, as Docker does.
fn security(given: &[String]) -> Result<Vec<String>> {
    let one = |option: &String| -> Result<String> {
        let Some(file) =
            option.strip_prefix("seccomp=").filter(|f| !matches!(*f, "unconfined" | "builtin"))
        else {
            return Ok(option.clone());
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("opening seccomp profile ({file}) failed"))?;
        let profile: Value = serde_json::from_str(&text)
            .with_context(|| format!("compacting json for seccomp profile ({file}) failed"))?;
        Ok(format!("seccomp={profile}"))
    };
    given.iter().map(one).collect()
}

fn network(args: &Create, body: &mut Object) {
    let mut endpoint = Object::new();
    set_list(&mut endpoint, "Aliases", &args.network_alias);
    let mut address = Object::new();
    set(&mut address, "IPv4Address", args.ip.clone());
    set(&mut address, "IPv6Address", args.ip6.clone());
    set_list(&mut address, "LinkLocalIPs", &args.link_local_ip);
    if !address.is_empty() {
        endpoint.insert("IPAMConfig".into(), address.into());
    }
    if !endpoint.is_empty() {
        let name = args.network.clone().unwrap_or_else(|| "default".into());
        body.insert("NetworkingConfig".into(), json!({"EndpointsConfig": {name: endpoint}}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Command, OnContainer};
    use crate::usage;

    fn body(line: &str) -> Result<Value> {
        let cli = usage::parse(line.split_whitespace().map(Into::into).collect()).unwrap();
        let Some(Command::OnContainer(OnContainer::Run(run))) = cli.command else { panic!() };
        create(&run.create, streams(&run.create))
    }

    #[test]
    fn what_docker_sends() {
        let said = body(
            "coffer run -it --rm --name x -e A=1 -w /w -u 1:2 -v data:/d -v /anon -m 64m --cpus 1.5 \
             --pids-limit 9 --cap-drop ALL --read-only --init --tmpfs /t:size=1m --ulimit nofile=1:2 \
             --sysctl a.b=c --restart on-failure:3 --health-cmd true --health-interval 5s -p 8080:80 \
             --mount type=bind,src=/a,dst=/b,ro --security-opt no-new-privileges img a b",
        )
        .unwrap();
        insta::assert_snapshot!(format!("{said:#}"));
    }

    #[test]
    fn mistakes_are_named() {
        let said = |line: &str| body(line).unwrap_err().to_string();
        assert!(said("coffer run --restart always:x img").contains("restart policy"));
        assert!(said("coffer run --mount type=bind img").contains("target is required"));
    }
}
