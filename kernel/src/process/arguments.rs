//! Argument and environment strings of a new program (Linux: `struct linux_binprm`).
//!
//! execve(2) copies them into page frames that become the top of the new stack. From the top down:
//! eight zero bytes, the path, the environment, the arguments, with the first string of each at the
//! lowest address. The stack's address isn't known yet, so positions are distances from its top.
//! Next: `stack.rs` maps the pages and writes the rest of the stack.

use alloc::vec::Vec;

use linux_raw_sys::general::RLIMIT_STACK;

use super::{SharedMm, current, try_current};
use crate::abi::errno::Errno;
use crate::abi::limits::STACK_LIMIT;
use crate::mm::PAGE_SIZE;
use crate::mm::fallible::TryPush;
use crate::mm::frame::Frame;
use crate::sched::preempt;
use crate::usercopy::{Pod, UserPtr, first_nul};

/// Limit of one string, bytes with NUL (MAX_ARG_STRLEN).
const STRING_MAX: usize = 32 * PAGE_SIZE as usize;
/// Limit of all strings together, bytes, however high RLIMIT_STACK is: three quarters of the
/// default stack limit.
const TOTAL_MAX: u64 = STACK_LIMIT / 4 * 3;
/// Bytes always allowed for all strings, however low RLIMIT_STACK is (ARG_MAX).
const TOTAL_MIN: u64 = 32 * PAGE_SIZE;
/// Limit of the number of strings (MAX_ARG_STRINGS).
const STRINGS_MAX: u64 = i32::MAX as u64;
/// Bytes counted for the pointer to each string, in programs of either width.
const POINTER: u64 = 8;
/// Zero bytes at the very top.
const TOP: u64 = 8;
/// Bytes by which a string of unknown length is searched for its NUL.
const CHUNK: usize = 64;

/// Strings of a program that is about to start.
pub struct Arguments {
    /// Pages of the stack's top, highest first.
    pages: Vec<Frame>,
    /// Address space that is charged for the pages until the new program owns them
    /// (acct_arg_size).
    charged_mm: Option<SharedMm>,
    /// Bytes in use below the top.
    used: u64,
    /// Limit of `used`.
    limit: u64,
    /// RLIMIT_STACK, bytes.
    stack_limit: u64,
    /// Number of arguments.
    pub argc: u64,
    /// Number of environment strings.
    pub envc: u64,
    /// Start of the path, as a distance from the top.
    pub path: u64,
    /// Start of the environment, as a distance from the top.
    pub environment: u64,
}

impl Arguments {
    /// The strings of execve(2), with the program's path. A NULL array counts as empty; an empty
    /// `argv` gets one empty string (since Linux 5.18).
    ///
    /// # Errors
    /// `EFAULT`; `E2BIG` for a string of more than 128 KiB, or for more than a quarter of
    /// RLIMIT_STACK in all; `ENOMEM`.
    pub fn from_user<T: Pod + Into<u64>>(
        path: &[u8],
        argv: UserPtr<T>,
        envp: UserPtr<T>,
    ) -> Result<Self, Errno> {
        let stack_limit = current().process.soft_limit(RLIMIT_STACK);
        let (argc, envc) = (count(argv)?, count(envp)?);
        let mut arguments = Self::new(path, argc, envc, stack_limit)?;
        arguments.push_array(envp, envc)?;
        arguments.environment = arguments.used;
        arguments.push_array(argv, argc)?;
        if argc == 0 {
            arguments.push(b"")?;
            arguments.argc = 1;
        }
        Ok(arguments)
    }

    /// The strings of init.
    ///
    /// # Errors
    /// `E2BIG`, `ENOMEM`.
    pub fn of_init(path: &[u8], args: &[Vec<u8>], env: &[Vec<u8>]) -> Result<Self, Errno> {
        let (argc, envc) = (args.len() as u64, env.len() as u64);
        let mut arguments = Self::new(path, argc, envc, STACK_LIMIT)?;
        for text in env.iter().rev() {
            arguments.push(text)?;
        }
        arguments.environment = arguments.used;
        for text in args.iter().rev() {
            arguments.push(text)?;
        }
        Ok(arguments)
    }

    /// Strings with the path only; the limits are those of bprm_stack_limits (fs/exec.c).
    fn new(path: &[u8], argc: u64, envc: u64, stack_limit: u64) -> Result<Self, Errno> {
        let limit = TOTAL_MAX.min(stack_limit / 4).max(TOTAL_MIN);
        let pointers = (argc.max(1) + envc) * POINTER;
        if limit <= pointers {
            return Err(Errno::E2BIG);
        }
        let mut arguments = Self {
            pages: Vec::new(),
            charged_mm: try_current().and_then(|task| task.mm()),
            used: TOP,
            limit: TOP + limit - pointers,
            stack_limit,
            argc,
            envc,
            path: 0,
            environment: 0,
        };
        arguments.push(path)?;
        arguments.path = arguments.used;
        arguments.environment = arguments.used;
        Ok(arguments)
    }

    /// Rewrites the arguments for the interpreter of a script: the interpreter's path and its
    /// optional argument come first, and the script's path replaces `argv[0]`.
    ///
    /// # Errors
    /// `E2BIG`, `ENOMEM`.
    pub fn interpret(
        &mut self,
        interpreter: &[u8],
        argument: Option<&[u8]>,
        script: &[u8],
    ) -> Result<(), Errno> {
        self.used = self.end_of_string(self.used);
        self.push(script)?;
        if let Some(argument) = argument {
            self.push(argument)?;
            self.argc += 1;
        }
        self.push(interpreter)?;
        self.argc += 1;
        Ok(())
    }

    /// Bytes in use below the top.
    pub fn size(&self) -> u64 {
        self.used
    }

