//! Health checks: a task per container that has one runs the check as an exec; the owner weighs the
//! results. The weighing is pure.

use crate::container::exec::Shown;
use crate::container::handle::Message;
use crate::container::owner::Owner;
use crate::container::request::ExecStart;
use crate::container::state::{Check, Health, Status, Verdict};
use crate::event::now_nanos;
use crate::limits;
use crate::shim::{Reach, Shim};
use crate::task::{self, Task};
use async_io::Async;
use futures_util::AsyncReadExt;
use shared::docker::{ExecConfig, HealthConfig};
use shared::error::{Context, Result};
use shared::frame;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Checks of all containers since the daemon started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Checks that have ended.
    ended: AtomicU64,
    /// Those among them that failed.
    failed: AtomicU64,
}

impl Counters {
    fn count(&self, check: &Check) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        if check.exit_code != 0 {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All checks, and the failed ones among them.
    pub fn read(&self) -> (u64, u64) {
        (self.ended.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// A health check with Docker's defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Between the end of one check and the begin of the next.
    pub interval: Duration,
    /// A check that takes longer has failed.
    pub timeout: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
    /// Failures this soon after the start do not count.
    pub start_period: Duration,
    /// Instead of `interval` during the start period.
    pub start_interval: Duration,
}

impl Plan {
    /// From the configuration; `None` without a check or with `NONE`. `shell` is the image's shell.
    pub fn new(config: Option<&HealthConfig>, shell: Option<&[String]>) -> Option<Self> {
        let config = config?;
        let (kind, rest) = config.test.as_deref()?.split_first()?;
        let command = match kind.as_str() {
            "CMD" => rest.to_vec(),
            "CMD-SHELL" => {
                let default = ["/bin/sh".to_owned(), "-c".to_owned()];
                let shell = shell.filter(|words| !words.is_empty()).unwrap_or(&default);
                shell.iter().chain(rest).cloned().collect()
            }
            _ => return None,
        };
        let nanos = |field: Option<i64>, default: Duration| match field {
            Some(nanos) if nanos > 0 => Duration::from_nanos(nanos.unsigned_abs()),
            _ => default,
        };
        let retries = config.retries.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
        (!command.is_empty()).then(|| Self {
            command,
            interval: nanos(config.interval, limits::HEALTH_INTERVAL),
            timeout: nanos(config.timeout, limits::HEALTH_TIMEOUT),
            retries: retries.unwrap_or(limits::HEALTH_RETRIES),
            start_period: nanos(config.start_period, Duration::ZERO),
            start_interval: nanos(config.start_interval, limits::HEALTH_START_INTERVAL),
        })
    }

    /// How long to wait before the next check.
    fn pause(&self, since_start: Duration, verdict: Option<Verdict>) -> Duration {
        let starting = verdict == Some(Verdict::Starting) && since_start < self.start_period;
        if starting { self.start_interval.min(self.interval) } else { self.interval }
    }
}

/// The health after one more check, `since_start` after the container's start.
pub fn weigh(before: &Health, check: Check, plan: &Plan, since_start: Duration) -> Health {
    let mut health = before.clone();
    if check.exit_code == 0 {
        health.failing_streak = 0;
        health.verdict = Verdict::Healthy;
    } else {
        let counts = health.verdict != Verdict::Starting || since_start >= plan.start_period;
        if counts {
            health.failing_streak += 1;
            if health.failing_streak >= plan.retries {
                health.verdict = Verdict::Unhealthy;
            }
        }
    }
    health.log.push(check);
    let surplus = health.log.len().saturating_sub(limits::HEALTH_LOG);
    health.log.drain(..surplus);
    health
}

/// Starts the task for a container that has just been started or found again.
pub(in crate::container) fn begin(owner: &Owner) -> Option<Task<()>> {
    let plan = owner.health_plan()?;
    let (inner, handle) = (owner.inner.clone(), owner.handle.clone());
    let shim = owner.shim.clone()?;
    let begun = Instant::now();
    let incarnation = owner.state.incarnation;
    Some(task::spawn("health checks", async move {
        loop {
            let verdict = handle.view().health.as_ref().map(|health| health.verdict);
            task::sleep(plan.pause(begun.elapsed(), verdict)).await;
            let view = handle.view();
            if view.state.incarnation != incarnation || view.status() != Status::Running {
                if view.status() == Status::Paused {
                    continue;
                }
                return;
            }
            let check = run(&inner, &view, &shim, &plan).await;
            inner.checks.count(&check);
            handle.tell(Message::Checked(incarnation, check)).await;
        }
    }))
}

async fn run(
    inner: &Arc<crate::container::Inner>,
    view: &Arc<crate::container::state::View>,
    shim: &Shim,
    plan: &Plan,
) -> Check {
    let started_at_nanos = now_nanos();
    let config = ExecConfig {
        cmd: Some(plan.command.clone()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..ExecConfig::default()
    };
    let exec = inner.execs.add(view.id(), config, Shown::No);
    let mut output = Vec::new();
    let work = async {
        let stream = inner.run_exec(&exec, view, shim, ExecStart::default()).await?;
        if let Some(stream) = stream {
            read_output(UnixStream::from(stream), &mut output).await?;
        }
        exec.finished().wait(plan.timeout).await;
        Ok::<_, shared::error::Error>(())
    };
    let done = task::timeout(plan.timeout, "a health check", work).await;
    let (exit_code, text) = match (done, exec.exit_code()) {
        (Ok(Ok(())), Some(code)) => (code, String::from_utf8_lossy(&output).into_owned()),
        (Ok(Err(error)), _) => (-1, error.to_string()),
        _ => {
            // It may have ended in this moment.
            let _ = shim.kill(exec.id().as_str(), libc::SIGKILL, Reach::One).await;
            (-1, format!("Health check exceeded timeout ({:?})", plan.timeout))
        }
    };
    inner.execs.drop_one(&exec);
    Check { started_at_nanos, ended_at_nanos: now_nanos(), exit_code, output: cut(text) }
}

fn cut(mut text: String) -> String {
    if text.len() > limits::HEALTH_OUTPUT {
        let end = (0..=limits::HEALTH_OUTPUT).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push_str("...");
    }
    text
}

/// Payloads of Docker's frames; what is beyond the limit is read and dropped.
async fn read_output(stream: UnixStream, output: &mut Vec<u8>) -> Result<()> {
    let mut stream = Async::new(stream).context("watch a health check")?;
    let mut header = [0; frame::HEADER];
    let mut chunk = [0; 1024];
    while stream.read_exact(&mut header).await.is_ok() {
        let Some((_, mut left)) = frame::parse(&header) else { break };
        while left > 0 {
            let room = left.min(chunk.len());
            let count = stream.read(&mut chunk[..room]).await.context("read a health check")?;
            if count == 0 {
                return Ok(());
            }
            left -= count;
            // One byte more than is kept shows that something was cut.
            let keep = (limits::HEALTH_OUTPUT + 1).saturating_sub(output.len()).min(count);
            output.extend_from_slice(&chunk[..keep]);
        }
    }
    Ok(())
}

impl Owner {
    /// The check of this container, if it has one.
    pub(in crate::container) fn health_plan(&self) -> Option<Plan> {
        let body = &self.record.body;
        Plan::new(body.healthcheck.as_ref(), body.shell.as_deref())
    }

    /// A start makes the health unknown again.
    pub(in crate::container) fn begin_health(&mut self) {
        self.health = self.health_plan().map(|_| {
            Arc::new(Health { verdict: Verdict::Starting, failing_streak: 0, log: Vec::new() })
        });
    }

    /// A check has ended; a change of the verdict is a fact.
    pub(in crate::container) async fn checked(&mut self, incarnation: u64, check: Check) {
        let (Some(before), Some(plan)) = (self.health.clone(), self.health_plan()) else { return };
        if incarnation != self.state.incarnation || !self.state.status.is_alive() {
            return;
        }
        let since = check.ended_at_nanos.saturating_sub(self.state.started_at_nanos);
        let since = Duration::from_nanos(u64::try_from(since).unwrap_or_default());
        let after = weigh(&before, check, &plan, since);
        let changed = after.verdict != before.verdict;
        let word = after.verdict.as_str();
        self.health = Some(Arc::new(after));
        self.publish();
        if changed {
            let fact = self.fact(format!("health_status: {word}"), &[]);
            if let Err(error) = self.inner.parts.journal.record(vec![fact]).await {
                tracing::error!(container = %self.id, %error, "cannot record a health status");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(words: &[&str]) -> HealthConfig {
        let test = Some(words.iter().map(|word| (*word).to_owned()).collect());
        HealthConfig { test, ..HealthConfig::default() }
    }

    fn check(exit_code: i32) -> Check {
        Check { started_at_nanos: 0, ended_at_nanos: 0, exit_code, output: String::new() }
    }

    fn begin() -> Health {
        Health { verdict: Verdict::Starting, failing_streak: 0, log: Vec::new() }
    }

    #[test]
    fn plans() {
        assert!(Plan::new(None, None).is_none());
        assert!(Plan::new(Some(&config(&["NONE"])), None).is_none());
        let shell = Plan::new(Some(&config(&["CMD-SHELL", "exit 1"])), None).unwrap();
        assert_eq!(shell.command, ["/bin/sh", "-c", "exit 1"]);
        assert_eq!((shell.interval, shell.retries), (Duration::from_secs(30), 3));
        let plain = Plan::new(Some(&config(&["CMD", "true"])), None).unwrap();
        assert_eq!(plain.command, ["true"]);
    }

    #[test]
    fn retries_make_it_unhealthy_and_one_success_heals() {
        let plan = Plan::new(Some(&config(&["CMD", "x"])), None).unwrap();
        let late = Duration::from_secs(1000);
        let mut health = begin();
        for streak in 1..=3 {
            assert_ne!(health.verdict, Verdict::Unhealthy);
            health = weigh(&health, check(1), &plan, late);
            assert_eq!(health.failing_streak, streak);
        }
        assert_eq!(health.verdict, Verdict::Unhealthy);
        health = weigh(&health, check(0), &plan, late);
        assert_eq!((health.verdict, health.failing_streak), (Verdict::Healthy, 0));
        for _ in 0..9 {
            health = weigh(&health, check(0), &plan, late);
        }
        assert_eq!(health.log.len(), 5);
    }

    #[test]
    fn failures_in_the_start_period_do_not_count() {
        let start_period = Some(10_000_000_000);
        let config = HealthConfig { start_period, ..config(&["CMD", "x"]) };
        let plan = Plan::new(Some(&config), None).unwrap();
        let mut health = begin();
        for _ in 0..5 {
            health = weigh(&health, check(1), &plan, Duration::from_secs(5));
        }
        assert_eq!((health.verdict, health.failing_streak), (Verdict::Starting, 0));
        health = weigh(&health, check(1), &plan, Duration::from_secs(11));
        assert_eq!(health.failing_streak, 1);
    }
}
