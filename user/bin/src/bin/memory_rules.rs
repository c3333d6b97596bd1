//! Memory: zeros in new pages, copies after fork, private and shared file mappings, strings up to
//! the end of a mapping, protections, refused mappings, and the vDSO, of which a program can only
//! change its own copy. Also descriptors that `execve` closes. Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ffi::{CStr, c_char};

use programs::check::Checks;
use sys::env::{AT_EXECFN, AT_SYSINFO_EHDR};
use sys::numbers::{Call, MMAP};
use sys::os::{
    self, Ending, MAP_ANONYMOUS, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, PROT_EXEC, PROT_READ,
    PROT_WRITE,
};
use sys::{Env, Errno, SysResult};

sys::entry!(run);

const BRK: Call = Call {
    x86_64: 12,
    i386: 45,
};
const MADVISE: Call = Call {
    x86_64: 28,
    i386: 219,
};
const MAP_SHARED: usize = 1;
const MAP_FIXED: usize = 0x10;
const MADV_DONTNEED: usize = 4;
const O_CLOEXEC: usize = 0o2_000_000;
const PAGE: usize = 4096;
const RW: usize = PROT_READ | PROT_WRITE;
const FILE: &CStr = c"/tmp/memory_rules";

fn run(env: &Env) -> i32 {
    let mut checks = Checks::default();
    if env.args().nth(1) == Some("successor") {
        successor(&mut checks, env);
        return checks.status();
    }
    let _ = os::mkdir(c"/tmp"); // it may exist
    zeros(&mut checks);
    copies(&mut checks);
    files(&mut checks);
    strings(&mut checks);
    protections(&mut checks);
    refused(&mut checks, env);
    image(&mut checks, env);
    checks.status()
}

fn page() -> usize {
    os::map_anonymous(PAGE, RW).unwrap_or(0)
}

fn get(address: usize) -> u8 {
    // SAFETY: the callers pass mapped addresses.
    unsafe { (address as *const u8).read_volatile() }
}

fn put(address: usize, byte: u8) {
    // SAFETY: as above, and writable.
    unsafe { (address as *mut u8).write_volatile(byte) }
}

fn all_zero(address: usize, length: usize) -> bool {
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts(address as *const u8, length) }
        .iter()
        .all(|&byte| byte == 0)
}

/// Freed memory is zero when it is used again: a mapping, a page after MADV_DONTNEED, the break.
fn zeros(checks: &mut Checks) {
    let length = 64 * PAGE;
    for round in 0..3 {
        let base = os::map_anonymous(length, RW).unwrap_or(0);
        checks.that(
            all_zero(base, length),
            format_args!("a new mapping, round {round}"),
        );
        // SAFETY: the mapping is this function's own.
        unsafe { core::slice::from_raw_parts_mut(base as *mut u8, length) }.fill(0xa5);
        // SAFETY: as above.
        unsafe {
            let _ = os::native(MADVISE, [base, PAGE, MADV_DONTNEED, 0, 0, 0]);
            checks.that(all_zero(base, PAGE), format_args!("after MADV_DONTNEED"));
            checks.equal(get(base + PAGE), 0xa5, format_args!("the next page"));
            let _ = os::munmap(base, length);
        }
    }
    // SAFETY: nothing else moves the break.
    unsafe {
        let start = os::native(BRK, [0; 6]).unwrap_or(0);
        for round in 0..2 {
            let _ = os::native(BRK, [start + 2 * PAGE, 0, 0, 0, 0, 0]);
            checks.that(
                all_zero(start, 2 * PAGE),
                format_args!("the break, round {round}"),
            );
            core::slice::from_raw_parts_mut(start as *mut u8, 2 * PAGE).fill(0xa5);
            let _ = os::native(BRK, [start, 0, 0, 0, 0, 0]);
        }
    }
}

/// After fork, a write of either process copies a private page; shared pages stay shared.
fn copies(checks: &mut Checks) {
    let (private, late) = (page(), page());
    let args = [0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, usize::MAX, 0];
    // SAFETY: the kernel picks a free range.
    let shared = unsafe { os::native(MMAP, args) }.unwrap_or(0);
    put(private, 1);
    put(late, 1);
    put(shared, 1);
    let Ok(child) = os::fork() else {
        return checks.that(false, format_args!("fork"));
    };
    if child == 0 {
        put(private, 2);
        put(shared, 2);
        // SAFETY: the page is the child's own copy.
        let changed = unsafe {
            os::mprotect(late, PAGE, PROT_READ).and_then(|_| os::mprotect(late, PAGE, RW))
        };
        put(late, 2);
        os::exit(if changed.is_ok() && get(private) == 2 {
            0
        } else {
            1
        });
    }
    checks.equal(
        os::wait(child),
        Ok(Ending::Exit(0)),
        format_args!("the child"),
    );
    checks.equal(
        get(private),
        1,
        format_args!("a private page that the child wrote to"),
    );
    checks.equal(
        get(late),
        1,
        format_args!("a private page that the child protected and wrote to"),
    );
    checks.equal(
        get(shared),
        2,
        format_args!("a shared page that the child wrote to"),
    );
    // The other way round: the parent writes, the child reads.
    let Ok(child) = os::fork() else {
        return checks.that(false, format_args!("fork"));
    };
    if child == 0 {
        while get(shared) != 3 {
            core::hint::spin_loop();
        }
        os::exit(i32::from(get(private)));
    }
    put(private, 9);
    put(shared, 3);
    checks.equal(
        os::wait(child),
        Ok(Ending::Exit(1)),
        format_args!("a private page that the parent wrote to"),
    );
}