    /// Calls `f` with the distance of each string, the first argument first, then the environment.
    ///
    /// # Errors
    /// Those of `f`; `EINTR` with a fatal signal pending.
    pub fn for_each(&self, mut f: impl FnMut(u64) -> Result<(), Errno>) -> Result<(), Errno> {
        let mut at = self.used;
        for index in 1..=self.argc + self.envc {
            if self.charged_mm.is_some() {
                preempt_every_64(index)?;
            }
            f(at)?;
            at = self.end_of_string(at);
        }
        Ok(())
    }

    /// The pages, highest first.
    pub fn pages(&self) -> &[Frame] {
        &self.pages
    }

    /// Distance of the end, after the NUL, of the string that starts at distance `at`. Without a
    /// NUL, as another thread may have changed the string during the copy, the top (0).
    fn end_of_string(&self, mut at: u64) -> u64 {
        while at > 0 {
            let (page, offset) = position(at);
            let nul = self
                .pages
                .get(page)
                .map(|page| page.with_bytes(|bytes| first_nul(&bytes[offset..])));
            let rest = PAGE_SIZE - offset as u64;
            match nul {
                Some(Some(nul)) => return at - (nul as u64 + 1),
                _ => at = at.saturating_sub(rest),
            }
        }
        0
    }

    /// Allocates `size` bytes below those in use.
    fn reserve(&mut self, size: usize) -> Result<(), Errno> {
        if size > STRING_MAX {
            return Err(Errno::E2BIG);
        }
        let used = self.used + size as u64;
        if used > self.limit {
            return Err(Errno::E2BIG);
        }
        let pages = used.div_ceil(PAGE_SIZE);
        if pages > 1 && pages * PAGE_SIZE > self.stack_limit {
            return Err(Errno::E2BIG);
        }
        while (self.pages.len() as u64) < pages {
            self.pages.try_push(Frame::zeroed()?)?;
            if let Some(mm) = &self.charged_mm {
                mm.lock().held += 1;
            }
        }
        self.used = used;
        Ok(())
    }

    /// Calls `f` with each page's part of the lowest `size` bytes, and the number of bytes before.
    fn fill(
        &mut self,
        size: usize,
        mut f: impl FnMut(&mut [u8], usize) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut done = 0;
        while done < size {
            let (page, offset) = position(self.used - done as u64);
            let len = (PAGE_SIZE as usize - offset).min(size - done);
            let frame = self.pages.get(page).ok_or(Errno::EFAULT)?;
            frame.with_bytes_mut(|bytes| f(&mut bytes[offset..offset + len], done))?;
            done += len;
        }
        Ok(())
    }

    /// Adds a string and its NUL.
    fn push(&mut self, text: &[u8]) -> Result<(), Errno> {
        let size = text.len() + 1;
        self.reserve(size)?;
        self.fill(size, |part, at| {
            let text = &text[at..text.len().min(at + part.len())];
            let (start, nul) = part.split_at_mut(text.len());
            start.copy_from_slice(text);
            nul.fill(0);
            Ok(())
        })
    }

    /// Adds the strings of an array, the last one first.
    fn push_array<T: Pod + Into<u64>>(
        &mut self,
        array: UserPtr<T>,
        count: u64,
    ) -> Result<(), Errno> {
        for index in (0..count).rev() {
            preempt_every_64(index)?;
            let text: u64 = array.add(index as usize).read()?.into();
            self.push_user(UserPtr::new(text))?;
        }
        Ok(())
    }

    /// Adds a string from user memory.
    fn push_user(&mut self, text: UserPtr<u8>) -> Result<(), Errno> {
        let mut chunk = [0; CHUNK];
        let mut size = 0;
        loop {
            let at = text.byte_add(size as u64);
            // Never across a page: the string may end just before an unmapped one.
            let in_page = (PAGE_SIZE - at.address() % PAGE_SIZE) as usize;
            let part = &mut chunk[..in_page.min(CHUNK)];
            at.read_into(part)?;
            if let Some(nul) = first_nul(part) {
                if size == 0 {
                    return self.push(&part[..nul]);
                }
                size += nul + 1;
                break;
            }
            size += part.len();
            if size >= STRING_MAX {
                return Err(Errno::E2BIG);
            }
        }
        preempt_every_64(0)?;
        self.reserve(size)?;
        self.fill(size, |part, at| {
            text.byte_add(at as u64).read_into(part)?;
            // Terminated here even if another thread has changed the string meanwhile.
            if at + part.len() == size {
                part[part.len() - 1] = 0;
            }
            Ok(())
        })
    }
}

impl Drop for Arguments {
    fn drop(&mut self) {
        if let Some(mm) = &self.charged_mm {
            mm.lock().held -= self.pages.len() as u64;
        }
    }
}

/// Page (counted from the top) and offset in it of the byte `distance` below the top.
fn position(distance: u64) -> (usize, usize) {
    let page = (distance - 1) / PAGE_SIZE;
    (page as usize, ((page + 1) * PAGE_SIZE - distance) as usize)
}

/// Number of pointers before the NULL.
fn count<T: Pod + Into<u64>>(array: UserPtr<T>) -> Result<u64, Errno> {
    let mut count = 0;
    if array.is_null() {
        return Ok(count);
    }
    while array.add(count as usize).read()?.into() != 0 {
        if count >= STRINGS_MAX {
            return Err(Errno::E2BIG);
        }
        count += 1;
        preempt_every_64(count)?;
    }
    Ok(count)
}

/// Preemption point at every 64th step; `EINTR` with a fatal signal pending.
fn preempt_every_64(step: u64) -> Result<(), Errno> {
    if step.is_multiple_of(64) {
        preempt::killed()?;
    }
    Ok(())
}
