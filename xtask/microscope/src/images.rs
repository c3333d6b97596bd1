//! Names, lines and texts of recorded instructions: from the kernel's file, the program's, the vDSO in
//! memory, or Linux's symbols.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use addr2line::Loader;
use anyhow::{Context, Result};
use harness::paths;

use crate::decode;
use crate::record::{Session, Step};
use crate::stubs::{Origin, Stubs};
use crate::symbols::{self, Symbols, short};
use crate::vdso;

/// What is known of an instruction, apart from its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its address.
    pub rip: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its text in Intel's syntax.
    pub text: String,
    /// The function that it is in.
    pub symbol: String,
    /// Its offset there.
    pub offset: u64,
    /// The function of the source, where the compiler has put that into another.
    pub inlined: Option<String>,
    /// File and line, of code that this repository has.
    pub line: Option<(Rc<str>, u32)>,
    /// File and line where its function begins, if its own line isn't known.
    pub beginning: Option<(Rc<str>, u32)>,
    /// Of assembly: the stub's own line and the comment above it, where a macro has the text.
    pub origin: Option<Origin>,
}

/// The files that a session's addresses are looked up in.
pub struct Images<'a> {
    /// The kernel's symbols.
    pub kernel: Symbols,
    kernel_lines: Option<Loader>,
    program: Symbols,
    program_lines: Loader,
    vdso: Option<(u64, Option<Symbols>)>,
    stubs: &'a Stubs,
    /// Origins of the naked functions met so far, by address.
    origins: BTreeMap<u64, Origin>,
    expanded: BTreeSet<u64>,
}

/// First address of the kernel's half of the address space.
const KERNEL: u64 = 1 << 63;

impl<'a> Images<'a> {
    /// The images of a session.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn of(session: &Session, stubs: &'a Stubs) -> Result<Self> {
        let lines = |path| {
            Loader::new(path).map_err(|error| anyhow::anyhow!("no debug information: {error}"))
        };
        let (kernel, kernel_lines) = match &session.kallsyms {
            Some(text) => (symbols::of_kallsyms(text), None),
            None => (
                symbols::of_file(&paths::kernel())?,
                Some(lines(paths::kernel())?),
            ),
        };
        let vdso = session.vdso.as_ref().map(|(base, bytes)| {
            // A kernel may map the vDSO without a table of symbols.
            (*base, symbols::of_bytes(bytes, *base).ok())
        });
        Ok(Self {
            kernel,
            kernel_lines,
            program: symbols::of_file(&session.program)?,
            program_lines: lines(session.program.clone())?,
            vdso,
            stubs,
            origins: BTreeMap::new(),
            expanded: BTreeSet::new(),
        })
    }

    /// Looks up an instruction.
    ///
    /// # Errors
    /// A stub's machine code is not that of its source.
    pub fn site(&mut self, step: &Step) -> Result<Site> {
        let rip = step.rip;
        let is_kernel = rip >= KERNEL;
        let is_vdso = !is_kernel && self.vdso.as_ref().is_some_and(|(base, _)| rip >= *base);
        let symbols = match &self.vdso {
            _ if is_kernel => Some(&self.kernel),
            Some((_, symbols)) if is_vdso => symbols.as_ref(),
            _ => Some(&self.program),
        };
        let instruction = decode::decode(&step.bytes, rip, step.bits());
        let text = decode::text(&instruction, symbols);
        let named = symbols.and_then(|symbols| symbols.near(rip));
        let (symbol, offset) = match named {
            Some((name, offset)) => (name.to_owned(), offset),
            None if is_vdso => {
                let base = self.vdso.as_ref().map_or(0, |(base, _)| *base);
                ("[vdso]".to_owned(), rip - base)
            }
            None => (String::from("?"), 0),
        };
        let origin = if is_kernel { self.origin(rip)? } else { None };
        let loader = match &self.kernel_lines {
            Some(lines) if is_kernel => Some(lines),
            _ if is_kernel || is_vdso => None,
            _ => Some(&self.program_lines),
        };
        let (mut inlined, mut line) = (None, None);
        if let Some(origin) = &origin {
            line = Some(origin.place.clone());
        } else if let Some(loader) = loader {
            (inlined, line) = place(loader, rip);
            inlined = inlined.filter(|inlined| *inlined != short(&symbol));
        }
        let is_own_vdso = is_vdso && self.kernel_lines.is_some();
        let beginning = match is_own_vdso {
            true => vdso::beginning(&symbol, step.bits()),
            false => None,
        };
        Ok(Site {
            rip,
            bytes: step.bytes.clone(),
            text,
            symbol,
            offset,
            inlined,
            line,
            beginning,
            origin,
        })
    }

    /// The origin of an instruction of Trident's assembly.
    fn origin(&mut self, rip: u64) -> Result<Option<Origin>> {
        if self.kernel_lines.is_none() {
            return Ok(None);
        }
        let Some((name, offset)) = self.kernel.containing(rip) else {
            return Ok(None);
        };
        let start = rip - offset;
        let name = short(name);
        if self.expanded.insert(start) {
            let size = self.kernel.size(start).unwrap_or_default();
            let code = self.kernel.bytes(start, size);
            let code = code.context("the kernel's file has no such code")?;
            let mnemonics: Vec<(u64, String)> = decode::mnemonics(&code, start);
            let words: Vec<String> = mnemonics.iter().map(|(_, word)| word.clone()).collect();
            if let Some(origins) = self.stubs.origins(&name, &words)? {
                let addresses = mnemonics.iter().map(|(address, _)| *address);
                self.origins.extend(addresses.zip(origins));
            }
        }
        Ok(self.origins.get(&rip).cloned())
    }
}

/// The innermost function and line of an address that are the repository's.
fn place(loader: &Loader, rip: u64) -> (Option<String>, Option<(Rc<str>, u32)>) {
    let root = paths::root();
    let Ok(mut frames) = loader.find_frames(rip) else {
        return (None, None);
    };
    while let Ok(Some(frame)) = frames.next() {
        let Some(location) = frame.location else {
            continue;
        };
        let (Some(file), Some(line)) = (location.file, location.line) else {
            continue;
        };
        let Ok(file) = std::path::Path::new(file).strip_prefix(root) else {
            continue;
        };
        let name = frame.function.and_then(|name| {
            let raw = name.raw_name().ok()?.into_owned();
            Some(short(&format!("{:#}", rustc_demangle::demangle(&raw))))
        });
        return (name, Some((Rc::from(&*file.to_string_lossy()), line)));
    }
    (None, None)
}
