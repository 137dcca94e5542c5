//! Forwarding of a container's log to syslog over its runs: one task at a time, so that no line is sent
//! twice; the next run's task waits for the last one's.

use crate::container::io::logs::{Forward, forward};
use crate::limits;
use crate::task::channel::{Sender, bounded};
use crate::task::{self, Task};

/// What is under way for one container.
#[derive(Default)]
pub struct Forwarding {
    /// Open while the container runs.
    running: Option<Sender<()>>,
    task: Option<Task<()>>,
}

impl Forwarding {
    /// A run has begun.
    pub fn begin(&mut self, job: Option<Forward>) {
        let Some(job) = job else { return };
        let (running, ended) = bounded(1);
        let earlier = self.task.take();
        self.running = Some(running);
        self.task = Some(task::spawn("forward a log", async move {
            if let Some(earlier) = earlier {
                // A panic in it was logged; its cursor holds.
                let _ = earlier.await;
            }
            if let Err(error) = forward(job, ended).await {
                tracing::error!(%error, "a log is no longer forwarded");
            }
        }));
    }

    /// Nothing was begun since the daemon started.
    pub fn is_idle(&self) -> bool {
        self.task.is_none()
    }

    /// The run is over: what is left is still sent.
    pub fn ended(&mut self) {
        self.running = None;
    }

    /// Waits until everything was sent, for a while: the files are about to go.
    pub async fn finish(&mut self) {
        self.ended();
        if let Some(task) = self.task.take()
            && task::timeout(limits::FORWARD_END, "the rest of a log", task).await.is_err()
        {
            tracing::warn!("a log is removed before its collector has all of it");
        }
    }
}
