//! Debian's packages, by apt-get with private directories.
//!
//! The host's package state is neither read nor changed: lists, downloads and the (empty) status of
//! installed packages are under `target/rootfs/apt/`. So no root is needed, and the host may have
//! another release or another CPU. apt-get resolves dependencies, checks signatures and hashes,
//! resumes an interrupted download, and keeps complete ones. The host's proxy settings for apt
//! apply.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::setup::apt::follow;
use crate::setup::needs::find_program;

/// The packages' release.
const SUITE: &str = "bookworm";
/// The default mirror; `DEBIAN_MIRROR` names another.
const MIRROR: &str = "http://deb.debian.org/debian";
/// The keys that the release is signed with.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A downloaded package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The `.deb` file's name, version and architecture included.
    pub name: String,
    /// Its size in bytes.
    size: u64,
}

/// apt-get with private directories.
pub struct PrivateApt {
    directory: PathBuf,
    mirror: String,
}

impl PrivateApt {
    /// Prepares the directories.
    pub fn open(directory: &Path) -> Result<Self> {
        check_tools()?;
        let mirror = std::env::var("DEBIAN_MIRROR").ok();
        let mirror = mirror.filter(|mirror| !mirror.is_empty());
        let apt = Self {
            directory: directory.to_owned(),
            mirror: mirror.unwrap_or_else(|| MIRROR.to_owned()),
        };
        for part in ["lists/partial", "archives/partial", "empty/partial"] {
            let path = directory.join(part);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        fs::write(directory.join("status"), "")?;
        let source = format!("deb [signed-by={KEYRING}] {} {SUITE} main\n", apt.mirror);
        fs::write(directory.join("sources.list"), source)?;
        Ok(apt)
    }

    /// The path of a package's file.
    pub fn path(&self, package: &Package) -> PathBuf {
        self.directory.join("archives").join(&package.name)
    }

    /// Downloads `packages` with their dependencies, and `alone` without.
    pub fn fetch(&self, packages: &[String], alone: &[&str]) -> Result<[Vec<Package>; 2]> {
        if self.has_lists()
            && let Ok(files) = self.fetch_by_lists(packages, alone)
        {
            return Ok(files);
        }
        // Mirrors drop superseded packages: old lists name missing files.
        self.update()?;
        self.fetch_by_lists(packages, alone)
    }

    /// Fetches the package lists.
    pub fn update(&self) -> Result<()> {
        let mut update = self.command("update");
        // A list that cannot be fetched is an error, not a warning.
        update.args(["-o", "APT::Update::Error-Mode=any"]);
        follow("Fetching Debian's package lists", &mut update).with_context(|| {
            format!(
                "cannot get the package lists of {} (no network, or a proxy that apt is not told \
                 of?); DEBIAN_MIRROR=http://... names another mirror",
                self.mirror
            )
        })
    }

    fn fetch_by_lists(&self, packages: &[String], alone: &[&str]) -> Result<[Vec<Package>; 2]> {
        let install = |options: &[&str]| {
            let mut command = self.command("install");
            command.args(["--yes", "--no-install-recommends"]);
            command.args(options).args(packages);
            command
        };
        let resolved = self.listed(&mut install(&["--print-uris", "-qq"]))?;
        if resolved.iter().any(|package| !self.has(package)) {
            follow(
                "Downloading Debian's packages",
                &mut install(&["--download-only"]),
            )?;
        }
        // These would conflict with packages of the first kind, or with each other.
        let mut download = self.command("download");
        download
            .args(alone)
            .current_dir(self.directory.join("archives"));
        let mut listing = self.command("download");
        let apart = self.listed(listing.args(["--print-uris", "-qq"]).args(alone))?;
        if apart.iter().any(|package| !self.has(package)) {
            follow("Downloading Debian's busybox", &mut download)?;
        }
        Ok([resolved, apart])
    }

    /// The files that a command would download if there were none.
    fn listed(&self, command: &mut Command) -> Result<Vec<Package>> {
        let nothing = self.directory.join("empty");
        command
            .arg("-o")
            .arg(option("Dir::Cache::archives", &nothing));
        let output = command.output().context("cannot start apt-get")?;
        if !output.status.success() {
            bail!(
                "apt-get cannot resolve the packages:\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(uris(&String::from_utf8_lossy(&output.stdout)))
    }

    fn has(&self, package: &Package) -> bool {
        fs::metadata(self.path(package)).is_ok_and(|data| data.len() == package.size)
    }

    fn has_lists(&self) -> bool {
        fs::read_dir(self.directory.join("lists")).is_ok_and(|files| {
            files
                .flatten()
                .any(|file| file.file_name().to_string_lossy().contains("_Packages"))
        })
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new("apt-get");
        command.stdin(Stdio::null()).arg("--quiet");
        for (name, path) in [
            ("Dir::State", ""),
            ("Dir::State::lists", "lists/"),
            ("Dir::State::status", "status"),
            ("Dir::Cache", ""),
            ("Dir::Cache::archives", "archives/"),
            ("Dir::Etc::SourceList", "sources.list"),
        ] {
            let path = self.directory.join(path);
            command.arg("-o").arg(option(name, &path));
        }
        for setting in [
            "Dir::Etc::SourceParts=/dev/null",
            "Dir::Etc::Preferences=/dev/null",
            "Dir::Etc::PreferencesParts=/dev/null",
            "APT::Architecture=amd64",
            "APT::Architectures::=amd64",
            "APT::Architectures::=i386",
            "APT::Default-Release=",
            // apt's sandbox user can't read a build directory.
            "APT::Sandbox::User=",
            // Only the packages themselves.
            "Acquire::Languages=none",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            "Acquire::IndexTargets::deb::CNF::DefaultEnabled=false",
            "Acquire::Retries=3",
            // Slim container images delete what they have downloaded.
            "APT::Keep-Downloaded-Packages=true",
            "Binary::apt-get::APT::Keep-Downloaded-Packages=true",
        ] {
            command.args(["-o", setting]);
        }
        command.arg(action);
        command
    }
}

fn option(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// Reads lines of `'URI' FILE SIZE HASH`.
fn uris(text: &str) -> Vec<Package> {
    text.lines()
        .filter(|line| line.starts_with('\''))
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            Some(Package {
                name: words.next()?.to_owned(),
                size: words.next()?.parse().ok()?,
            })
        })
        .collect()
}

/// Checks for the programs and keys that this module needs.
fn check_tools() -> Result<()> {
    for program in ["apt-get", "dpkg-deb"] {
        if find_program(program).is_none() {
            bail!(
                "{program} is not on this machine, and the root file system is made of Debian's \
                 packages:\n  \
                 Fedora:    sudo dnf install apt dpkg debian-keyring\n  \
                 Arch:      sudo pacman -S apt dpkg debian-archive-keyring\n  \
                 elsewhere: make it on a Debian machine, and copy target/rootfs/*.cpio"
            );
        }
    }
    if !Path::new(KEYRING).exists() {
        bail!("{KEYRING} is missing: install the package debian-archive-keyring");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_from_apts_listing() {
        let text = "'http://x/pool/b/bash_5%2b1_amd64.deb' bash_5+1_amd64.deb 1489 MD5Sum:0\n\
                    Reading package lists...\n";
        let bash = Package {
            name: "bash_5+1_amd64.deb".into(),
            size: 1489,
        };
        assert_eq!(uris(text), [bash]);
    }
}
