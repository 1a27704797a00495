//! Linux's texts under `/proc`, read: from the text of a file to numbers.
//!
//! By hand: a crate for all of `/proc` is many times what these few numbers take. Not here: opening
//! the files and naming the figures ([`super::machine`]).

/// `/proc/loadavg`: processes that run or wait to, averaged over 1, 5 and 15 minutes.
pub(super) fn loads(text: &str) -> Option<[f64; 3]> {
    let mut fields = text.split_whitespace().map(|field| field.parse().ok());
    Some([fields.next()??, fields.next()??, fields.next()??])
}

/// Memory in bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Memory {
    /// What programs hold: the total less what could be had without swapping.
    pub(super) used: u64,
    /// What nothing uses, not even a cache.
    pub(super) free: u64,
}

/// `/proc/meminfo`: lines of `Name:  number kB`.
pub(super) fn memory(text: &str) -> Option<Memory> {
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let free = bytes("MemFree")?;
    // Kernels before 3.14 do not tell what is available.
    let available = bytes("MemAvailable").unwrap_or(free);
    Some(Memory { used: bytes("MemTotal")?.checked_sub(available)?, free })
}

/// A network interface's bytes since it came up.
#[derive(Debug, PartialEq)]
pub(super) struct Interface<'a> {
    pub(super) name: &'a str,
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// `/proc/net/dev`: two lines of heads, then `name: 8 numbers received, 8 numbers sent`. An alias
/// holds a colon in its name; the last colon is the separator.
pub(super) fn interfaces(text: &str) -> Vec<Interface<'_>> {
    let interface = |line: &'_ str| -> Option<(usize, u64, u64)> {
        let colon = line.rfind(':')?;
        let mut numbers = line[colon + 1..].split_whitespace().map(|field| field.parse().ok());
        Some((colon, numbers.next()??, numbers.nth(7)??))
    };
    let named = text.lines().filter_map(|line| {
        let (colon, received, sent) = interface(line)?;
        Some(Interface { name: line[..colon].trim(), received, sent })
    });
    named.collect()
}

/// Processor time of all cores together since the machine started, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cpu {
    pub(super) user: f64,
    pub(super) system: f64,
    pub(super) idle: f64,
}

/// `/proc/stat`, its first line: user, nice, system, idle, iowait, irq, softirq, steal, in
/// hundredths of a second (`USER_HZ`, 100 on every architecture that Rust's std runs on).
pub(super) fn cpu(text: &str) -> Option<Cpu> {
    let line = text.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let seconds = line.split_whitespace().map_while(|field| field.parse::<f64>().ok());
    let seconds: Vec<f64> = seconds.map(|ticks| ticks / 100.0).collect();
    let at = |index: usize| seconds.get(index).copied().unwrap_or_default();
    let [user, nice, system, idle, ..] = seconds[..] else { return None };
    // Time that waits for a disk is idle; interrupts and what a hypervisor took are not.
    Some(Cpu { user: user + nice, system: system + at(5) + at(6) + at(7), idle: idle + at(4) })
}

impl Cpu {
    /// Returns the share of time since `earlier` that was not idle, in percent; `None` if no time
    /// has passed.
    pub(super) fn busy_since(self, earlier: Self) -> Option<f64> {
        let busy = self.user + self.system - earlier.user - earlier.system;
        let total = busy + self.idle - earlier.idle;
        (total > 0.0).then(|| (1000.0 * busy / total).round().clamp(0.0, 1000.0) / 10.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_the_first_three_fields() {
        assert_eq!(loads("0.20 1.18 12.00 1/80 11206\n"), Some([0.20, 1.18, 12.0]));
        assert_eq!(loads("0.20 1.18"), None);
        assert_eq!(loads("a b c"), None);
    }

    #[test]
    fn memory_is_in_bytes() {
        let text = "MemTotal:   1000 kB\nMemFree:     200 kB\nMemAvailable:   600 kB\n";
        assert_eq!(memory(text), Some(Memory { used: 400 * 1024, free: 200 * 1024 }));
        let old = "MemTotal:   1000 kB\nMemFree:     200 kB\n";
        assert_eq!(memory(old), Some(Memory { used: 800 * 1024, free: 200 * 1024 }));
        assert_eq!(memory("MemFree: 200 kB\n"), None);
        assert_eq!(memory("MemTotal: 1 kB\nMemFree: 18446744073709551615 kB\n"), None);
    }

    #[test]
    fn interfaces_keep_odd_names() {
        let text = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs
    lo: 10 1 0 0 0 0 0 0 11 1 0 0 0 0 0 0
eth0.7:18446744073709551615 1 0 0 0 0 0 0 12 1 0 0 0 0 0 0
eth0:1: 13 1 0 0 0 0 0 0 14 1 0 0 0 0 0 0
 short: 1 2 3
";
        let interface = |name, received, sent| Interface { name, received, sent };
        let expected = [
            interface("lo", 10, 11),
            interface("eth0.7", u64::MAX, 12),
            interface("eth0:1", 13, 14),
        ];
        assert_eq!(interfaces(text), expected);
    }

    #[test]
    fn cpu_times_are_seconds() {
        let text = "cpu  100 50 200 1000 300 10 20 30 0 0\ncpu0 1 1 1 1\n";
        let first = cpu(text).unwrap();
        assert_eq!(first, Cpu { user: 1.5, system: 2.6, idle: 13.0 });
        assert_eq!(cpu("cpu  1 2 3 4\n"), Some(Cpu { user: 0.03, system: 0.03, idle: 0.04 }));
        assert_eq!(cpu("cpu  1 2 3\n"), None);
        let later = Cpu { user: 2.5, system: 2.6, idle: 16.0 };
        assert_eq!(later.busy_since(first), Some(25.0));
        assert_eq!(first.busy_since(first), None);
    }
}
