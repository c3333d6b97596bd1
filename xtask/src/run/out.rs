//! `OUT`: what the program leaves in its working directory, written to a directory of the host.
//!
//! init sends an archive once the program has ended, however it ended. A file that was there from
//! the start and is the same stays where it is on the host.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use formats::cpio::{self, Entry, Problem, mode};
use harness::paths;

use super::files::Files;
use crate::ui;

/// The directory, and the files that were there from the start.
#[derive(Clone, Debug)]
pub struct Out {
    directory: PathBuf,
    before: Files,
}

impl Out {
    /// Makes the directory where it is missing.
    ///
    /// # Errors
    /// It is no directory, or can't be written: better told before the run than after it.
    pub fn open(directory: &Path, before: Files) -> Result<Self> {
        let name = directory.display();
        ensure!(
            directory.is_dir() || directory.symlink_metadata().is_err(),
            "OUT={name} is not a directory"
        );
        fs::create_dir_all(directory).with_context(|| format!("OUT={name} cannot be made"))?;
        tempfile::tempfile_in(directory)
            .with_context(|| format!("OUT={name} cannot be written"))?;
        Ok(Self {
            directory: directory.to_owned(),
            before,
        })
    }

    /// Writes the files of an archive, as far as it goes.
    ///
    /// # Errors
    /// The archive is incomplete, or a file can't be written: the archive itself is kept then.
    pub fn receive(&self, archive: &[u8]) -> Result<()> {
        let name = self.directory.display();
        ensure!(
            !archive.is_empty(),
            "nothing came back to OUT={name}: the machine ended first"
        );
        let (mut written, mut problems) = (0, Vec::new());
        for entry in cpio::entries(archive) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.problem == Problem::Truncated => {
                    problems.push("the machine ended before all had come".into());
                    break;
                }
                Err(error) => {
                    problems.push(format!("a damaged archive: {error:?}"));
                    break;
                }
            };
            match self.write(&entry) {
                Ok(is_new) => written += usize::from(is_new),
                Err(error) => {
                    problems.push(format!(
                        "{}: {error:#}",
                        String::from_utf8_lossy(entry.name)
                    ));
                }
            }
        }
        let files = if written == 1 { "file" } else { "files" };
        ui::note(format!("{written} new or changed {files} in OUT={name}"));
        if problems.is_empty() {
            return Ok(());
        }
        let kept = paths::target().join("out.cpio");
        fs::write(&kept, archive).with_context(|| format!("cannot write {}", kept.display()))?;
        bail!(
            "OUT={name}: {}\nThe archive is kept: {} (cpio -idv <FILE unpacks it)",
            problems.join("\n  "),
            kept.display()
        )
    }

    /// Writes one entry; returns whether it is a new or changed file.
    fn write(&self, entry: &Entry<'_>) -> Result<bool> {
        let name = std::str::from_utf8(entry.name).context("its name is not UTF-8")?;
        let path = self.place(name)?;
        let (kind, permissions) = (entry.header.kind(), entry.header.mode & 0o777);
        if kind == mode::DIRECTORY {
            if path.symlink_metadata().is_err() {
                fs::create_dir(&path)?;
                // Its files come later.
                fs::set_permissions(&path, fs::Permissions::from_mode(permissions | 0o700))?;
            }
            ensure!(is_directory(&path), "a file of the host has this name");
            return Ok(false);
        }
        // The host has no use for another user's permissions.
        if self
            .before
            .has(name, entry.header.mode & !0o7000, entry.body)
        {
            return Ok(false);
        }
        ensure!(
            !is_directory(&path),
            "a directory of the host has this name"
        );
        // By a rename: a reader sees the old file or the new one, and a link is replaced, not
        // followed.
        let directory = path.parent().context("it has no directory")?;
        let temporary = tempfile::Builder::new()
            .prefix(".trident-")
            .tempdir_in(directory)?;
        let new = temporary.path().join("new");
        match kind {
            mode::FILE => {
                fs::write(&new, entry.body)?;
                fs::set_permissions(&new, fs::Permissions::from_mode(permissions))?;
            }
            mode::SYMLINK => symlink(std::str::from_utf8(entry.body)?, &new)?,
            mode::FIFO => bail!("a FIFO stays in the guest"),
            mode::SOCKET => bail!("a socket stays in the guest"),
            _ => bail!("a device stays in the guest"),
        }
        fs::rename(&new, &path)?;
        Ok(true)
    }

    /// The host's path of a name, each of whose directories must be one: not a link that leads
    /// elsewhere.
    fn place(&self, name: &str) -> Result<PathBuf> {
        let mut path = self.directory.clone();
        let mut parts = name.split('/').peekable();
        while let Some(part) = parts.next() {
            ensure!(
                !matches!(part, "" | "." | "..") && !part.contains('\0'),
                "not a name below the working directory"
            );
            path.push(part);
            ensure!(
                parts.peek().is_none() || is_directory(&path),
                "{} is not a directory here",
                path.display()
            );
        }
        Ok(path)
    }
}

/// Whether there is a directory itself: not a link to one.
fn is_directory(path: &Path) -> bool {
    let data: io::Result<fs::Metadata> = path.symlink_metadata();
    data.is_ok_and(|data| data.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use formats::cpio::{Member, Writer};

    fn archive(members: &[(&str, u32, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new();
        for &(name, mode, body) in members {
            let member = Member {
                mode,
                body,
                ..Member::default()
            };
            writer.member(name.as_bytes(), &member);
        }
        writer.finish()
    }

    #[test]
    fn files_arrive_below_the_directory_and_nowhere_else() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |name: &str| place.path().join(name);
        symlink(place.path(), at("way-out")).expect("made");
        fs::create_dir(at("old")).expect("made");
        let out = Out::open(&at("out"), Files::default()).expect("made");
        symlink(place.path(), at("out/link")).expect("made");
        let good = archive(&[
            ("d", mode::DIRECTORY | 0o755, b""),
            ("d/file", mode::FILE | 0o640, b"text"),
            ("link", mode::SYMLINK | 0o777, b"d/file"),
        ]);
        out.receive(&good).expect("written");
        assert_eq!(fs::read(at("out/d/file")).expect("there"), b"text");
        assert_eq!(
            fs::read_link(at("out/link")).expect("a link"),
            Path::new("d/file")
        );
        assert_eq!(fs::read_dir(at("out")).expect("there").count(), 2);
        for name in ["../evil", "/evil", "d/../../evil", "way/evil", "link/evil"] {
            symlink(place.path(), at("out/way")).unwrap_or_default();
            let entry = archive(&[(name, mode::FILE | 0o644, b"x")]);
            let entry = cpio::entries(&entry).next().expect("one").expect("good");
            assert!(out.write(&entry).is_err(), "{name}");
        }
        assert!(!at("evil").exists());
    }

    #[test]
    fn what_is_no_directory_is_refused_before_the_run() {
        let place = tempfile::tempdir().expect("a directory");
        let file = place.path().join("file");
        fs::write(&file, "x").expect("written");
        let refused = Out::open(&file, Files::default()).expect_err("a file");
        assert!(refused.to_string().contains("is not a directory"));
        assert!(Out::open(&file.join("below"), Files::default()).is_err());
    }
}
