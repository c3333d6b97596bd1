//! `make transcripts`: three commands that show system calls on Linux, run by Debian's programs in
//! Trident, printed and checked.

use std::process::ExitCode;

use anyhow::{Result, bail};
use harness::transcripts::{ALL, Transcript};

use crate::build;
use crate::rootfs;
use crate::setup::{self, needs};
use crate::ui;

/// Installs what is missing, builds, and runs the transcripts; one with a wrong or missing line is
/// an error.
pub fn command() -> Result<ExitCode> {
    setup::packages(needs::of("transcripts"))?;
    build::boot_image(&setup::toolchain()?)?;
    rootfs::ensure(&rootfs::Options::default())?;
    let mut failures = Vec::new();
    for transcript in &ALL {
        for line in transcript.typed {
            println!("$ {line}");
        }
        let result = transcript.in_trident().and_then(|output| {
            println!("{}\n", output.trim_end());
            transcript.check(&output)?;
            if Transcript::comparable() {
                transcript.compare(&output)?;
            }
            Ok(())
        });
        if let Err(error) = result {
            failures.push(format!("{error:#}"));
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    ui::note(if Transcript::comparable() {
        "All three equal the output of this host's Linux, but for addresses."
    } else {
        "All three have the expected lines (no Linux here to compare with)."
    });
    Ok(ExitCode::SUCCESS)
}
