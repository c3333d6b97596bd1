//! Access to the memory of another address space (access_process_vm): exec's stack, ptrace(2),
//! /proc/PID/mem and cmdline.

use super::address_space::AddressSpace;
use super::fault::Access;
use super::page_tables::{Kind, Mapped};
use super::vma::{Backing, Role, Vma};
use crate::abi::errno::Errno;
use crate::mm::frame::{self, Frame};
use crate::mm::paging::PageFlags;
use crate::mm::{PAGE_SIZE, page_down};

impl AddressSpace {
    /// Writes to private memory regardless of its protection, with copy-on-write: for exec and
    /// forced writes.
    ///
    /// # Errors
    /// `EFAULT` if nothing is mapped there, or shared memory or the clock page; `ENOMEM`.
    pub fn poke(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        for (at, part) in in_pages(address, bytes)? {
            self.poke_page(at, part)?;
        }
        Ok(())
    }

    /// Maps a frame filled in advance at `page`.
    ///
    /// # Errors
    /// `EFAULT` if there is no area at `page`; `ENOMEM`.
    pub fn adopt(&mut self, page: u64, frame: Frame) -> Result<(), Errno> {
        let flags = self.find(page).ok_or(Errno::EFAULT)?.prot.page_flags();
        self.tables.map(page, frame, flags, Kind::Anonymous)
    }

    /// Writes for a tracer: private pages regardless of their protection, with copy-on-write;
    /// shared ones only if the program may write (FOLL_FORCE in mm/gup.c). Returns the number of
    /// bytes written.
    pub fn poke_by_force(&mut self, address: u64, bytes: &[u8]) -> usize {
        let mut done = 0;
        for (at, part) in in_pages(address, bytes).into_iter().flatten() {
            let written = match self.find(at) {
                None => Err(Errno::EFAULT),
                Some(area) if area.shared => self.store_page(at, part),
                Some(_) => self.poke_page(at, part),
            };
            if written.is_err() {
                break;
            }
            done += part.len();
        }
        done
    }

    /// Reads memory of a program that isn't running; returns the number of bytes read.
    pub fn peek(&mut self, start: u64, out: &mut [u8]) -> usize {
        let mut done = 0;
        while done < out.len() {
            let Some(address) = start.checked_add(done as u64) else {
                break;
            };
            let offset = (address % PAGE_SIZE) as usize;
            let len = (out.len() - done).min(PAGE_SIZE as usize - offset);
            let Some(page) = self.page_to_read(address) else {
                break;
            };
            page.read(offset, &mut out[done..done + len]);
            done += len;
        }
        done
    }

    /// The page at `address` as the program would read it, whatever its protection; `None` if
    /// nothing is mapped there.
    pub fn page_to_read(&mut self, address: u64) -> Option<Frame> {
        // Not above: these tables map the kernel's half too.
        if address >= self.task_size {
            return None;
        }
        let page = page_down(address);
        // The clock page has no struct page on Linux (VM_PFNMAP): only the program reads it.
        let is_clock = |area: &Vma| area.role == Role::Vvar;
        if self.find(page).is_some_and(is_clock) {
            return None;
        }
        if self.tables.lookup(page).is_none() && self.fault(page, Access::Read).is_err() {
            return self.page_behind(page);
        }
        let mapped = self.tables.lookup(page)?;
        // SAFETY: the entry holds a reference.
        Some(unsafe { Frame::share_raw(mapped.frame) })
    }

    /// The page that a load would map at `page` if the protection allowed it.
    fn page_behind(&self, page: u64) -> Option<Frame> {
        let area = self.find(page)?;
        match &area.backing {
            Backing::Anonymous => Some(frame::zero_page().clone()),
            Backing::File { source, .. } => source.page(area.page_index(page)).ok(),
            Backing::Kernel(..) => None,
        }
    }

    /// Writes with the program's own rights, in an address space that isn't the running one.
    ///
    /// # Errors
    /// `EFAULT` if the program may not write there.
    pub fn store(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        for (at, part) in in_pages(address, bytes)? {
            self.store_page(at, part)?;
        }
        Ok(())
    }

    /// Writes within a page with the program's own rights.
    fn store_page(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.fault(address, Access::Write)
            .map_err(|_| Errno::EFAULT)?;
        self.write_page(address, bytes)
    }

    /// Writes within a private page, copied first if the program doesn't own it yet.
    fn poke_page(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        let page = page_down(address);
        let area = self.find(page).ok_or(Errno::EFAULT)?;
        if area.shared || area.role == Role::Vvar {
            return Err(Errno::EFAULT);
        }
        let is_own = |mapped: Mapped| mapped.flags.contains(PageFlags::WRITABLE);
        if !self.tables.lookup(page).is_some_and(is_own) {
            self.privatise(page)?;
        }
        self.write_page(address, bytes)
    }

    /// Writes to the mapped frame, which the caller has made this program's own or shared.
    fn write_page(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        let page = page_down(address);
        let mapped = self.tables.lookup(page).ok_or(Errno::EFAULT)?;
        // SAFETY: the entry holds a reference.
        unsafe { Frame::share_raw(mapped.frame) }.write((address - page) as usize, bytes);
        Ok(())
    }

    /// Maps a private copy of a page, regardless of its protection.
    fn privatise(&mut self, page: u64) -> Result<(), Errno> {
        let area = self.find(page).ok_or(Errno::EFAULT)?;
        let flags = area.page_flags();
        let frame = match self.tables.lookup(page) {
            // SAFETY: the entry holds a reference.
            Some(mapped) => unsafe { Frame::share_raw(mapped.frame) }.duplicate()?,
            None => match &area.backing {
                Backing::Anonymous => Frame::zeroed()?,
                Backing::File { source, .. } => source.page(area.page_index(page))?.duplicate()?,
                Backing::Kernel(..) => return Err(Errno::EFAULT),
            },
        };
        self.tables.map(page, frame, flags, Kind::Anonymous)
    }
}

/// Splits `bytes` at page boundaries, for a write at `address`.
///
/// # Errors
/// `EFAULT` if the range passes 2^64.
fn in_pages(address: u64, bytes: &[u8]) -> Result<impl Iterator<Item = (u64, &[u8])>, Errno> {
    address
        .checked_add(bytes.len() as u64)
        .ok_or(Errno::EFAULT)?;
    let (mut at, mut rest) = (address, bytes);
    Ok(core::iter::from_fn(move || {
        let in_page = (PAGE_SIZE - at % PAGE_SIZE) as usize;
        let (part, behind) = rest.split_at(rest.len().min(in_page));
        let item = (at, part);
        at += part.len() as u64;
        rest = behind;
        (!part.is_empty()).then_some(item)
    }))
}
