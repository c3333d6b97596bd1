//! Rule 29: `execve` of a damaged ELF file fails, or loads the file as far as it is valid; the
//! kernel is unaffected. Each byte of a small program's headers is set to several values, and the
//! file is truncated to every length. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ffi::CStr;

use programs::check::Checks;
use sys::os::{self, Ending, O_CREAT, O_TRUNC, O_WRONLY};
use sys::{Env, println};

sys::entry!(run);

const FILE: &CStr = c"/tmp/damaged";
/// Sizes of the ELF header and a program header.
const SIZES: (usize, usize) = if cfg!(target_arch = "x86_64") {
    (64, 56)
} else {
    (52, 32)
};
const HEADERS: usize = SIZES.0 + SIZES.1;
const LENGTH: usize = HEADERS + 16;

/// A minimal program: ELF header, one program header, `exit_group(7)`.
const PROGRAM: [u8; LENGTH] = program();

/// Exit status of the program.
const STATUS: i32 = 7;
/// Exit statuses of a child whose `execve` failed with ENOEXEC, ENOMEM or another error.
const REFUSED: [i32; 3] = [101, 102, 103];

#[cfg(target_arch = "x86_64")]
const fn program() -> [u8; LENGTH] {
    const BASE: u64 = 0x40_0000;
    let mut file = [0; LENGTH];
    put(&mut file, 0, 0x0001_0102_464c_457f, 8); // magic, 64-bit, little-endian, version 1
    put(&mut file, 16, 2, 2); // ET_EXEC
    put(&mut file, 18, 62, 2); // x86_64
    put(&mut file, 20, 1, 4); // version
    put(&mut file, 24, BASE + HEADERS as u64, 8); // entry
    put(&mut file, 32, 64, 8); // program headers
    put(&mut file, 52, 64, 2); // size of this header
    put(&mut file, 54, 56, 2); // size of a program header
    put(&mut file, 56, 1, 2); // one program header
    put(&mut file, 64, 1, 4); // PT_LOAD
    put(&mut file, 68, 5, 4); // readable, executable
    put(&mut file, 80, BASE, 8); // address
    put(&mut file, 96, LENGTH as u64, 8); // size in the file
    put(&mut file, 104, LENGTH as u64, 8); // size in memory
    put(&mut file, 112, 4096, 8); // alignment
    put(&mut file, HEADERS, 0xe7b8, 5); // mov eax, 231
    put(&mut file, HEADERS + 5, 0x07bf, 5); // mov edi, 7
    put(&mut file, HEADERS + 10, 0x0b0f_050f, 4); // syscall; ud2
    file
}

#[cfg(target_arch = "x86")]
const fn program() -> [u8; LENGTH] {
    const BASE: u64 = 0x804_8000;
    let mut file = [0; LENGTH];
    put(&mut file, 0, 0x0001_0101_464c_457f, 8); // magic, 32-bit, little-endian, version 1
    put(&mut file, 16, 2, 2); // ET_EXEC
    put(&mut file, 18, 3, 2); // i386
    put(&mut file, 20, 1, 4); // version
    put(&mut file, 24, BASE + HEADERS as u64, 4); // entry
    put(&mut file, 28, 52, 4); // program headers
    put(&mut file, 40, 52, 2); // size of this header
    put(&mut file, 42, 32, 2); // size of a program header
    put(&mut file, 44, 1, 2); // one program header
    put(&mut file, 52, 1, 4); // PT_LOAD
    put(&mut file, 60, BASE, 4); // address
    put(&mut file, 68, LENGTH as u64, 4); // size in the file
    put(&mut file, 72, LENGTH as u64, 4); // size in memory
    put(&mut file, 76, 5, 4); // readable, executable
    put(&mut file, 80, 4096, 4); // alignment
    put(&mut file, HEADERS, 0xfcb8, 5); // mov eax, 252
    put(&mut file, HEADERS + 5, 0x07bb, 5); // mov ebx, 7
    put(&mut file, HEADERS + 10, 0x0b0f_80cd, 4); // int 0x80; ud2
    file
}

/// Writes the `size` low bytes of `value` at `offset`.
const fn put(file: &mut [u8], offset: usize, value: u64, size: usize) {
    let mut index = 0;
    while index < size {
        file[offset + index] = (value >> (8 * index)) as u8;
        index += 1;
    }
}

fn run(env: &Env) -> i32 {
    let _ = os::mkdir(c"/tmp"); // it may exist
    let mut checks = Checks::default();
    let intact = execute(env, &PROGRAM);
    checks.equal(
        intact,
        Some(Ending::Exit(STATUS)),
        format_args!("the intact program"),
    );

    let mut endings = [0; 3];
    let mut count =
        |checks: &mut Checks, ending: Option<Ending>, what: core::fmt::Arguments<'_>| {
            let kind = match ending {
                Some(Ending::Exit(STATUS)) => 0,
                Some(Ending::Exit(status)) if REFUSED.contains(&status) => 1,
                // The file was loaded, but its code faulted.
                Some(Ending::Signal(_)) => 2,
                _ => return checks.that(false, format_args!("{what}: {ending:?}")),
            };
            endings[kind] += 1;
            checks.that(true, what);
        };
    for offset in 0..HEADERS {
        for value in [0, 1, 0x7f, 0x80, 0xff, PROGRAM[offset] ^ 4] {
            let mut file = PROGRAM;
            file[offset] = value;
            let ending = execute(env, &file);
            count(
                &mut checks,
                ending,
                format_args!("byte {offset} set to {value:#x}"),
            );
        }
    }
    for length in 0..PROGRAM.len() {
        let ending = execute(env, &PROGRAM[..length]);
        count(
            &mut checks,
            ending,
            format_args!("truncated to {length} bytes"),
        );
    }
    let [ran, refused, died] = endings;
    println!("{ran} ran, {refused} refused, {died} died");
    checks.status()
}

/// Writes `bytes` to a file and executes it; `None` if that fails before `execve`.
fn execute(env: &Env, bytes: &[u8]) -> Option<Ending> {
    let file = os::open(FILE, O_WRONLY | O_CREAT | O_TRUNC).ok()?;
    let written = os::write(file, bytes);
    os::close(file).ok()?;
    if written != Ok(bytes.len()) {
        return None;
    }
    let child = os::fork().ok()?;
    if child == 0 {
        let argv = [FILE.as_ptr().addr(), 0];
        // SAFETY: both arrays end with null and hold NUL-terminated strings.
        let errno = unsafe { os::execve(FILE, argv.as_ptr(), env.envp()) };
        os::exit(match errno.0 {
            8 => REFUSED[0],
            12 => REFUSED[1],
            _ => REFUSED[2],
        });
    }
    os::wait(child).ok()
}
