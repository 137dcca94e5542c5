//! What a control group has used: plain numbers with their units, the same for both versions, and
//! the pure parsers of the kernel's text files.

/// How much to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What a sample on the watch stream carries, from a handful of files: processor time and throttling,
    /// memory with its limit, OOM kills, processes, bytes of block devices.
    Short,
    /// Everything that Docker's statistics and the metrics carry: each CPU, each entry of `memory.stat`,
    /// further limits, failures, swap, operations of block devices, huge pages.
    Full,
}

/// All of it. A controller that is not mounted leaves its part at zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Processor.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Processes and threads.
    pub pids: Pids,
    /// One entry per block device.
    pub io: Vec<Io>,
    /// One entry per page size ([`Depth::Full`]).
    pub huge_pages: Vec<HugeUsage>,
    /// Kills by the OOM killer so far.
    pub oom_kills: u64,
}

/// Processor time since the group was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cpu {
    /// Nanoseconds in all.
    pub usage_nanos: u64,
    /// Nanoseconds in user mode.
    pub user_nanos: u64,
    /// Nanoseconds in the kernel.
    pub system_nanos: u64,
    /// Periods with a quota in force.
    pub periods: u64,
    /// Periods in which the quota ran out.
    pub throttled_periods: u64,
    /// Nanoseconds of waiting for the next period.
    pub throttled_nanos: u64,
    /// Nanoseconds per CPU (version 1, [`Depth::Full`]).
    pub per_cpu_nanos: Vec<u64>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// What counts against the limit, caches included.
    pub usage_bytes: u64,
    /// `None`: unlimited.
    pub limit_bytes: Option<u64>,
    /// Highest usage so far; 0 where the kernel does not tell.
    pub max_usage_bytes: u64,
    /// How often the limit was hit.
    pub failures: u64,
    /// Usage without inactive file cache: what cannot simply be dropped.
    pub working_set_bytes: u64,
    /// File cache.
    pub cache_bytes: u64,
    /// Inactive part of the file cache (hierarchical).
    pub inactive_file_bytes: u64,
    /// Anonymous memory.
    pub rss_bytes: u64,
    /// Shared memory and tmpfs.
    pub shmem_bytes: u64,
    /// File cache that processes have mapped.
    pub mapped_bytes: u64,
    /// Kernel memory.
    pub kernel_bytes: u64,
    /// Swapped out.
    pub swap_bytes: u64,
    /// Limit of memory and swap together (version 1) or of swap (version 2); `None`: unlimited.
    pub swap_limit_bytes: Option<u64>,
    /// Major page faults.
    pub major_faults: u64,
    /// Page faults.
    pub faults: u64,
    /// Each line of `memory.stat` ([`Depth::Full`]).
    pub detail: Vec<(String, u64)>,
}

/// Processes and threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pids {
    /// Now.
    pub current: u64,
    /// `None`: unlimited.
    pub limit: Option<u64>,
}

/// One block device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Io {
    /// Device number.
    pub major: u64,
    /// Device number.
    pub minor: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub write_bytes: u64,
    /// Reads.
    pub reads: u64,
    /// Writes.
    pub writes: u64,
}

/// Huge pages of one size, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HugeUsage {
    /// `2MB`.
    pub page_size: String,
    /// Now.
    pub usage_bytes: u64,
    /// Highest so far.
    pub max_usage_bytes: u64,
    /// How often the limit was hit.
    pub failures: u64,
}

/// The lines `name number` of a flat keyed file.
pub fn keyed(text: &str) -> impl Iterator<Item = (&str, u64)> {
    text.lines().filter_map(|line| {
        let (key, value) = line.split_once(' ')?;
        Some((key, value.trim().parse().ok()?))
    })
}

/// A file that holds one number, or `max`, or version 1's "unlimited" (a page below `i64::MAX`).
pub fn limit(text: &str) -> Option<u64> {
    limited(text.trim().parse().ok()?)
}

fn limited(number: u64) -> Option<u64> {
    (number < (i64::MAX as u64) / 4096 * 4096).then_some(number)
}

