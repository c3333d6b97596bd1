//! The root file system of Debian's packages that `make rootfs` makes: Trident and the host's Linux
//! run the same command in it.
//!
//! On the host the command runs in a chroot with separate mount, PID and UTS name spaces, which
//! needs root, or a kernel that allows unprivileged user name spaces.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use formats::cpio::{self, Header, mode};

use crate::{Initramfs, Outcome, Verdict, Vm, beginning, oracle, paths, token};

/// Memory of the machine: the archive, and the same size again for its files.
const MEMORY: &str = "512M";

/// The environment of a command on both systems. Its output goes through a file, because the two
/// standard outputs are of different kinds.
const RUN: &str = "#!/bin/sh
export HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TZ=UTC
unset TERM PWD OLDPWD
cd /tmp
. /case/command >/tmp/.out 2>&1 </dev/null
status=$?
busybox cat /tmp/.out
echo \"/case/command: status $status\"
";

/// The directory that it is made in.
pub fn directory() -> PathBuf {
    paths::target().join("rootfs")
}

/// The archive without further packages.
pub fn archive() -> PathBuf {
    directory().join("debian.cpio")
}

/// The reason why this machine can't compare, if there is one.
pub fn unavailable() -> Option<&'static str> {
    if !oracle::AVAILABLE {
        return Some("the host is not an x86_64 Linux");
    }
    if !archive().exists() {
        return Some("there is no root file system: `make rootfs` makes it");
    }
    None
}

/// A shell command with files, which are in `/case`.
#[derive(Clone, Debug)]
pub struct Job {
    command: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Job {
    /// A job without files.
    pub fn new(command: impl Into<String>) -> Self {
        let command = command.into();
        Self {
            files: vec![
                ("run".into(), RUN.into()),
                ("command".into(), command.clone().into_bytes()),
            ],
            command,
        }
    }

    /// Adds an executable file.
    pub fn file(mut self, name: &str, body: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), body.into()));
        self
    }

    /// The command's output in Trident, and the machine's run.
    pub fn in_trident(&self, vm: Vm) -> Result<(String, Outcome)> {
        let archive = archive();
        let mut initrd =
            fs::read(&archive).with_context(|| format!("cannot read {}", archive.display()))?;
        let mut files = Initramfs::new();
        for (name, body) in &self.files {
            files = files.executable(&format!("/case/{name}"), body.clone());
        }
        initrd.extend_from_slice(&files.build());
        let vm = vm.memory(MEMORY).initrd(initrd);
        let outcome = vm.append("quiet rdinit=/case/run").run()?;
        outcome.expect(Verdict::Pass)?;
        Ok((outcome.serial.clone(), outcome))
    }

    /// The command's output on the host's Linux.
    pub fn on_linux(&self) -> Result<String> {
        let tree = host_tree()?;
        let case = paths::scratch().join(format!("case-{}", token::random()));
        fs::create_dir_all(&case)?;
        for (name, body) in &self.files {
            let path = case.join(name);
            fs::write(&path, body)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        let output = beginning::run(self.chroot(&tree, &case)?, beginning::LIMIT);
        fs::remove_dir_all(&case)?;
        let output = output?;
        ensure!(
            output.status.success(),
            "the host cannot run a command in {}: {}\n{}",
            tree.display(),
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn chroot(&self, tree: &Path, case: &Path) -> Result<Command> {
        let mut unshare = beginning::command("unshare")?;
        if !oracle::is_root() {
            unshare.arg("--map-root-user");
        }
        unshare.args([
            "--mount",
            "--pid",
            "--uts",
            "--fork",
            "--kill-child",
            "sh",
            "-ec",
        ]);
        unshare.arg(
            "mount --rbind /dev \"$0/dev\"; mount -t proc proc \"$0/proc\"; \
             mount -t tmpfs tmpfs \"$0/tmp\"; mount --bind \"$1\" \"$0/case\"; \
             hostname trident; exec chroot \"$0\" /usr/bin/env -i /case/run",
        );
        unshare.arg(tree).arg(case).stdin(Stdio::null());
        unshare.stderr(Stdio::piped());
        Ok(unshare)
    }

    /// Compares the outputs of both systems.
    pub fn same(&self, vm: Vm) -> Result<()> {
        let (trident, outcome) = self.in_trident(vm)?;
        let linux = self.on_linux()?;
        if let Some(difference) = difference(&linux, &trident) {
            bail!("{}{difference}{}", self.command, outcome.transcript());
        }
        Ok(())
    }
}

/// The first line in which two outputs differ, with its number.
pub fn difference(linux: &str, trident: &str) -> Option<String> {
    let (mut left, mut right) = (linux.lines(), trident.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => return None,
            (linux, trident) if linux == trident => {}
            (linux, trident) => {
                let show = |line: Option<&str>| line.unwrap_or("(the end)").to_owned();
                return Some(format!(
                    "\nline {number}:\nLinux:   {}\nTrident: {}\n",
                    show(linux),
                    show(trident)
                ));
            }
        }
    }
    None
}

/// The archive's files as a directory of the host, unpacked once.
fn host_tree() -> Result<PathBuf> {
    let directory = directory();
    let (tree, done) = (directory.join("host"), directory.join("host.done"));
    // Cases run side by side, under nextest in processes of their own.
    let lock = File::create(directory.join("host.lock"))?;
    lock.lock()?;
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if modified(&done).is_some() && modified(&done) > modified(&archive()) {
        return Ok(tree);
    }
    match fs::remove_dir_all(&tree) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", tree.display()));
        }
        _ => {}
    }
    fs::create_dir_all(tree.join("case"))?;
    let bytes = fs::read(archive())?;
    let mut first_names = std::collections::HashMap::new();
    for entry in cpio::entries(&bytes) {
        let entry = entry.map_err(|error| anyhow::anyhow!("a damaged archive: {error:?}"))?;
        let path = tree.join(std::str::from_utf8(entry.name)?);
        if entry.header.is_hard_link() {
            let first = first_names
                .entry(entry.header.identity())
                .or_insert(path.clone());
            if *first != path {
                fs::hard_link(&*first, &path)?;
                continue;
            }
        }
        unpack(&path, &entry.header, entry.body)
            .with_context(|| format!("cannot make {}", path.display()))?;
    }
    fs::write(&done, "")?;
    Ok(tree)
}

fn unpack(path: &Path, header: &Header, body: &[u8]) -> Result<()> {
    let permissions = header.mode & 0o7777;
    match header.kind() {
        mode::DIRECTORY => fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(path)?,
        mode::FILE => fs::write(path, body)?,
        mode::SYMLINK => symlink(std::str::from_utf8(body)?, path)?,
        // The host's /dev is mounted over these.
        _ => return Ok(()),
    }
    if oracle::is_root() {
        std::os::unix::fs::lchown(path, Some(header.uid), Some(header.gid))?;
    }
    if header.kind() != mode::SYMLINK {
        fs::set_permissions(path, fs::Permissions::from_mode(permissions))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let told = difference("a\nb\n", "a\nc\n").expect("one");
        assert!(told.contains("line 2") && told.contains("Linux:   b"));
        assert!(difference("a\n", "").expect("one").contains("(the end)"));
    }
}
