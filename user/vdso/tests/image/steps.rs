//! Single-stepping through the images: the number of instructions of each call, and the unwind
//! tables at each instruction. The child is traced by ptrace, as by gdb.

use crate::program::{Program, low};
use crate::unwind::{Registers, Tables};
use std::collections::BTreeSet;
use std::mem::zeroed;
use vdso::images::{GETCPU_RDPID, vdso32, vdso64};
use vdso::math::mult_for;
use vdso::page::{MODE_RDTSC, MODE_RDTSCP, MODE_SYSCALL};
use vdso::writer::Timekeeper;

pub type UserRegisters = libc::user_regs_struct;

/// Runs one call in a child, and `look` before each of its instructions in the image; returns
/// their number, including the CALL.
pub fn trace(
    program: &Program,
    name: &str,
    arguments: [usize; 3],
    mut look: impl FnMut(i32, &UserRegisters),
) -> u32 {
    let entry = program.symbol(name) as u64;
    let image = program.base as u64..(program.base + program.image.len()) as u64;
    // SAFETY: the child makes one call and exits; this thread is its parent and traces it.
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0);
            libc::raise(libc::SIGSTOP);
            program.call_at(entry as usize, arguments);
            libc::_exit(0);
        }
        let mut registers: UserRegisters = zeroed();
        let (mut status, mut count, mut inside, mut exit) = (0, 0, false, 0);
        loop {
            assert_eq!(libc::waitpid(child, &mut status, 0), child);
            assert!(libc::WIFSTOPPED(status), "the child ended: {status:#x}");
            libc::ptrace(libc::PTRACE_GETREGS, child, 0, &mut registers);
            if registers.rip == entry {
                inside = true;
                exit = peek(child, registers.rsp, program.bits);
            }
            if inside && registers.rip == exit {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &mut status, 0);
                return count + 1;
            }
            if inside {
                assert!(
                    image.contains(&registers.rip),
                    "{name} left the image for {:#x}",
                    registers.rip
                );
                look(child, &registers);
                count += 1;
            }
            libc::ptrace(libc::PTRACE_SINGLESTEP, child, 0, 0);
        }
    }
}

/// Reads a word of the child's memory.
fn peek(child: i32, address: u64, bits: u32) -> u64 {
    // SAFETY: reads another process's memory.
    let word = unsafe { libc::ptrace(libc::PTRACE_PEEKDATA, child, address, 0) } as u64;
    if bits == 64 { word } else { word & 0xffff_ffff }
}

fn publish(program: &Program, mode: u32, base: u64) {
    let mut keeper = Timekeeper::new(base, mult_for(2_000_000_000).unwrap(), mode);
    keeper.set_realtime(
        0,
        vdso::math::Time {
            seconds: 1_700_000_000,
            nanos: 5,
        },
    );
    keeper.publish(program.page, 10_000_000);
}

