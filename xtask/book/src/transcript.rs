//! Transcripts: what today's kernel, the host, or gdb prints, kept in `book/transcripts/NAME.txt`.
//!
//! `NAME.toml` beside it says how one is made. What differs from build to build is masked; the rest
//! has to be the same whenever the book is built.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::child::{Leashed, leash};
use harness::programs::{Compiler, compile_file};
use harness::{Initramfs, Verdict, Vm, paths};
use regex::Regex;
use serde::Deserialize;

use crate::tree::Tree;

/// The directory of the transcripts.
pub const DIRECTORY: &str = "book/transcripts";
/// The directory of the programs that they run.
const PROGRAMS: &str = "book/programs";
/// What takes the place of masked text.
const MASK: &str = "…";
/// Time limit of a machine, and of gdb.
const LIMIT: Duration = Duration::from_secs(120);
/// A line of gdb's that no command prints.
const BEGIN: &str = "----8<----";
/// Beginnings of lines that gdb adds by itself, and that say nothing about the kernel.
const IDLE_WORDS: [&str; 2] = [
    "[Inferior 1 (process 1) ",
    "Warning: the current language does not match",
];
/// Words of gdb's about a command that failed.
const FAILURES: [&str; 6] = [
    "Python Exception",
    "Traceback (most recent",
    "No symbol ",
    "Undefined command",
    "A syntax error in expression",
    "KeyboardInterrupt",
];
/// Words of gdb's with which a block begins; it ends with `end`.
const BLOCKS: [&str; 5] = ["while", "if", "define", "commands", "python"];
/// Parts of paths that are the machine's own.
const OWN_PATHS: [&str; 3] = ["/root/", "/home/", ".cargo/registry"];

/// How a transcript is made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    kind: Kind,
    /// A program of `book/programs`, without its ending.
    program: Option<String>,
    /// Width of the program in bits.
    #[serde(default = "wide")]
    bits: u32,
    /// Further options of the compiler.
    #[serde(default)]
    options: Vec<String>,
    /// Arguments of the program.
    #[serde(default)]
    args: Vec<String>,
    /// Whether the kernel logs the calls.
    #[serde(default)]
    strace: bool,
    /// QEMU's `-cpu`.
    cpu: Option<String>,
    /// Whether the time-stamp counter counts instructions, as in `make bench`.
    #[serde(default)]
    icount: bool,
    /// The first line, as a reader types it.
    shown: String,
    /// Commands of gdb, one a line.
    #[serde(default)]
    script: String,
    /// Settings of gdb's, such as `set print address off`, which the transcript doesn't show.
    #[serde(default)]
    settings: Vec<String>,
    /// Whether gdb needs values of the kernel's variables: only the build of `make debug` has them.
    #[serde(default)]
    debug: bool,
    /// A command of the host, run in a directory with the program.
    command: Option<String>,
    /// Regular expressions of lines that are left out.
    #[serde(default)]
    drop: Vec<String>,
    /// Regular expressions of what differs from build to build.
    #[serde(default)]
    mask: Vec<String>,
}

/// Where a transcript comes from.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// A program in the kernel.
    Run,
    /// A command on the host.
    Host,
    /// gdb on the kernel and the program.
    Gdb,
}

fn wide() -> u32 {
    64
}

impl Recipe {
    /// Reads `NAME.toml`.
    ///
    /// # Errors
    /// It is not there, or says something that has no meaning.
    pub fn read(tree: &Tree, name: &str) -> Result<Self> {
        let file = format!("{DIRECTORY}/{name}.toml");
        let recipe: Self = toml::from_str(&tree.read(&file)?).with_context(|| file.clone())?;
        recipe.check().with_context(|| file)?;
        Ok(recipe)
    }

    fn check(&self) -> Result<()> {
        ensure!(
            matches!(self.bits, 32 | 64),
            "bits = {}: 32 or 64",
            self.bits
        );
        let has_program = self.program.is_some() || self.kind == Kind::Host;
        ensure!(has_program, "`program` is missing");
        ensure!(
            self.script.is_empty() == (self.kind != Kind::Gdb),
            "`script` is for gdb, and gdb needs it"
        );
        ensure!(
            self.command.is_some() == (self.kind == Kind::Host),
            "`command` is for the host, and the host needs it"
        );
        ensure!(
            self.settings.is_empty() || self.kind == Kind::Gdb,
            "`settings` are gdb's"
        );
        ensure!(!self.debug || self.kind == Kind::Gdb, "`debug` is for gdb");
        for pattern in self.mask.iter().chain(&self.drop) {
            Regex::new(pattern).with_context(|| format!("the pattern {pattern}"))?;
        }
        Ok(())
    }

