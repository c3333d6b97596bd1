//! The TSC's rate that a guest measures on a host that stops the machine again and again.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::vm::Vm;
use crate::{Initramfs, Verdict, host, paths};

/// Largest error of a guest's rate, in parts per million.
const ALLOWED: u64 = 1000;
/// Times for which the machine is stopped and runs.
const TURNS: (Duration, Duration) = (Duration::from_millis(60), Duration::from_millis(12));

/// Whether the rate of a guest's TSC is known here: QEMU's TCG passes the host's on.
pub const IS_KNOWN: bool = cfg!(target_arch = "x86_64");

/// Boots a machine `boots` times under pauses of 60 ms in every 72. Each boot must measure the rate
/// of the host's TSC within 0.1 %. Returns the largest error, in parts per million.
pub fn measure_rates(machine: &str, boots: u32) -> Result<u64> {
    let expected = host::tsc_hertz()?;
    let files = Initramfs::new().executable_from("/init", &paths::program(64, "hello"))?;
    let vm = Vm::new().machine(machine).initramfs(&files);
    let vm = vm
        .paused(TURNS.0, TURNS.1)
        .timeout(Duration::from_secs(120));
    let mut worst = 0;
    for _ in 0..boots {
        let outcome = vm.run()?;
        outcome.expect(Verdict::Pass)?;
        let found = rate(&outcome.serial).context("the guest names no rate")?;
        let off = found.abs_diff(expected) * 1_000_000 / expected;
        ensure!(
            off <= ALLOWED,
            "{found} Hz, and the host has {expected}{}",
            outcome.transcript()
        );
        worst = worst.max(off);
    }
    Ok(worst)
}

/// The rate in the kernel's log, in Hz.
fn rate(log: &str) -> Option<u64> {
    let (_, rest) = log.split_once("time: TSC ")?;
    let (rate, _) = rest.split_once(" MHz")?;
    rate.replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_rate_is_read_in_hertz() {
        let log = "x\ntime: TSC 2600.008194 MHz by PIT\n";
        assert_eq!(super::rate(log), Some(2_600_008_194));
        assert_eq!(super::rate("time: no usable TSC"), None);
    }
}
