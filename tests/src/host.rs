//! The host: the rate of its time stamp counter.

use std::process::Command;

use anyhow::{Context, Result};

use crate::programs::{Compiler, compile};

/// Rate of the host's TSC in Hz, measured over half a second.
///
/// # Errors
/// There is no C compiler.
pub fn tsc_hertz() -> Result<u64> {
    let output = Command::new(compile("host/tsc_rate", Compiler::Glibc64)?).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().context("the host names no rate")
}
