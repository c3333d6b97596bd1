//! The compiler of the bare-metal half: the kernel, the loader and the user programs.
//!
//! Way 1: the active toolchain has the bare targets' `core` (rustup installs them as
//! `rust-toolchain.toml` asks). Way 2: a distribution's toolchain with a system root of our own,
//! built once from the distribution's Rust source (see [`crate::setup::sysroot`]). In both ways
//! the code is compiled as stable Rust.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use harness::paths;

/// The kernel, the loader, 64-bit programs.
pub const BARE_64: &str = "x86_64-unknown-none";
/// 32-bit programs and the 32-bit vDSO, which use only its `core`.
pub const BARE_32: &str = "i686-unknown-linux-gnu";
/// Both bare targets.
pub const TARGETS: [&str; 2] = [BARE_64, BARE_32];
/// The oldest compiler that the workspace builds with (`rust-version` in Cargo.toml).
const OLDEST: (u32, u32) = (1, 91);

/// Part of the system root's name, since cargo does not look inside: change it whenever
/// [`crate::setup::sysroot`] builds in another way.
const RECIPE: u32 = 1;

/// A compiler that can build for the bare targets.
#[derive(Clone, Debug)]
pub struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    /// The system root of way 2.
    sysroot: Option<PathBuf>,
}

impl Toolchain {
    /// The toolchain, if one is ready to be used.
    pub fn find() -> Option<Self> {
        if active_has_targets() {
            return Some(Self {
                cargo: "cargo".into(),
                rustc: "rustc".into(),
                sysroot: None,
            });
        }
        let source = Source::find()?;
        let sysroot = source.sysroot_path()?;
        sysroot.exists().then(|| source.with_sysroot(sysroot))
    }

    /// The source of the targets, in words.
    pub fn describe(&self) -> String {
        match &self.sysroot {
            None => "the active toolchain's own targets".into(),
            Some(path) => format!("{} with {}", self.rustc.display(), path.display()),
        }
    }

    /// `cargo`, ready to build for the bare targets.
    pub fn cargo(&self) -> Command {
        let mut cargo = clean_cargo(&self.cargo);
        if let Some(sysroot) = &self.sysroot {
            use_distribution(&mut cargo, &self.rustc);
            for target in TARGETS {
                cargo.env(
                    rustflags_variable(target),
                    format!("--sysroot={}", sysroot.display()),
                );
            }
        }
        cargo
    }
}

/// A toolchain with Rust's own source beside it, from which a system root can be built.
#[derive(Clone, Debug)]
pub struct Source {
    cargo: PathBuf,
    rustc: PathBuf,
    version: String,
}

impl Source {
    /// The active toolchain where it has the source, else the distribution's.
    pub fn find() -> Option<Self> {
        [("rustc", "cargo"), ("/usr/bin/rustc", "/usr/bin/cargo")]
            .into_iter()
            .find_map(|(rustc, cargo)| {
                let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
                let core = sysroot.join("lib/rustlib/src/rust/library/core/src/lib.rs");
                let version = release(&ask(rustc, &["-vV"])?)?;
                (core.exists() && new_enough(&version) && ask(cargo, &["--version"]).is_some())
                    .then(|| Self {
                        cargo: cargo.into(),
                        rustc: rustc.into(),
                        version,
                    })
            })
    }

    /// The compiler's release, such as `1.96.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The compiler's program.
    pub fn rustc(&self) -> &Path {
        &self.rustc
    }

    /// The directory of the system root built from this source: `make clean` leaves it, and all
    /// clones of the repository share it.
    pub fn sysroot_path(&self) -> Option<PathBuf> {
        Some(cache()?.join(format!("sysroot-{}-{RECIPE}", self.version)))
    }

    /// The toolchain that uses the system root.
    pub fn with_sysroot(self, sysroot: PathBuf) -> Toolchain {
        Toolchain {
            cargo: self.cargo,
            rustc: self.rustc,
            sysroot: Some(sysroot),
        }
    }

    /// `cargo` of this toolchain, with no system root yet.
    pub fn cargo(&self) -> Command {
        let mut cargo = clean_cargo(&self.cargo);
        use_distribution(&mut cargo, &self.rustc);
        cargo
    }
}

/// `cargo` for host crates: the active toolchain, at the repository's root.
pub fn host_cargo() -> Command {
    clean_cargo(Path::new("cargo"))
}

/// Builds and runs a program of the host's half that isn't part of xtask.
pub fn host_program(package: &str) -> Command {
    let mut cargo = host_cargo();
    cargo.args(["run", "--quiet", "--package", package]);
    cargo.args(["--target", "host-tuple", "--"]);
    cargo
}

/// This user's cache directory for Trident.
pub fn cache() -> Option<PathBuf> {
    let set = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
    Some(base.join("trident"))
}

/// Whether the active toolchain has `core` for both bare targets.
pub fn active_has_targets() -> bool {
    TARGETS.iter().all(|target| has_target("rustc", target))
}

/// Whether a compiler has `core` for a target.
pub fn has_target(rustc: &str, target: &str) -> bool {
    let Some(directory) = ask(rustc, &["--print", "target-libdir", "--target", target]) else {
        return false;
    };
    let Ok(files) = std::fs::read_dir(directory) else {
        return false;
    };
    files
        .flatten()
        .any(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
}

/// A command's standard output, trimmed, where it succeeds.
pub fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(paths::root())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .env_remove("LD_LIBRARY_PATH")
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `cargo` without the variables of a package's build, which `cargo run` sets: they would make
/// another build look changed.
pub fn clean_cargo(program: &Path) -> Command {
    let mut cargo = Command::new(program);
    cargo.current_dir(paths::root()).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name == "CARGO"
            || name == "OUT_DIR"
            || name == "LD_LIBRARY_PATH"
            || name == "CARGO_PRIMARY_PACKAGE"
            || name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
        {
            cargo.env_remove(&*name);
        }
    }
    cargo
}

/// rustup's own variable would send a distribution's cargo back to rustup's rustc.
fn use_distribution(cargo: &mut Command, rustc: &Path) {
    if rustc.is_absolute() {
        cargo
            .env("RUSTC", rustc)
            .env("RUSTDOC", rustc.with_file_name("rustdoc"));
        cargo.env_remove("RUSTUP_TOOLCHAIN");
    }
}

fn rustflags_variable(target: &str) -> String {
    format!(
        "CARGO_TARGET_{}_RUSTFLAGS",
        target.to_uppercase().replace('-', "_")
    )
}

fn release(version: &str) -> Option<String> {
    version
        .lines()
        .find_map(|line| line.strip_prefix("release: "))
        .map(str::to_owned)
}

fn new_enough(release: &str) -> bool {
    let mut numbers = release.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        assert!(new_enough("1.91.0"));
        assert!(new_enough("1.100.0"));
        assert!(!new_enough("1.63.0"));
        assert!(!new_enough("unknown"));
    }

    #[test]
    fn the_release_is_read_from_the_verbose_version() {
        let text = "rustc 1.96.0 (abc)\nbinary: rustc\nrelease: 1.96.0\nLLVM version: 22";
        assert_eq!(release(text).as_deref(), Some("1.96.0"));
    }

    #[test]
    fn cargo_names_a_targets_flags_so() {
        assert_eq!(
            rustflags_variable(BARE_64),
            "CARGO_TARGET_X86_64_UNKNOWN_NONE_RUSTFLAGS"
        );
    }
}
