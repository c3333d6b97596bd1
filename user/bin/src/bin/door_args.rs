//! Rules 8, 11 and 13: arguments of system calls. `INT 0x80` truncates them to 32 bits; every door
//! passes the sixth. Expected: exit 0.
//!
//! `door_args stack-...` (32-bit): `SYSENTER` and `SYSCALL` take the sixth argument from the stack.
//! With an unreadable stack pointer the call, `exit_group(0)`, is not made, and the return to the
//! landing pad kills the program. Expected: signal 11; `stack-split`, where the argument crosses
//! into another mapped page, exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use programs::check::Checks;
use programs::named;
use sys::numbers::MMAP;
use sys::os::{self, MAP_PRIVATE, O_CREAT, O_RDWR, O_TRUNC, PROT_READ};
use sys::{Door, Env, call};

sys::entry!(run);

fn run(env: &Env) -> i32 {
    if env.args().count() > 1 {
        return named::run(env, stack::CASES);
    }
    let mut checks = Checks::default();
    for door in Door::usable() {
        sixth(&mut checks, door).unwrap_or_else(|errno| {
            checks.that(false, format_args!("{door}: no file to map: {errno}"));
        });
    }
    #[cfg(target_arch = "x86_64")]
    high_bits(&mut checks);
    checks.status()
}

/// Arguments whose upper halves aren't zero.
#[cfg(target_arch = "x86_64")]
fn high_bits(checks: &mut Checks) {
    use sys::numbers::WRITE;

    const HIGH: usize = 0xdead_beef << 32;
    static LINE: &str = "written with 32 bits of each argument\n";
    let args = [
        1 | HIGH,
        LINE.as_ptr() as usize | HIGH,
        LINE.len() | HIGH,
        HIGH,
        HIGH,
        HIGH,
    ];
    // SAFETY: write only reads the line, whose address fits in 32 bits.
    let written = unsafe { call(Door::Int80, WRITE.i386, args) };
    checks.equal(
        written.cast_unsigned(),
        LINE.len(),
        format_args!("int80, write with high bits"),
    );
    let line = LINE.as_ptr() as usize;
    // SAFETY: as above.
    let written = unsafe { call(Door::Syscall, WRITE.x86_64, [1, line | HIGH, 1, 0, 0, 0]) };
    checks.equal(
        written,
        -14,
        format_args!("syscall, write from an address with high bits"),
    );
}

/// Maps each page of a file in turn: the sixth argument is the offset.
fn sixth(checks: &mut Checks, door: Door) -> Result<(), sys::Errno> {
    let _ = os::mkdir(c"/tmp"); // it may exist
    let file = os::open(c"/tmp/door_args", O_RDWR | O_CREAT | O_TRUNC)?;
    for page in 1..=3 {
        os::write(file, &[page; 4096])?;
    }
    let bytes = door.number(MMAP) == MMAP.x86_64;
    for page in 0..3 {
        let offset = if bytes { 4096 * page } else { page };
        let args = [0, 4096, PROT_READ, MAP_PRIVATE, file, offset];
        // SAFETY: without MAP_FIXED the kernel picks a free range.
        let mapped = unsafe { call(door, door.number(MMAP), args) };
        if (-4095..0).contains(&mapped) {
            checks.that(
                false,
                format_args!("{door}: mmap of a file's page {page}: {mapped}"),
            );
            continue;
        }
        // INT 0x80 from 64-bit code maps below 4 GiB, so the result is a valid address there too.
        // SAFETY: the kernel has just mapped the page, readable.
        let found = unsafe { (mapped as *const u8).read_volatile() };
        checks.equal(
            found,
            page as u8 + 1,
            format_args!("{door}: first byte of the file's page {page}"),
        );
        // SAFETY: nothing else uses the page.
        let _ = unsafe { os::munmap(mapped.cast_unsigned(), 4096) };
    }
    let _ = os::close(file); // a scratch file
    Ok(())
}

/// No door of 64-bit code takes an argument from the stack.
#[cfg(target_arch = "x86_64")]
mod stack {
    pub const CASES: &[programs::named::Case] = &[];
}

/// The doors that take an argument from the stack, with valid and invalid stack pointers.
#[cfg(target_arch = "x86")]
mod stack {
    use core::arch::asm;

    use programs::named::Case;
    use sys::os::{self, PROT_READ, PROT_WRITE};
    use sys::sysenter::Instruction;

    pub const CASES: &[Case] = &[
        ("stack-null", || exit_with(0)),
        ("stack-top", || exit_with(0xffff_fff8)),
        ("stack-kernel", || exit_with(0xffff_f000)),
        ("stack-limit", || exit_with(0xffff_dffe)),
        ("stack-unmapped", || exit_with(pages(0))),
        ("stack-straddling", || exit_with(pages(1) + 4094)),
        ("stack-split", || exit_with(pages(2) + 4094)),
    ];

    /// Two pages of which the first `kept` are mapped; their address.
    fn pages(kept: usize) -> usize {
        let base = os::map_anonymous(8192, PROT_READ | PROT_WRITE).unwrap_or(0);
        if kept < 2 {
            // SAFETY: nothing uses the pages.
            let _ = unsafe { os::munmap(base + 4096 * kept, 8192 - 4096 * kept) };
        }
        base
    }

    /// `exit_group(0)` by the instruction that `__kernel_vsyscall` uses, on the given stack.
    fn exit_with(stack: usize) {
        let number = sys::numbers::EXIT_GROUP.i386;
        // SAFETY: the program ends here.
        unsafe {
            match sys::sysenter::instruction() {
                Some(Instruction::Sysenter) => asm!("xor ebx, ebx", "mov ebp, edx", "sysenter",
                    in("eax") number, in("edx") stack, options(noreturn)),
                Some(Instruction::Syscall) => {
                    asm!("xor ebx, ebx", "xor ebp, ebp", "mov esp, edx", "syscall",
                    in("eax") number, in("edx") stack, options(noreturn))
                }
                // INT 0x80 takes its sixth argument from a register: nothing to test.
                _ => asm!("ud2", options(noreturn)),
            }
        }
    }
}
