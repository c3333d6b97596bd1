//! Debian's dynamically linked programs: the kernel maps their `PT_INTERP`, the dynamic linker does
//! the rest. Skipped unless the host is an x86_64 Linux with bash.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Case, Initramfs, Verdict, Vm, oracle, paths, token};

const SHELL: &str = "/bin/bash";

/// Scripts for the host's bash and the machine's: name, required programs, script.
const SCRIPTS: &[(&str, &[&str], &str)] = &[
    (
        "bash",
        &[],
        r#"words=(three doors one kernel)
echo "${#words[@]} words, the last is ${words[-1]}, $((6 * 7))"
for word in "${words[@]}"; do echo "$word"; done | while read -r word; do echo "read $word"; done
false; echo "status $?"
(exit 3); echo "status $?"
echo "$(echo "one in another")"
"#,
    ),
    (
        "coreutils",
        &[
            "/bin/cat",
            "/usr/bin/sort",
            "/usr/bin/sha256sum",
            "/bin/ls",
            "/usr/bin/stat",
        ],
        r#"printf 'b\na\nc\n' > /tmp/letters
cat /tmp/letters
sort -r /tmp/letters
sha256sum < /tmp/letters
ls /tmp/letters
stat -c '%s bytes, %F' /tmp/letters
"#,
    ),
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let missing = !oracle::AVAILABLE || !Path::new(SHELL).exists();
    let reason = missing.then_some("the host has no bash to compare with");
    let case = |&(name, programs, script): &'static (_, _, _)| {
        Case::new(name, move || same(name, programs, script)).left_out(reason)
    };
    SCRIPTS.iter().map(case).collect()
}

/// A program's shared libraries and its dynamic linker, by ldd(1).
pub fn libraries(program: &str) -> Result<Vec<String>> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .context("cannot run ldd")?;
    ensure!(output.status.success(), "ldd failed for {program}");
    let text = String::from_utf8(output.stdout)?;
    let found = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(found.map(str::to_owned).collect())
}

/// The script's output in the machine equals the host's.
fn same(name: &str, programs: &[&str], script: &str) -> Result<()> {
    let mut needed: BTreeSet<String> = BTreeSet::new();
    for program in programs.iter().chain(&[SHELL]) {
        needed.insert((*program).to_owned());
        needed.extend(libraries(program)?);
    }
    let script_file = paths::scratch().join(format!("dynamic-{name}-{}.sh", token::random()));
    fs::create_dir_all(paths::scratch())?;
    fs::write(&script_file, script)?;
    let answer = oracle::ask(Path::new(SHELL), &[&script_file.to_string_lossy()]);
    fs::remove_file(&script_file)?;
    let answer = answer?;
    ensure!(
        answer.status == Some(0),
        "the host's own run failed: {answer:?}"
    );

    let mut files = Initramfs::new().dir("/tmp").file("/script", script);
    for path in &needed {
        files = files.executable_from(path, Path::new(path))?;
    }
    let words = format!("quiet PATH=/usr/bin:/bin rdinit={SHELL} -- /script");
    let outcome = Vm::new().initramfs(&files).append(words).run()?;
    outcome
        .expect(Verdict::Pass)?
        .contains(answer.stdout.trim_end())?;
    Ok(())
}
