//! The 64-bit half: the whole tour, which runs the 32-bit half as a child process.

use core::ffi::{CStr, c_char};

use programs::costs::{self, MONOTONIC};
use programs::measure::Cost;
use sys::os::{self, Ending};
use sys::vdso::Vdso;
use sys::{Door, Env, println};

use crate::hello::greet;
use crate::report::{FILE, Failure, INT80, VDSO, VSYSCALL};
use crate::screen::Screen;
use crate::{clock, setup, table};

/// Default path of the 32-bit half; the first argument overrides it.
const NARROW: &CStr = c"/bin32/tour";

/// Runs the tour; returns exit status 0 if all checks pass.
pub fn run(env: &Env) -> i32 {
    let screen = Screen::of(env);
    let result = match screen.is_other {
        true => other_cpu(env, &screen),
        false => tour(env, &screen),
    };
    match result {
        Ok(()) if screen.is_first => {
            screen.pause();
            0
        }
        Ok(()) => {
            println!("\nThe tour is over; all checks passed.");
            0
        }
        Err(failure) => {
            println!("\nThe tour FAILED: {failure}.");
            1
        }
    }
}

fn tour(env: &Env, screen: &Screen) -> Result<(), Failure> {
    screen.title("The three doors: how a program calls its kernel, and what each door costs");
    screen.title("1. How the doors are set up");
    setup::show();
    screen.pause();

    screen.title("2. The same write() through each door");
    greet(Door::Syscall, "64-bit program, SYSCALL:")?;
    greet(
        Door::Int80,
        "64-bit program, INT 0x80 (the 32-bit table of calls even here):",
    )?;
    let narrow = run_narrow(env)?;
    screen.pause();

    screen.title("3. The vDSO: the kernel's code and data, mapped into the program");
    let vdso = Vdso::find(env).ok_or("no vDSO in the auxiliary vector")?;
    clock::show(&vdso)?;
    screen.pause();

    screen.title("4. What each door costs");
    let clock =
        costs::vdso_clock_gettime(&vdso, MONOTONIC).ok_or("no clock_gettime in the vDSO")?;
    table::draw(
        screen,
        &[
            ("call of an empty function", costs::function_call()),
            ("clock_gettime, vDSO", clock),
            ("clock_gettime, vDSO, 32-bit program", narrow.vdso),
            ("clock_gettime, SYSCALL", costs::clock_gettime_entered()),
            ("getpid, SYSCALL", costs::getpid_syscall()),
            narrow.vsyscall,
            ("getpid, INT 0x80, 32-bit program", narrow.int80),
            ("getpid, INT 0x80", costs::getpid_int80()),
        ],
    );
    println!("\n   A call that stays in the program costs a few function calls, one that goes");
    println!(
        "   into the kernel and back many times that, and INT 0x80 the most{}",
        distortion()
    );
    Ok(())
}

/// The second machine's part.
fn other_cpu(env: &Env, screen: &Screen) -> Result<(), Failure> {
    screen
        .title("5. The other vendor's CPU, in a second machine: its own door for 32-bit programs");
    setup::cpu();
    println!("   __kernel_vsyscall of the 32-bit vDSO has the instruction that the CPU knows.");
    let narrow = run_narrow(env)?;
    println!();
    table::draw(
        screen,
        &[
            ("call of an empty function", costs::function_call()),
            narrow.vsyscall,
            ("getpid, INT 0x80, 32-bit program", narrow.int80),
        ],
    );
    Ok(())
}

/// The end of the sentence below the table.
fn distortion() -> &'static str {
    if setup::emulated() {
        ";\n   but QEMU translates each instruction into several of the host's, so these\n   \
         times show the order, not the distances of a real CPU (`make bench` counts\n   instructions)."
    } else {
        "."
    }
}

/// The costs that the 32-bit half measured.
struct Narrow {
    vsyscall: table::Row,
    int80: Cost,
    vdso: Cost,
}

/// Runs the 32-bit half as a process and reads its report.
fn run_narrow(env: &Env) -> Result<Narrow, Failure> {
    // The directory may exist; if it can't be made, the 32-bit half reports the failure.
    let _ = os::mkdir(c"/tmp");
    // SAFETY: the arguments are NUL-terminated strings on the stack.
    let given = env
        .args()
        .nth(1)
        .map(|path| unsafe { CStr::from_ptr(path.as_ptr().cast::<c_char>()) });
    let program = given.unwrap_or(NARROW);
    let child = os::fork().map_err(|_| "can't start a process for the 32-bit program")?;
    if child == 0 {
        let argv = [program.as_ptr() as usize, 0];
        // SAFETY: both arrays end with null and hold NUL-terminated strings.
        let errno = unsafe { os::execve(program, argv.as_ptr(), env.envp()) };
        println!("   {}: {errno}", program.to_str().unwrap_or("?"));
        os::exit(127);
    }
    match os::wait(child) {
        Ok(Ending::Exit(0)) => {}
        Ok(Ending::Exit(127)) => return Err("the 32-bit program can't be run"),
        Ok(Ending::Exit(_)) => return Err("the 32-bit program failed"),
        Ok(Ending::Signal(_)) => return Err("the 32-bit program was killed"),
        Err(_) => return Err("can't wait for the 32-bit program"),
    }
    let mut buffer = [0; 256];
    let report = core::str::from_utf8(os::read_file(FILE, &mut buffer)).unwrap_or("");
    let figure = |name: &str| -> Result<Cost, Failure> {
        let value = report
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let tenths = value.and_then(|value| value.parse().ok());
        tenths
            .map(Cost)
            .ok_or("a figure of the 32-bit program is missing")
    };
    let vsyscall = VSYSCALL
        .iter()
        .find_map(|&(name, label)| Some((label, figure(name).ok()?)));
    let vsyscall = vsyscall.ok_or("the cost of __kernel_vsyscall is missing")?;
    Ok(Narrow {
        vsyscall,
        int80: figure(INT80)?,
        vdso: figure(VDSO)?,
    })
}