impl Memory {
    /// Takes the lines of version 1's `memory.stat`.
    pub(super) fn read_v1(&mut self, text: &str, depth: Depth) {
        for (key, value) in keyed(text) {
            match key {
                "total_cache" => self.cache_bytes = value,
                "total_rss" => self.rss_bytes = value,
                "total_inactive_file" => self.inactive_file_bytes = value,
                "total_shmem" => self.shmem_bytes = value,
                "total_mapped_file" => self.mapped_bytes = value,
                "total_swap" => self.swap_bytes = value,
                "total_pgfault" => self.faults = value,
                "total_pgmajfault" => self.major_faults = value,
                "hierarchical_memory_limit" => self.limit_bytes = limited(value),
                "hierarchical_memsw_limit" => self.swap_limit_bytes = limited(value),
                _ => {}
            }
            self.keep(key, value, depth);
        }
        self.working_set_bytes = self.usage_bytes.saturating_sub(self.inactive_file_bytes);
    }

    /// Takes the lines of version 2's `memory.stat`.
    pub(super) fn read_v2(&mut self, text: &str, depth: Depth) {
        for (key, value) in keyed(text) {
            match key {
                "file" => self.cache_bytes = value,
                "anon" => self.rss_bytes = value,
                "inactive_file" => self.inactive_file_bytes = value,
                "shmem" => self.shmem_bytes = value,
                "file_mapped" => self.mapped_bytes = value,
                "kernel" => self.kernel_bytes = value,
                "pgfault" => self.faults = value,
                "pgmajfault" => self.major_faults = value,
                _ => {}
            }
            self.keep(key, value, depth);
        }
        self.working_set_bytes = self.usage_bytes.saturating_sub(self.inactive_file_bytes);
    }

    fn keep(&mut self, key: &str, value: u64, depth: Depth) {
        if depth == Depth::Full {
            self.detail.push((key.to_owned(), value));
        }
    }
}

/// Version 1's `blkio.throttle.io_service_bytes` or `io_serviced` into the right fields.
pub fn read_blkio(io: &mut Vec<Io>, text: &str, set: impl Fn(&mut Io, &str, u64)) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(device), Some(what), Some(count)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let (Some(device), Ok(count)) = (number(device), count.parse()) else { continue };
        set(entry(io, device), what, count);
    }
}

/// Version 2's `io.stat`.
pub fn read_io(io: &mut Vec<Io>, text: &str) {
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(device) = words.next().and_then(number) else { continue };
        let entry = entry(io, device);
        for word in words {
            let Some((key, value)) = word.split_once('=') else { continue };
            let Ok(value) = value.parse() else { continue };
            match key {
                "rbytes" => entry.read_bytes = value,
                "wbytes" => entry.write_bytes = value,
                "rios" => entry.reads = value,
                "wios" => entry.writes = value,
                _ => {}
            }
        }
    }
}

fn number(text: &str) -> Option<(u64, u64)> {
    let (major, minor) = text.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn entry(io: &mut Vec<Io>, (major, minor): (u64, u64)) -> &mut Io {
    let at = io.iter().position(|e| (e.major, e.minor) == (major, minor)).unwrap_or_else(|| {
        io.push(Io { major, minor, ..Io::default() });
        io.len() - 1
    });
    &mut io[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlimited_is_no_limit() {
        assert_eq!(limit("max\n"), None);
        assert_eq!(limit("9223372036854771712\n"), None);
        assert_eq!(limit("67108864\n"), Some(67_108_864));
    }

    #[test]
    fn io_of_both_versions() {
        let mut io = Vec::new();
        read_io(&mut io, "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:1 \n");
        assert_eq!(
            io[0],
            Io { major: 8, read_bytes: 10, write_bytes: 20, reads: 1, writes: 2, ..Io::default() }
        );
        let mut io = Vec::new();
        read_blkio(&mut io, "8:0 Read 5\n8:0 Write 6\nTotal 11\n", |io, what, count| match what {
            "Read" => io.read_bytes = count,
            "Write" => io.write_bytes = count,
            _ => {}
        });
        assert_eq!((io[0].read_bytes, io[0].write_bytes, io.len()), (5, 6, 1));
    }

    #[test]
    fn the_working_set_leaves_inactive_cache_out() {
        let mut memory = Memory { usage_bytes: 100, ..Memory::default() };
        memory.read_v1(
            "cache 1\ntotal_cache 50\ntotal_inactive_file 30\ntotal_rss 40\n",
            Depth::Full,
        );
        assert_eq!((memory.working_set_bytes, memory.rss_bytes, memory.detail.len()), (70, 40, 4));
    }
}
