//! gdb itself, in batch mode: `make debug`'s files, and the information about the entry stubs.

mod served;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::child::{Leashed, leash};
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Vm, paths};

use crate::run_program::xtask;

/// A door as `tests/debugger/stub.py` steps through it: name of the case, CPU, compiler of the
/// program, label of the stub, label after its call of the handler, number of write(2).
const DOORS: &[(&str, &str, Compiler, &str, &str, u32)] = &[
    (
        "syscall",
        "max",
        Compiler::Glibc64,
        "entry_syscall_64",
        "return_from_syscall",
        1,
    ),
    (
        "syscall32",
        "max",
        Compiler::Glibc32,
        "entry_syscall_32",
        "return_from_syscall32",
        4,
    ),
    (
        "sysenter",
        "max,vendor=GenuineIntel",
        Compiler::Glibc32,
        "entry_sysenter",
        "return_from_sysenter",
        4,
    ),
    (
        "int80_from_64",
        "max",
        Compiler::Glibc64,
        "entry_int80",
        "return_from_int80",
        4,
    ),
    (
        "int80_from_32",
        "max",
        Compiler::Glibc32,
        "entry_int80",
        "return_from_int80",
        4,
    ),
];

/// The ways to link a program: the kernel or the dynamic linker chooses the place of some.
const LINKED: [Compiler; 6] = [
    Compiler::Glibc64,
    Compiler::Glibc32,
    Compiler::StaticPie64,
    Compiler::StaticPie32,
    Compiler::Dynamic64,
    Compiler::Dynamic32,
];

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let missing = paths::in_path("gdb").is_none() || paths::in_path("readelf").is_none();
    let reason = missing.then_some("there is no gdb or no readelf here");
    let not_built = !paths::debug_kernel().exists();
    let not_built = not_built.then_some("`make debug` has not built its kernel yet");
    let debug =
        |name: &str, run: fn() -> Result<()>| Case::new(name, run).left_out(reason.or(not_built));
    let others = [
        debug(
            "a_handler_shows_its_arguments",
            a_handler_shows_its_arguments,
        ),
        debug(
            "our_commands_do_what_they_say",
            our_commands_do_what_they_say,
        ),
        debug("two_terminals", served::two_terminals),
        debug("vs_code_attaches", served::vs_code_attaches),
        debug(
            "gdb_goes_backwards_from_the_stub",
            gdb_goes_backwards_from_the_stub,
        ),
    ];
    // gdb has the other build's symbols.
    let checked = paths::is_checked().then_some("the test build's stubs have checks between");
    let case = |&(name, cpu, compiler, entry, back, number)| {
        let run = move || main_is_below_the_stub(cpu, compiler, entry, back, number);
        Case::new(format!("stub::{name}"), run).left_out(reason.or(checked))
    };
    let linked = LINKED.map(|compiler| {
        let name = format!("break_main::{}", compiler.name());
        Case::new(name, move || main_and_write_are_found(compiler)).left_out(reason.or(not_built))
    });
    let doors = DOORS.iter().map(case);
    doors.chain(linked).chain(others).collect()
}

/// `xtask debug` of the program with these commands for gdb; returns what it prints.
fn debug(compiler: Compiler, options: &[&str], commands: &[&str]) -> Result<String> {
    let mut command = xtask()?;
    command
        .args(["debug", "--built", "--program"])
        .arg(compile("debugged", compiler)?);
    command.args(options).args(["--", "--batch", "--nx"]);
    for text in commands {
        command.args(["-ex", text]);
    }
    let output = command.stdin(Stdio::null()).output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The lines in the order of the text.
fn in_order(text: &str, parts: &[&str]) -> Result<()> {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part);
        rest = &rest[at.with_context(|| format!("{part:?} is missing in {text}"))?..];
    }
    Ok(())
}

/// The three commands of README: a breakpoint, continue, a backtrace.
fn a_handler_shows_its_arguments() -> Result<()> {
    let shown = debug(
        Compiler::Glibc64,
        &[],
        &[
            "break trident::syscall::io::write",
            "continue",
            "info args",
            "backtrace",
            "saved-frame",
            "task",
            "ways-back",
            "continue",
            "info breakpoints",
        ],
    )?;
    let parts = [
        "fd = 1",
        "count = 8",
        "#0  trident::syscall::io::write",
        "entry_syscall_64",
        "write",
        "main () at ",
        "debugged.c:",
        "orig_rax  0x1\n",
        "cs        0x33\n",
        "breakpoint already hit 1 time",
    ];
    in_order(&shown, &parts)
}

