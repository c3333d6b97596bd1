//! Mapping of an ELF image into an address space.
//!
//! `formats::elf` checks the file. Here its segments become private mappings of the file's pages,
//! copied on write. A segment may extend past the end of the file: an access there raises SIGBUS.

use alloc::sync::Arc;

use formats::elf::{Class, Error, Image, Kind, Segment, Source};
use linux_raw_sys::general::AT_FDCWD;

use super::caller;
use super::exec::Refusal;
use crate::abi::errno::Errno;
use crate::abi::metadata::mode;
use crate::mm::{PAGE_SIZE, page_down, page_up};
use crate::vfs::dentry::Location;
use crate::vfs::file::File;
use crate::vfs::mount::MountFlags;
use crate::vfs::notify::{self, events};
use crate::vfs::{access, open};
use crate::vm::address_space::AddressSpace;
use crate::vm::mapped::Mapped;
use crate::vm::mapping::{NewArea, Place};
use crate::vm::vma::{Backing, PageSource, Prot, Role, VmaFlags};

/// A file that can be executed.
#[derive(Clone)]
pub struct Executable {
    /// Pages of the file.
    pub source: Arc<dyn PageSource>,
    /// Size of the file, bytes.
    pub size: u64,
    /// The file, open while its program runs.
    pub file: Arc<File>,
    /// The file with its absolute path, for mappings.
    pub mapped: Arc<Mapped>,
}

impl Executable {
    /// Opens the program at `path` for execve(2) of the caller.
    ///
    /// # Errors
    /// Those of the path lookup; `EACCES` for a file that is not executable or not regular.
    pub fn open(path: &[u8]) -> Result<Self, Errno> {
        Self::at(caller::walk_at(AT_FDCWD, path, |walk, _| {
            walk.file(path, true)
        })?)
    }

    /// Opens the program at `location` for execve(2) of the caller.
    ///
    /// # Errors
    /// `EACCES` for a file that is not executable or not regular.
    pub fn at(location: Location) -> Result<Self, Errno> {
        let metadata = location.inode().metadata();
        let flags = location.mount.flags();
        if metadata.kind() != mode::S_IFREG || flags.contains(MountFlags::NO_EXEC) {
            return Err(Errno::EACCES);
        }
        access::check(&caller::credentials(), &metadata, access::EXECUTE)?;
        let source = location.inode().clone().pages().ok_or(Errno::EACCES)?;
        let name = caller::display_path(&location)?;
        let file = open::without_operations(location);
        Ok(Self {
            source,
            size: metadata.size,
            mapped: Mapped::file(name, file.clone(), None),
            file,
        })
    }

    /// The first `N` bytes, padded with zeros if the file is shorter.
    ///
    /// # Errors
    /// `EIO` if they can't be read.
    pub fn head<const N: usize>(&self) -> Result<[u8; N], Errno> {
        let mut head = [0; N];
        let len = N.min(usize::try_from(self.size).unwrap_or(N));
        if self.read_at(0, &mut head[..len]) {
            self.was_read();
            Ok(head)
        } else {
            Err(Errno::EIO)
        }
    }
}

impl Executable {
    /// Generates the inotify events of opening for execution.
    pub fn was_opened(&self) {
        if notify::is_on() {
            notify::file(&self.file, events::OPEN | events::OPEN_EXEC);
        }
    }

    /// Generates the inotify event of a read by the kernel.
    fn was_read(&self) {
        if notify::is_on() {
            notify::file(&self.file, events::ACCESS);
        }
    }
}

impl Source for Executable {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> bool {
        let Some(end) = offset.checked_add(out.len() as u64) else {
            return false;
        };
        if end > self.size {
            return false;
        }
        let mut done = 0;
        while done < out.len() {
            let at = offset + done as u64;
            let in_page = (at % PAGE_SIZE) as usize;
            let len = (PAGE_SIZE as usize - in_page).min(out.len() - done);
            let Ok(page) = self.source.page(at / PAGE_SIZE) else {
                return false;
            };
            page.read(in_page, &mut out[done..done + len]);
            done += len;
        }
        true
    }
}

/// Checks the headers of a program.
///
/// # Errors
/// `ENOEXEC`; `EIO` if the file ends before the path of the dynamic linker; `ENOMEM`.
pub fn check(file: &Executable) -> Result<Image, Errno> {
    let image = formats::elf::parse(file).map_err(|error| match error {
        Error::NoMemory => Errno::ENOMEM,
        Error::Truncated => Errno::EIO,
        _ => Errno::ENOEXEC,
    })?;
    // Linux reads the program headers and the path of the dynamic linker separately.
    file.was_read();
    if image.interp.is_some() {
        file.was_read();
    }
    Ok(image)
}

