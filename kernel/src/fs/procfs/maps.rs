//! /proc/PID/maps: a line for each area, as Linux prints it (fs/proc/task_mmu.c).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use crate::fs::inode::Device;
use crate::mm::vma::{Backing, Prot, Vma};
use crate::process::Task;
use crate::syscall::errno::Errno;

/// Column at which names begin.
const NAME_COLUMN: usize = 73;

/// No line is longer: the columns, and a path.
const LINE_MAX: usize = NAME_COLUMN + 4096;

/// The file's text.
pub(super) fn text(task: &Task) -> Result<Vec<u8>, Errno> {
    let mut text = String::new();
    if let Some(mm) = task.mm() {
        for area in mm.lock().areas() {
            // There may be tens of thousands of them.
            text.try_reserve(LINE_MAX).map_err(|_| Errno::ENOMEM)?;
            line(&mut text, area);
        }
    }
    Ok(text.into_bytes())
}

fn line(text: &mut String, area: &Vma) {
    let start = text.len();
    let letter = |prot, letter| {
        if area.prot.contains(prot) {
            letter
        } else {
            '-'
        }
    };
    let (read, write, execute) = (
        letter(Prot::READ, 'r'),
        letter(Prot::WRITE, 'w'),
        letter(Prot::EXEC, 'x'),
    );
    let sharing = if area.shared { 's' } else { 'p' };
    let (offset, (device, ino), path) = match &area.backing {
        Backing::File {
            source,
            offset,
            path,
        } => (*offset, source.file_id(), Some(&**path)),
        Backing::Anonymous | Backing::Kernel(..) => (0, (0, 0), None),
    };
    let device = Device::decode(device as u32);
    // Writing to a String can't fail.
    let _ = write!(
        text,
        "{:08x}-{:08x} {read}{write}{execute}{sharing}",
        area.start, area.end
    );
    let _ = write!(
        text,
        " {offset:08x} {:02x}:{:02x} {ino} ",
        device.major, device.minor
    );
    if let Some(name) = area.role.name().or(path) {
        let width = text.len() - start;
        text.extend(core::iter::repeat_n(' ', NAME_COLUMN.saturating_sub(width)));
        // A line feed in a name would look like the end of the line.
        text.push_str(&name.replace('\n', "\\012"));
    }
    text.push('\n');
}