fn map_file(flags: usize, file: usize) -> usize {
    // SAFETY: the kernel picks a free range.
    unsafe { os::native(MMAP, [0, PAGE, RW, flags, file, 0]) }.unwrap_or(0)
}

/// Stores to a private mapping of a file don't change the file, stores to a shared one do.
fn files(checks: &mut Checks) {
    let Ok(file) = os::open(FILE, O_RDWR | O_CREAT | O_TRUNC) else {
        return checks.that(false, format_args!("no file to map"));
    };
    let _ = os::write(file, &[7; 100]);
    let (private, read_first, shared) = (
        map_file(2, file),
        map_file(2, file),
        map_file(MAP_SHARED, file),
    );
    checks.equal(
        [private, read_first, shared].map(get),
        [7; 3],
        format_args!("first byte of the mapped file"),
    );
    checks.that(
        all_zero(shared + 100, PAGE - 100),
        format_args!("the last page, past the end of the file"),
    );
    put(read_first, 1);
    let untouched = map_file(2, file);
    put(untouched, 1);
    checks.equal(
        get(shared),
        7,
        format_args!("the file after stores to private mappings"),
    );
    put(shared, 3);
    let mut bytes = [0; 1];
    let found = os::open(FILE, O_RDONLY).and_then(|file| os::read(file, &mut bytes));
    checks.equal(
        (found, bytes),
        (Ok(1), [3]),
        format_args!("the file after a store to a shared mapping"),
    );
    checks.equal(
        [get(read_first), get(untouched)],
        [1; 2],
        format_args!("private copies"),
    );
    let _ = os::close(file);
}

/// A string or buffer may end with the last byte of a mapping; a transfer beyond it is short.
fn strings(checks: &mut Checks) {
    let base = os::map_anonymous(2 * PAGE, RW).unwrap_or(0);
    let end = base + PAGE;
    // SAFETY: nothing uses the second page.
    let _ = unsafe { os::munmap(end, PAGE) };
    let path = b"/proc/version\0";
    for (index, byte) in path.iter().enumerate() {
        put(end - path.len() + index, *byte);
    }
    // SAFETY: the string was just written.
    let opened = os::open(
        unsafe { CStr::from_ptr((end - path.len()) as *const c_char) },
        O_RDONLY,
    );
    checks.that(
        opened.is_ok(),
        format_args!("a path at the end of a page: {opened:?}"),
    );
    put(end - 1, b'x');
    let args = [end - 4, O_RDONLY, 0, 0, 0, 0];
    // SAFETY: the string has no NUL; only the kernel reads it.
    let refused = unsafe { os::native(sys::numbers::OPEN, args) };
    checks.equal(
        refused,
        Err(Errno::EFAULT),
        format_args!("a path that isn't terminated"),
    );
    let Ok(file) = os::open(FILE, O_RDWR | O_CREAT | O_TRUNC) else {
        return;
    };
    let transfer = |call, fd: usize, address: usize| -> SysResult {
        // SAFETY: the kernel accesses only the mapped page.
        unsafe { os::native(call, [fd, address, 64, 0, 0, 0]) }
    };
    checks.equal(
        transfer(sys::numbers::WRITE, file, end - 10),
        Ok(10),
        format_args!("a write, of which 10 bytes are mapped"),
    );
    checks.equal(
        transfer(sys::numbers::WRITE, file, end),
        Err(Errno::EFAULT),
        format_args!("a write from unmapped memory"),
    );
    if let Ok(zero) = os::open(c"/dev/zero", O_RDONLY) {
        put(end - 10, 0xff);
        checks.equal(
            transfer(sys::numbers::READ, zero, end - 10),
            Ok(10),
            format_args!("a read, of which 10 bytes are mapped"),
        );
        checks.that(all_zero(end - 10, 10), format_args!("the bytes read"));
    }
    let long = [b'a'; 256 + 1];
    let mut path = [0; 260];
    path[0] = b'/';
    path[1..258].copy_from_slice(&long);
    // SAFETY: the array ends with zeros.
    let refused = os::open(unsafe { CStr::from_ptr(path.as_ptr().cast()) }, O_RDONLY);
    checks.equal(refused, Err(Errno(36)), format_args!("a name of 257 bytes"));
}