/// Checks the headers of the dynamic linker of a program of width `class`.
///
/// # Errors
/// `ELIBBAD`; `EIO` for a file shorter than a header; `ENOMEM`. After the point of no return: for
/// an object file, and for a file without segments to map.
pub fn check_interpreter(file: &Executable, class: Class) -> Result<Image, Refusal> {
    let image = formats::elf::parse_interpreter(file, class).map_err(|error| match error {
        Error::NoMemory => Errno::ENOMEM.into(),
        Error::Truncated => Errno::EIO.into(),
        Error::Type => Refusal::too_late(Errno::ELIBBAD),
        _ => Errno::ELIBBAD.into(),
    })?;
    // Linux reads the ELF header and the program headers separately.
    file.was_read();
    file.was_read();
    if image.class != class {
        return Err(Errno::ELIBBAD.into());
    }
    if image.segments.is_empty() {
        return Err(Refusal::too_late(Errno::EINVAL));
    }
    Ok(image)
}

/// Checks the segments to map.
///
/// # Errors
/// `EINVAL`, also for addresses outside user memory.
pub fn check_segments(image: &Image) -> Result<(), Errno> {
    image.check_segments().map_err(|_| Errno::EINVAL)
}

/// Maps `image` with its addresses moved by `bias` (0 for a fixed image; the sum may wrap). With
/// `all_executable`, readable segments are executable (READ_IMPLIES_EXEC).
///
/// # Errors
/// `ENOMEM`, `EPERM` below mmap_min_addr, `ENOEXEC` if the page at the end of a segment's file
/// data, whose rest is to be zeroed, is past the end of the file.
pub fn map(
    mm: &mut AddressSpace,
    file: &Executable,
    image: &Image,
    bias: u64,
    all_executable: bool,
) -> Result<(), Errno> {
    debug_assert!(image.kind == Kind::Relocatable || bias == 0);
    // ANCHOR: map-segments
    for segment in image.segments.iter().filter(|segment| segment.memsz > 0) {
        map_segment(mm, file, segment, bias, all_executable)?;
    }
    // ANCHOR_END: map-segments
    Ok(())
}

fn map_segment(
    mm: &mut AddressSpace,
    file: &Executable,
    segment: &Segment,
    bias: u64,
    all_executable: bool,
) -> Result<(), Errno> {
    let mut prot = Prot::empty();
    prot.set(Prot::READ, segment.read);
    prot.set(Prot::WRITE, segment.write);
    prot.set(
        Prot::EXEC,
        segment.execute || segment.read && all_executable,
    );
    let start = bias.wrapping_add(segment.vaddr);
    let file_end = start.checked_add(segment.filesz).ok_or(Errno::EINVAL)?;
    let end = start.checked_add(segment.memsz).ok_or(Errno::EINVAL)?;
    let mapped_end = page_up(file_end).ok_or(Errno::EINVAL)?;
    let bss_end = page_up(end).ok_or(Errno::EINVAL)?;
    if mapped_end.max(bss_end) > mm.task_size {
        return Err(Errno::EINVAL);
    }
    if segment.filesz > 0 {
        let area = NewArea {
            prot,
            max_prot: Prot::all(),
            shared: false,
            backing: Backing::File {
                source: file.source.clone(),
                offset: page_down(segment.file_offset),
                mapped: file.mapped.clone(),
            },
            role: Role::Plain,
            flags: VmaFlags::empty(),
        };
        mm.map(
            Place::Fixed(page_down(start)),
            mapped_end - page_down(start),
            area,
        )?;
    }
    let bss_start = if segment.filesz > 0 {
        mapped_end
    } else {
        page_down(start)
    };
    if bss_end > bss_start {
        // Always writable, whatever the segment's flags (vm_brk_flags).
        let mut prot = Prot::READ | Prot::WRITE;
        prot.set(Prot::EXEC, segment.execute || all_executable);
        mm.map(
            Place::Fixed(bss_start),
            bss_end - bss_start,
            NewArea::anonymous(prot),
        )?;
    }
    // The rest of the last file page is zeroed up to the page's end: dynamic linkers allocate
    // there. Only in a writable segment; in others the file's bytes remain visible, as on Linux.
    if segment.filesz > 0 && segment.memsz > segment.filesz && segment.write {
        let zeros = [0; PAGE_SIZE as usize];
        mm.poke(file_end, &zeros[..(mapped_end - file_end) as usize])
            .map_err(|errno| match errno {
                Errno::ENOMEM => errno,
                _ => Errno::ENOEXEC,
            })?;
    }
    let marks = &mut mm.landmarks;
    if segment.execute {
        if marks.start_code == 0 || start < marks.start_code {
            marks.start_code = start;
        }
        marks.end_code = marks.end_code.max(file_end);
    }
    marks.start_data = marks.start_data.max(start);
    marks.end_data = marks.end_data.max(file_end);
    marks.brk = marks.brk.max(end);
    Ok(())
}
