//! Every number that bounds something, with its reason. A limit that an operator may want to move is a
//! key of `config.rs` instead, with its default from here.

use std::time::Duration;

/// Slots of the event journal: at 10 events per container life and 10,000 lives a day, a day.
pub const JOURNAL_SLOTS: u64 = 100_000;
/// Events held in memory: a subscriber that falls this far behind reads from the store.
pub const JOURNAL_MEMORY: usize = 4_096;
/// Numbers that one durable reservation covers: at most so many are skipped after a kill -9.
pub const JOURNAL_BLOCK: u64 = 4_096;
/// Bytes of all journal entries together: 100,000 events of an ordinary size are a fifth of this.
pub const JOURNAL_BYTES: u64 = 256 << 20;
/// Events older than this are given up.
pub const JOURNAL_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Bytes of one event: labels become attributes, and a client may send a megabyte of them.
pub const EVENT_BYTES: usize = 64 << 10;
/// Events read from the store at once for a subscriber that lags.
pub const JOURNAL_PAGE: u64 = 512;

/// Attempts at a transaction that lost a conflict; with back-off this is about 3 s.
pub const STORE_ATTEMPTS: u32 = 64;
/// `close` of the engine can hang (surrealkv 1.2.0, lost conflicts); nothing is lost by giving up.
pub const STORE_CLOSE: Duration = Duration::from_secs(3);
/// Kept free beside the store, so that a full disk can still be repaired.
pub const STORE_RESERVE: u64 = 16 << 20;
/// Commits that were not durable at once are made so after this time.
pub const STORE_FLUSH: Duration = Duration::from_millis(500);
/// How often a store that ran out of disk looks for room.
pub const STORE_RECOVER: Duration = Duration::from_secs(1);

