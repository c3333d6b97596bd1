//! A program's first stack: strings, auxiliary vector, environment, arguments
//! (System V psABI, "Process Initialization"; fs/binfmt_elf.c for what Linux adds).

use alloc::string::String;
use alloc::vec::Vec;

use linux_raw_sys::auxvec as at;

use super::cred::Credentials;
use super::rseq;
use crate::arch::{cpu, fpu};
use crate::dev::random;
use crate::mm::PAGE_SIZE;
use crate::mm::address_space::AddressSpace;
use crate::syscall::errno::Errno;

/// Most bytes of one argument (MAX_ARG_STRLEN).
const STRING_MAX: usize = 32 * PAGE_SIZE as usize;
/// Most bytes of all of them: a quarter of the stack's limit.
const TOTAL_MAX: usize = (crate::mm::layout::STACK_LIMIT / 4) as usize;
/// AT_SYSINFO: address of `__kernel_vsyscall`, for 32-bit programs.
const AT_SYSINFO: u64 = 32;
/// A signal frame without the extended state, rounded up: siginfo, ucontext, return address,
/// red zone and alignment.
const SIGNAL_FRAME: u64 = 0x3d0;
/// CPUID has FSGSBASE and the kernel lets programs use it (HWCAP2_FSGSBASE).
const HWCAP2_FSGSBASE: u64 = 1 << 1;

/// What the auxiliary vector tells of the loaded program.
pub struct ProgramInfo {
    /// 32-bit?
    pub is_32bit: bool,
    /// Address of its program headers.
    pub phdr: u64,
    /// Bytes of one.
    pub phent: u64,
    /// How many.
    pub phnum: u64,
    /// Where its dynamic linker was loaded; 0 without one.
    pub base: u64,
    /// Its own entry point.
    pub entry: u64,
    /// Address of `__kernel_vsyscall`; 0 for 64-bit programs.
    pub vsyscall: u64,
    /// The path it was started by.
    pub path: String,
    /// Whom it acts as.
    pub credentials: Credentials,
    /// Whether it got rights that its caller hasn't (AT_SECURE).
    pub secure: bool,
}

/// Writes the stack below `top`; returns the first stack pointer.
///
/// # Errors
/// `E2BIG` when the strings are too long, `ENOMEM`.
pub fn build(
    mm: &mut AddressSpace,
    top: u64,
    info: &ProgramInfo,
    args: &[Vec<u8>],
    env: &[Vec<u8>],
) -> Result<u64, Errno> {
    let strings = args.iter().chain(env);
    let bytes: usize = strings.clone().map(|s| s.len() + 1 + 8).sum();
    if bytes > TOTAL_MAX || strings.clone().any(|s| s.len() >= STRING_MAX) {
        return Err(Errno::E2BIG);
    }
    let mut stack = Downwards { mm, at: top };
    // As on Linux: eight zero bytes, the path, the environment, the arguments, from the top.
    stack.push(&[0; 8])?;
    let exec_fn = stack.push_string(info.path.as_bytes())?;
    let env_end = stack.at;
    let env_at = stack.push_strings(env)?;
    let env_start = stack.at;
    let arg_at = stack.push_strings(args)?;
    let arg_start = stack.at;
    let platform = stack.push_string(if info.is_32bit { b"i686" } else { b"x86_64" })?;
    let mut seed = [0; 16];
    random::fill(&mut seed);
    let seed = stack.push(&seed)?;

    let landmarks = &mut stack.mm.landmarks;
    (landmarks.arg_start, landmarks.arg_end) = (arg_start, env_start);
    (landmarks.env_start, landmarks.env_end) = (env_start, env_end);
    let auxv = auxiliary_vector(info, landmarks.vdso, exec_fn, platform, seed);
    stack.mm.auxv.clone_from(&auxv);

    // argc, argv, NULL, envp, NULL, auxv: written as one block whose start is 16-byte aligned.
    let mut words = Vec::new();
    let count = args.len() + env.len() + 2 * auxv.len() + 3;
    words.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    words.push(args.len() as u64);
    words.extend(&arg_at);
    words.push(0);
    words.extend(&env_at);
    words.push(0);
    words.extend(auxv.iter().flat_map(|&(key, value)| [key, value]));
    let width = if info.is_32bit { 4 } else { 8 };
    let mut block: Vec<u8> = Vec::new();
    block
        .try_reserve_exact(count * width)
        .map_err(|_| Errno::ENOMEM)?;
    block.extend(
        words
            .iter()
            .flat_map(|word| word.to_le_bytes().into_iter().take(width)),
    );
    let start = (stack.at - block.len() as u64) & !15;
    stack.mm.poke(start, &block)?;
    stack.mm.landmarks.start_stack = start;
    Ok(start)
}

/// The vector in Linux's order, with AT_NULL.
fn auxiliary_vector(
    info: &ProgramInfo,
    vdso: u64,
    exec_fn: u64,
    platform: u64,
    seed: u64,
) -> Vec<(u64, u64)> {
    let cpu = cpu::features();
    let mut auxv = Vec::new();
    if info.is_32bit {
        auxv.push((AT_SYSINFO, info.vsyscall));
    }
    let mut add = |key: u32, value: u64| auxv.push((u64::from(key), value));
    add(at::AT_SYSINFO_EHDR, vdso);
    add(at::AT_MINSIGSTKSZ, SIGNAL_FRAME + fpu::area_size() as u64);
    add(at::AT_HWCAP, u64::from(cpu.leaf1_edx));
    add(at::AT_PAGESZ, PAGE_SIZE);
    add(at::AT_CLKTCK, 100);
    add(at::AT_PHDR, info.phdr);
    add(at::AT_PHENT, info.phent);
    add(at::AT_PHNUM, info.phnum);
    add(at::AT_BASE, info.base);
    add(at::AT_FLAGS, 0);
    add(at::AT_ENTRY, info.entry);
    let who = &info.credentials;
    add(at::AT_UID, u64::from(who.uid));
    add(at::AT_EUID, u64::from(who.euid));
    add(at::AT_GID, u64::from(who.gid));
    add(at::AT_EGID, u64::from(who.egid));
    add(at::AT_SECURE, info.secure.into());
    add(at::AT_RANDOM, seed);
    add(
        at::AT_HWCAP2,
        if cpu.fsgsbase { HWCAP2_FSGSBASE } else { 0 },
    );
    add(at::AT_EXECFN, exec_fn);
    add(at::AT_PLATFORM, platform);
    add(at::AT_RSEQ_FEATURE_SIZE, rseq::FEATURE_SIZE);
    add(at::AT_RSEQ_ALIGN, rseq::ALIGN);
    add(at::AT_NULL, 0);
    auxv
}

struct Downwards<'a> {
    mm: &'a mut AddressSpace,
    at: u64,
}

impl Downwards<'_> {
    fn push(&mut self, bytes: &[u8]) -> Result<u64, Errno> {
        self.at -= bytes.len() as u64;
        self.mm.poke(self.at, bytes)?;
        Ok(self.at)
    }

    fn push_string(&mut self, text: &[u8]) -> Result<u64, Errno> {
        self.push(&[0])?;
        self.push(text)
    }

    /// Pushes strings so that the first is lowest; returns their addresses in order.
    fn push_strings(&mut self, strings: &[Vec<u8>]) -> Result<Vec<u64>, Errno> {
        let mut addresses = Vec::new();
        addresses
            .try_reserve_exact(strings.len())
            .map_err(|_| Errno::ENOMEM)?;
        for text in strings.iter().rev() {
            addresses.push(self.push_string(text)?);
        }
        addresses.reverse();
        Ok(addresses)
    }
}
