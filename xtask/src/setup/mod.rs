//! Installs what is missing, or prints what to install.
//!
//! Everything here is idempotent and cheap where nothing is missing: it tests for files, so that a
//! second run starts no package manager.

pub mod apt;
pub mod needs;
pub mod sysroot;
pub mod wheel;

use std::env;
use std::process::Command;

use anyhow::{Result, bail};

use crate::toolchain::{Source, TARGETS, Toolchain, active_has_targets};
use crate::ui;
use apt::Apt;
use needs::{Need, find_program, missing};

/// Installs everything: `cargo xtask setup`.
pub fn everything() -> Result<()> {
    packages(needs::of("test"))?;
    let toolchain = toolchain()?;
    ui::note(format!("Ready: {}", toolchain.describe()));
    Ok(())
}

/// Installs the packages of the unmet `needs`.
pub fn packages<'a>(needs: impl IntoIterator<Item = &'a Need>) -> Result<()> {
    let lacking = missing(needs);
    if lacking.is_empty() {
        return Ok(());
    }
    let Some(apt) = Apt::find() else {
        bail!(explain(&lacking))
    };
    let mut wanted: Vec<&str> = lacking
        .iter()
        .flat_map(|need| need.debian.split(' '))
        .collect();
    wanted.dedup();
    apt.install(&wanted)?;
    let still = missing(lacking);
    if !still.is_empty() {
        bail!("apt-get installed {wanted:?}, yet:\n{}", explain(&still));
    }
    Ok(())
}

/// A compiler for the bare targets: the active one, one that rustup completes, or one built
/// from the distribution's source.
pub fn toolchain() -> Result<Toolchain> {
    if let Some(ready) = Toolchain::find() {
        return Ok(ready);
    }
    if rustup_may_install() {
        let mut rustup = Command::new("rustup");
        rustup
            .args(["target", "add"])
            .args(TARGETS)
            .current_dir(harness::paths::root());
        match ui::run_long("Installing the bare targets (rustup)", &mut rustup) {
            Ok(()) if active_has_targets() => {
                if let Some(ready) = Toolchain::find() {
                    return Ok(ready);
                }
            }
            outcome => {
                let why = outcome
                    .err()
                    .map_or(String::new(), |error| format!(": {error}"));
                ui::note(format!(
                    "rustup could not{why}; trying the distribution's Rust source"
                ));
            }
        }
    }
    if Source::find().is_none() {
        install_source()?;
    }
    match Source::find() {
        Some(source) => sysroot::ensure(source),
        None => bail!(explain(&[&needs::RUST])),
    }
}

/// Installs the distribution's toolchain and Rust source, where it has a recent one.
pub fn install_source() -> Result<()> {
    let wanted: Vec<&str> = needs::RUST.debian.split(' ').collect();
    match Apt::find() {
        Some(apt) => {
            apt.refresh_if_stale()?;
            if !apt.knows(&wanted) {
                bail!(explain(&[&needs::RUST]));
            }
            apt.install(&wanted)
        }
        None => bail!(explain(&[&needs::RUST])),
    }
}

/// Whether rustup is there and allowed to install what rust-toolchain.toml asks for.
pub fn rustup_may_install() -> bool {
    env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0")
        && find_program("rustup").is_some()
}

/// A message with the missing programs and each system's command to install them.
pub fn explain(lacking: &[&Need]) -> String {
    let list = |packages: fn(&Need) -> &'static str| {
        let mut names: Vec<&str> = lacking
            .iter()
            .flat_map(|need| packages(need).split(' '))
            .collect();
        names.dedup();
        names.join(" ")
    };
    let what: Vec<String> = lacking
        .iter()
        .map(|need| format!("  - {}\n", need.what))
        .collect();
    let rust = if lacking.iter().any(|need| need.what == needs::RUST.what) {
        "\n  anywhere with rustup: rustup target add x86_64-unknown-none i686-unknown-linux-gnu"
    } else {
        ""
    };
    format!(
        "this is missing, and cannot be installed from here (no apt-get, or no root):\n{}\
         Install it, then run the same command again:\n  \
         Debian/Ubuntu: sudo apt-get install {}\n  \
         Fedora:        sudo dnf install {}\n  \
         Arch:          sudo pacman -S {}\n  \
         macOS:         brew install {}{rust}",
        what.concat(),
        list(|need| need.debian),
        list(|need| need.fedora),
        list(|need| need.arch),
        list(|need| need.macos),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_names_every_system() {
        let message = explain(&[&needs::RUST, &needs::GDB[0]]);
        for word in [
            "Debian/Ubuntu",
            "Fedora",
            "Arch",
            "macOS",
            "rustup target add",
            "gdb",
        ] {
            assert!(message.contains(word), "{word}");
        }
    }
}
