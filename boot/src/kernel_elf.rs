//! The kernel's ELF file, embedded in the loader's image.
//!
//! Pages filled by one segment are mapped in place. A page shared by two segments (the end of one
//! is often in the same page of the file as the start of the next) is copied, so that no frame is
//! mapped with two permissions.

use crate::memory::PAGE;
use crate::paging::{AddressSpace, EXECUTE, READ, WRITE};
use crate::{Result, protocol::IDENTITY_END};
use bootloader_api::{BootloaderConfig, info::TlsTemplate};
use core::ptr;
use x86_64::structures::paging::PageTableFlags;
use xmas_elf::ElfFile;
use xmas_elf::header::{Machine, Type as FileType};
use xmas_elf::program::{Flags, ProgramHeader, Type};

/// Aligns the file to a page, so that its pages can be mapped.
#[repr(C, align(4096))]
struct Aligned<T: ?Sized>(T);

static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("TRIDENT_KERNEL")));

/// The embedded kernel.
pub struct Kernel {
    elf: ElfFile<'static>,
}

impl Kernel {
    /// Parses and checks the embedded file's headers.
    pub fn embedded() -> Result<Self> {
        if FILE.0.is_empty() {
            return Err("built without a kernel (TRIDENT_KERNEL)");
        }
        let elf = ElfFile::new(&FILE.0)?;
        if elf.header.pt2.machine().as_machine() != Machine::X86_64 {
            return Err("the kernel is for another machine");
        }
        if elf.header.pt2.type_().as_type() != FileType::Executable {
            return Err("the kernel is not linked at a fixed address (ET_EXEC)");
        }
        Ok(Kernel { elf })
    }

    /// The configuration that `entry_point!` put in the file.
    pub fn config(&self) -> Result<BootloaderConfig> {
        let section = self.elf.find_section_by_name(".bootloader-config");
        let section = section.ok_or("the kernel has no .bootloader-config section")?;
        BootloaderConfig::deserialize(section.raw_data(&self.elf))
    }

    /// Virtual address of the entry point.
    pub fn entry(&self) -> u64 {
        self.elf.header.pt2.entry_point()
    }

    /// Physical address and size of the file.
    pub fn file(&self) -> (u64, u64) {
        (FILE.0.as_ptr() as u64, FILE.0.len() as u64)
    }

    /// Maps the segments. Returns the template of thread-local variables, if there is one.
    pub fn map(&self, space: &mut AddressSpace) -> Result<Option<TlsTemplate>> {
        let mut tls = None;
        let mut relro = None;
        for segment in self.elf.program_iter() {
            let (virt, size) = (segment.virtual_addr(), segment.mem_size());
            match segment.get_type()? {
                Type::Load => self.map_segment(space, &segment)?,
                Type::Tls => {
                    let (start_addr, file_size, mem_size) = (virt, segment.file_size(), size);
                    tls = Some(TlsTemplate {
                        start_addr,
                        file_size,
                        mem_size,
                    });
                }
                Type::GnuRelro => relro = Some((virt, virt.saturating_add(size))),
                _ => {}
            }
        }
        // RELRO is read-only after relocation, and this file needs none.
        if let Some((start, end)) = relro {
            space.protect(start & !(PAGE - 1), end & !(PAGE - 1))?;
        }
        Ok(tls)
    }

    fn map_segment(&self, space: &mut AddressSpace, segment: &ProgramHeader) -> Result<()> {
        let flags = permissions(segment.flags())?;
        let (virt, size) = (segment.virtual_addr(), segment.mem_size());
        let data = FILE.0.get(segment.offset() as usize..);
        let data = data.and_then(|data| data.get(..segment.file_size() as usize));
        let data = data.ok_or("the kernel's file is cut short")?;
        let end = virt
            .checked_add(size)
            .ok_or("a segment of the kernel wraps around")?;
        if size < data.len() as u64 || size > IDENTITY_END {
            return Err("a segment of the kernel has a wrong size");
        }

        let file_end = virt + data.len() as u64;
        // The pages between these two are full, and are mapped in place.
        let (full, full_end) = (virt.next_multiple_of(PAGE), file_end & !(PAGE - 1));
        let first = data.as_ptr() as u64;
        let aligned = (first ^ virt).is_multiple_of(PAGE);
        if !aligned || full >= full_end {
            return copy(space, virt, end, data, flags);
        }
        let (head, rest) = data.split_at((full - virt) as usize);
        let (body, tail) = rest.split_at((full_end - full) as usize);
        copy(space, virt, full, head, flags)?;
        space.map(full, body.as_ptr() as u64, body.len() as u64, flags)?;
        copy(space, full_end, end, tail, flags)
    }
}

/// Maps new, zeroed frames for the addresses `virt..end`, beginning with `data`.
fn copy(
    space: &mut AddressSpace,
    virt: u64,
    end: u64,
    data: &[u8],
    flags: PageTableFlags,
) -> Result<()> {
    if virt == end {
        return Ok(());
    }
    let page = virt & !(PAGE - 1);
    let size = (end - page).next_multiple_of(PAGE);
    let frames = space.memory.allocate(size / PAGE)?;
    let to = (frames + virt - page) as *mut u8;
    // SAFETY: `allocate` returns unused memory of that size, identity-mapped; `data` is no longer
    // than `end - virt`.
    unsafe { ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) };
    space.map(page, frames, size, flags)
}

/// Page flags for a segment, which must not be both writable and executable.
fn permissions(flags: Flags) -> Result<PageTableFlags> {
    match (flags.is_write(), flags.is_execute()) {
        (false, false) => Ok(READ),
        (true, false) => Ok(WRITE),
        (false, true) => Ok(EXECUTE),
        (true, true) => Err("a segment of the kernel is both writable and executable"),
    }
}
