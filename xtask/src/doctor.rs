//! `make doctor`: what was found on this machine, what is missing, and which command needs it.

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
    line(
        "cargo-nextest",
        ask("cargo", &["nextest", "--version"]).map(first_line),
    );

    println!("\nTools, and the commands of make that need them:");
    for need in needs::of("test") {
        println!("{}", row(need));
    }
    println!("Every command needs Rust; `make rootfs` apt-get and dpkg-deb, `make check` pip.");

    let mut lacking = needs::missing(needs::of("test"));
    if Toolchain::find().is_none() && !setup::rustup_may_install() && Source::find().is_none() {
        lacking.push(&needs::RUST);
    }
    println!("\n{}", summary(&lacking));
    if !lacking.is_empty() && setup::apt::Apt::find().is_none() {
        println!("{}", setup::explain(&lacking));
    }
    Ok(())
}

/// What is missing, and whether a newcomer's commands need it.
fn summary(lacking: &[&needs::Need]) -> String {
    if lacking.is_empty() {
        return "Nothing is missing.".into();
    }
    let mut text = String::new();
    let is_of_run = |need: &needs::Need| {
        let commands = needs::commands(need);
        // Rust is of no command's list: all need it.
        commands.is_empty() || commands.contains(&"run")
    };
    if !lacking.iter().any(|need| is_of_run(need)) {
        text.push_str("`make run` and `make shell` have all they need. ");
    }
    text.push_str("Missing, and installed by the command that needs it:");
    for need in lacking {
        let commands = match &needs::commands(need)[..] {
            [] => "every command".to_owned(),
            commands => format!("make {}", commands.join(" ")),
        };
        text.push_str(&format!(
            "\n  - {} (package {}): {commands}",
            need.what, need.debian
        ));
    }
    text
}

/// A tool, whether it is there, and the commands that need it.
fn row(need: &needs::Need) -> String {
    let found = if need.is_met() { "found" } else { "missing" };
    let commands = needs::commands(need).join(" ");
    // What it is good for is behind a parenthesis, and too long for a column.
    let what = need.what.split(" (").next().unwrap_or(need.what);
    format!("  {what:42} {found:8} {commands}")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_names_its_commands() {
        let row_of = |what: &str| {
            let need = needs::of("test").find(|need| need.what.contains(what));
            row(need.expect(what))
        };
        let grub = row_of("GRUB for UEFI");
        assert!(grub.ends_with(" iso test"), "{grub}");
        let firmware = row_of("OVMF");
        assert!(
            firmware.ends_with(" test") && !firmware.contains("iso"),
            "{firmware}"
        );
        let qemu = row_of("QEMU");
        assert!(qemu.contains(" run shell debug "), "{qemu}");
    }

    #[test]
    fn who_only_runs_programs_is_not_told_to_install_grub() {
        let of = |word: &str| {
            let all = needs::of("test").chain(needs::of("debug"));
            all.filter(|need| need.what.contains(word))
                .take(1)
                .collect::<Vec<_>>()
        };
        let text = summary(&of("OVMF"));
        assert!(
            text.starts_with("`make run` and `make shell` have all they need."),
            "{text}"
        );
        assert!(text.ends_with("(package ovmf): make test"), "{text}");
        assert!(!summary(&of("QEMU for")).contains("all they need"));
        assert!(!summary(&[&needs::RUST]).contains("all they need"));
        assert_eq!(summary(&[]), "Nothing is missing.");
    }

    /// Names of the crates that xtask is built of.
    fn crates() -> Vec<String> {
        let mut cargo = crate::toolchain::host_cargo();
        cargo.args(["tree", "--package", "xtask", "--target", "host-tuple"]);
        cargo.args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe"]);
        let tree = cargo.output().expect("cargo runs");
        let tree = String::from_utf8(tree.stdout).expect("text");
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// `make doctor` is the first command on a new machine, and compiles xtask.
    #[test]
    fn the_first_build_is_short() {
        let crates = crates();
        assert!(crates.contains(&"anyhow".to_owned()), "{crates:?}");
        assert!(crates.len() <= 41, "{} crates: {crates:?}", crates.len());
        for heavy in ["syn", "regex-automata", "clap_derive"] {
            assert!(!crates.contains(&heavy.to_owned()), "{heavy} takes seconds");
        }
    }
}