/// gdb has the symbols of the program and of its libraries, wherever they are loaded.
fn main_and_write_are_found(compiler: Compiler) -> Result<()> {
    let commands = [
        "break main",
        "continue",
        "break trident::syscall::io::write",
        "continue",
        "backtrace",
    ];
    let shown = debug(compiler, &[], &commands)?;
    let parts = [
        "Breakpoint 1, main () at ",
        "debugged.c:",
        "Breakpoint 2",
        "#0  trident::syscall::io::write",
        " entry_syscall_",
        "write (",
        " in main () at ",
        "debugged.c:",
    ];
    in_order(&shown, &parts)
}

/// Each command of `xtask/gdb/trident.py` that the other cases don't use.
fn our_commands_do_what_they_say() -> Result<()> {
    let commands = [
        "break main",
        "continue",
        "delete",
        "step-into-kernel",
        "print $cs & 3",
        "task",
        "print $task.owner.pid",
        "doors",
        "continue",
        "info breakpoints",
    ];
    let shown = debug(Compiler::Dynamic64, &[], &commands)?;
    let parts = [
        "Breakpoint 1, main () at ",
        // A fault of the dynamic linker's, or the call.
        "#0  ",
        " at kernel/src/entry/",
        " = 0\n",
        "debugged.dynami: thread 2 of process 2",
        " = 2\n",
        "kernel/src/entry/syscall.rs",
        "kernel/src/entry/syscall.rs",
        "kernel/src/entry/sysenter.rs",
        "kernel/src/entry/int80.rs",
        "breakpoint already hit 1 time",
    ];
    in_order(&shown, &parts)?;
    let steps = shown.matches("dl-runtime.c").count();
    ensure!(steps == 0, "step-into-kernel shows {steps} steps: {shown}");
    Ok(())
}

/// From the stub's first instruction one step back is the program's SYSCALL.
fn gdb_goes_backwards_from_the_stub() -> Result<()> {
    let shown = debug(
        Compiler::Glibc64,
        &["--replay"],
        &[
            "python gdb.execute('tbreak *%#x' % address('entry_syscall_64'))",
            "continue",
            "reverse-stepi",
            "print $cs & 3",
            "x/i $pc",
        ],
    )?;
    in_order(&shown, &["= 3\n", "syscall"])
}

/// At each instruction of the stub, and at the handler's first, a backtrace reaches the program's
/// `main`, and each instruction of the stub has a source line.
fn main_is_below_the_stub(
    cpu: &str,
    compiler: Compiler,
    entry: &str,
    back: &str,
    number: u32,
) -> Result<()> {
    let program = compile("debugged", compiler)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().cpu(cpu).initramfs(&files).append("quiet");
    let variables = format!("python ENTRY, BACK, NUMBER = '{entry}', '{back}', {number}");
    let said = batch(
        &vm,
        &program,
        &[&variables, "source tests/debugger/stub.py"],
    )?;
    ensure!(
        said.contains(&format!("steps through {entry} around ")),
        "{said}"
    );
    Ok(())
}

/// Boots the machine stopped, and has gdb run these commands on it, with the kernel's and the
/// program's symbols; returns what gdb prints.
fn batch(vm: &Vm, program: &Path, commands: &[&str]) -> Result<String> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let (mut qemu, _files) = vm.prepare()?;
    qemu.args(["-S", "-gdb", &format!("tcp:127.0.0.1:{port}")]);
    let mut qemu = leash(&qemu)?;
    qemu.stdin(Stdio::null()).stdout(Stdio::null());
    let _qemu = Leashed::spawn(&mut qemu)?;
    let mut gdb = Command::new("timeout");
    gdb.args(["120", "gdb", "--batch", "--nx", "--quiet"])
        .arg(paths::kernel());
    let program = program.display();
    let first = [
        "set confirm off".to_owned(),
        "source xtask/gdb/trident.py".to_owned(),
        format!("python program('{program}')"),
        // QEMU may not listen yet.
        "set tcp connect-timeout 30".to_owned(),
        format!("target remote 127.0.0.1:{port}"),
    ];
    for command in first
        .iter()
        .map(String::as_str)
        .chain(commands.iter().copied())
    {
        gdb.args(["-ex", command]);
    }
    let output = gdb
        .current_dir(paths::root())
        .stdin(Stdio::null())
        .output()
        .context("cannot start gdb")?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}
