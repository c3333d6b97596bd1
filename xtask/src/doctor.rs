//! `make doctor`: what was found on this machine, and what is missing.

use anyhow::Result;
use harness::vm::QEMU;

use crate::setup::{self, needs};
use crate::toolchain::{Source, TARGETS, Toolchain, ask, has_target};

/// Prints the findings; nothing is installed.
pub fn command() -> Result<()> {
    line("cargo", ask("cargo", &["--version"]));
    line("rustc", ask("rustc", &["--version"]));
    for target in TARGETS {
        let found = has_target("rustc", target).then(|| "installed".to_owned());
        line(
            target,
            found.or_else(|| Some("not in the active toolchain".into())),
        );
    }
    match Toolchain::find() {
        Some(toolchain) => line("bare builds by", Some(toolchain.describe())),
        None if setup::rustup_may_install() => {
            line(
                "bare builds by",
                Some("rustup, which will install the targets".into()),
            );
        }
        None => match Source::find() {
            Some(source) => line(
                "bare builds by",
                Some(format!(
                    "Rust {}'s source, to be compiled by `make build`",
                    source.version()
                )),
            ),
            None => line("bare builds by", None),
        },
    }
    line("QEMU", ask(QEMU, &["--version"]).map(first_line));
    line("accelerator", Some(accelerator().into()));
    line("gdb", ask("gdb", &["--version"]).map(first_line));
    line("gcc", ask("gcc", &["--version"]).map(first_line));
    line(
        "cargo-nextest",
        ask("cargo", &["nextest", "--version"]).map(first_line),
    );

    let mut lacking = needs::missing(needs::RUN.iter().chain(needs::ISO).chain(needs::TEST));
    if Toolchain::find().is_none() && !setup::rustup_may_install() && Source::find().is_none() {
        lacking.push(&needs::RUST);
    }
    println!();
    if lacking.is_empty() {
        println!("Nothing is missing.");
        return Ok(());
    }
    match setup::apt::Apt::find() {
        Some(_) => {
            println!("Missing, and installed by `make run` and `make test` when they need it:");
            for need in lacking {
                println!("  - {} ({})", need.what, need.debian);
            }
        }
        None => println!("{}", setup::explain(&lacking)),
    }
    Ok(())
}

fn line(what: &str, found: Option<String>) {
    println!("{what:24} {}", found.as_deref().unwrap_or("not found"));
}

fn first_line(text: String) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn accelerator() -> &'static str {
    let kvm = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm");
    match kvm {
        Ok(_) => "tcg; /dev/kvm can be opened (ACCEL=kvm tries it)",
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            "tcg; /dev/kvm is there, but not for this user"
        }
        Err(_) => "tcg; there is no /dev/kvm",
    }
}
