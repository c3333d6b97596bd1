//! Way 2: builds the bare targets' `core`, `alloc` and `compiler_builtins` once, from Rust's
//! own source as the distribution packages it.
//!
//! A throw-away crate is compiled with `-Zbuild-std`, and the resulting libraries are kept as a
//! system root. Only this step runs with `RUSTC_BOOTSTRAP`; code that is compiled against the
//! result must be stable Rust, by the compiler's own rules.

use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::toolchain::{BARE_64, Source, TARGETS, Toolchain};
use crate::ui;

/// Builds the system root unless it exists, and returns the toolchain that uses it.
pub fn ensure(source: Source) -> Result<Toolchain> {
    let path = source
        .sysroot_path()
        .context("neither HOME nor XDG_CACHE_HOME is set")?;
    if !path.exists() {
        build(&source, &path)?;
    }
    Ok(source.with_sysroot(path))
}

fn build(source: &Source, path: &Path) -> Result<()> {
    let parent = path.parent().context("the cache directory has no parent")?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    // Beside its final path, so that one rename installs it complete.
    let work = parent.join(format!(
        "sysroot-{}.{}",
        source.version(),
        std::process::id()
    ));
    let result = build_in(source, &work, path);
    let _ = fs::remove_dir_all(&work);
    result
}

fn build_in(source: &Source, work: &Path, path: &Path) -> Result<()> {
    let sysroot = work.join("sysroot");
    let step = ui::Step::begin_long(format!(
        "Building the bare targets' core library, Rust {}, once (about 40 s)",
        source.version()
    ));
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let builds = TARGETS.map(|target| {
            let (sysroot, work) = (&sysroot, work.join(target));
            scope.spawn(move || build_target(source, target, &work, sysroot))
        });
        builds
            .into_iter()
            .map(|build| build.join().unwrap_or_else(|_| bail!("panicked")))
            .collect()
    });
    step.end();
    results.into_iter().collect::<Result<()>>()?;
    match fs::rename(&sysroot, path) {
        // Another clone's build was first, with the same result.
        Err(_) if path.exists() => Ok(()),
        outcome => outcome.with_context(|| format!("cannot make {}", path.display())),
    }
}

fn build_target(source: &Source, target: &str, work: &Path, sysroot: &Path) -> Result<()> {
    fs::create_dir_all(work.join("src"))?;
    let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
                    [workspace]\n";
    fs::write(work.join("Cargo.toml"), manifest)?;
    fs::write(work.join("src/lib.rs"), "#![no_std]\n")?;
    let mut cargo = source.cargo();
    cargo
        .current_dir(work)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", work.join("out"));
    // Bitcode beside the machine code, as in rustup's libraries: the release build's link-time
    // optimisation reads it.
    cargo.env("RUSTFLAGS", "-Cembed-bitcode=yes");
    cargo.args(["build", "--release", "--quiet", "--target", target]);
    cargo.arg("-Zbuild-std=core,alloc,compiler_builtins");
    if target == BARE_64 {
        // As in rustup's build of the two targets: the bare one brings memcpy and its like,
        // the other leaves them to a C library.
        cargo.arg("-Zbuild-std-features=compiler-builtins-mem");
    }
    let output = cargo.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "building core for {target} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let libraries = sysroot.join("lib/rustlib").join(target).join("lib");
    fs::create_dir_all(&libraries)?;
    for file in fs::read_dir(work.join("out").join(target).join("release/deps"))? {
        let file = file?;
        let name = file.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libempty") {
            fs::copy(file.path(), libraries.join(&name))?;
        }
    }
    Ok(())
}
