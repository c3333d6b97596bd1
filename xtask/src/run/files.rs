//! The guest's working directory as the program finds it: the program, and the files of `FILES`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use formats::cpio::mode;
use harness::Initramfs;

use crate::command_line::split;

/// Path of the directory in the guest.
pub const WORK: &str = "/work";

/// Most bytes of files: the machine holds them twice while it unpacks its archive.
const MOST: u64 = 1 << 30;

/// Files by their path below the working directory.
#[derive(Clone, Debug, Default)]
pub struct Files {
    nodes: BTreeMap<String, Node>,
    /// The host's path of each name in the working directory itself.
    sources: BTreeMap<String, PathBuf>,
    size: u64,
}

/// A file: type and permission bits, and its content or target.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    mode: u32,
    body: Vec<u8>,
}

impl Files {
    /// Reads `FILES`, words as a shell splits them. A file is known by its name, a directory with
    /// all that is in it; `.` and `..` have no name, and mean what is in them.
    ///
    /// # Errors
    /// A file that can't be read or is of another kind, two of the same name, too many bytes.
    pub fn read(words: &str) -> Result<Self> {
        let mut files = Self::default();
        for word in split("FILES", words)? {
            let path = Path::new(&word);
            match path.file_name() {
                Some(_) => files.add(path)?,
                None => {
                    for entry in entries(path)? {
                        files.add(&entry)?;
                    }
                }
            }
        }
        Ok(files)
    }

    /// Adds the program; returns its path in the guest.
    ///
    /// # Errors
    /// `FILES` has another file of its name.
    pub fn program(&mut self, path: &Path, bytes: &[u8]) -> Result<String> {
        let name = name(path)?;
        let node = Node {
            mode: mode::FILE | 0o755,
            body: bytes.to_vec(),
        };
        if let Some(old) = self.nodes.insert(name.clone(), node) {
            ensure!(
                old.mode & mode::TYPE == mode::FILE && old.body == bytes,
                "FILES and PROGRAM each bring a file `{name}`, and they differ: rename one of them"
            );
        }
        self.size += bytes.len() as u64;
        Ok(format!("{WORK}/{name}"))
    }

    /// Adds a file or directory named in `FILES`, to which a symbolic link is followed.
    fn add(&mut self, path: &Path) -> Result<()> {
        let name = name(path)?;
        let real = path
            .canonicalize()
            .with_context(|| format!("FILES: cannot read {}", path.display()))?;
        match self.sources.get(&name) {
            Some(old) if *old == real => return Ok(()),
            Some(old) => bail!(
                "FILES: {} and {} have the same name, and both go into the working directory",
                old.display(),
                real.display()
            ),
            None => {}
        }
        self.take(&real, name.clone())?;
        self.sources.insert(name, real);
        Ok(())
    }

    fn take(&mut self, path: &Path, name: String) -> Result<()> {
        let cannot = || format!("FILES: cannot read {}", path.display());
        let data = path.symlink_metadata().with_context(cannot)?;
        let kind = data.file_type();
        self.size += data.len();
        ensure!(self.size <= MOST, "FILES has more than {} MiB", MOST >> 20);
        let permissions = data.permissions().mode() & 0o777;
        let (kind, body) = if kind.is_dir() {
            for entry in entries(path)? {
                let below = format!("{name}/{}", self::name(&entry)?);
                self.take(&entry, below)?;
            }
            (mode::DIRECTORY, Vec::new())
        } else if kind.is_symlink() {
            let target = fs::read_link(path).with_context(cannot)?;
            (mode::SYMLINK, target.into_os_string().into_encoded_bytes())
        } else if kind.is_file() {
            (mode::FILE, fs::read(path).with_context(cannot)?)
        } else {
            bail!(
                "FILES: {} is neither a file, a directory nor a symbolic link",
                path.display()
            );
        };
        let mode = kind | permissions;
        self.nodes.insert(name, Node { mode, body });
        Ok(())
    }

    /// Adds the directory and its files to an archive.
    pub fn pack(&self, archive: Initramfs) -> Initramfs {
        let node = |archive: Initramfs, (name, node): (&String, &Node)| {
            archive.node(&format!("{WORK}/{name}"), node.mode, node.body.clone())
        };
        self.nodes.iter().fold(archive.dir(WORK), node)
    }

    /// Whether this file was there from the start, and is the same.
    pub fn has(&self, name: &str, mode: u32, body: &[u8]) -> bool {
        let node = self.nodes.get(name);
        node.is_some_and(|node| node.mode == mode && node.body == body)
    }
}

/// What is in a directory.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let cannot = || format!("FILES: cannot read {}", directory.display());
    let entries = fs::read_dir(directory).with_context(cannot)?;
    entries
        .map(|entry| Ok(entry.with_context(cannot)?.path()))
        .collect()
}

/// The last part of a path, as text.
fn name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("{}: its name is not UTF-8", path.display()))?;
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_by_their_names_and_directories_with_their_content() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("one/deep")).expect("made");
        fs::create_dir(at("two")).expect("made");
        for name in ["one/deep/a b", "two/same", "one/same"] {
            fs::write(at(name), name).expect("written");
        }
        std::os::unix::fs::symlink("deep/a b", at("one/link")).expect("linked");
        let read = |words: &[&str]| {
            let words: Vec<_> = words
                .iter()
                .map(|word| at(word).display().to_string())
                .collect();
            let words = words.iter().map(String::as_str);
            Files::read(&shlex::try_join(words).expect("no NUL"))
        };
        let files = read(&["one/", "two/same", "two/../two/same"]).expect("readable");
        let names: Vec<_> = files.nodes.keys().map(String::as_str).collect();
        let all = [
            "one",
            "one/deep",
            "one/deep/a b",
            "one/link",
            "one/same",
            "same",
        ];
        assert_eq!(names, all);
        assert!(files.has("same", files.nodes["same"].mode, b"two/same"));
        assert_eq!(files.nodes["one/link"].body, b"deep/a b");

        let why = |words: &[&str]| format!("{:#}", read(words).expect_err("wrong"));
        assert!(why(&["one/same", "two/same"]).contains("have the same name"));
        assert!(why(&["nowhere"]).contains("FILES: cannot read"));
        assert!(Files::read("'open").is_err());

        let mut files = read(&["two/same"]).expect("readable");
        assert!(files.program(Path::new("/x/same"), b"other").is_err());
        let mut files = read(&["two/same"]).expect("readable");
        assert_eq!(
            files
                .program(Path::new("same"), b"two/same")
                .expect("the same"),
            "/work/same"
        );
    }
}
