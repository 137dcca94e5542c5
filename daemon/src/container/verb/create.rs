//! Create: judged, named, given a folder, volumes and a writable layer, stored. Nothing runs.

use crate::container::Containers;
use crate::container::owner::fact;
use crate::container::record::{Decided, Defaults, Record, decode_body};
use crate::container::request::{CreateRequest, Created};
use crate::container::row::{RecordRow, StateRow};
use crate::container::spec::point::{self, Point, PointKind};
use crate::container::spec::{check, log};
use crate::container::state::State;
use crate::container::{files, fill, name, prepare};
use crate::event::now_nanos;
use crate::image::Image;
use crate::limits;
use crate::network;
use crate::store::Durability;
use crate::task;
use crate::undo::Undo;
use crate::volume::{ANONYMOUS, Wish};
use serde_json::value::RawValue;
use shared::docker::{ContainerCreateBody, HostConfig};
use shared::error::{Context, Error, Kind, Result};
use shared::id::ContainerId;
use std::sync::Arc;

impl Containers {
    /// Makes a container.
    ///
    /// # Errors
    /// `Invalid`, `NotFound` (image, network) and `Conflict` (name), in Docker's words.
    pub async fn create(&self, request: CreateRequest) -> Result<Created> {
        let asked = RawValue::from_string(request.body)
            .context_kind(Kind::Invalid, "invalid container configuration")?;
        let body = decode_body(asked.get())?;
        let name = request.name.as_deref().filter(|name| !name.is_empty());
        let name = name.map(name::parse).transpose()?;
        let image = self.image_of(&body, request.platform.as_deref())?;
        let id = ContainerId::generate();
        let decided = self.decide(&id, &body, &image)?;
        let mut record = Record::new(id, asked, decided)?;
        let warnings = self.judge_create(&mut record)?;
        let mut undo = Undo::new();
        match self.try_create(record, name, &image, &mut undo).await {
            Ok(id) => {
                undo.disarm();
                Ok(Created { id, warnings })
            }
            Err(error) => {
                undo.run().await;
                Err(error)
            }
        }
    }

    fn image_of(&self, body: &ContainerCreateBody, platform: Option<&str>) -> Result<Arc<Image>> {
        let reference = body.image.as_deref().unwrap_or_default();
        if reference.is_empty() {
            return Err(Error::invalid("no image was named: config.Image is empty"));
        }
        let image = self.0.parts.images.resolve(reference)?;
        let (asked, has) = (platform.unwrap_or_default(), platform_of(&image));
        if !asked.is_empty() && !has.starts_with(asked) {
            return Err(Error::not_found(format!(
                "image with reference {reference} was found but does not match the specified \
                 platform: wanted {asked}, actual: {has}"
            )));
        }
        Ok(image)
    }

    fn decide(
        &self,
        id: &ContainerId,
        body: &ContainerCreateBody,
        image: &Image,
    ) -> Result<Decided> {
        let (settings, host) = (&self.0.settings, body.host_config.clone().unwrap_or_default());
        let runtime = host.runtime.as_deref().filter(|name| !name.is_empty());
        let runtime = runtime.unwrap_or(&settings.default_runtime);
        settings.runtime(runtime)?;
        let log = log::Choice::decide(host.log_config.as_ref(), &settings.log)?;
        let parent = host.cgroup_parent.as_deref().filter(|parent| !parent.is_empty());
        let parent = parent.unwrap_or(&settings.cgroup_parent).trim_end_matches('/');
        Ok(Decided {
            created_at_nanos: now_nanos(),
            image: body.image.clone().unwrap_or_default(),
            image_id: Some(image.id.clone()),
            defaults: Defaults::of(image.config()),
            runtime: runtime.to_owned(),
            hostname: self.hostname(id, body, &host)?,
            network: self.network(&host)?,
            log_driver: log.driver.name().to_owned(),
            log_options: log.options,
            cgroup: format!("/{}/{id}", parent.trim_start_matches('/')),
            platform: platform_of(image),
            ..Decided::default()
        })
    }

    fn hostname(
        &self,
        id: &ContainerId,
        body: &ContainerCreateBody,
        host: &HostConfig,
    ) -> Result<String> {
        if let Some(own) = body.hostname.as_deref().filter(|own| !own.is_empty()) {
            return Ok(own.to_owned());
        }
        let of_host = host.uts_mode.as_deref() == Some("host")
            || host.network_mode.as_deref() == Some(network::HOST);
        if of_host {
            let own = nix::unistd::gethostname().context("read the host name")?;
            return Ok(own.to_string_lossy().into_owned());
        }
        Ok(id.short().to_owned())
    }

    /// The network as decided; a container to be joined is stored by its id, if it exists by now.
    fn network(&self, host: &HostConfig) -> Result<String> {
        let mode = match self.0.parts.networks.decide(host) {
            Ok(network::Mode::Container(other)) => network::Mode::Container(
                self.find(&other).map_or(other, |handle| handle.id().to_string()),
            ),
            Ok(mode) => mode,
            // As with Docker the start says so: clients take a 404 here for a missing image.
            Err(error) if error.kind() == Kind::NotFound => network::Mode::None,
            Err(error) => return Err(error),
        };
        Ok(mode.to_word())
    }

    /// Refuses what cannot be, decides the mounts; the warnings.
    fn judge_create(&self, record: &mut Record) -> Result<Vec<String>> {
        let settings = &self.0.settings;
        let mut body = record.body.clone();
        let defaults = prepare::defaults(&self.0);
        let mut warnings = check::create(&mut body, &settings.host, defaults, &settings.log)?;
        warnings.extend(self.judge_links(&body)?);
        let mut points = point::points(&body, &record.decided.defaults.volumes)?;
        self.add_volumes_from(&body, &mut points)?;
        check::sources(&points)?;
        record.decided.mounts = points;
        Ok(warnings)
    }

