//! From configuration to a serving daemon and back: the fixed order of start and stop.
//!
//! ```text
//! prepare   log · kernel · pid file · folders · standing        one thread
//! run       parts, bottom layer first (builtin.rs) · restore · sockets · READY · wait for a signal
//! stop      sockets drained and closed · parts in reverse · pid file removed
//! ```

use crate::api::{Api, listen};
use crate::args::Offline;
use crate::config::{Config, build};
use crate::container::spec::log::Choice;
use crate::metrics::Metrics;
use crate::process::pidfile::Pidfile;
use crate::process::signal::{Ask, Blocked};
use crate::process::{dump, folder, standing};
use crate::store::Store;
use crate::{builtin, limits, log, task};
use shared::error::{Context, Result};
use shared::paths::Paths;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is settled before the first thread starts.
pub struct Prepared {
    config: Config,
    paths: Paths,
    metrics: Metrics,
    pidfile: Option<Pidfile>,
    since: Instant,
}

impl Prepared {
    /// The folder for scratch files.
    pub fn scratch(&self) -> PathBuf {
        self.paths.temporary()
    }
}

/// What the configuration's own check cannot judge, because parts know it: log options. Also the kernel.
/// Touches nothing; gives the kernel's release.
pub fn validate(config: &Config) -> Result<String> {
    Choice::daemon(&config.log_driver, config.log_opts.clone())?;
    standing::check_kernel()
}

/// Settles everything that needs no other thread.
pub fn prepare(config: Config) -> Result<Prepared> {
    let since = Instant::now();
    let kernel = validate(&config)?;
    standing::check_user(&config.shim)?;
    let metrics = Metrics::new();
    let level = if config.debug { "debug" } else { &config.log_level };
    let format = match config.log_format.as_str() {
        "json" => log::Format::Json,
        _ => log::Format::Text,
    };
    log::install(level, format, metrics.layer())?;
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    tracing::info!(version = build::VERSION, commit = build::COMMIT, kernel, "cofferd starts");
    let pidfile = match config.pidfile.as_os_str().is_empty() {
        true => None,
        false => Some(Pidfile::take(&config.pidfile)?),
    };
    let paths = folder::prepare(&config.data_root, &config.exec_root)?;
    standing::settle(config.oom_score_adjust, &config.daemon_cgroup);
    Ok(Prepared { config, paths, metrics, pidfile, since })
}

/// Runs the daemon until a signal ends it.
pub fn run(prepared: Prepared, signals: Blocked) -> Result<()> {
    let Prepared { config, paths, metrics, pidfile, since } = prepared;
    let signals = signals.listen()?;
    let exec_root = paths.exec.clone();
    let result = task::block_on(async move {
        let running = builtin::start(config.clone(), paths, metrics).await?;
        let api = Api::new(running.engine.clone(), running.routes);
        let for_sockets = config.clone();
        let bound = task::blocking("bind sockets", move || listen::bind(&for_sockets)).await;
        let listeners = match bound {
            Ok(listeners) => listeners,
            Err(error) => {
                running.parts.close().await;
                return Err(error);
            }
        };
        let server = listeners.serve(&api);
        notify(&[sd_notify::NotifyState::Ready]);
        let snapshotter = running.engine.images.snapshots().driver().name();
        tracing::info!(snapshotter, "booted in {:.3} s", since.elapsed().as_secs_f64());
        wait(&signals, &exec_root).await?;
        notify(&[sd_notify::NotifyState::Stopping]);
        let asked = Duration::from_secs(u64::from(config.shutdown_timeout));
        server.close(asked).await;
        running.parts.close().await;
        tracing::info!("stopped");
        Ok(())
    });
    drop(pidfile);
    result
}

/// Tells systemd, if it started us.
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "cannot notify the service manager");
    }
}

async fn wait(signals: &task::channel::Receiver<Ask>, exec_root: &Path) -> Result<()> {
    loop {
        match signals.recv().await.context("the thread for signals is gone")? {
            Ask::Stop(signal) => {
                tracing::info!(%signal, "stopping; a second signal ends the daemon at once");
                return Ok(());
            }
            Ask::Dump => {
                let folder = exec_root.to_owned();
                let written =
                    task::blocking("dump", move || dump::write(&folder, limits::DUMP_SAMPLE));
                match written.await {
                    Ok(path) => tracing::info!(path = %path.display(), "wrote a dump"),
                    Err(error) => tracing::error!(%error, "cannot write a dump"),
                }
            }
            Ask::Reload => tracing::warn!("the configuration is read at start only"),
        }
    }
}

/// Works on the store of a daemon that does not run.
pub fn offline(config: &Config, what: Offline) -> Result<()> {
    let paths = Paths::new(&config.data_root, &config.exec_root);
    // The lock keeps a daemon from starting meanwhile.
    let _pidfile = match config.pidfile.as_os_str().is_empty() {
        true => None,
        false => Some(Pidfile::take(&config.pidfile)?),
    };
    let store = Store::open(&paths)?;
    match what {
        Offline::Export => {
            let count = store.export(&mut std::io::stdout().lock())?;
            eprintln!("{count} records");
        }
        Offline::Import => {
            let count = store.import(&mut std::io::stdin().lock())?;
            eprintln!("{count} records");
        }
        Offline::Check => {
            let check = store.check()?;
            for broken in &check.broken {
                println!("{broken}");
            }
            println!("{} records, {} broken", check.records, check.broken.len());
        }
    }
    task::block_on(store.close())?;
    Ok(())
}
