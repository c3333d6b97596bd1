//! The files that a book is made of, and the problems found in them.

use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A tree of sources with a book in it: this repository, or a small one of a test.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// The tree below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A file by its path from the root.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// The text of a file, its path given from the root.
    ///
    /// # Errors
    /// The path leads out of the tree, or the file can't be read.
    pub fn read(&self, name: &str) -> Result<String> {
        if !is_inside(name) {
            bail!("{name}: a path from the tree's root");
        }
        let path = self.path(name);
        if !path.is_file() {
            bail!("there is no file {name}");
        }
        fs::read_to_string(path).with_context(|| format!("cannot read {name}"))
    }

    /// Whether a file or a directory is there.
    pub fn has(&self, name: &str) -> bool {
        is_inside(name) && self.path(name).exists()
    }

    /// Whether it is a students' tree, which has no answers, and holes in place of what the labs ask
    /// for.
    pub fn is_for_students(&self) -> bool {
        !self.has("book/answers")
    }

    /// The names of a directory's files with this ending, in order; none if there is no such
    /// directory.
    pub fn names(&self, directory: &str, ending: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory));
        let entries = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()))
            .collect();
        names.sort();
        names
    }

    /// The paths from the root of all files below a directory, in order, without hidden ones.
    pub fn below(&self, directory: &str) -> Vec<String> {
        let mut found = Vec::new();
        self.gather(Path::new(directory), &mut found);
        found.sort();
        found
    }

    fn gather(&self, directory: &Path, found: &mut Vec<String>) {
        let entries = fs::read_dir(self.path(directory));
        for entry in entries.into_iter().flatten().flatten() {
            let name = entry.file_name();
            let path = directory.join(&name);
            if name.to_string_lossy().starts_with('.')
                || self.path(&path).join("CACHEDIR.TAG").exists()
            {
                continue;
            }
            if entry.path().is_dir() {
                self.gather(&path, found);
            } else {
                found.extend(path.to_str().map(str::to_owned));
            }
        }
    }
}

fn is_inside(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('/') && !name.split('/').any(|part| part == "..")
}

/// What is wrong with a book: a build collects everything before it fails.
#[derive(Debug, Default)]
pub struct Problems {
    list: Vec<String>,
}

impl Problems {
    /// Adds a problem at a line (from 1) of a file.
    pub fn at(&mut self, file: &str, line: usize, problem: impl Display) {
        self.add(format!("{file}:{line}: {problem}"));
    }

    /// Adds a problem that names its own place; one that is known is not added again.
    pub fn add(&mut self, problem: impl Into<String>) {
        let problem = problem.into();
        if !self.list.contains(&problem) {
            self.list.push(problem);
        }
    }

    /// The problems, in the order in which they were found.
    pub fn list(&self) -> &[String] {
        &self.list
    }
}