fn now() -> u64 {
    // SAFETY: reads a counter.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Linux 6.1's number of instructions for the same calls, measured: 64-bit, 32-bit. (Its 32-bit
/// image has no getcpu.)
const LINUX: [(&str, usize, u32, u32); 5] = [
    ("__vdso_clock_gettime", 1, 61, 99),
    ("__vdso_clock_gettime", 6, 40, 64),
    ("__vdso_gettimeofday", 0, 56, 98),
    ("__vdso_time", 0, 10, 23),
    ("__vdso_getcpu", 0, 16, u32::MAX),
];

#[test]
fn every_call_takes_fewer_instructions_than_linuxs() {
    for bits in [64, 32] {
        let program = Program::load(bits);
        let site = if bits == 64 {
            vdso64::VDSO_GETCPU_SITE
        } else {
            vdso32::VDSO_GETCPU_SITE
        };
        let to = std::ptr::from_mut(low([0u64; 4])) as usize;
        for (name, id, linux64, linux32) in LINUX {
            let arguments = match name {
                "__vdso_clock_gettime" => [id, to, 0],
                "__vdso_getcpu" => [to, to + 8, 0],
                _ => [to, 0, 0],
            };
            if name == "__vdso_getcpu" && std::arch::x86_64::__cpuid_count(7, 0).ecx & 1 << 22 != 0
            {
                program.patch(site, &GETCPU_RDPID);
            }
            // On a busy host the child may take longer than half a second, and the counter
            // leaves the range of `near`: try again.
            let count = loop {
                let base = now();
                publish(&program, MODE_RDTSCP, base);
                let count = trace(&program, name, arguments, |_, _| {});
                if now() - base < 1_000_000_000 {
                    break count;
                }
            };
            let linux = if bits == 64 { linux64 } else { linux32 };
            println!("{bits}-bit {name}({id}): {count} instructions, Linux {linux}");
            assert!(
                count < linux,
                "{bits}-bit {name}({id}) takes {count} instructions, Linux {linux}"
            );
        }
    }
}

#[test]
fn unwinding_works_from_every_instruction() {
    for bits in [64, 32] {
        let program = Program::load(bits);
        let tables = Tables::new(program);
        let to = std::ptr::from_mut(low([0u64; 4])) as usize;
        // Calls that use `near`, `far`, LFENCE, and the kernel (also by __kernel_vsyscall).
        for (mode, base) in [
            (MODE_RDTSCP, now()),
            (MODE_RDTSCP, 0),
            (MODE_RDTSC, now()),
            (MODE_SYSCALL, now()),
        ] {
            publish(&program, mode, base);
            let mut calls = vec![
                ("__vdso_clock_gettime", [1, to, 0]),
                ("__vdso_clock_gettime", [6, to, 0]),
                ("__vdso_gettimeofday", [to, to + 16, 0]),
                ("__vdso_clock_getres", [99, to, 0]),
                ("__vdso_time", [to, 0, 0]),
                ("__vdso_getcpu", [to, to + 8, 0]),
            ];
            if bits == 32 {
                calls.push(("__vdso_clock_gettime64", [1, to, 0]));
            }
            for (name, arguments) in calls {
                let mut expected = None;
                // Once for each instruction, not again in loops.
                let mut seen = BTreeSet::new();
                trace(&program, name, arguments, |child, registers| {
                    if !seen.insert(registers.rip) {
                        return;
                    }
                    let at_entry = dwarf(bits, registers);
                    let expected = expected.get_or_insert_with(|| {
                        // The caller's registers after the return: its own, with the stack
                        // pointer past the return address.
                        let (stack, link) = tables.stack_and_return();
                        let mut caller = at_entry.clone();
                        caller.insert(link, peek(child, at_entry[&stack], bits));
                        caller.insert(stack, at_entry[&stack] + u64::from(bits / 8));
                        caller
                    });
                    let found = unwind(&tables, &program, at_entry, |address| {
                        peek(child, address, bits)
                    });
                    for kept in kept(bits) {
                        assert_eq!(
                            found[kept], expected[kept],
                            "{bits}-bit {name} at {:#x}: register {kept}",
                            registers.rip
                        );
                    }
                });
            }
        }
    }
}

/// Unwinds until the return address is outside the image.
fn unwind(
    tables: &Tables,
    program: &Program,
    mut registers: Registers,
    memory: impl Fn(u64) -> u64,
) -> Registers {
    let (_, link) = tables.stack_and_return();
    let image = program.base as u64..(program.base + program.image.len()) as u64;
    let mut at = registers[&link];
    for _ in 0..10 {
        registers = tables
            .step(&registers, at, &memory)
            .unwrap_or_else(|| panic!("no unwind entry for {at:#x}"));
        let back = registers[&link];
        if !image.contains(&back) {
            return registers;
        }
        // A return address belongs to the call before it.
        at = back - 1;
    }
    panic!("unwinding does not end");
}

/// The callee-saved registers, the stack pointer and the return address.
fn kept(bits: u32) -> &'static [u16] {
    if bits == 64 {
        &[3, 6, 7, 12, 13, 14, 15, 16]
    } else {
        &[3, 4, 5, 6, 7, 8]
    }
}

/// The registers by DWARF number, with the instruction pointer as the return address.
fn dwarf(bits: u32, r: &UserRegisters) -> Registers {
    let order: Vec<u64> = if bits == 64 {
        vec![
            r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11,
            r.r12, r.r13, r.r14, r.r15, r.rip,
        ]
    } else {
        vec![
            r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.rip,
        ]
    };
    order
        .into_iter()
        .enumerate()
        .map(|(number, value)| (number as u16, value))
        .collect()
}
