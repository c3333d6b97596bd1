//! Loading and starting a program: execve(2), execveat(2), and init (fs/exec.c, fs/binfmt_elf.c).
//!
//! The new program is loaded into a new address space before the old one is released.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use formats::elf::{Class, Image, Kind, Stack};
use formats::script;

use super::arguments::Arguments;
use super::elf::{self, Executable};
use super::nproc;
use super::setid::{self, Granted};
use super::signal;
use super::signal::alternate::AlternateStack;
use super::stack::{self, ProgramInfo};
use super::status::ExitStatus;
use super::{Mm, SharedMm, Task, current, exit, robust};
use crate::abi::capability::Caps;
use crate::abi::errno::Errno;
use crate::abi::frame::Frame;
use crate::abi::frame::USER32_CS;
use crate::abi::personality;
use crate::abi::signal::SIGSEGV;
use crate::arch::debug::{self, DebugRegisters};
use crate::arch::gdt::{self, USER_CS, USER_DS};
use crate::arch::percpu;
use crate::arch::segments::Segments;
use crate::mm::fallible;
use crate::mm::{PAGE_SIZE, layout};
use crate::process::exec_threads;
use crate::process::ptrace;
use crate::sched::preempt::{self, Stride};
use crate::vfs::dentry::Location;
use crate::vfs::fdtable::FdTable;
use crate::vfs::write_exec::Program;
use crate::vm::address_space::AddressSpace;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::randomize::{
    is_loader, load_bias, mapped_bias, pie_base, place_stack, random_pages,
};
use crate::vm::vdso;
use crate::vm::vma::Prot;

/// Longest chain of scripts whose interpreters are scripts (exec_binprm in fs/exec.c).
const SCRIPTS_MAX: usize = 5;

/// A program in its address space, ready to run.
pub struct Loaded {
    /// Address space.
    pub mm: SharedMm,
    /// Initial registers.
    pub frame: Frame,
    /// Name of the task: the last part of the path.
    name: [u8; 16],
    /// Credentials of the new program.
    granted: Granted,
    /// Personality (personality(2)).
    personality: u32,
}

/// Failure to load a program.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// Error of execve(2).
    pub errno: Errno,
    /// Linux detects the error after the old program is gone: the process is killed by SIGSEGV
    /// (bprm_execve in fs/exec.c).
    is_too_late: bool,
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self {
            errno,
            is_too_late: false,
        }
    }
}

impl Refusal {
    /// An error that Linux detects after the point of no return. Not `E2BIG`, which Linux detects
    /// before, nor `ENOMEM`: here the old program still exists and gets the error.
    pub(super) fn too_late(errno: Errno) -> Self {
        Self {
            errno,
            is_too_late: !matches!(errno, Errno::E2BIG | Errno::ENOMEM),
        }
    }
}

/// Loads the program at `path`, or the interpreter that its `#!` line names.
///
/// # Errors
/// Those of path lookup, `EACCES`, `ENOEXEC`, `ELOOP`, `E2BIG`, `ETXTBSY`, `ENOMEM`.
pub fn load(path: &[u8], arguments: Arguments) -> Result<Loaded, Refusal> {
    load_file(Executable::open(path)?, path, arguments, true)
}

/// Loads a program from a file that is already open. `path` is its name for AT_EXECFN and the
/// task; `is_reachable`: a script's interpreter will find the script at `path`.
///
/// # Errors
/// `EACCES`, `ENOEXEC`, `ELOOP`, `E2BIG`, `ETXTBSY`, `ENOMEM`, and for an interpreter those of its
/// path.
fn load_file(
    mut file: Executable,
    path: &[u8],
    mut arguments: Arguments,
    is_reachable: bool,
) -> Result<Loaded, Refusal> {
    let name = name_of(path);
    let mut path = fallible::to_vec(path)?;
    // Scripts stay open until their interpreter is loaded.
    let mut scripts: [Option<Executable>; SCRIPTS_MAX + 1] = Default::default();
    for script in &mut scripts {
        // A script must not be open for writing either.
        let _running = Program::new(file.file.clone())?;
        file.was_opened();
        let head = file.head()?;
        file.file.accessed();
        let Some(line) = script::parse(&head) else {
            return load_elf(&file, arguments, name);
        };
        if !is_reachable {
            return Err(Errno::ENOENT.into());
        }
        // argv becomes: interpreter, its argument if any, the script's path, the old argv[1..].
        arguments.interpret(line.interpreter, line.argument, &path)?;
        path = fallible::to_vec(line.interpreter)?;
        let interpreter = open_interpreter(&path)?;
        *script = Some(core::mem::replace(&mut file, interpreter));
    }
    Err(Errno::ELOOP.into())
}

/// A task's name: the last component of the path, truncated to 15 bytes.
fn name_of(path: &[u8]) -> [u8; 16] {
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let mut name = [0; 16];
    let len = last.len().min(15);
    name[..len].copy_from_slice(&last[..len]);
    name
}

