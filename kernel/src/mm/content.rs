//! Reading and writing what a program has in memory while it isn't running: to build its stack,
//! to leave its child an ID, to show its arguments in /proc.

use super::address_space::AddressSpace;
use super::fault::Access;
use super::frame::Frame;
use super::paging::PageFlags;
use super::vma::Backing;
use super::{PAGE_SIZE, page_down};
use crate::syscall::errno::Errno;

impl AddressSpace {
    /// Writes to memory that the program isn't running with yet: its stack and its segments'
    /// last pages, while it is being built.
    ///
    /// # Errors
    /// `EFAULT` where nothing is mapped, `ENOMEM`.
    pub fn poke(&mut self, mut address: u64, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            let offset = (address % PAGE_SIZE) as usize;
            let len = bytes.len().min(PAGE_SIZE as usize - offset);
            let page = address - offset as u64;
            let area = self.find(page).ok_or(Errno::EFAULT)?;
            if self
                .tables
                .lookup(page)
                .is_none_or(|m| !m.flags.contains(PageFlags::WRITABLE))
                && !area.shared
            {
                self.privatise(page)?;
            }
            let mapped = self.tables.lookup(page).ok_or(Errno::EFAULT)?;
            // SAFETY: the entry holds a reference.
            unsafe { Frame::share_raw(mapped.frame) }.write(offset, &bytes[..len]);
            bytes = &bytes[len..];
            address += len as u64;
        }
        Ok(())
    }

    /// Maps a page that was filled before there was an area for it.
    ///
    /// # Errors
    /// `EFAULT` where nothing is mapped, `ENOMEM`.
    pub fn adopt(&mut self, page: u64, frame: Frame) -> Result<(), Errno> {
        let flags = self.find(page).ok_or(Errno::EFAULT)?.prot.page_flags();
        self.tables.map(page, frame, flags)
    }

    /// Writes for a tracer: private pages whatever their protection, as a copy; shared ones only
    /// where the program may write itself (FOLL_FORCE in mm/gup.c).
    ///
    /// # Errors
    /// `EFAULT`, `ENOMEM`.
    pub fn poke_by_force(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        let end = address
            .checked_add(bytes.len() as u64)
            .ok_or(Errno::EFAULT)?;
        let mut page = page_down(address);
        while page < end {
            let area = self.find(page).ok_or(Errno::EFAULT)?;
            if area.shared {
                self.fault(page, Access::Write).map_err(|_| Errno::EFAULT)?;
            }
            page += PAGE_SIZE;
        }
        self.poke(address, bytes)
    }

    /// Reads memory of a program that isn't running now; returns how many bytes could be read.
    pub fn peek(&mut self, start: u64, out: &mut [u8]) -> usize {
        let mut done = 0;
        while done < out.len() {
            // What lies above is the kernel's, whose tables hang in these too.
            let address = start.checked_add(done as u64);
            let Some(address) = address.filter(|address| *address < self.task_size) else {
                break;
            };
            let offset = (address % PAGE_SIZE) as usize;
            let len = (out.len() - done).min(PAGE_SIZE as usize - offset);
            let page = address - offset as u64;
            if self.tables.lookup(page).is_none() && self.fault(page, Access::Read).is_err() {
                break;
            }
            let Some(mapped) = self.tables.lookup(page) else {
                break;
            };
            // SAFETY: the entry holds a reference.
            unsafe { Frame::share_raw(mapped.frame) }.read(offset, &mut out[done..done + len]);
            done += len;
        }
        done
    }

    /// Writes as the program itself would, in an address space that isn't the running one.
    ///
    /// # Errors
    /// `EFAULT` where the program may not write.
    pub fn store(&mut self, address: u64, bytes: &[u8]) -> Result<(), Errno> {
        let end = address
            .checked_add(bytes.len() as u64)
            .ok_or(Errno::EFAULT)?;
        let mut page = page_down(address);
        while page < end {
            self.fault(page.max(address), Access::Write)
                .map_err(|_| Errno::EFAULT)?;
            page += PAGE_SIZE;
        }
        self.poke(address, bytes)
    }

    /// Gives the program its own copy of a page, whatever its protection.
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
        self.tables.map(page, frame, flags)
    }
}
