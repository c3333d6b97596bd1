//! C programs of the host's own toolchain: `tests/programs/*.c`, compiled by gcc (64- and 32-bit,
//! static, static-PIE, dynamic) and by musl's gcc.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::paths;

/// A C compiler and its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// glibc, 64-bit.
    Glibc64,
    /// glibc, 32-bit.
    Glibc32,
    /// musl, 64-bit.
    Musl64,
    /// glibc, 64-bit, as a static position-independent executable.
    StaticPie64,
    /// glibc, 32-bit, as a static position-independent executable.
    StaticPie32,
    /// glibc, 64-bit, dynamically linked: needs a root file system with a dynamic linker.
    Dynamic64,
    /// glibc, 32-bit, dynamically linked.
    Dynamic32,
}

impl Compiler {
    /// The compilers of static programs, for cases that try each.
    pub const ALL: [Self; 5] = [
        Self::Glibc64,
        Self::Glibc32,
        Self::Musl64,
        Self::StaticPie64,
        Self::StaticPie32,
    ];

    /// A name for files and test cases.
    pub fn name(self) -> &'static str {
        match self {
            Self::Glibc64 => "glibc64",
            Self::Glibc32 => "glibc32",
            Self::Musl64 => "musl64",
            Self::StaticPie64 => "pie64",
            Self::StaticPie32 => "pie32",
            Self::Dynamic64 => "dynamic64",
            Self::Dynamic32 => "dynamic32",
        }
    }

    fn command(self) -> Command {
        let (program, options): (_, &[&str]) = match self {
            Self::Glibc64 => ("gcc", &["-static"]),
            Self::Glibc32 => ("gcc", &["-m32", "-static"]),
            Self::Musl64 => ("musl-gcc", &["-static"]),
            Self::StaticPie64 => ("gcc", &["-static-pie"]),
            Self::StaticPie32 => ("gcc", &["-m32", "-static-pie"]),
            Self::Dynamic64 => ("gcc", &[]),
            Self::Dynamic32 => ("gcc", &["-m32"]),
        };
        let mut command = Command::new(program);
        command.args(options).args(["-O1", "-g", "-Wall"]);
        command
    }
}

/// Compiles `tests/programs/NAME.c`, unless the program is newer than its sources.
pub fn compile(name: &str, compiler: Compiler) -> Result<PathBuf> {
    compile_with(name, compiler, &[])
}

/// [`compile`] with further options, which become part of the file's name.
pub fn compile_with(name: &str, compiler: Compiler, options: &[&str]) -> Result<PathBuf> {
    let sources = paths::root().join("tests/programs");
    let output = paths::scratch().join("c");
    compile_file(&sources, &format!("{name}.c"), &output, compiler, options)
}

/// Compiles a file of `sources` (C, or assembly), unless the program in `output` is newer than the
/// file and the headers beside it. Further options become part of the program's name, but for those
/// about names of files (`-ffile-prefix-map=...`).
pub fn compile_file(
    sources: &Path,
    file: &str,
    output: &Path,
    compiler: Compiler,
    options: &[&str],
) -> Result<PathBuf> {
    // Cases run side by side, under nextest in separate processes: the complete result gets its
    // name by a rename.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();

    let source = sources.join(file);
    let naming = options
        .iter()
        .filter(|option| !option.starts_with("-ffile-"));
    let suffix: String = naming
        .flat_map(|option| option.chars())
        .filter(|c| c.is_alphanumeric())
        .collect();
    let name = Path::new(file).with_extension("");
    let name = name.display();
    let program = output.join(format!("{name}.{}{suffix}", compiler.name()));
    // The program may include any of the headers, and those beside it.
    let beside = source.parent().map(Path::to_owned).unwrap_or_default();
    let headers = fs::read_dir(sources)?
        .chain(fs::read_dir(beside)?)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "h"));
    if headers
        .chain([source.clone()])
        .all(|part| is_newer(&program, &part))
    {
        return Ok(program);
    }
    fs::create_dir_all(program.parent().unwrap_or(output))?;
    let temporary = program.with_extension(format!("tmp{}", std::process::id()));
    let mut command = compiler.command();
    command.args(options).arg("-o").arg(&temporary).arg(&source);
    let output = command.stdin(Stdio::null()).output().with_context(|| {
        format!(
            "cannot start {:?}: `make doctor` says what is missing",
            command.get_program()
        )
    })?;
    if !output.status.success() {
        bail!(
            "{command:?} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    fs::rename(&temporary, &program)?;
    Ok(program)
}

/// The host's static busybox.
pub fn busybox() -> Result<PathBuf> {
    ["/bin/busybox", "/usr/bin/busybox", "/sbin/busybox"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
        .context("there is no busybox on this machine: `make doctor` says how to get it")
}

fn is_newer(file: &Path, source: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified());
    match (modified(file), modified(source)) {
        (Ok(file), Ok(source)) => file > source,
        _ => false,
    }
}