/// Bytes of a JSON body: a create with every option is some 10 kB, labels may make it a megabyte.
pub const JSON_BYTES: u64 = 16 << 20;
/// Bytes of a JSON body that are free: ordinary ones are smaller.
pub const JSON_FREE: u64 = 64 << 10;
/// Bytes above that of all JSON bodies together: decoded, each takes a multiple of its length.
pub const JSON_ALL: u64 = 64 << 20;
/// Memory goes back to the system after a JSON body of so many bytes.
pub const JSON_EBB: u64 = 1 << 20;
/// A JSON body must be there within this.
pub const JSON_PATIENCE: Duration = Duration::from_secs(120);
/// Connections at the same time: each takes a descriptor and about 20 kB, and parts of the daemon need
/// descriptors, too.
pub const CONNECTIONS: usize = 8_192;
/// Memory goes back to the system when so many connections have gone again.
pub const CONNECTIONS_EBB: usize = 256;
/// The rest of a crowd has gone by then, too.
pub const CONNECTIONS_GOING: Duration = Duration::from_secs(1);
/// Output waits so long for the client to have read the head of the stream: one that does not read loses
/// no more than this.
pub const HEAD_TAKEN: Duration = Duration::from_millis(100);
/// From the removal of a container to its answer at the client, with room for a busy machine.
pub const REMOVED_ANSWERED: Duration = Duration::from_millis(50);
/// Pause of an accept loop that met a shortage of descriptors.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Requests that are being answered when the daemon stops get this at most, whatever is configured.
pub const SHUTDOWN_MAX: Duration = Duration::from_secs(60);
/// How long a dump looks where threads spend their time.
pub const DUMP_SAMPLE: Duration = Duration::from_secs(1);
/// Stack of the thread that empties the trash: it recurses once per folder level.
pub const TRASH_STACK: usize = 2 << 20;
/// Attempts at deleting what somebody still writes to: with pauses that double, about 6 s.
pub const TRASH_ATTEMPTS: u32 = 8;
/// The first of these pauses.
pub const TRASH_PAUSE: Duration = Duration::from_millis(50);
/// Entries of one archive: the largest images known have a tenth; 16 bytes each are held.
pub const ARCHIVE_ENTRIES: u64 = 4_000_000;
/// Bytes of one file in an archive, 1 PiB: larger than any filesystem here lets a file be.
pub const ARCHIVE_FILE: u64 = 1 << 50;
/// Bytes of one tar extension (long name, PAX): names are 4 KiB at most, attributes 64 KiB each.
pub const ARCHIVE_EXTENSION: u64 = 1 << 20;
/// Folders above an entry: far deeper than any image, and each level costs a step of recursion.
pub const ARCHIVE_DEPTH: usize = 1_024;
/// Entries of a layer that a later one of the same layer replaces: builders make none.
pub const LAYER_DISPLACED: usize = 10_000;
/// Open folders held while unpacking: layers list a folder's files together.
pub const UNPACK_FOLDERS: usize = 128;
/// Free bytes below which unpacking stops, on small disks a twentieth: the store and the host's logs need
/// some.
pub const UNPACK_RESERVE: u64 = 256 << 20;
/// Levels of folders that are walked for changes, sizes and copies: each costs a step of recursion.
pub const TREE_DEPTH: usize = 1_024;
/// Whoever adds an image waits so long for its files to reach the disk: the kernel writes everybody else's
/// with them.
pub const SETTLE: Duration = Duration::from_secs(10);
/// Layers of so many bytes are on their way to the disk while the next ones are read: less is not worth
/// a flush.
pub const SETTLE_EARLY: u64 = 4 << 20;
/// Layers below a container: overlayfs takes 500 (kernel, OVL_MAX_STACK).
pub const LAYERS: usize = 500;
/// Files of an image archive: an image of 500 layers has three old-style files for each.
pub const IMAGE_ARCHIVE_FILES: u64 = 100_000;
/// Bytes of a configuration or manifest: registries take 4 MiB.
pub const IMAGE_DOCUMENT: u64 = 8 << 20;
/// Bytes of all such files of one archive, which are held in memory.
pub const IMAGE_DOCUMENTS: u64 = 64 << 20;
/// Messages waiting for one container's owner: clients beyond that wait their turn. The room is taken
/// for each container, so it is small.
pub const MAILBOX: usize = 16;
/// Notices of one shim waiting for the owner: a storm of execs that end at once; beyond it the shim's
/// socket holds them.
pub const NOTICES: usize = 16;
/// A new shim must greet within this: it only starts a program.
pub const SHIM_HELLO: Duration = Duration::from_secs(10);
/// A shim must answer within this what needs no work of a container.
pub const SHIM_ANSWER: Duration = Duration::from_secs(10);
/// Docker's own limit for the start of an exec.
pub const EXEC_START: Duration = Duration::from_secs(120);
/// The freezer of cgroup v1 may have to try again and again while processes fork.
pub const FREEZE: Duration = Duration::from_secs(10);
/// Removing cgroups waits for dying processes.
pub const DELETE: Duration = Duration::from_secs(20);
/// A shim that was told to go must be gone within this.
pub const SHIM_END: Duration = Duration::from_secs(5);
/// A stop waits so long before SIGKILL, as Docker does.
pub const STOP_GRACE: Duration = Duration::from_secs(10);
/// After SIGKILL a process must be gone within this, or it hangs in the kernel.
pub const KILL: Duration = Duration::from_secs(10);
/// A start waits so long for readers of the container's files.
pub const HOLD: Duration = Duration::from_secs(60);
/// When the daemon stops, owners that are in the middle of a verb get so long; restore goes on with
/// what they leave.
pub const OWNERS_CLOSE: Duration = Duration::from_secs(5);
/// Names made up before a container is named after its id.
pub const NAME_ATTEMPTS: u32 = 16;
/// Logs of running containers are looked through so often for rotated files to compress: a file is as
/// large as `max-size`, and nobody waits for it.
pub const LOG_PACK: Duration = Duration::from_secs(5);
/// The same after a failure, such as a full disk: each attempt costs a whole file's compression.
pub const LOG_PACK_RETRY: Duration = Duration::from_secs(60);
/// Log files that are compressed at once: it is work that can wait, and takes a processor each.
pub const LOG_PACKERS: usize = 2;
/// A removal waits so long for a syslog collector to get the rest of the log.
pub const FORWARD_END: Duration = Duration::from_secs(5);
/// An ended exec can be inspected at least so long.
pub const EXEC_KEPT: Duration = Duration::from_secs(300);
/// Docker's default between two health checks.
pub const HEALTH_INTERVAL: Duration = Duration::from_secs(30);
/// Docker's default limit of one health check.
pub const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);
/// Docker's default of failures that make unhealthy.
pub const HEALTH_RETRIES: u32 = 3;
/// Docker's default between two checks during the start period.
pub const HEALTH_START_INTERVAL: Duration = Duration::from_secs(5);
/// Results of health checks that inspect shows.
pub const HEALTH_LOG: usize = 5;
/// Bytes of a health check's output that are kept, as Docker keeps them.
pub const HEALTH_OUTPUT: usize = 4096;
/// A stream to a process that has ended waits so long for its exit code to be known to inspect.
pub const FINISHED_WAIT: Duration = Duration::from_secs(10);
/// Archives that are sent or received at the same time: each holds a thread for as long as its client
/// takes, and other work needs threads, too.
pub const TRANSFERS: usize = 64;
/// Bytes of a refused archive that are read before the answer, as Go's server does.
pub const REFUSED_REST: u64 = 256 << 10;
/// A client that neither sends nor reads a byte for so long has gone, or holds a thread for nothing.
pub const TRANSFER_PATIENCE: Duration = Duration::from_secs(300);
/// A stopping daemon gives a request this much more than it has declared: signals and bookkeeping.
pub const DECLARED_SLACK: Duration = Duration::from_secs(2);
