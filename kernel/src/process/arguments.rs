//! The strings that a program starts with, on their way from one stack to the next.
//!
//! execve(2) copies them page by page, straight into frames that become the top of the new stack
//! (Linux: `struct linux_binprm`). From the top down: eight zero bytes, the path, the environment,
//! the arguments, the first of each lowest. Where the stack will be isn't known yet, so places are
//! distances from its top. Next: `stack.rs` puts the pages where they go, and the rest below.

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

/// Most bytes of one string, with its NUL (MAX_ARG_STRLEN).
const STRING_MAX: usize = 32 * PAGE_SIZE as usize;
/// Most bytes of all of them, however large the stack may become: three quarters of its usual
/// limit.
const TOTAL_MAX: u64 = STACK_LIMIT / 4 * 3;
/// Bytes that there always are, however small it may become (ARG_MAX).
const TOTAL_MIN: u64 = 32 * PAGE_SIZE;
/// Most strings (MAX_ARG_STRINGS).
const STRINGS_MAX: u64 = i32::MAX as u64;
/// What each string's pointer counts, in programs of either width.
const POINTER: u64 = 8;
/// Zero bytes at the very top.
const TOP: u64 = 8;
/// Bytes of a string that are looked at before anything else is known of it.
const CHUNK: usize = 64;

/// The strings of a program that is about to start.
pub struct Arguments {
    /// The top of the stack, highest page first.
    pages: Vec<Frame>,
    /// Whose memory they count as until the new program has them (acct_arg_size).
    payer: Option<SharedMm>,
    /// Bytes below the top that are taken.
    used: u64,
    /// The most that may be.
    most: u64,
    /// Bytes that the stack may grow to.
    stack_limit: u64,
    /// How many arguments there are.
    pub argc: u64,
    /// How many strings of environment.
    pub envc: u64,
    /// Where the path begins, as a distance from the top.
    pub path: u64,
    /// Where the environment begins.
    pub environment: u64,
}

impl Arguments {
    /// Those of execve(2), with the program's path. A NULL array is an empty one; an empty `argv`
    /// gets one empty string (since Linux 5.18).
    ///
    /// # Errors
    /// `EFAULT`; `E2BIG` for a string of more than 128 KiB, or more in all than a quarter of
    /// RLIMIT_STACK holds; `ENOMEM`.
    pub fn from_user<T: Pod + Into<u64>>(
        path: &[u8],
        argv: UserPtr<T>,
        envp: UserPtr<T>,
    ) -> Result<Self, Errno> {
        let stack_limit = current().process.limits.lock().soft(RLIMIT_STACK);
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

    /// Those of init.
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

    /// Only the path so far (bprm_stack_limits in fs/exec.c).
    fn new(path: &[u8], argc: u64, envc: u64, stack_limit: u64) -> Result<Self, Errno> {
        let limit = TOTAL_MAX.min(stack_limit / 4).max(TOTAL_MIN);
        let pointers = (argc.max(1) + envc) * POINTER;
        if limit <= pointers {
            return Err(Errno::E2BIG);
        }
        let mut arguments = Self {
            pages: Vec::new(),
            payer: try_current().and_then(|task| task.mm()),
            used: TOP,
            most: TOP + limit - pointers,
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

    /// Has the program that a script names run instead: its own name and perhaps an argument come
    /// first, and the script's path replaces `argv[0]`.
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

    /// Bytes below the top that the strings take.
    pub fn size(&self) -> u64 {
        self.used
    }

    /// Calls `f` with the distance of each string, the first argument first, then the environment.
    ///
    /// # Errors
    /// Those of `f`; `EINTR`, if the process is to die.
    pub fn for_each(&self, mut f: impl FnMut(u64) -> Result<(), Errno>) -> Result<(), Errno> {
        let mut at = self.used;
        for index in 1..=self.argc + self.envc {
            if self.payer.is_some() {
                pause(index)?;
            }
            f(at)?;
            at = self.end_of_string(at);
        }
        Ok(())
    }

    /// The pages, the topmost first.
    pub fn pages(&self) -> &[Frame] {
        &self.pages
    }

    /// Where the string that begins at a distance ends: behind its NUL. A program may have changed
    /// it while it was copied; at the top at the latest.
    fn end_of_string(&self, mut at: u64) -> u64 {
        while at > 0 {
            let (page, offset) = place(at);
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

    /// Takes `size` bytes more below those that are taken.
    fn take(&mut self, size: usize) -> Result<(), Errno> {
        if size > STRING_MAX {
            return Err(Errno::E2BIG);
        }
        let used = self.used + size as u64;
        if used > self.most {
            return Err(Errno::E2BIG);
        }
        let pages = used.div_ceil(PAGE_SIZE);
        if pages > 1 && pages * PAGE_SIZE > self.stack_limit {
            return Err(Errno::E2BIG);
        }
        while (self.pages.len() as u64) < pages {
            self.pages.try_push(Frame::zeroed()?)?;
            if let Some(mm) = &self.payer {
                mm.lock().held += 1;
            }
        }
        self.used = used;
        Ok(())
    }

    /// Calls `f` with each page's part of the lowest `size` bytes, and how many came before.
    fn fill(
        &mut self,
        size: usize,
        mut f: impl FnMut(&mut [u8], usize) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut done = 0;
        while done < size {
            let (page, offset) = place(self.used - done as u64);
            let len = (PAGE_SIZE as usize - offset).min(size - done);
            let frame = self.pages.get(page).ok_or(Errno::EFAULT)?;
            frame.with_bytes_mut(|bytes| f(&mut bytes[offset..offset + len], done))?;
            done += len;
        }
        Ok(())
    }

    /// Adds a string, which gets its NUL here.
    fn push(&mut self, text: &[u8]) -> Result<(), Errno> {
        let size = text.len() + 1;
        self.take(size)?;
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
            pause(index)?;
            let text: u64 = array.add(index as usize).read()?.into();
            self.push_user(UserPtr::new(text))?;
        }
        Ok(())
    }

    /// Adds a string of the program's.
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
        pause(0)?;
        self.take(size)?;
        self.fill(size, |part, at| {
            text.byte_add(at as u64).read_into(part)?;
            // Whatever became of it meanwhile, it ends here.
            if at + part.len() == size {
                part[part.len() - 1] = 0;
            }
            Ok(())
        })
    }
}

impl Drop for Arguments {
    fn drop(&mut self) {
        if let Some(mm) = &self.payer {
            mm.lock().held -= self.pages.len() as u64;
        }
    }
}

/// Index of the page, counted from the top, and offset in it of the byte `distance` below the top.
fn place(distance: u64) -> (usize, usize) {
    let page = (distance - 1) / PAGE_SIZE;
    (page as usize, ((page + 1) * PAGE_SIZE - distance) as usize)
}

/// How many pointers there are before the NULL.
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
        pause(count)?;
    }
    Ok(count)
}

/// Lets others run at every 64th step, and ends the call of a process that is to die.
fn pause(step: u64) -> Result<(), Errno> {
    if step.is_multiple_of(64) {
        preempt::killed()?;
    }
    Ok(())
}