    /// Whether the build of `make debug` is needed.
    pub fn needs_debug_build(&self) -> bool {
        self.debug
    }

    /// Makes the transcript.
    ///
    /// # Errors
    /// A program does not compile, or a machine doesn't end.
    pub fn make(&self, tree: &Tree) -> Result<String> {
        let printed = match self.kind {
            Kind::Run => self.run(tree)?,
            Kind::Host => self.on_host(tree)?,
            Kind::Gdb => self.in_gdb(tree)?,
        };
        let text = self.masked(&printed)?;
        ensure!(!text.trim().is_empty(), "nothing was printed");
        let root = tree.path("").display().to_string();
        let own = OWN_PATHS
            .iter()
            .copied()
            .chain([root.as_str()])
            .find(|path| text.contains(path));
        ensure!(own.is_none(), "a path of this machine is printed:\n{text}");
        Ok(format!("{}\n{text}\n", self.shown))
    }

    /// The program, compiled.
    fn compiled(&self, tree: &Tree) -> Result<(String, PathBuf)> {
        let name = self.program.as_deref().context("`program` is missing")?;
        let file = ["c", "s", "S"].map(|ending| format!("{name}.{ending}"));
        let file = file
            .iter()
            .find(|file| tree.has(&format!("{PROGRAMS}/{file}")));
        let file = file.with_context(|| format!("there is no {PROGRAMS}/{name}.c"))?;
        let compiler = if self.bits == 32 {
            Compiler::Glibc32
        } else {
            Compiler::Glibc64
        };
        // Names of files are as if the program was compiled beside its source.
        let sources = tree.path(PROGRAMS);
        let names = format!("-ffile-prefix-map={}/=", sources.display());
        let mut options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        options.push(&names);
        let output = paths::scratch().join("book-programs");
        let program = compile_file(&sources, file, &output, compiler, &options)?;
        Ok((name.to_owned(), program))
    }

    /// A machine whose first program this is.
    fn machine(&self, tree: &Tree) -> Result<(Vm, PathBuf)> {
        let (name, program) = self.compiled(tree)?;
        let files = Initramfs::new().executable_from(&format!("/{name}"), &program)?;
        let strace = if self.strace { " strace" } else { "" };
        let line = format!("quiet{strace} rdinit=/{name} -- {}", self.args.join(" "));
        let vm = Vm::new()
            .kernel(paths::boot_image())
            .timeout(LIMIT)
            .initramfs(&files)
            .append(line);
        let vm = self.cpu.iter().fold(vm, |vm, cpu| vm.cpu(cpu));
        let vm = if self.icount {
            vm.args(["-icount", "shift=0,sleep=off"])
        } else {
            vm
        };
        Ok((vm, program))
    }

    fn run(&self, tree: &Tree) -> Result<String> {
        let outcome = self.machine(tree)?.0.run()?;
        let is_end = matches!(
            outcome.verdict,
            Verdict::Pass | Verdict::InitFailed | Verdict::PowerOff
        );
        ensure!(is_end, "{}{}", outcome.verdict, outcome.transcript());
        let lines = outcome.serial.lines();
        // The kernel's last line is about init.
        let lines: Vec<&str> = lines.filter(|line| !line.starts_with("init ")).collect();
        Ok(lines.join("\n"))
    }

    fn on_host(&self, tree: &Tree) -> Result<String> {
        let directory = tempfile::tempdir()?;
        if self.program.is_some() {
            let (name, program) = self.compiled(tree)?;
            fs::copy(program, directory.path().join(name))?;
        }
        let mut shell = Command::new("timeout");
        shell.arg(LIMIT.as_secs().to_string()).args(["sh", "-c"]);
        shell.arg(self.command.as_deref().unwrap_or_default());
        shell
            .current_dir(directory.path())
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        let output = shell
            .stdin(Stdio::null())
            .output()
            .context("cannot start a shell")?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        ensure!(output.status.code() != Some(127), "{text}");
        Ok(text)
    }