/// Opens the interpreter of a script or a program. An empty path means the working directory, which
/// can't be executed.
fn open_interpreter(path: &[u8]) -> Result<Executable, Errno> {
    if path.is_empty() {
        return Err(Errno::EACCES);
    }
    Executable::open(path)
}

fn load_elf(file: &Executable, arguments: Arguments, name: [u8; 16]) -> Result<Loaded, Refusal> {
    let image = elf::check(file)?;
    let interpreter = match &image.interp {
        Some(path) => Some(Interpreter::new(path, image.class)?),
        None => None,
    };
    load_image(file, &image, interpreter, arguments, name).map_err(Refusal::too_late)
}

/// The part of load_elf_binary (fs/binfmt_elf.c) from begin_new_exec on.
fn load_image(
    file: &Executable,
    image: &Image,
    interpreter: Option<Interpreter>,
    arguments: Arguments,
    name: [u8; 16],
) -> Result<Loaded, Errno> {
    elf::check_segments(image)?;
    let granted = setid::grant(super::try_current().as_deref(), file.file.location());
    let is_32bit = image.class == Class::Elf32;
    let mut space = AddressSpace::new(is_32bit)?;
    space.program = Some(Arc::new(Program::new(file.file.clone())?));
    space.may_map_low = granted.credentials.has(Caps::SYS_RAWIO);
    let mut personality = 0;
    if let Some(task) = super::try_current() {
        space.limits = (&*task.process.limits.lock()).into();
        personality = task.attributes.lock().personality;
    }
    let personality = personality::after_exec(
        personality,
        is_32bit,
        image.stack == Stack::Unstated,
        granted.clears_personality,
    );
    space.is_fixed = personality::has_fixed_addresses(personality);
    if is_32bit && personality::has_three_gigabytes(personality) {
        space.task_size = layout::TASK_SIZE_3GB;
    }
    let shared = Mm::new(space)?;
    let mut mm = shared.lock();
    let all_executable = personality::executes_what_it_reads(personality);
    let size = stack::size(&arguments, is_32bit);
    let stack_top = place_stack(&mut mm, image, arguments.size(), size, personality)?;
    let bias = load_bias(&mut mm, image)?;
    elf::map(&mut mm, file, image, bias, all_executable)?;
    if is_loader(image) {
        // There may be no room for the heap behind the image (load_elf_binary in fs/binfmt_elf.c).
        mm.landmarks.brk = pie_base(is_32bit);
    }
    // The break begins a page or more after the program, at a random distance.
    let brk = mm.landmarks.brk.next_multiple_of(PAGE_SIZE) + random_pages(&mm, 13);
    (mm.landmarks.start_brk, mm.landmarks.brk) = (brk, brk);
    let (base, entry) = match &interpreter {
        Some(interpreter) => interpreter.map(&mut mm, all_executable)?,
        None => (0, image.entry.wrapping_add(bias)),
    };
    if entry >= mm.task_size {
        return Err(Errno::EINVAL);
    }
    vdso::map(&mut mm, is_32bit)?;
    if personality::has_page_zero(personality) {
        // System V mapped page 0 for programs. As on Linux, a failure is ignored.
        let zeros = NewArea::anonymous(Prot::READ | Prot::EXEC);
        let _ = mm.map(Place::Fixed(0), PAGE_SIZE, zeros);
    }
    let info = ProgramInfo {
        is_32bit,
        phdr: image.phdr_vaddr.wrapping_add(bias),
        phent: u64::from(image.phentsize),
        phnum: u64::from(image.phnum),
        base,
        entry: image.entry.wrapping_add(bias),
        vsyscall: if is_32bit {
            vdso::kernel_vsyscall(mm.landmarks.vdso)
        } else {
            0
        },
        secure: granted.is_secure,
        credentials: granted.credentials.clone(),
    };
    drop(mm);
    // ANCHOR: first-frame
    let stack = stack::build(&shared, stack_top, &info, arguments)?;
    let frame = Frame {
        rip: entry,
        rsp: stack,
        cs: u64::from(if is_32bit { USER32_CS } else { USER_CS }),
        ss: u64::from(USER_DS),
        // Interrupts enabled; bit 1 always reads as 1 (Intel SDM vol. 1, 3.4.3).
        rflags: 0x202,
        orig_rax: u64::MAX,
        ..Frame::default()
    };
    // ANCHOR_END: first-frame
    Ok(Loaded {
        mm: shared,
        frame,
        name,
        granted,
        personality,
    })
}

/// The dynamic linker of a program that is being loaded.
struct Interpreter {
    file: Executable,
    image: Image,
    /// Denies write access to the file while it is loaded.
    _running: Program,
}

impl Interpreter {
    /// Opens and checks the dynamic linker at `path`, for a program of width `class`.
    fn new(path: &[u8], class: Class) -> Result<Self, Refusal> {
        let file = open_interpreter(path)?;
        let running = Program::new(file.file.clone())?;
        file.was_opened();
        let image = elf::check_interpreter(&file, class)?;
        Ok(Self {
            file,
            image,
            _running: running,
        })
    }

