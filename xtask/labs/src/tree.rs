//! A tree of files in memory: the student's starter, a submission, the tree that is graded.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its content.
    pub bytes: Vec<u8>,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Files by their paths from the tree's root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, File>);

impl Tree {
    /// The files of a working tree that git tracks or would track; of a folder without git, all but
    /// hidden files and cargo's output.
    pub fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        for path in listed(root)? {
            let file = root.join(&path);
            // A tracked file may be gone; a symbolic link could lead out of the tree.
            if file.symlink_metadata().is_ok_and(|data| data.is_file()) {
                tree.0.insert(path, read_file(&file)?);
            }
        }
        Ok(tree)
    }

    /// The files of the first commit of a repository: what its student got.
    pub fn first_commit(root: &Path) -> Result<Self> {
        let commits = git(root, &["rev-list", "--max-parents=0", "HEAD"])
            .context("the student's repository needs its git history")?;
        let commits = String::from_utf8_lossy(&commits).into_owned();
        let first = commits.lines().last().context("there is no commit")?;
        let mut tree = Self::default();
        let mut wanted = Vec::new();
        let listing = git(root, &["ls-tree", "-r", "-z", "--full-tree", first])?;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        for line in listing.split('\0').filter(|line| !line.is_empty()) {
            let (head, path) = line.split_once('\t').context("git's listing")?;
            let words: Vec<&str> = head.split(' ').collect();
            let [mode, _, object] = words[..] else {
                bail!("git's listing has {line:?}");
            };
            wanted.push((path.to_owned(), mode == "100755", object.to_owned()));
        }
        let objects: Vec<&str> = wanted
            .iter()
            .map(|(_, _, object)| object.as_str())
            .collect();
        for ((path, executable, _), bytes) in wanted.iter().zip(blobs(root, &objects)?) {
            let executable = *executable;
            tree.0.insert(path.clone(), File { bytes, executable });
        }
        Ok(tree)
    }

    /// Paths and files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// A file's content.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.0.get(path).map(|file| file.bytes.as_slice())
    }

    /// A file's text.
    ///
    /// # Errors
    /// There is no such file, or it isn't text.
    pub fn text(&self, path: &str) -> Result<&str> {
        let bytes = self
            .get(path)
            .with_context(|| format!("{path} is missing"))?;
        std::str::from_utf8(bytes).with_context(|| format!("{path} is not text"))
    }

    /// Sets a file's content; a new file is not executable.
    pub fn set(&mut self, path: &str, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let file = self.0.entry(path.to_owned()).or_insert(File {
            bytes: Vec::new(),
            executable: false,
        });
        file.bytes = bytes;
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Keeps the files whose paths pass.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|path, _| keep(path));
    }

    /// The paths at which two trees differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let all = self.0.keys().chain(other.0.keys());
        let mut paths: Vec<String> = all
            .filter(|path| self.get(path) != other.get(path))
            .cloned()
            .collect();
        paths.sort();
        paths.dedup();
        paths
    }

    /// Makes `folder` have exactly these files, apart from hidden folders of git and cargo's output.
    /// A file with the right content keeps its time: cargo builds only what has changed.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        for path in walked(folder)? {
            if !self.0.contains_key(&path) {
                fs::remove_file(folder.join(&path))?;
            }
        }
        for (path, file) in &self.0 {
            let to = folder.join(path);
            if fs::read(&to).is_ok_and(|old| old == file.bytes) {
                continue;
            }
            if let Some(parent) = to.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&to, &file.bytes)
                .with_context(|| format!("cannot write {}", to.display()))?;
            let mode = if file.executable { 0o755 } else { 0o644 };
            fs::set_permissions(&to, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

fn read_file(path: &Path) -> Result<File> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let executable = fs::metadata(path)?.permissions().mode() & 0o100 != 0;
    Ok(File { bytes, executable })
}

/// The paths of a working tree.
fn listed(root: &Path) -> Result<Vec<String>> {
    if !root.join(".git").exists() {
        return walked(root);
    }
    let words = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let listing = git(root, &words)?;
    let listing = String::from_utf8_lossy(&listing).into_owned();
    let paths = listing.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}

/// The paths of all files below a folder, but for those of git and of cargo's output.
fn walked(root: &Path) -> Result<Vec<String>> {
    fn gather(root: &Path, folder: &Path, found: &mut Vec<String>) -> Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let is_output = path.join("CACHEDIR.TAG").exists();
                if entry.file_name() != ".git" && entry.file_name() != "target" && !is_output {
                    gather(root, &path, found)?;
                }
            } else if kind.is_file() {
                let path = path.strip_prefix(root)?;
                found.push(path.to_string_lossy().into_owned());
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    gather(root, root, &mut found).with_context(|| format!("cannot list {}", root.display()))?;
    Ok(found)
}

/// What a git command prints.
pub fn git(root: &Path, words: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(words).stdin(Stdio::null());
    let output = command.output().context("cannot start git")?;
    ensure!(
        output.status.success(),
        "git {} failed: {}",
        words.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

/// The contents of objects, in their order.
fn blobs(root: &Path, objects: &[&str]) -> Result<Vec<Vec<u8>>> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["cat-file", "--batch"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot start git")?;
    let mut input = child.stdin.take().context("no pipe")?;
    let names = objects.join("\n") + "\n";
    // Beside the reading: both pipes have an end.
    let writer = std::thread::spawn(move || input.write_all(names.as_bytes()));
    let mut all = Vec::new();
    child
        .stdout
        .take()
        .context("no pipe")?
        .read_to_end(&mut all)?;
    let _ = writer.join();
    ensure!(child.wait()?.success(), "git cat-file failed");
    let mut rest = all.as_slice();
    let mut found = Vec::new();
    for object in objects {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.with_context(|| format!("git has no {object}"))?;
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = head.rsplit(' ').next().unwrap_or_default();
        let size: usize = size.parse().with_context(|| format!("git says {head:?}"))?;
        rest = &rest[end + 1..];
        ensure!(rest.len() > size, "git's answer is too short");
        found.push(rest[..size].to_vec());
        rest = &rest[size + 1..];
    }
    Ok(found)
}
