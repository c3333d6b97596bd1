//! Builds everything that boots.
//!
//! ```text
//! kernel crate --cargo--> ELF --kallsyms--> target/kernel.elf --strip--> (embedded)
//! boot crate   --cargo, with TRIDENT_KERNEL--------------------> target/trident.elf
//! programs     --cargo, two targets--> target/user/64/*, target/user/32/*
//! those        --newc----------------> target/tour.cpio
//! ```

pub mod image;
pub mod kallsyms;
pub mod strip;
mod unwind;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use harness::paths;

use crate::setup;
use crate::toolchain::{BARE_32, BARE_64, Toolchain};
use crate::ui;

/// `make build`: installs the compiler's targets where they are missing, and builds.
pub fn command() -> Result<()> {
    everything(&setup::toolchain()?)?;
    ui::note(format!("Built {}", paths::boot_image().display()));
    Ok(())
}

/// Builds the boot image and the archives that go with it.
pub fn everything(toolchain: &Toolchain) -> Result<()> {
    boot_image(toolchain)?;
    programs(toolchain)?;
    image::pack_tour()
}

/// Builds `target/trident.elf`: the release kernel inside the loader.
pub fn boot_image(toolchain: &Toolchain) -> Result<()> {
    let built = kernel(toolchain, "release", "Building the kernel")?;
    package(toolchain, &built, &paths::kernel(), &paths::boot_image())
}

/// Builds `target/trident-checked.elf`: the kernel of the test build inside the loader.
pub fn checked_image(toolchain: &Toolchain) -> Result<()> {
    let built = kernel(toolchain, "checked", "Building the kernel with checks")?;
    let (kernel, image) = (paths::checked_kernel(), paths::checked_image());
    package(toolchain, &built, &kernel, &image)
}

/// Builds `target/trident-lab.elf` for the labs' graders, which name the tree by `TRIDENT_ROOT` and
/// the target directory by `CARGO_TARGET_DIR`.
pub fn lab_image() -> Result<()> {
    let toolchain = setup::toolchain()?;
    let built = kernel(&toolchain, "lab", "Building the kernel of the lab")?;
    package(
        &toolchain,
        &built,
        &paths::lab_kernel(),
        &paths::lab_image(),
    )
}

/// Builds what `make debug` boots: kernel and tour with all debug information, and the init of a
/// user's program.
pub fn debugged(toolchain: &Toolchain) -> Result<()> {
    const PROFILE: &str = "debugger";
    let built = kernel(toolchain, PROFILE, "Building the kernel for gdb")?;
    let (kernel, image) = (paths::debug_kernel(), paths::debug_image());
    package(toolchain, &built, &kernel, &image)?;
    for (target, width) in [(BARE_64, 64), (BARE_32, 32)] {
        let mut cargo = toolchain.cargo();
        cargo.args([
            "build",
            "--package",
            "programs",
            "--bin",
            "tour",
            "--bin",
            "init",
        ]);
        cargo.args(["--target", target, "--profile", PROFILE]);
        ui::run("Building the tour for gdb", &mut cargo)?;
        let built = paths::target().join(target).join(PROFILE);
        write_if_changed(&paths::debug_tour(width), &fs::read(built.join("tour"))?)?;
        let init = paths::program(width, "init");
        if !init.exists() {
            write_if_changed(&init, &fs::read(built.join("init"))?)?;
        }
    }
    image::pack_tour_for_gdb()
}

/// Builds the kernel crate in a profile; returns the path of cargo's ELF file.
fn kernel(toolchain: &Toolchain, profile: &str, title: &str) -> Result<PathBuf> {
    let mut cargo = toolchain.cargo();
    cargo.args(["build", "--package", "trident", "--target", BARE_64]);
    cargo.args(["--profile", profile]);
    ui::run(title, &mut cargo)?;
    let directory = paths::target().join(BARE_64).join(profile);
    Ok(directory.join("trident"))
}

