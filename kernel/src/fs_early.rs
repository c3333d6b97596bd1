//! TEMPORARY stand-in until fs/ is there: programs come straight from the ramdisk.
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use spin::Mutex;
use crate::mm::frame::Frame;
use crate::mm::vma::PageSource;
use crate::process::elf::Executable;
use crate::syscall::errno::Errno;
#[derive(Clone, Default)]
pub struct FdTable;
impl FdTable { pub fn close_on_exec(&mut self) {} }
#[derive(Clone, Default)]
pub struct FsContext;
impl FsContext { pub fn root() -> Self { Self } }
pub fn console_files() -> Result<FdTable, Errno> { Ok(FdTable) }
pub fn mappable(_fd: i32) -> Result<(Arc<dyn PageSource>, Arc<str>, bool), Errno> { Err(Errno::EBADF) }
static FILES: Mutex<BTreeMap<Vec<u8>, &'static [u8]>> = Mutex::new(BTreeMap::new());
struct Bytes(&'static [u8]);
impl PageSource for Bytes {
    fn page(&self, index: u64) -> Result<Frame, Errno> {
        let at = index as usize * 4096;
        if at >= self.0.len() { return Err(Errno::ENXIO); }
        let f = Frame::zeroed()?;
        f.write(0, &self.0[at..self.0.len().min(at + 4096)]);
        Ok(f)
    }
}
pub fn open_executable(path: &[u8]) -> Result<Executable, Errno> {
    let bytes = *FILES.lock().get(path.strip_prefix(b"/").unwrap_or(path)).ok_or(Errno::ENOENT)?;
    Ok(Executable { source: Arc::new(Bytes(bytes)), size: bytes.len() as u64, path: String::from_utf8_lossy(path).into_owned().into() })
}
pub fn unpack(image: &'static [u8]) {
    let mut at = 0;
    while at + 110 <= image.len() {
        if &image[at..at + 6] != b"070701" { at += 4; continue; }
        let hex = |i: usize| usize::from_str_radix(core::str::from_utf8(&image[at + 6 + 8 * i..at + 14 + 8 * i]).unwrap(), 16).unwrap();
        let (size, namelen) = (hex(6), hex(11));
        let name = &image[at + 110..at + 110 + namelen - 1];
        let data = (at + 110 + namelen).next_multiple_of(4);
        FILES.lock().insert(name.to_vec(), &image[data..data + size]);
        at = (data + size).next_multiple_of(4);
    }
}