    /// `--link container[:alias]`: the container must exist; the link itself needs a bridge.
    fn judge_links(&self, body: &ContainerCreateBody) -> Result<Option<String>> {
        let links = body.host_config.as_ref().and_then(|host| host.links.as_deref());
        let links = links.unwrap_or_default();
        for link in links {
            let name = link.split(':').next().unwrap_or_default();
            self.view(name).map_err(|error| {
                Error::invalid(format!("could not get container for {name}: {error}"))
            })?;
        }
        let useless = "Links have no effect: this build has no bridge networks.";
        Ok((!links.is_empty()).then(|| useless.to_owned()))
    }

    /// `--volumes-from container[:ro|rw]`: its volumes and binds, unless the target is taken.
    fn add_volumes_from(&self, body: &ContainerCreateBody, points: &mut Vec<Point>) -> Result<()> {
        let host = body.host_config.as_ref();
        for entry in host.and_then(|host| host.volumes_from.as_ref()).into_iter().flatten() {
            let (reference, mode) = entry.split_once(':').unwrap_or((entry, "rw"));
            if !matches!(mode, "ro" | "rw" | "z" | "Z") {
                return Err(Error::invalid(format!("invalid mode for volumes-from: {mode}")));
            }
            let other = self.view(reference);
            let other = other.map_err(|error| Error::invalid(error.to_string()))?;
            for theirs in &other.record.decided.mounts {
                let free = !points.iter().any(|point| point.target == theirs.target);
                if free && theirs.kind != PointKind::Tmpfs {
                    let mut point = theirs.clone();
                    point.read_only |= mode == "ro";
                    point.copy_up = false;
                    points.push(point);
                }
            }
        }
        Ok(())
    }

    async fn try_create(
        &self,
        mut record: Record,
        name: Option<String>,
        image: &Arc<Image>,
        undo: &mut Undo,
    ) -> Result<ContainerId> {
        let (inner, id) = (&self.0, record.id.clone());
        record.decided.name = self.reserve(name, &id)?;
        let (owned, name, own_id) = (inner.clone(), record.decided.name.clone(), id.clone());
        undo.push("free the name", move || async move {
            owned.index().release(&name, &own_id);
            Ok(())
        });
        let (paths, own_id) = (inner.parts.paths.clone(), id.clone());
        files::make_home(&paths, &id)?;
        undo.push(
            "remove the folder",
            move || async move { files::remove_home(&paths, &own_id).await },
        );
        inner.parts.images.prepare(image, &id).await?;
        let (images, own_id) = (inner.parts.images.clone(), id.clone());
        undo.push("release the layer", move || async move { images.release(&own_id).await });
        self.acquire_volumes(&mut record, undo).await?;
        self.store_new(&record).await?;
        inner.adopt(record, State::default());
        Ok(id)
    }

    /// Takes the asked name, or makes one up that is free.
    fn reserve(&self, name: Option<String>, id: &ContainerId) -> Result<String> {
        let mut index = self.0.index();
        if let Some(name) = name {
            index.reserve(&name, id)?;
            return Ok(name);
        }
        for attempt in 0..limits::NAME_ATTEMPTS {
            let name = name::generate(attempt);
            if index.reserve(&name, id).is_ok() {
                return Ok(name);
            }
        }
        let name = id.short().to_owned();
        index.reserve(&name, id).map(|()| name)
    }

    async fn acquire_volumes(&self, record: &mut Record, undo: &mut Undo) -> Result<()> {
        let volumes = &self.0.parts.volumes;
        for point in &mut record.decided.mounts {
            if point.kind != PointKind::Volume {
                continue;
            }
            if point.name.is_empty() {
                point.name = ContainerId::generate().to_string();
                point.anonymous = true;
            }
            let place = volumes.acquire(&wish(point), &record.id).await?;
            let (owned, name, id) = (volumes.clone(), point.name.clone(), record.id.clone());
            undo.push("release a volume", move || async move { owned.release(&name, &id).await });
            point.source = place.to_string_lossy().into_owned();
            if let Some(mount) = volumes.mount(&point.name).await? {
                point.filesystem = mount.kind;
                point.source = mount.source;
                point.options = mount.options;
            } else if point.copy_up {
                let (images, id) = (self.0.parts.images.clone(), record.id.clone());
                let target = point.target.clone();
                let work = move || fill::copy_up(&images, &id, &target, &place);
                task::blocking("fill a volume", work).await?;
            }
        }
        Ok(())
    }

    async fn store_new(&self, record: &Record) -> Result<()> {
        let (id, row) = (record.id.clone(), RecordRow::new(record)?);
        let fact = fact(record, "create", &[]);
        let work = move |tx: &mut crate::store::Tx<'_>| {
            tx.put(id.as_str(), &row)?;
            tx.put(id.as_str(), &StateRow(State::default()))
        };
        self.0.parts.journal.commit(Durability::Immediate, None, vec![fact], work).await
    }
}

fn wish(point: &Point) -> Wish {
    let mut labels = point.labels.clone();
    if point.anonymous {
        labels.insert(ANONYMOUS.to_owned(), String::new());
    }
    Wish {
        name: point.name.clone(),
        driver: point.driver.clone(),
        options: point.driver_options.clone(),
        labels,
    }
}

/// `os/architecture`, as `--platform` names it.
fn platform_of(image: &Image) -> String {
    format!("{}/{}", image.document.os, image.document.architecture)
}
