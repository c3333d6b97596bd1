//! Rules 3, 12 and 16: `execve` through each door with every flag set that a program can set. The
//! kernel starts a program by IRET, which fails if it runs with NT set. The new program is
//! `start_state`, which checks its initial flags. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
use core::ptr;

use programs::check::Checks;
use programs::registers::{self, Registers};
use sys::env::AT_EXECFN;
use sys::numbers::EXECVE;
use sys::os::{self, Ending};
use sys::{Door, Env, Errno};

sys::entry!(run);

/// CF PF AF ZF SF DF OF NT AC ID.
const FLAGS: usize = 0xcd5 | 1 << 14 | 1 << 18 | 1 << 21;
const NAME: &[u8] = b"start_state\0";

/// Arguments of the call, at an address that fits in 32 bits.
struct Given {
    path: [u8; 256],
    /// `argv` for the i386 table.
    narrow: [u32; 2],
    /// `argv` for the x86_64 table.
    wide: [u64; 2],
}

struct Shared(UnsafeCell<Given>);

// SAFETY: the program has one thread.
unsafe impl Sync for Shared {}

static GIVEN: Shared = Shared(UnsafeCell::new(Given {
    path: [0; 256],
    narrow: [0; 2],
    wide: [0; 2],
}));

fn run(env: &Env) -> i32 {
    // SAFETY: one thread, and the kernel reads it only during a call.
    let given = unsafe { &mut *GIVEN.0.get() };
    if prepare(given, env).is_none() {
        return 2;
    }
    let mut checks = Checks::default();
    for door in Door::usable() {
        let ending = replaced(door, given, env);
        checks.equal(
            ending,
            Ok(Ending::Exit(0)),
            format_args!("{door}: start_state"),
        );
    }
    checks.status()
}

/// Fills in the path of `start_state`, which is in this program's directory.
fn prepare(given: &mut Given, env: &Env) -> Option<()> {
    // SAFETY: AT_EXECFN is the address of a NUL-terminated string.
    let path = unsafe { CStr::from_ptr(env.aux(AT_EXECFN)? as *const c_char) }.to_bytes();
    let start = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    given.path.get_mut(..start)?.copy_from_slice(&path[..start]);
    given
        .path
        .get_mut(start..start + NAME.len())?
        .copy_from_slice(NAME);
    let address = ptr::from_ref(&given.path).addr();
    given.narrow[0] = u32::try_from(address).ok()?;
    given.wide[0] = address as u64;
    Some(())
}

/// Executes `start_state` in a child through `door`; returns how it ended.
fn replaced(door: Door, given: &Given, env: &Env) -> Result<Ending, Errno> {
    let child = os::fork()?;
    if child == 0 {
        let wide = door.number(EXECVE) == EXECVE.x86_64;
        let argv = if wide {
            ptr::from_ref(&given.wide).addr()
        } else {
            ptr::from_ref(&given.narrow).addr()
        };
        // A 64-bit program can't pass its environment through INT 0x80, which expects an array of
        // 32-bit pointers.
        let envp = if wide || cfg!(target_arch = "x86") {
            env.envp().addr()
        } else {
            argv + 4
        };
        let call = [ptr::from_ref(&given.path).addr(), argv, envp];
        let mut before = Registers::pattern().with_call(door, door.number(EXECVE), call);
        before.flags |= FLAGS;
        // SAFETY: path and arguments are null-terminated; the call replaces the program.
        let after = unsafe { registers::call(door, before) };
        sys::println!("execve returned {:#x}", after.general[0]);
        os::exit(1);
    }
    os::wait(child)
}
