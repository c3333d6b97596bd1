//! Unpacks a Debian package into a [`Tree`], without root and without running its scripts.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use formats::cpio::mode;
use tar::{Archive, EntryType, Header};

use super::tree::{Node, Tree};

/// Unpacks a package's files over the tree, each at the path that `place` returns for its own; a
/// file without one is skipped.
pub fn unpack(deb: &Path, tree: &mut Tree, place: impl Fn(&str) -> Option<String>) -> Result<()> {
    let mut dpkg = Command::new("dpkg-deb");
    dpkg.arg("--fsys-tarfile").arg(deb);
    let mut child = dpkg
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let files = child.stdout.take().context("dpkg-deb has no output")?;
    let result = unpack_tar(files, tree, place);
    let status = child.wait()?;
    if !status.success() {
        bail!("dpkg-deb cannot read {} ({status})", deb.display());
    }
    result.with_context(|| format!("in {}", deb.display()))
}

fn unpack_tar(
    files: impl Read,
    tree: &mut Tree,
    place: impl Fn(&str) -> Option<String>,
) -> Result<()> {
    let mut archive = Archive::new(files);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8(entry.path_bytes().into_owned())?;
        let Some(path) = place(path.trim_start_matches("./")) else {
            continue;
        };
        let target = entry.link_name_bytes().map(|name| name.into_owned());
        let kind = entry.header().entry_type();
        if kind == EntryType::Link {
            let target = String::from_utf8(target.unwrap_or_default())?;
            if let Some(target) = place(target.trim_start_matches("./")) {
                tree.hard_link(&path, &target);
            }
            continue;
        }
        let header = entry.header();
        let mut node = Node {
            mode: mode_of(kind)? | header.mode()? & 0o7777,
            uid: u32::try_from(header.uid()?)?,
            gid: u32::try_from(header.gid()?)?,
            mtime: u32::try_from(header.mtime()?)?,
            rdev: device_of(kind, header)?,
            body: target.unwrap_or_default(),
        };
        if kind.is_file() {
            node.body.clear();
            entry.read_to_end(&mut node.body)?;
        }
        tree.put(&path, node);
    }
    // Read to the end: tar pads the archive, and a closed pipe would make dpkg-deb fail.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(())
}

/// Only a device's entry has these fields filled in.
fn device_of(kind: EntryType, header: &Header) -> Result<(u32, u32)> {
    Ok(match kind {
        EntryType::Char | EntryType::Block => (
            header.device_major()?.unwrap_or(0),
            header.device_minor()?.unwrap_or(0),
        ),
        _ => (0, 0),
    })
}

fn mode_of(kind: EntryType) -> Result<u32> {
    Ok(match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => mode::FILE,
        EntryType::Directory => mode::DIRECTORY,
        EntryType::Symlink => mode::SYMLINK,
        EntryType::Char => mode::CHARACTER,
        EntryType::Block => mode::BLOCK,
        EntryType::Fifo => mode::FIFO,
        other => bail!("a member of type {other:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tar::Builder;

    #[test]
    fn owners_modes_and_links_are_kept() {
        let mut builder = Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.set_size(2);
        header.set_mode(0o2755);
        header.set_uid(7);
        header.set_gid(42);
        header.set_mtime(1000);
        builder
            .append_data(&mut header, "./bin/first", &b"hi"[..])
            .expect("appended");
        let mut link = Header::new_gnu();
        link.set_entry_type(EntryType::Link);
        link.set_size(0);
        builder
            .append_link(&mut link, "./bin/second", "./bin/first")
            .expect("appended");
        let bytes = builder.into_inner().expect("finished");

        let mut tree = Tree::default();
        let place = |path: &str| Some(path.to_owned());
        unpack_tar(&bytes[..], &mut tree, place).expect("unpacked");
        let archive = tree.archive();
        let entries: Vec<_> = formats::cpio::entries(&archive)
            .filter_map(Result::ok)
            .collect();
        assert_eq!(entries.len(), 2);
        let header = entries[0].header;
        assert_eq!(entries[0].name, b"usr/bin/first");
        assert_eq!((header.mode, header.uid, header.gid), (0o102_755, 7, 42));
        assert_eq!((header.mtime, header.nlink), (1000, 2));
        assert_eq!(entries[1].name, b"usr/bin/second");
    }
}
