//! The three transcripts of [`harness::transcripts`], one case each.

use anyhow::Result;
use harness::transcripts::{ALL, Transcript};
use harness::{Case, debian};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    ALL.iter()
        .map(|transcript| {
            Case::new(transcript.name, || as_on_linux(transcript)).left_out(debian::unavailable())
        })
        .collect()
}

fn as_on_linux(transcript: &Transcript) -> Result<()> {
    let output = transcript.in_trident()?;
    transcript.check(&output)?;
    transcript.compare(&output)
}
