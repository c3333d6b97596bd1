//! A file tree in memory: packages are unpacked over each other in it, then it becomes an archive.
//!
//! Owners, modes, devices, hard links and times are those of the packages; a directory of the host
//! could have them only for root.

use std::collections::{BTreeMap, HashMap};

use formats::cpio::{Member, Writer, mode};

/// A file of any kind.
#[derive(Clone, Debug, Default)]
pub struct Node {
    /// Type and permission bits (`st_mode`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Modification time in seconds since 1970.
    pub mtime: u32,
    /// Device of a device node: major and minor number.
    pub rdev: (u32, u32),
    /// Content, or a symbolic link's target.
    pub body: Vec<u8>,
}

/// Entries by path, without a leading slash.
#[derive(Debug, Default)]
pub struct Tree {
    files: BTreeMap<String, Entry>,
}

#[derive(Debug)]
enum Entry {
    Node(Node),
    /// Another name of the file at that path.
    Link(String),
}

impl Tree {
    /// Puts a file at a path, replacing another file. An existing directory stays, with its first
    /// package's mode, as dpkg does it.
    pub fn put(&mut self, path: &str, node: Node) {
        let is_directory = |node: &Node| node.mode & mode::TYPE == mode::DIRECTORY;
        let path = usr_merged(path);
        if path.is_empty() {
            return;
        }
        match self.files.get(&path) {
            Some(Entry::Node(old)) if is_directory(old) && is_directory(&node) => {}
            _ => {
                self.files.insert(path, Entry::Node(node));
            }
        }
    }

    /// Makes a directory.
    pub fn directory(&mut self, path: &str, permissions: u32) {
        let mode = mode::DIRECTORY | permissions;
        let node = Node {
            mode,
            ..Node::default()
        };
        self.put(path, node);
    }

    /// Makes a plain file.
    pub fn file(&mut self, path: &str, permissions: u32, body: impl Into<Vec<u8>>) {
        let node = Node {
            mode: mode::FILE | permissions,
            body: body.into(),
            ..Node::default()
        };
        self.put(path, node);
    }

    /// Makes a symbolic link where there is nothing yet.
    pub fn link(&mut self, path: &str, target: &str) {
        let node = Node {
            mode: mode::SYMLINK | 0o777,
            body: target.into(),
            ..Node::default()
        };
        // As it stands: `bin` itself is such a link.
        let entry = self.files.entry(path.to_owned());
        entry.or_insert(Entry::Node(node));
    }

    /// Gives the file at `target` another name.
    pub fn hard_link(&mut self, path: &str, target: &str) {
        let (path, target) = (usr_merged(path), usr_merged(target));
        self.files.insert(path, Entry::Link(target));
    }

    /// Whether there is anything at that path.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(&usr_merged(path))
    }

    /// The content of the plain file at that path.
    pub fn read(&self, path: &str) -> Option<&[u8]> {
        match self.files.get(&usr_merged(path))? {
            Entry::Node(node) if node.mode & mode::TYPE == mode::FILE => Some(&node.body),
            _ => None,
        }
    }

    /// What is below a directory (its path ends in a slash): names, and what a symbolic link among
    /// them points to.
    pub fn list<'a>(
        &'a self,
        directory: &'a str,
    ) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let below = self.files.range(directory.to_owned()..);
        let below =
            below.map_while(move |(path, entry)| Some((path.strip_prefix(directory)?, entry)));
        below.map(|(name, entry)| match entry {
            Entry::Node(node) if node.mode & mode::TYPE == mode::SYMLINK => {
                (name, std::str::from_utf8(&node.body).ok())
            }
            _ => (name, None),
        })
    }

    /// Leaves out what `unwanted` says, and hard links whose file is gone.
    pub fn prune(&mut self, unwanted: impl Fn(&str) -> bool) {
        self.files.retain(|path, _| !unwanted(path));
        let lost: Vec<String> = self
            .files
            .iter()
            .filter(|(_, entry)| matches!(entry, Entry::Link(to) if !self.files.contains_key(to)))
            .map(|(path, _)| path.clone())
            .collect();
        for path in lost {
            self.files.remove(&path);
        }
    }

    /// The newc archive. A directory comes before its entries.
    pub fn archive(&self) -> Vec<u8> {
        let mut links: HashMap<&str, u32> = HashMap::new();
        for entry in self.files.values() {
            if let Entry::Link(target) = entry {
                *links.entry(target).or_insert(1) += 1;
            }
        }
        // Files with more names than one get inode numbers from 1 on; the rest is the writer's.
        let numbers: HashMap<&str, u32> = links.keys().copied().zip(1..).collect();
        let mut writer = Writer::new();
        let mut written: HashMap<&str, ()> = HashMap::new();
        for (path, entry) in &self.files {
            let first: &str = match entry {
                Entry::Node(_) => path,
                Entry::Link(target) => target,
            };
            let Some(Entry::Node(node)) = self.files.get(first) else {
                continue;
            };
            // The first name carries the content.
            let is_first = written.insert(first, ()).is_none();
            let member = Member {
                mode: node.mode,
                uid: node.uid,
                gid: node.gid,
                mtime: node.mtime,
                ino: numbers.get(first).copied().unwrap_or(0),
                nlink: links.get(first).copied().unwrap_or(0),
                rdev: node.rdev,
                body: if is_first { &node.body } else { &[] },
            };
            writer.member(path.as_bytes(), &member);
        }
        writer.finish()
    }
}

/// A package's path in a system whose `/bin`, `/sbin` and `/lib*` are links into `/usr`.
fn usr_merged(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_matches('/');
    let path = if path == "." { "" } else { path };
    match path.split_once('/') {
        Some((top, _)) if super::finish::MERGED.contains(&top) => format!("usr/{path}"),
        None if super::finish::MERGED.contains(&path) => format!("usr/{path}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_bin_go_to_usr_bin() {
        assert_eq!(usr_merged("./bin/bash"), "usr/bin/bash");
        assert_eq!(usr_merged("./lib64/"), "usr/lib64");
        assert_eq!(usr_merged("./binary"), "binary");
        assert_eq!(usr_merged("./"), "");
    }

    #[test]
    fn all_names_of_a_file_share_a_number_and_one_has_the_content() {
        let mut tree = Tree::default();
        tree.hard_link("a", "z");
        tree.file("z", 0o755, "body");
        tree.file("other", 0o644, "");
        let archive = tree.archive();
        let entries: Vec<_> = formats::cpio::entries(&archive)
            .filter_map(Result::ok)
            .collect();
        let named = |name: &[u8]| entries.iter().find(|entry| entry.name == name);
        let (a, z) = (named(b"a").expect("a"), named(b"z").expect("z"));
        assert_eq!(a.header.identity(), z.header.identity());
        assert_eq!((a.header.nlink, z.header.nlink), (2, 2));
        assert_eq!([a.body, z.body].concat(), b"body");
        assert!(!named(b"other").expect("other").header.is_hard_link());
    }

    #[test]
    fn a_link_goes_with_its_file() {
        let mut tree = Tree::default();
        tree.file("usr/share/doc/x", 0o644, "");
        tree.hard_link("y", "usr/share/doc/x");
        tree.prune(|path| path.starts_with("usr/share/doc/"));
        assert!(tree.files.is_empty());
    }
}
