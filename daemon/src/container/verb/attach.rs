//! Attach: a stream to the first process, also before it exists.

use crate::container::Containers;
use crate::container::handle::Message;
use crate::container::owner::{Owner, fact};
use crate::container::policy::Verb;
use crate::container::request::{Attachment, Finished, Opened, Source};
use crate::shim::Shim;
use crate::task::channel::bounded;
use shared::error::Result;
use shared::paths::INIT;
use shared::shim::{Attach, Streams};

impl Containers {
    /// Attaches to a container. One that does not run is attached to at its next start.
    pub async fn attach(&self, reference: &str, streams: Streams) -> Result<Attachment> {
        let handle = self.find(reference)?;
        let source = handle.ask(|reply| Message::Attach(streams, reply)).await?;
        let view = handle.view();
        self.0.parts.journal.record(vec![fact(&view.record, "attach", &[])]).await?;
        // The end of the first process is waited for by other means.
        let (_, ended) = bounded(1);
        let terminal = view.record.has_terminal();
        Ok(Attachment { terminal, finished: Finished(ended), source })
    }

    /// A client has left with the detach keys.
    pub async fn detached(&self, reference: &str) -> Result<()> {
        let view = self.view(reference)?;
        self.0.parts.journal.record(vec![fact(&view.record, "detach", &[])]).await
    }
}

impl Owner {
    /// A stream now, or a promise of one.
    pub(in crate::container) async fn attach(&mut self, streams: Streams) -> Result<Source> {
        self.judge(Verb::Attach)?;
        if let Some(shim) = self.shim.as_ref().filter(|_| self.state.status.is_alive()) {
            return open(shim, streams).await.map(Source::Ready);
        }
        let (sender, later) = bounded(1);
        self.attaching.retain(|(_, waiting)| !waiting.is_closed());
        self.attaching.push((streams, sender));
        Ok(Source::Later(later))
    }

    /// Gives their streams to those who attached before the start: between create and start, so that
    /// no byte is missed.
    pub(in crate::container) async fn attach_waiting(&mut self, shim: &Shim) {
        for (streams, waiting) in std::mem::take(&mut self.attaching) {
            match open(shim, streams).await {
                // A client that has gone needs no stream.
                Ok(opened) => drop(waiting.try_send(opened)),
                Err(error) => tracing::warn!(container = %self.id, %error, "cannot attach"),
            }
        }
    }
}

async fn open(shim: &Shim, streams: Streams) -> Result<Opened> {
    let (attached, stream) = shim.attach(&Attach { process: INIT.into(), streams }).await?;
    Ok(Opened { stream, log_bytes: attached.log_bytes })
}
