//! The request to init: `/trident/request`, a list of NUL-terminated words.
//!
//! In order: the frames' token (empty: no frames), a letter for each of the program's three files
//! (`t` terminal, `p` pipe), the terminal's rows and columns (`24x80`, or empty), `strace` (or
//! empty), `archive` (or empty), the time limit in seconds (or empty), the program's path and its
//! arguments. init's own arguments, from the kernel's command line, are appended to these.

use core::ffi::{CStr, c_char};

use sys::{Env, os};

/// Maximum size of the file in bytes.
pub const MAX: usize = 64 * 1024;
/// Maximum length of the program's argument array, including the null pointer at its end.
pub const MAX_WORDS: usize = 4096;

/// The other end of one of the program's three files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The serial line, as a terminal.
    Terminal,
    /// A pipe to init.
    Pipe,
}

/// The request to init.
pub struct Request<'a> {
    /// Start of each frame, after RS.
    pub token: &'a [u8],
    /// Standard input, output and error.
    pub ends: [End; 3],
    /// Rows and columns of the terminal.
    pub window: Option<[u16; 2]>,
    /// Whether the kernel logs the program's system calls.
    pub traced: bool,
    /// Whether the host wants the files that the program leaves in its working directory.
    pub archived: bool,
    /// Seconds after which the program is killed.
    pub limit: Option<u32>,
    /// The program's `argv`: its path, its arguments, and a null pointer.
    pub argv: &'a [usize],
}

impl<'a> Request<'a> {
    /// Reads the file into `text` and the arguments' addresses into `argv`.
    pub fn read(
        env: &Env,
        text: &'a mut [u8; MAX],
        argv: &'a mut [usize; MAX_WORDS],
    ) -> Option<Self> {
        let text = os::read_file(c"/trident/request", text);
        let mut words = text.split_inclusive(|byte| *byte == 0);
        let mut plain = || words.next()?.strip_suffix(b"\0");
        let (token, ends, window) = (plain()?, plain()?, plain()?);
        let (traced, archived, limit) = (plain()?, plain()?, plain()?);
        let end = |index: usize| match ends.get(index)? {
            b't' => Some(End::Terminal),
            b'p' => Some(End::Pipe),
            _ => None,
        };
        let ends = [end(0)?, end(1)?, end(2)?];
        let own = words.map(|word| word.as_ptr() as usize);
        let further = (1..).map(|index| {
            // SAFETY: the kernel's array; `take_while` stops at its null pointer.
            unsafe { env.argv().add(index).read() }
        });
        let further = further.take_while(|address| *address != 0);
        let mut used = 0;
        // The last element stays null.
        for (slot, address) in argv[..MAX_WORDS - 1].iter_mut().zip(own.chain(further)) {
            *slot = address;
            used += 1;
        }
        (used > 0).then(|| Request {
            token,
            ends,
            window: rows_and_columns(window),
            traced: traced == b"strace",
            archived: archived == b"archive",
            limit: core::str::from_utf8(limit)
                .ok()
                .and_then(|text| text.parse().ok()),
            argv: &argv[..=used],
        })
    }

    /// The program's path.
    pub fn path(&self) -> &CStr {
        // SAFETY: `read` stores the address of a NUL-terminated word there.
        unsafe { CStr::from_ptr(self.argv[0] as *const c_char) }
    }
}

fn rows_and_columns(text: &[u8]) -> Option<[u16; 2]> {
    let (rows, columns) = core::str::from_utf8(text).ok()?.split_once('x')?;
    Some([rows.parse().ok()?, columns.parse().ok()?])
}
