//! Transcripts of the commands that show system calls at work on Linux, typed in Trident: a C
//! program under strace, the libraries of `/bin/cat`, and a process's memory map. Debian's own
//! programs run in all three; each transcript is checked against patterns, and compared with the
//! host's Linux.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use regex_lite::Regex;

use crate::Vm;
use crate::debian::{self, Job, difference};
use crate::programs::{Compiler, compile};

/// A command, and its expected output.
#[derive(Clone, Copy, Debug)]
pub struct Transcript {
    /// A short name.
    pub name: &'static str,
    /// The commands that a reader types; the first may be for the host (the compiler).
    pub typed: &'static [&'static str],
    command: &'static str,
    /// Patterns of lines of the output.
    lines: &'static [&'static str],
    /// The part of the output that must be the same on Linux.
    essence: fn(&str) -> String,
}

/// The three transcripts.
pub const ALL: [Transcript; 3] = [
    Transcript {
        name: "strace",
        typed: &["gcc hello.c -o hello", "strace ./hello"],
        command: "cd /case && strace ./hello",
        lines: &[
            r#"execve\("\./hello", \["\./hello"\], 0x7ff[0-9a-f]{9} /\* \d+ vars \*/\) = 0"#,
            r"brk\(NULL\) {31}= 0x5[0-9a-f]{11}",
            r"mmap\(NULL, \d+, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\) = 0x7[ef][0-9a-f]{10}",
            r#"openat\(AT_FDCWD, "/lib/x86_64-linux-gnu/libc\.so\.6", O_RDONLY\|O_CLOEXEC\) = 3"#,
            // The program's own output is interleaved, as on a terminal.
            r#"write\(1, "Hello, World!", 13(Hello, World!)?\) += 13"#,
            r"exit_group\(0\) {27}= \?",
            r"\+\+\+ exited with 0 \+\+\+",
        ],
        essence: calls,
    },
    Transcript {
        name: "ldd",
        typed: &["ldd /bin/cat"],
        command: "ldd /bin/cat",
        lines: &[
            r"\tlinux-vdso\.so\.1 \(0x00007[ef][0-9a-f]{10}\)",
            r"\tlibc\.so\.6 => /lib/x86_64-linux-gnu/libc\.so\.6 \(0x00007[ef][0-9a-f]{10}\)",
            r"\t/lib64/ld-linux-x86-64\.so\.2 \(0x00007[ef][0-9a-f]{10}\)",
        ],
        essence: without_addresses,
    },
    Transcript {
        name: "maps",
        typed: &["cat /proc/self/maps"],
        command: "cat /proc/self/maps",
        lines: &[
            r"5[0-9a-f]{11}-5[0-9a-f]{11} r--p 00000000 [0-9a-f]{2}:[0-9a-f]{2} \d+ +/usr/bin/cat",
            r"5[0-9a-f]{11}-5[0-9a-f]{11} r-xp [0-9a-f]{8} [0-9a-f]{2}:[0-9a-f]{2} \d+ +/usr/bin/cat",
            r"5[0-9a-f]{11}-5[0-9a-f]{11} rw-p 00000000 00:00 0 {26}\[heap\]",
            r"7[ef][0-9a-f]{10}-7[ef][0-9a-f]{10} r-xp [0-9a-f]{8} .* /usr/lib/x86_64-linux-gnu/libc\.so\.6",
            r"7ff[0-9a-f]{9}-7ff[0-9a-f]{9} rw-p 00000000 00:00 0 {26}\[stack\]",
            r"7[ef][0-9a-f]{10}-7[ef][0-9a-f]{10} r--p 00000000 00:00 0 {26}\[vvar\]",
            r"7[ef][0-9a-f]{10}-7[ef][0-9a-f]{10} r-xp 00000000 00:00 0 {26}\[vdso\]",
        ],
        essence: file_mappings,
    },
];

impl Transcript {
    fn job(&self) -> Result<Job> {
        let program = compile("hello_world", Compiler::Dynamic64)?;
        let bytes = fs::read(&program).context("cannot read the compiled program")?;
        Ok(Job::new(self.command).file("hello", bytes))
    }

    /// The output of Debian's programs in Trident.
    pub fn in_trident(&self) -> Result<String> {
        let (output, _) = self.job()?.in_trident(Vm::new())?;
        let (printed, status) = output
            .rsplit_once("/case/command: status ")
            .context("the machine ended before the command did")?;
        ensure!(status.trim() == "0", "{printed}\nstatus {status}");
        Ok(printed.to_owned())
    }