    fn in_gdb(&self, tree: &Tree) -> Result<String> {
        let (vm, program) = self.machine(tree)?;
        let (image, kernel) = if self.debug {
            (paths::debug_image(), paths::debug_kernel())
        } else {
            (paths::boot_image(), paths::kernel())
        };
        ensure!(
            kernel.exists(),
            "{} is not there: `make debug` builds it",
            kernel.display()
        );
        // As `make debug` does: every program has the same addresses at each run.
        let vm = vm.kernel(image).append_first("norandmaps");
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let (mut qemu, _files) = vm.prepare()?;
        qemu.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
        let mut qemu = leash(&qemu)?;
        qemu.stdin(Stdio::null()).stdout(Stdio::null());
        let _qemu = Leashed::spawn(&mut qemu)?;

        let mut gdb = Command::new("timeout");
        gdb.arg(LIMIT.as_secs().to_string())
            .args(["gdb", "--batch", "--nx", "--quiet"])
            .arg(kernel);
        let program = program.display();
        let first = [
            "set confirm off".to_owned(),
            "set width 0".to_owned(),
            "set style enabled off".to_owned(),
            "set print asm-demangle on".to_owned(),
            format!("source {}", tree.path("xtask/gdb/trident.py").display()),
            format!("python program('{program}')"),
            format!("directory {}", tree.path(PROGRAMS).display()),
            "set tcp connect-timeout 30".to_owned(),
            format!("target remote 127.0.0.1:{port}"),
        ];
        for command in first {
            gdb.args(["-ex", &command]);
        }
        for setting in &self.settings {
            gdb.args(["-ex", setting]);
        }
        // Whatever the program and the kernel's symbols made gdb say is before this line.
        gdb.args(["-ex", &format!("echo {BEGIN}\\n")]);
        let scripts = tempfile::tempdir()?;
        for (number, command) in commands(&self.script).iter().enumerate() {
            let shown = command.replace('\\', "\\\\").replace('\n', "\\n >");
            gdb.args(["-ex", &format!("echo (gdb) {shown}\\n")]);
            if command.contains('\n') {
                let file = scripts.path().join(number.to_string());
                fs::write(&file, command)?;
                gdb.args(["-ex", &format!("source {}", file.display())]);
            } else {
                gdb.args(["-ex", command]);
            }
        }
        gdb.current_dir(tree.path("")).stdin(Stdio::null());
        // One pipe for both streams, so that lines stay in order.
        let (mut reader, writer) = std::io::pipe()?;
        gdb.stdout(writer.try_clone()?)
            .stderr(writer)
            .env("LC_ALL", "C");
        let mut child = gdb.spawn().context("cannot start gdb")?;
        drop(gdb);
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut text)?;
        child.wait()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        match text.split_once(&format!("{BEGIN}\n")) {
            Some((_, script)) => {
                let failure = FAILURES.iter().find(|words| script.contains(*words));
                ensure!(failure.is_none(), "a command of gdb's fails:\n{script}");
                let is_wanted =
                    |line: &&str| !IDLE_WORDS.iter().any(|words| line.starts_with(words));
                Ok(script
                    .lines()
                    .filter(is_wanted)
                    .collect::<Vec<_>>()
                    .join("\n"))
            }
            None => bail!("gdb did not attach:\n{text}"),
        }
    }

    /// The text without what differs from build to build.
    fn masked(&self, printed: &str) -> Result<String> {
        let printed = printed.replace('\r', "");
        let drop: Vec<Regex> = self
            .drop
            .iter()
            .map(|pattern| Regex::new(pattern))
            .collect::<Result<_, _>>()?;
        let kept = printed
            .lines()
            .filter(|line| !drop.iter().any(|pattern| pattern.is_match(line)));
        let mut text = kept.map(str::trim_end).collect::<Vec<_>>().join("\n");
        for pattern in &self.mask {
            let pattern = Regex::new(&format!("(?m){pattern}"))?;
            text = pattern.replace_all(&text, MASK).into_owned();
        }
        Ok(text.trim_matches('\n').to_owned())
    }
}

/// The commands of a script: lines, and blocks of lines up to their `end`.
fn commands(script: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut depth = 0;
    for line in script.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let is_inside = depth > 0;
        // `python` with a statement behind it is one line.
        if BLOCKS.contains(&first) && (first != "python" || words.next().is_none()) {
            depth += 1;
        } else if first == "end" {
            depth -= 1;
        }
        match commands.last_mut().filter(|_| is_inside) {
            Some(block) => {
                block.push('\n');
                block.push_str(line);
            }
            None => commands.push(line.to_owned()),
        }
    }
    commands
}

/// What was found about a transcript.
#[derive(Debug, PartialEq, Eq)]
pub enum Finding {
    /// The file has what is printed today.
    Same,
    /// It was written.
    Written,
    /// It differs, and this is how.
    Differs(String),
}

