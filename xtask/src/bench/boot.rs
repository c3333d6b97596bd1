//! Boot time, and the smallest memory that boots.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Verdict, Vm};
use serde_json::{Value, json};

/// Linux's time from QEMU's start to its init's first line: microvm, PVH, its leanest setting.
const LINUX_SECONDS: f64 = 1.7;
/// The smallest memory that Linux boots a busybox in.
const LINUX_MEBIBYTES: u32 = 72;
/// Number of boots; the fastest counts.
const STARTS: u32 = 5;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Boot {
    /// From QEMU's start to init's first line, on `-machine pc`.
    pc: Duration,
    /// The same on `-machine microvm`.
    microvm: Duration,
    /// The smallest `-m`, in MiB, with which init still runs.
    memory: u32,
}

/// Boots `hello` a number of times.
pub fn measure() -> Result<Boot> {
    let vm = Vm::new()
        .initramfs(&super::init("hello")?)
        .append("quiet")
        .landmark("Hello");
    let fastest = |machine: &str| -> Result<Duration> {
        let vm = vm.clone().machine(machine);
        (0..STARTS)
            .map(|_| {
                let outcome = vm.run()?;
                outcome.expect(Verdict::Pass)?;
                outcome.landmark.context("init printed no Hello")
            })
            .try_fold(Duration::MAX, |least, time| Ok(least.min(time?)))
    };
    Ok(Boot {
        pc: fastest("pc")?,
        microvm: fastest("microvm")?,
        memory: smallest(&vm)?,
    })
}

fn smallest(vm: &Vm) -> Result<u32> {
    let mut least = 32;
    for size in (1..32).rev() {
        let vm = vm
            .clone()
            .memory(format!("{size}M"))
            .timeout(Duration::from_secs(10));
        if vm.run()?.verdict != Verdict::Pass {
            break;
        }
        least = size;
    }
    Ok(least)
}

impl Boot {
    /// For the JSON file.
    pub fn report(&self) -> Value {
        json!({
            "seconds_pc": self.pc.as_secs_f64(),
            "seconds_microvm": self.microvm.as_secs_f64(),
            "linux_seconds": LINUX_SECONDS,
            "smallest_memory_mib": self.memory,
            "linux_smallest_memory_mib": LINUX_MEBIBYTES,
        })
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pc, microvm) = (self.pc.as_secs_f64(), self.microvm.as_secs_f64());
        writeln!(
            f,
            "QEMU's start to init's first line: {pc:.2} s (pc), {microvm:.2} s (microvm)"
        )?;
        writeln!(f, "    Linux: {LINUX_SECONDS} s (microvm)")?;
        writeln!(
            f,
            "Smallest memory: {} MiB; Linux: {LINUX_MEBIBYTES} MiB",
            self.memory
        )
    }
}