/// Puts the kernel ELF `built` into the loader: `kernel` becomes the same ELF with its symbol
/// table filled in, `image` the file to boot. Does nothing where both are up to date.
pub fn package(toolchain: &Toolchain, built: &Path, kernel: &Path, image: &Path) -> Result<()> {
    let bytes = fs::read(built).with_context(|| format!("cannot read {}", built.display()))?;
    let filled = kallsyms::fill(bytes)
        .and_then(unwind::fill)
        .with_context(|| format!("in {}", built.display()))?;
    write_if_changed(kernel, &filled)?;
    // The loader's build is tracked by cargo, which looks at this file's time.
    let embedded = image.with_extension("kernel");
    write_if_changed(&embedded, &strip::allocated_only(&filled)?)?;

    let mut cargo = toolchain.cargo();
    cargo.args([
        "build",
        "--package",
        "trident-boot",
        "--release",
        "--target",
        BARE_64,
    ]);
    // All images share one loader crate: no other build of it may run before this one is copied.
    let lock = fs::File::create(paths::target().join("loader.lock"))?;
    lock.lock()?;
    cargo.env("TRIDENT_KERNEL", &embedded);
    ui::run("Building the loader", &mut cargo)?;
    let loader = paths::target().join(BARE_64).join("release/trident-boot");
    let bytes = fs::read(&loader).with_context(|| format!("cannot read {}", loader.display()))?;
    write_if_changed(image, &bytes)
}

/// Builds the user programs, each for the widths that it exists in.
pub fn programs(toolchain: &Toolchain) -> Result<()> {
    for (target, width, title) in [
        (BARE_64, 64, "Building the 64-bit programs"),
        (BARE_32, 32, "Building the 32-bit programs"),
    ] {
        let mut cargo = toolchain.cargo();
        cargo.args([
            "build",
            "--package",
            "programs",
            "--bins",
            "--release",
            "--target",
            target,
        ]);
        ui::run(title, &mut cargo)?;
        collect_programs(target, width)?;
    }
    Ok(())
}

/// Copies the linked programs to where the tests and archives look for them.
fn collect_programs(target: &str, width: u32) -> Result<()> {
    let built = paths::target().join(target).join("release");
    for source in fs::read_dir(paths::root().join("user/bin/src/bin"))?.flatten() {
        let path = source.path();
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        let program = built.join(name);
        if program.is_file() {
            write_if_changed(&paths::program(width, name), &fs::read(program)?)?;
        }
    }
    Ok(())
}

/// Writes a file by way of a rename, so that no reader sees half of it, and leaves its time
/// alone where the content is the same.
pub fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let mut temporary = PathBuf::from(path).into_os_string();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    if let Err(error) = fs::write(&temporary, bytes) {
        // The disk may be full: remove the incomplete file.
        let _ = fs::remove_file(&temporary);
        return Err(error).with_context(|| format!("cannot write {}", path.display()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if bytes.starts_with(b"\x7fELF") {
            fs::set_permissions(&temporary, fs::Permissions::from_mode(0o755))?;
        }
    }
    fs::rename(&temporary, path).with_context(|| format!("cannot write {}", path.display()))
}

/// Whether `file` is newer than all of `sources`, directories being searched through.
pub fn newer_than(file: &Path, sources: &[PathBuf]) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let Some(time) = modified(file) else {
        return false;
    };
    sources.iter().all(|source| {
        if source.is_dir() {
            let Ok(entries) = fs::read_dir(source) else {
                return false;
            };
            let inside: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            newer_than(file, &inside)
        } else {
            modified(source).is_some_and(|other| other < time)
        }
    })
}

/// Gives a file the present time.
pub fn touch(path: &Path) -> Result<()> {
    let file = fs::OpenOptions::new().append(true).open(path)?;
    Ok(file.set_modified(std::time::SystemTime::now())?)
}