    /// Maps the dynamic linker; returns its load address and its entry point.
    fn map(&self, mm: &mut AddressSpace, all_executable: bool) -> Result<(u64, u64), Errno> {
        elf::check_segments(&self.image)?;
        let marks = mm.landmarks.clone();
        let bias = match self.image.kind {
            Kind::Fixed => 0,
            Kind::Relocatable => mapped_bias(mm, &self.image)?,
        };
        elf::map(mm, &self.file, &self.image, bias, all_executable)?;
        // The landmarks (code, data, break) are the program's, not the dynamic linker's.
        mm.landmarks = marks;
        Ok((
            bias.wrapping_add(self.image.extent().start),
            self.image.entry.wrapping_add(bias),
        ))
    }
}

/// Gives `task` the loaded program and resets the state that execve(2) doesn't preserve. gdb stops
/// here for the program's symbols (`xtask/gdb/trident.py`).
pub fn install(task: &Task, loaded: &Loaded) {
    let process = &task.process;
    process.mm.set(Some(loaded.mm.clone()));
    task.set_cred(loaded.granted.credentials.clone());
    process.unshare_actions();
    process.actions().lock().reset_handlers();
    task.comm.set(loaded.name);
    task.attributes.lock().personality = loaded.personality;
    let is_32bit = loaded.frame.is_compat();
    let data = if is_32bit { USER_DS } else { 0 };
    task.segments.set(Segments {
        ds: data,
        es: data,
        ..Segments::default()
    });
    task.tls.set([0; 3]);
    task.fpu.lock().reset();
    task.signals.lock().alternate = AlternateStack::default();
}

/// execve(2) in the running task. On success the return to user mode starts the new program.
///
/// # Errors
/// `EAGAIN` for a user above RLIMIT_NPROC; those of [`load`].
pub fn execve(path: &[u8], arguments: Arguments) -> Result<(), Errno> {
    nproc::check_new_user()?;
    start(load(path, arguments))
}

/// execveat(2) in the running task, of the program at `location`. `is_reachable`: a script's
/// interpreter will find the script at `path`.
///
/// # Errors
/// `EAGAIN` for a user above RLIMIT_NPROC; those of [`load_file`].
pub fn execve_file(
    location: Location,
    path: &[u8],
    arguments: Arguments,
    is_reachable: bool,
) -> Result<(), Errno> {
    nproc::check_new_user()?;
    let file = Executable::at(location)?;
    start(load_file(file, path, arguments, is_reachable))
}

/// Replaces the running program, or kills the process for an error that Linux detects after the
/// point of no return.
fn start(loaded: Result<Loaded, Refusal>) -> Result<(), Errno> {
    let mut loaded = loaded.map_err(|refusal| {
        if refusal.is_too_late {
            signal::end(&current().process, ExitStatus::Killed(SIGSEGV));
        }
        refusal.errno
    })?;
    let old_tid = current().tid();
    // Before the point of no return: it may fail with ENOMEM.
    current().process.unshare_files()?;
    exec_threads::become_the_only_one()?;
    let task = current();
    let program = Program::of(&loaded.mm.lock());
    if let Some(program) = program {
        loaded.granted = setid::grant(Some(&task), program.location());
    }
    let before = task.cred();
    robust::release(&task);
    exit::release_mm(&task.process);
    task.process.has_execed.store(true, Ordering::Relaxed);
    task.process.timers.exec();
    let mut from = 0;
    let mut stride = Stride::default();
    loop {
        let taken = task.process.files.lock().lock().close_on_exec(&mut from);
        // Closed with the table unlocked: a close may take other locks and sleep.
        let Some(taken) = taken else {
            break;
        };
        let weight = FdTable::weight(taken.as_ref());
        drop(taken);
        if stride.passes(weight) {
            preempt::point();
        }
    }
    install(&task, &loaded);
    setid::protect(&task, &before, &loaded.granted);
    task.process.membarriers.store(0, Ordering::Relaxed);
    loaded.mm.activate();
    gdt::set_tls(&task.tls.lock());
    task.segments.lock().load(&Segments::UNKNOWN);
    task.fpu.lock().load();
    // The edit makes the return one by IRET: SYSRET would leave the address of the first
    // instruction in rcx, where the new program expects 0.
    task.edit_frame(|frame| {
        frame.replace(&Frame {
            entry: frame.entry.get(),
            // The number of the call, which a tracer reads at its exit.
            orig_rax: frame.orig_rax.get(),
            ..loaded.frame
        });
    });
    percpu::clear_work::<{ percpu::work::SINGLE_STEP }>();
    task.set_rseq(None);
    task.set_debug_registers(DebugRegisters::default());
    task.debug_status.store(0, Ordering::Relaxed);
    debug::switch(None, true);
    ptrace::stop::exec(old_tid);
    Ok(())
}
