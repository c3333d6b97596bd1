//! Runs a list of programs and checks how each ends. Expected: exit 0.
//!
//! It is `/init` of the test boots: that the next program runs proves that the kernel survived the
//! last one. The list is `cases.txt`, whose header describes the format, as `/etc/tests`; the
//! programs are `/tests/64/NAME` and `/tests/32/NAME`. For other paths: `supervisor LIST
//! DIRECTORY64 DIRECTORY32 [WORD]` (WORD: only run lines that contain it). If all programs end as
//! expected, the last line of output is the environment variable `TOKEN`.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::cell::Cell;
use core::ffi::{CStr, c_char};

use sys::os::{self, Ending, O_RDONLY};
use sys::{Env, cpu, println};

sys::entry!(run);

fn run(env: &Env) -> i32 {
    let argument = |index| env.args().nth(index);
    let mut path = Words::new();
    let Some(list) = path.push(argument(1).unwrap_or("/etc/tests")) else {
        return 2;
    };
    // SAFETY: `push` ends each word with a NUL.
    let opened = os::open(unsafe { CStr::from_ptr(list as *const c_char) }, O_RDONLY);
    let mut buffer = [0; 32768];
    let text = opened
        .and_then(|file| os::read_all(file, &mut buffer))
        .unwrap_or(&[]);
    let directories = [
        argument(2).unwrap_or("/tests/64"),
        argument(3).unwrap_or("/tests/32"),
    ];

    let (ran, failed) = (Cell::new(0), Cell::new(0));
    let lines = core::str::from_utf8(text).unwrap_or("").lines();
    for line in lines.filter(|line| line.contains(argument(4).unwrap_or(""))) {
        let Some(case) = Case::parse(line) else {
            continue;
        };
        for (width, directory) in [64, 32].into_iter().zip(directories) {
            if case.width == "both" || case.width.parse() == Ok(width) {
                ran.set(ran.get() + 1);
                if !case.run(env, width, directory) {
                    failed.set(failed.get() + 1);
                }
            }
        }
    }
    println!(
        "supervisor: {} programs, {} failed",
        ran.get(),
        failed.get()
    );
    if failed.get() != 0 || ran.get() == 0 {
        return 1;
    }
    println!(
        "{}",
        env.var("TOKEN").unwrap_or("supervisor: all as expected")
    );
    0
}

/// One line of the list.
struct Case<'a> {
    width: &'a str,
    command: &'a str,
    expected: &'a str,
}

impl<'a> Case<'a> {
    /// Parses a line; `None` if it is empty, a comment, or for another vendor's CPUs.
    fn parse(line: &'a str) -> Option<Case<'a>> {
        let line = line.split('#').next()?;
        let (left, expected) = line.split_once('=')?;
        let (width, left) = left.trim().split_once(' ')?;
        let (cpu, command) = left.trim().split_once(' ')?;
        let here = match cpu {
            "any" => true,
            "amd" => cpu::is_amd(),
            _ => !cpu::is_amd(),
        };
        here.then(|| Case {
            width,
            command: command.trim(),
            expected: expected.trim(),
        })
    }

    /// Runs the case; returns whether it ended as expected.
    fn run(&self, env: &Env, width: u32, directory: &str) -> bool {
        let ending = self.start(env, directory).and_then(os::wait);
        let right = self.expected.split('|').any(|wanted| {
            let wanted = wanted.trim().split_once(' ');
            match (ending, wanted) {
                (Ok(Ending::Exit(status)), Some(("exit", number))) => number.parse() == Ok(status),
                (Ok(Ending::Signal(signal)), Some(("signal", number))) => {
                    number.parse() == Ok(signal)
                }
                _ => false,
            }
        });
        let verdict = if right { "ok" } else { "FAIL" };
        println!(
            "{width} {}: {verdict} ({ending:?}, expected {})",
            self.command, self.expected
        );
        right
    }

    /// Starts the case's program; returns its process id.
    fn start(&self, env: &Env, directory: &str) -> sys::SysResult {
        let child = os::fork()?;
        if child != 0 {
            return Ok(child);
        }
        let mut words = Words::new();
        let mut argv = [0; 10];
        for (slot, word) in argv[..9].iter_mut().zip(self.command.split_whitespace()) {
            *slot = words.push(word).unwrap_or(0);
        }
        let program = self.command.split_whitespace().next().unwrap_or("");
        if let Some(path) = words.push_path(directory, program) {
            // SAFETY: every word is NUL-terminated, and the array ends with null.
            let errno = unsafe {
                os::execve(
                    CStr::from_ptr(path as *const c_char),
                    argv.as_ptr(),
                    env.envp(),
                )
            };
            println!("{directory}/{program}: {errno}");
        }
        os::exit(126)
    }
}

/// NUL-terminated copies of words, for system calls.
struct Words {
    bytes: [u8; 512],
    used: usize,
}

impl Words {
    fn new() -> Words {
        Words {
            bytes: [0; 512],
            used: 0,
        }
    }

    /// Returns the address of a copy of `word`; `None` if there is no room. The copies are valid
    /// as long as `self` isn't moved.
    fn push(&mut self, word: &str) -> Option<usize> {
        let place = self.bytes.get_mut(self.used..self.used + word.len() + 1)?;
        place[..word.len()].copy_from_slice(word.as_bytes());
        self.used += word.len() + 1;
        Some(place.as_ptr() as usize)
    }

    /// As [`Words::push`], of `directory/name`.
    fn push_path(&mut self, directory: &str, name: &str) -> Option<usize> {
        let start = self.push(directory)?;
        self.bytes[self.used - 1] = b'/'; // replaces the NUL
        self.push(name)?;
        Some(start)
    }
}