/// A change of protection applies at once to a page in use, for the program and for system calls.
fn protections(checks: &mut Checks) {
    let used = page();
    put(used, 1);
    let zero = os::open(c"/dev/zero", O_RDONLY).unwrap_or(0);
    for (protection, readable, writable) in [
        (0, false, false),
        (PROT_READ, true, false),
        (RW, true, true),
    ] {
        // SAFETY: the page is this function's own.
        let copied_out = unsafe {
            let _ = os::mprotect(used, PAGE, protection);
            os::native(sys::numbers::READ, [zero, used, 1, 0, 0, 0])
        };
        let wanted = if writable { Ok(1) } else { Err(Errno::EFAULT) };
        checks.equal(
            copied_out,
            wanted,
            format_args!("a call that writes to protection {protection}"),
        );
        let allowed = |access: fn(usize)| {
            let child = os::fork();
            if child == Ok(0) {
                access(used);
                os::exit(0);
            }
            child.and_then(os::wait)
        };
        let wanted = |right| {
            Ok(if right {
                Ending::Exit(0)
            } else {
                Ending::Signal(11)
            })
        };
        let read = allowed(|address| {
            get(address);
        });
        checks.equal(
            read,
            wanted(readable),
            format_args!("a load, protection {protection}"),
        );
        let written = allowed(|address| put(address, 2));
        checks.equal(
            written,
            wanted(writable),
            format_args!("a store, protection {protection}"),
        );
    }
}

/// Refused mappings: pages near address 0, a longer vDSO.
fn refused(checks: &mut Checks, env: &Env) {
    // SAFETY: the program has no mapping there.
    let low = unsafe {
        os::native(
            MMAP,
            [
                0x1000,
                PAGE,
                RW,
                2 | MAP_ANONYMOUS | MAP_FIXED,
                usize::MAX,
                0,
            ],
        )
    };
    // Linux allows it to privileged programs, with MAP_FIXED.
    checks.that(
        low.is_ok() || low == Err(Errno(1)),
        format_args!("a page at 0x1000: {low:?}"),
    );
    let vdso = env.aux(AT_SYSINFO_EHDR).unwrap_or(0);
    // SAFETY: if it is moved all the same, the test fails.
    let grown = unsafe { os::mremap(vdso, PAGE, 4 * PAGE, 1, 0) };
    checks.equal(
        grown,
        Err(Errno::EFAULT),
        format_args!("mremap of the vDSO to four pages"),
    );
}

/// A program may make its vDSO writable, as a debugger does; the change must not be visible in
/// other programs, nor in its own successor after execve, for which descriptor 20 is closed.
fn image(checks: &mut Checks, env: &Env) {
    const DUP3: Call = Call {
        x86_64: 292,
        i386: 330,
    };
    let vdso = env.aux(AT_SYSINFO_EHDR).unwrap_or(0);
    // SAFETY: only the header's padding is written; the duplicates are of the null device.
    unsafe {
        // Linux may have sealed it (CONFIG_MSEAL_SYSTEM_MAPPINGS).
        if os::mprotect(vdso, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC).is_ok() {
            put(vdso + PADDING, 0x5a);
            checks.equal(
                get(vdso + PADDING),
                0x5a,
                format_args!("the vDSO's padding, written to"),
            );
        }
        let null = os::open(c"/dev/null", O_RDONLY).unwrap_or(0);
        for (to, flags) in [(20, O_CLOEXEC), (21, 0)] {
            let made = os::native(DUP3, [null, to, flags, 0, 0, 0]);
            checks.equal(made, Ok(to), format_args!("dup3 to {to}"));
        }
    }
    let path = env.aux(AT_EXECFN).unwrap_or(0);
    let argv = [path, c"successor".as_ptr().addr(), 0];
    let child = os::fork();
    if child == Ok(0) {
        // SAFETY: AT_EXECFN is the address of a string; both arrays end with null.
        unsafe {
            os::execve(
                CStr::from_ptr(path as *const c_char),
                argv.as_ptr(),
                env.envp(),
            )
        };
        os::exit(1);
    }
    let ending = child.and_then(os::wait);
    checks.equal(ending, Ok(Ending::Exit(0)), format_args!("the successor"));
}

/// Offset of the last byte of `e_ident`, which is padding.
const PADDING: usize = 15;

fn successor(checks: &mut Checks, env: &Env) {
    let vdso = env.aux(AT_SYSINFO_EHDR).unwrap_or(0);
    checks.equal(
        get(vdso + PADDING),
        0,
        format_args!("another program's vDSO"),
    );
    checks.equal(
        os::close(20),
        Err(Errno(9)),
        format_args!("a descriptor with O_CLOEXEC"),
    );
    checks.equal(os::close(21), Ok(0), format_args!("a descriptor without"));
    let mut buffer = [0; 32];
    let name = os::read_file(c"/proc/self/comm", &mut buffer);
    checks.equal(name, b"memory_rules\n", format_args!("the process's name"));
}
