//! `make rootfs`: a root file system of Debian's packages, as an initramfs.
//!
//! [`apt`] downloads the packages, [`package`] unpacks each into a [`tree`] in memory, [`finish`]
//! replaces their maintainer scripts, and the tree is written as one archive,
//! `target/rootfs/debian.cpio`. Nothing needs root. An interrupted run leaves complete files only,
//! and the next run continues from them.

mod apt;
mod finish;
mod ldcache;
mod package;
mod tree;

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use harness::debian;

use crate::build::write_if_changed;
use crate::options::{self, get, switch, text};
use crate::ui::{self, Step};
use apt::PrivateApt;
use tree::Tree;

/// The root file system's packages; their dependencies are added.
const PACKAGES: &str = "base-files base-passwd bash bsdutils coreutils dash debianutils diffutils \
    findutils gdb-minimal grep gzip hostname libc-bin mawk mount ncurses-base perl-base procps \
    python3-minimal sed strace tar usr-is-merged util-linux libc6:i386";

/// Packages that would conflict with each other, and the directory that each goes to.
const APART: &[(&str, &str)] = &[
    ("busybox-static:amd64", ""),
    ("busybox:i386", "opt/i386/"),
    ("busybox-static:i386", "opt/i386-static/"),
];

/// Version of this program's part in the result: another version makes another archive.
const SOURCES: &[&str] = &[
    include_str!("mod.rs"),
    include_str!("finish.rs"),
    include_str!("ldcache.rs"),
    include_str!("package.rs"),
    include_str!("tree.rs"),
];

/// Options of `make rootfs`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Further Debian packages, separated by blanks.
    pub packages: String,
    documents: bool,
    refresh: bool,
}

impl options::Options for Options {
    fn declare(command: Command) -> Command {
        let packages = "Further Debian packages, separated by blanks";
        let documents = "Keep documentation and translations";
        let refresh = "Fetch the package lists anew, and with them newer packages";
        command
            .arg(text("packages", "PACKAGES", packages))
            .arg(switch("documents", "DOCUMENTS", documents))
            .arg(switch("refresh", "REFRESH", refresh))
    }

    fn read(matches: &ArgMatches) -> Self {
        Self {
            packages: get(matches, "packages"),
            documents: get(matches, "documents"),
            refresh: get(matches, "refresh"),
        }
    }
}

/// Makes the archive and prints its path.
pub fn command(options: &Options) -> Result<()> {
    let path = ensure(options)?;
    let size = fs::metadata(&path)?.len() >> 20;
    ui::note(format!("{} ({size} MiB)", path.display()));
    Ok(())
}

/// Makes the archive unless it is there.
pub fn ensure(options: &Options) -> Result<PathBuf> {
    let mut extra: Vec<&str> = options.packages.split_whitespace().collect();
    extra.sort_unstable();
    extra.dedup();
    let directory = debian::directory();
    let name: String = [&["debian"], &extra[..]].concat().join("+");
    let name = if options.documents {
        name + ".documents"
    } else {
        name
    };
    let archive = directory.join(format!("{name}.cpio"));
    let stamp = directory.join(format!("{name}.stamp"));
    let recipe = recipe(&extra);
    let is_made = fs::read_to_string(&stamp).is_ok_and(|made| made == recipe);
    if is_made && archive.exists() && !options.refresh {
        return Ok(archive);
    }
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    // Another run may be making it: then this one finds it complete.
    let lock = fs::File::create(directory.join("lock"))?;
    lock.lock()?;
    let apt = PrivateApt::open(&directory.join("apt"))?;
    if options.refresh {
        apt.update()?;
    }
    let tree = assemble(&apt, &extra, options.documents)?;
    write_if_changed(&archive, &tree.archive())?;
    write_if_changed(&stamp, recipe.as_bytes())?;
    Ok(archive)
}

/// Debian's static busybox alone.
pub fn busybox() -> Result<Vec<u8>> {
    let apt = PrivateApt::open(&debian::directory().join("apt"))?;
    let [_, alone] = apt.fetch(&[], &[APART[0].0])?;
    let mut tree = Tree::default();
    for package in &alone {
        package::unpack(&apt.path(package), &mut tree, |path| Some(path.to_owned()))?;
    }
    let program = tree.read("bin/busybox").map(<[u8]>::to_vec);
    program.context("the package busybox-static has no busybox")
}

/// The inputs that an archive was made from.
fn recipe(extra: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    (SOURCES, extra).hash(&mut hasher);
    format!("{:016x}\n", hasher.finish())
}

fn assemble(apt: &PrivateApt, extra: &[&str], documents: bool) -> Result<Tree> {
    let packages: Vec<String> = PACKAGES
        .split_whitespace()
        .chain(extra.iter().copied())
        .map(str::to_owned)
        .collect();
    let apart: Vec<&str> = APART.iter().map(|(name, _)| *name).collect();
    let [resolved, alone] = apt.fetch(&packages, &apart)?;
    let count = resolved.len() + alone.len();
    let mut step = Step::begin(format!("Unpacking {count} packages"));
    let mut tree = Tree::default();
    for package in &resolved {
        step.detail(&package.name);
        package::unpack(&apt.path(package), &mut tree, |path| Some(path.to_owned()))?;
    }
    for (package, (_, directory)) in alone.iter().zip(APART) {
        step.detail(&package.name);
        tree.directory(directory, 0o755);
        tree.directory(&format!("{directory}bin"), 0o755);
        package::unpack(&apt.path(package), &mut tree, |path| {
            // The program alone: its other files are there already.
            path.ends_with("bin/busybox")
                .then(|| format!("{directory}bin/busybox"))
        })?;
    }
    finish::complete(&mut tree, documents);
    step.end();
    Ok(tree)
}