/// Makes a transcript, and compares it with its file, or writes the file.
///
/// # Errors
/// It can't be made or read.
pub fn hold(tree: &Tree, name: &str, is_update: bool) -> Result<Finding> {
    let made = Recipe::read(tree, name)?.make(tree)?;
    let file = format!("{DIRECTORY}/{name}.txt");
    let kept = if tree.has(&file) {
        tree.read(&file)?
    } else {
        String::new()
    };
    if made == kept {
        return Ok(Finding::Same);
    }
    if is_update {
        fs::write(tree.path(&file), made)?;
        return Ok(Finding::Written);
    }
    Ok(Finding::Differs(difference(&file, &kept, &made)))
}

/// The first line in which two texts differ.
fn difference(file: &str, kept: &str, made: &str) -> String {
    let (mut kept, mut made) = (kept.lines(), made.lines());
    for number in 1.. {
        let (old, new) = (kept.next(), made.next());
        if old != new || old.is_none() {
            let shown = |line: Option<&str>| {
                line.map_or("(no line)".to_owned(), |line| format!("{line:?}"))
            };
            return format!(
                "{file}:{number}: has {}, but today prints {}",
                shown(old),
                shown(new)
            );
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_is_named() {
        for (kept, made, said) in [
            ("a\nb\n", "a\nc\n", "f:2: has \"b\", but today prints \"c\""),
            (
                "a\n",
                "a\nc\n",
                "f:2: has (no line), but today prints \"c\"",
            ),
            (
                "a\nb\n",
                "a\n",
                "f:2: has \"b\", but today prints (no line)",
            ),
        ] {
            assert_eq!(difference("f", kept, made), said);
        }
    }

    #[test]
    fn a_recipe_says_what_its_kind_needs() {
        let read = |text: &str| -> Result<Recipe> {
            let recipe: Recipe = toml::from_str(text)?;
            recipe.check()?;
            Ok(recipe)
        };
        for text in [
            "kind = \"run\"\nprogram = \"a\"\nshown = \"$ a\"",
            "kind = \"host\"\ncommand = \"true\"\nshown = \"$ a\"",
            "kind = \"gdb\"\nprogram = \"a\"\nshown = \"$ a\"\nscript = \"x\"",
        ] {
            read(text).unwrap();
        }
        for (text, said) in [
            ("kind = \"run\"\nshown = \"$ a\"", "`program` is missing"),
            ("kind = \"run\"\nprogram = \"a\"", "missing field"),
            (
                "kind = \"run\"\nprogram = \"a\"\nshown = \"\"\nother = 1",
                "unknown field",
            ),
            (
                "kind = \"run\"\nprogram = \"a\"\nshown = \"\"\nbits = 16",
                "32 or 64",
            ),
            (
                "kind = \"run\"\nprogram = \"a\"\nshown = \"\"\nscript = \"x\"",
                "for gdb",
            ),
            (
                "kind = \"run\"\nprogram = \"a\"\nshown = \"\"\ndebug = true",
                "for gdb",
            ),
            (
                "kind = \"gdb\"\nprogram = \"a\"\nshown = \"\"",
                "gdb needs it",
            ),
            ("kind = \"host\"\nshown = \"\"", "the host needs it"),
            (
                "kind = \"run\"\nprogram = \"a\"\nshown = \"\"\nmask = [\"(\"]",
                "the pattern (",
            ),
        ] {
            let error = format!("{:#}", read(text).expect_err(text));
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_block_is_one_command() {
        let script = "break a\nwhile $i < 2\n  if $i\n    print $i\n  end\n  set $i = $i + 1\nend\n\npython x()\npython\ny()\nend\nstepi\n";
        let found = commands(script);
        let first: Vec<&str> = found
            .iter()
            .filter_map(|command| command.lines().next())
            .collect();
        assert_eq!(
            first,
            ["break a", "while $i < 2", "python x()", "python", "stepi"]
        );
        assert_eq!(found[1].lines().count(), 6);
    }

    #[test]
    fn what_differs_is_masked() {
        let recipe: Recipe = toml::from_str(
            "kind = \"run\"\nprogram = \"a\"\nshown = \"$ a\"\nmask = ['^[0-9a-f]{4}-', '0x[0-9a-f]+']\ndrop = ['^warn']",
        )
        .unwrap();
        let text = recipe
            .masked("\r\nabcd-ef 0x12\r\nwarning\nx abcd-  \n\n")
            .unwrap();
        assert_eq!(text, "…ef …\nx abcd-");
    }
}
