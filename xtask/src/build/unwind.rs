//! Completes the call frame information of the kernel's entry stubs, as far as the assembler can't
//! write it.
//!
//! - Between two instructions of a stub a register of the program is only in the per-CPU data, and
//!   the assembler's directives for expressions take no symbols: `kernel/src/entry/debug_info.rs`
//!   has eight letters in place of the address.
//! - LLVM drops `.cfi_signal_frame` outside of `.eh_frame`, where all entries of an object share
//!   one CIE, which would have the mark. Without the mark gdb refuses the step from the kernel's
//!   stack to the program's, which lies below. So one of the objects' equal CIEs becomes that of
//!   the stubs.

use anyhow::{Context, Result, ensure};
use object::read::elf::ElfFile64;
use object::{Object, ObjectSection, ObjectSymbol};

/// What stands for the address.
const PLACEHOLDER: &[u8] = b"PER_CPU0";
/// In the mangled name of the per-CPU data, `trident::arch::percpu::CPU0`; LLVM may append to it.
const SYMBOL: &str = "6percpu4CPU0";

/// Returns the kernel ELF file with its call frame information completed.
///
/// # Errors
/// The information is not as LLVM writes it.
pub fn fill(mut kernel: Vec<u8>) -> Result<Vec<u8>> {
    let file = ElfFile64::<object::Endianness>::parse(&*kernel).context("not an ELF64 file")?;
    let section = file.section_by_name(".debug_frame");
    let Some((start, size)) = section.and_then(|section| section.file_range()) else {
        return Ok(kernel);
    };
    let mut symbols = file.symbols();
    let data = symbols.find(|symbol| symbol.name().is_ok_and(|name| name.contains(SYMBOL)));
    let address = data.map(|data| data.address());
    let frames = kernel
        .get_mut(start as usize..(start + size) as usize)
        .context(".debug_frame lies outside the file")?;
    fill_address(frames, address)?;
    mark_signal_frames(frames)?;
    Ok(kernel)
}

/// Replaces each placeholder.
fn fill_address(frames: &mut [u8], address: Option<u64>) -> Result<()> {
    let is_placeholder = |window: &[u8]| window == PLACEHOLDER;
    while let Some(at) = frames.windows(PLACEHOLDER.len()).position(is_placeholder) {
        let address = address.with_context(|| format!("no symbol {SYMBOL}"))?;
        frames[at..at + PLACEHOLDER.len()].copy_from_slice(&address.to_le_bytes());
    }
    Ok(())
}

/// A CIE as LLVM writes it: its offset of the CIE, version 4, no augmentation, addresses of 8
/// bytes, no segments, factors of 1 and -8, the return address in column 16; the CFA is rsp + 8,
/// the return address below it.
const CIE: &[u8] = b"\xff\xff\xff\xff\x04\0\x08\0\x01\x78\x10\x0c\x07\x08\x90\x01\0\0\0\0";
/// The same, of a signal frame.
const SIGNAL_CIE: &[u8] = b"\xff\xff\xff\xff\x04S\0\x08\0\x01\x78\x10\x0c\x07\x08\x90\x01\0\0\0";

/// Makes the second CIE that of the stubs, and the first one that of all others.
fn mark_signal_frames(frames: &mut [u8]) -> Result<()> {
    let mut cies = Vec::new();
    let mut functions = Vec::new();
    let mut at = 0;
    while let Some((length, rest)) = frames[at..].split_first_chunk() {
        let length = u32::from_le_bytes(*length) as usize;
        let entry = rest.get(..length);
        let entry = entry.context("an entry of .debug_frame is too long")?;
        if entry.starts_with(&CIE[..4]) {
            ensure!(entry == CIE, "a CIE is not as LLVM writes it: {entry:x?}");
            cies.push(at);
        } else {
            functions.push((at, is_stub(entry)));
        }
        at += 4 + length;
    }
    if !functions.iter().any(|(_, is_stub)| *is_stub) {
        return Ok(());
    }
    let (&[common, of_stubs], _) = cies.split_first_chunk().context("only one CIE")?;
    frames[of_stubs + 4..][..SIGNAL_CIE.len()].copy_from_slice(SIGNAL_CIE);
    for (at, is_stub) in functions {
        let cie = if is_stub { of_stubs } else { common };
        frames[at + 4..at + 8].copy_from_slice(&(cie as u32).to_le_bytes());
    }
    Ok(())
}

/// Whether an FDE is a stub's: its rules differ from the CIE's from its first instruction on.
/// Others begin with an advance of the address.
fn is_stub(entry: &[u8]) -> bool {
    /// Bytes of the CIE's offset, the address and the size.
    const INSTRUCTIONS: usize = 4 + 8 + 8;
    const ADVANCES: [u8; 3] = [2, 3, 4];
    let first = entry.get(INSTRUCTIONS).copied().unwrap_or(0);
    !(first == 0 || first >> 6 == 1 || ADVANCES.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry with its length in front.
    fn entry(body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32).to_le_bytes(), body].concat()
    }

    #[test]
    fn stubs_are_marked_and_compiled_functions_are_not() {
        let function = |cie: u8, instructions: &[u8]| {
            entry(&[&[cie, 0, 0, 0][..], &[1; 16], instructions].concat())
        };
        let instructions = [b"\x41\x0e\x10".as_slice(), b"\x0c\x07\x28PER_CPU0"];
        let [compiled, stub] = instructions.map(|instructions| function(0, instructions));
        let mut frames = [entry(CIE), compiled, entry(CIE), stub].concat();
        mark_signal_frames(&mut frames).expect("well-formed");
        assert!(fill_address(&mut frames, None).is_err());
        fill_address(&mut frames, Some(7)).expect("filled");
        let second = entry(CIE).len() + function(0, instructions[0]).len();
        let expected = [
            entry(CIE),
            function(0, instructions[0]),
            entry(SIGNAL_CIE),
            function(second as u8, b"\x0c\x07\x28\x07\0\0\0\0\0\0\0"),
        ];
        assert_eq!(frames, expected.concat());
    }
}
