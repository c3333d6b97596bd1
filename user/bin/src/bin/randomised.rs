//! Rule 25: the addresses of the vDSO, the stack, new mappings and the break are random.
//! Expected: exit 0, unless the kernel's command line disables address randomisation.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ffi::{CStr, c_char};

use programs::check::Checks;
use sys::env::{AT_EXECFN, AT_SYSINFO_EHDR};
use sys::numbers::Call;
use sys::os::{self, Ending, O_CREAT, O_RDONLY, O_TRUNC, O_WRONLY, PROT_READ};
use sys::{Env, println};

sys::entry!(run);

const FILE: &CStr = c"/tmp/randomised";
const RUNS: usize = 6;
const WORD: usize = size_of::<usize>();

fn run(env: &Env) -> i32 {
    if env.args().nth(1) == Some("child") {
        return report(env);
    }
    let _ = os::mkdir(c"/tmp"); // it may exist
    let mut checks = Checks::default();
    let mut runs = [[0; 4]; RUNS];
    for places in &mut runs {
        match one(env) {
            Some(found) => *places = found,
            None => checks.that(false, format_args!("a run without a report")),
        }
    }
    for (index, what) in ["the vDSO", "the stack", "a mapping", "the break"]
        .into_iter()
        .enumerate()
    {
        let moved = runs.iter().any(|places| places[index] != runs[0][index]);
        checks.that(
            moved,
            format_args!("{what} is at {:#x} in all {RUNS} runs", runs[0][index]),
        );
        let aligned = index == 1 || runs.iter().all(|places| places[index] % 4096 == 0);
        checks.that(aligned, format_args!("{what} isn't page-aligned"));
    }
    checks.status()
}

/// Writes the addresses of this run to the file.
fn report(env: &Env) -> i32 {
    let mapping = os::map_anonymous(4096, PROT_READ).unwrap_or(0);
    let vdso = env.aux(AT_SYSINFO_EHDR).unwrap_or(0);
    let Ok(file) = os::open(FILE, O_WRONLY | O_CREAT | O_TRUNC) else {
        return 1;
    };
    const BRK: Call = Call {
        x86_64: 12,
        i386: 45,
    };
    // SAFETY: brk(0) only returns the break.
    let brk = unsafe { os::native(BRK, [0; 6]) }.unwrap_or(0);
    for address in [vdso, env.stack().addr(), mapping, brk] {
        if os::write(file, &address.to_ne_bytes()) != Ok(WORD) {
            return 1;
        }
    }
    0
}

/// Runs this program as a child; returns the addresses that it reports.
fn one(env: &Env) -> Option<[usize; 4]> {
    let path = env.aux(AT_EXECFN)? as *const c_char;
    let child = os::fork().ok()?;
    if child == 0 {
        let argv = [path.addr(), c"child".as_ptr().addr(), 0];
        // SAFETY: AT_EXECFN is the address of a string; both arrays end with null.
        let errno = unsafe { os::execve(CStr::from_ptr(path), argv.as_ptr(), env.envp()) };
        println!("can't execute this program: {errno}");
        os::exit(1);
    }
    if os::wait(child) != Ok(Ending::Exit(0)) {
        return None;
    }
    let file = os::open(FILE, O_RDONLY).ok()?;
    let mut bytes = [0; 4 * WORD];
    let complete = os::read_all(file, &mut bytes).is_ok_and(|read| read.len() == 4 * WORD);
    let _ = os::close(file); // opened for reading: no data to lose
    let (words, _) = bytes.as_chunks::<WORD>();
    let places = [0, 1, 2, 3].map(|index| usize::from_ne_bytes(words[index]));
    complete.then_some(places)
}