    /// Checks that each pattern matches a line of the output.
    pub fn check(&self, output: &str) -> Result<()> {
        let lines: Vec<&str> = output.lines().collect();
        let joined = output.trim_end();
        for pattern in self.lines {
            let whole = Regex::new(&format!("(?m)^{pattern}$"))?;
            ensure!(
                whole.is_match(joined),
                "{}: no line is like {pattern}\n{output}",
                self.name
            );
        }
        ensure!(lines.len() >= self.lines.len(), "{output}");
        Ok(())
    }

    /// Compares the output with that of the host's Linux, without addresses and other values that
    /// differ between runs.
    pub fn compare(&self, output: &str) -> Result<()> {
        let linux = self.job()?.on_linux()?;
        let linux = linux
            .rsplit_once("/case/command: status ")
            .map_or(&*linux, |(printed, _)| printed);
        let essence = self.essence;
        if let Some(difference) = difference(&essence(linux), &essence(output)) {
            bail!(
                "{}{difference}\nLinux:\n{linux}\nTrident:\n{output}",
                self.name
            );
        }
        Ok(())
    }

    /// Whether the host can run the commands for comparison.
    pub fn comparable() -> bool {
        debian::unavailable().is_none()
    }
}

fn replace(text: &str, rules: &[(&str, &str)]) -> String {
    rules.iter().fold(text.to_owned(), |text, (pattern, by)| {
        // The patterns are constants; the tests below compile each of them.
        Regex::new(pattern).map_or(text.clone(), |regex| {
            regex.replace_all(&text, *by).into_owned()
        })
    })
}

/// strace's lines, with addresses, random bytes and identifiers blanked, and the padding before
/// results.
fn calls(trace: &str) -> String {
    replace(
        trace,
        &[
            (r"0x[0-9a-f]+", "ADDRESS"),
            (r#"getrandom\("[^"]*""#, "getrandom(BYTES"),
            (r"(?m)^(set_tid_address\(.*\) +)= \d+$", "$1= ID"),
            // A limit may be another one.
            (r"\{rlim_cur=.*\}", "LIMITS"),
            (r"st_size=\d+, \.\.\.\}, AT_EMPTY_PATH\) = 0", "SIZE"),
            (r" +=", " ="),
        ],
    )
}

fn without_addresses(text: &str) -> String {
    replace(text, &[(r"0x[0-9a-f]+", "ADDRESS")])
}

/// Permissions, offset, length and name of each mapping of a file. Linux doesn't merge areas that
/// were once writable with areas that never were (`VM_ACCOUNT`), another kernel may: adjacent parts
/// count as one.
fn file_mappings(maps: &str) -> String {
    let mut mappings: Vec<(&str, u64, u64, &str)> = Vec::new();
    for line in maps.lines() {
        let Some((permissions, offset, length, name)) = file_mapping(line) else {
            continue;
        };
        match mappings.last_mut() {
            Some(last) if (last.0, last.1 + last.2, last.3) == (permissions, offset, name) => {
                last.2 += length;
            }
            _ => mappings.push((permissions, offset, length, name)),
        }
    }
    mappings
        .iter()
        .map(|(permissions, offset, length, name)| {
            format!("{permissions} {offset:08x} {length:x} {name}\n")
        })
        .collect()
}

/// Reads `55d0-75d0 r-xp 00002000 00:01 116  /usr/bin/cat`.
fn file_mapping(line: &str) -> Option<(&str, u64, u64, &str)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [range, permissions, offset, _, _, name] = fields[..] else {
        return None;
    };
    let (start, end) = range.split_once('-')?;
    let number = |digits| u64::from_str_radix(digits, 16).ok();
    let length = number(end)?.checked_sub(number(start)?)?;
    name.starts_with('/')
        .then_some((permissions, number(offset)?, length, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_run_to_run_is_blanked() {
        let one = "set_tid_address(0x7f2b)         = 4\nbrk(NULL)     = 0x55ab\n";
        let other = "set_tid_address(0x7e4c)     = 1234\nbrk(NULL)   = 0x56cd\n";
        assert_eq!(calls(one), calls(other));
        assert_ne!(calls("close(3) = 0"), calls("close(4) = 0"));
    }

    #[test]
    fn file_mappings_are_listed_without_addresses() {
        let line = "55d0-75d0 r-xp 00002000 00:01 116    /usr/bin/cat\n";
        let anonymous = "7f00-7f10 rw-p 00000000 00:00 0 \n";
        assert_eq!(
            file_mappings(&format!("{line}{anonymous}")),
            "r-xp 00002000 2000 /usr/bin/cat\n"
        );
    }

    #[test]
    fn patterns_are_well_formed() {
        for transcript in ALL {
            for pattern in transcript.lines {
                Regex::new(pattern).expect(pattern);
            }
        }
    }
}
