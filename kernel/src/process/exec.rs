//! Starting a program: execve(2), and init.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

use crate::sync::Mutex;
use formats::elf::{Class, Kind};

use super::cred::Credentials;
use super::elf::{self, Executable};
use super::placement::{is_loader, load_bias, mapped_bias, pie_base, place_stack, random_pages};
use super::signal::alternate::AlternateStack;
use super::stack::{self, ProgramInfo};
use super::{SharedMm, Task, current, exit, robust, threads};
use super::{personality, setid};
use crate::arch::gdt::{self, USER_CS, USER_DS, USER32_CS};
use crate::arch::segments::Segments;
use crate::arch::{debug, percpu};
use crate::entry::frame::Frame;
use crate::fs;
use crate::fs::busy::Program;
use crate::fs::dentry::Location;
use crate::mm::PAGE_SIZE;
use crate::mm::address_space::AddressSpace;
use crate::ptrace;
use crate::syscall::errno::Errno;
use crate::vdso;

/// Most levels of `#!` (BINPRM_MAX_RECURSION's effect).
const INTERPRETER_DEPTH: usize = 5;
/// Bytes of a script's first line that count (BINPRM_BUF_SIZE).
const SCRIPT_LINE: usize = 256;

/// A program in its address space, ready to run.
pub struct Loaded {
    /// Its address space.
    pub mm: SharedMm,
    /// The registers it starts with.
    pub frame: Frame,
    /// File name, for the task's name.
    pub name: Vec<u8>,
    /// Whom it acts as.
    pub credentials: Credentials,
    /// Whether its file says so.
    is_granted: bool,
}

/// Loads the program at `path`, or the interpreter that its `#!` line names.
///
/// # Errors
/// Those of the path, `EACCES`, `ENOEXEC`, `ELOOP`, `E2BIG`, `ENOMEM`.
pub fn load(path: &[u8], args: Vec<Vec<u8>>, env: &[Vec<u8>]) -> Result<Loaded, Errno> {
    load_file(fs::open_executable(path)?, path, args, env)
}

/// The same for a file that has been found already; `path` is what the program is told.
///
/// # Errors
/// `EACCES`, `ENOEXEC`, `ELOOP`, `E2BIG`, `ENOMEM`, and for an interpreter those of its path.
fn load_file(
    mut file: Executable,
    path: &[u8],
    mut args: Vec<Vec<u8>>,
    env: &[Vec<u8>],
) -> Result<Loaded, Errno> {
    let name = path
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or(path)
        .to_vec();
    let shown = String::from_utf8_lossy(path).into_owned();
    let mut path = path.to_vec();
    for _ in 0..INTERPRETER_DEPTH {
        let Some((interpreter, argument)) = script(&file) else {
            return load_elf(&file, &shown, &args, env, name);
        };
        // argv becomes: interpreter, its argument if any, the script's path, the old argv[1..].
        let mut line = Vec::new();
        line.push(interpreter.clone());
        line.extend(argument);
        line.push(path);
        line.extend(args.into_iter().skip(1));
        args = line;
        file = fs::open_executable(&interpreter)?;
        path = interpreter;
    }
    Err(Errno::ELOOP)
}

/// The interpreter and its argument, if the file begins with `#!`.
fn script(file: &Executable) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let mut head = [0; SCRIPT_LINE];
    let len = head
        .len()
        .min(usize::try_from(file.size).unwrap_or(usize::MAX));
    use formats::elf::Source;
    if !file.read_at(0, &mut head[..len]) {
        return None;
    }
    let line = head[..len].strip_prefix(b"#!")?;
    let line = line
        .split(|byte| *byte == b'\n' || *byte == 0)
        .next()?
        .trim_ascii();
    let mut parts = line.splitn(2, |byte| *byte == b' ' || *byte == b'\t');
    let interpreter = parts.next().filter(|p| !p.is_empty())?.to_vec();
    let argument = parts
        .next()
        .map(|a| a.trim_ascii().to_vec())
        .filter(|a| !a.is_empty());
    Some((interpreter, argument))
}

fn load_elf(
    file: &Executable,
    shown: &str,
    args: &[Vec<u8>],
    env: &[Vec<u8>],
    name: Vec<u8>,
) -> Result<Loaded, Errno> {
    let image = elf::check(file)?;
    let who = fs::caller::credentials();
    let credentials = setid::credentials(&who, &file.location);
    let is_granted = setid::is_granted(&file.location);
    let is_32bit = image.class == Class::Elf32;
    let mut mm = AddressSpace::new(is_32bit)?;
    mm.program = Some(Arc::new(Program::new(file.location.clone())?));
    if let Some(task) = super::try_current() {
        mm.limits = task.process.limits.lock().of_memory();
        let before = task.attributes.lock().personality;
        let personality = personality::after_exec(before, is_32bit, is_granted);
        mm.is_fixed = personality::has_fixed_addresses(personality);
    }
    let stack_top = place_stack(&mut mm, &image)?;
    let bias = load_bias(&mut mm, &image)?;
    elf::map(&mut mm, file, &image, bias)?;
    if is_loader(&image) {
        // Where it lies there may be no room behind it (load_elf_binary in fs/binfmt_elf.c).
        mm.landmarks.brk = pie_base(is_32bit);
    }
    // The break begins a page or more after the program, at a random distance.
    let brk = mm.landmarks.brk.next_multiple_of(PAGE_SIZE) + random_pages(&mm, 13);
    (mm.landmarks.start_brk, mm.landmarks.brk) = (brk, brk);
    let (mut base, mut entry) = (0, image.entry + bias);
    if let Some(path) = &image.interp {
        let (at, start) = load_interpreter(&mut mm, path, image.class)?;
        (base, entry) = (at, start);
    }
    vdso::map(&mut mm, is_32bit)?;
    let info = ProgramInfo {
        is_32bit,
        phdr: if image.phdr_vaddr == 0 {
            0
        } else {
            image.phdr_vaddr + bias
        },
        phent: u64::from(image.phentsize),
        phnum: u64::from(image.phnum),
        base,
        entry: image.entry + bias,
        vsyscall: if is_32bit {
            vdso::kernel_vsyscall(mm.landmarks.vdso)
        } else {
            0
        },
        path: shown.into(),
        secure: setid::is_secure(&who, &credentials),
        credentials,
    };
    let stack = stack::build(&mut mm, stack_top, &info, args, env)?;
    let frame = Frame {
        rip: entry,
        rsp: stack,
        cs: u64::from(if is_32bit { USER32_CS } else { USER_CS }),
        ss: u64::from(USER_DS),
        // Interrupts on; bit 1 always reads as 1 (Intel SDM vol. 1, 3.4.3).
        rflags: 0x202,
        orig_rax: u64::MAX,
        ..Frame::default()
    };
    Ok(Loaded {
        mm: Arc::new(Mutex::new(mm)),
        frame,
        name,
        credentials: info.credentials,
        is_granted,
    })
}

/// Maps the dynamic linker; returns where it lies and where it starts.
fn load_interpreter(mm: &mut AddressSpace, path: &[u8], class: Class) -> Result<(u64, u64), Errno> {
    let file = fs::open_executable(path)?;
    let image = elf::check(&file)?;
    if image.class != class {
        return Err(Errno::ELIBBAD);
    }
    let marks = mm.landmarks.clone();
    let bias = match image.kind {
        Kind::Fixed => 0,
        Kind::Relocatable => mapped_bias(mm, &image)?,
    };
    elf::map(mm, &file, &image, bias)?;
    // Code, data and break are the program's, not the linker's.
    mm.landmarks = marks;
    Ok((
        bias.wrapping_add(image.extent.start),
        image.entry.wrapping_add(bias),
    ))
}

/// Gives `task` the loaded program: what execve(2) keeps is left alone, the rest starts anew.
pub fn install(task: &Task, loaded: &Loaded) {
    let process = &task.process;
    *process.mm.lock() = Some(loaded.mm.clone());
    *process.cred.lock() = loaded.credentials.clone();
    process.unshare_actions();
    process.actions().lock().reset_handlers();
    process.timers.exec();
    let mut comm = [0; 16];
    let len = loaded.name.len().min(15);
    comm[..len].copy_from_slice(&loaded.name[..len]);
    *task.comm.lock() = comm;
    let is_32bit = loaded.frame.is_compat();
    let data = if is_32bit { USER_DS } else { 0 };
    *task.segments.lock() = Segments {
        ds: data,
        es: data,
        ..Segments::default()
    };
    *task.tls.lock() = [0; 3];
    task.fpu.lock().reset();
    task.signals.lock().alternate = AlternateStack::default();
}

/// execve(2) in the running task: on success the way out leads into the new program.
///
/// # Errors
/// Those of [`load`].
pub fn execve(path: &[u8], args: Vec<Vec<u8>>, env: &[Vec<u8>]) -> Result<(), Errno> {
    start(load(path, args, env)?)
}

/// execveat(2): the same with a program that has been found already.
///
/// # Errors
/// Those of [`load_file`].
pub fn execve_file(
    location: Location,
    path: &[u8],
    args: Vec<Vec<u8>>,
    env: &[Vec<u8>],
) -> Result<(), Errno> {
    start(load_file(fs::open::executable(location)?, path, args, env)?)
}

/// Replaces the running program.
fn start(mut loaded: Loaded) -> Result<(), Errno> {
    let old_tid = current().tid();
    threads::become_the_only_one()?;
    let task = current();
    let who = task.process.cred.lock().clone();
    loaded.credentials = setid::withhold(&task, &who, loaded.credentials);
    robust::release(&task);
    exit::release_mm(&task.process);
    task.process.has_execed.store(true, Ordering::Relaxed);
    task.process.unshare_files();
    task.process.files.lock().lock().close_on_exec();
    install(&task, &loaded);
    // Who was granted something has secrets to keep from who started it (begin_new_exec).
    let is_own = !setid::is_secure(&loaded.credentials, &loaded.credentials);
    task.process.is_dumpable.store(is_own, Ordering::Relaxed);
    task.process.membarriers.store(0, Ordering::Relaxed);
    {
        let is_32bit = loaded.frame.is_compat();
        let mut attributes = task.attributes.lock();
        attributes.keeps_capabilities = false;
        attributes.personality =
            personality::after_exec(attributes.personality, is_32bit, loaded.is_granted);
    }
    super::activate(&loaded.mm.lock());
    gdt::set_tls(&task.tls.lock());
    task.segments.lock().load();
    task.fpu.lock().load();
    let keep = task.frame().entry;
    *task.frame_mut() = Frame {
        entry: keep,
        ..loaded.frame
    };
    percpu::clear_work(percpu::work::SINGLE_STEP);
    // Also for 32-bit callers: SYSRET would leave the address of the first instruction in ecx,
    // where the new program expects 0.
    percpu::set_work(percpu::work::IRET);
    *task.rseq.lock() = None;
    *task.debug.lock() = None;
    debug::switch(None, true);
    ptrace::stop::exec(old_tid);
    Ok(())
}
