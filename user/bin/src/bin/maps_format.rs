//! Rule 28: `/proc/self/maps`: the format of each line, character by character, the order of the
//! lines, and the names, permissions, offsets, devices and inodes of known mappings.
//! Expected: exit 0.
#![no_std]
#![cfg_attr(bare, no_main)]

use core::ffi::{CStr, c_char};

use programs::check::Checks;
use sys::env::{AT_EXECFN, AT_PHDR};
use sys::numbers::{Call, MMAP};
use sys::os::{
    self, MAP_ANONYMOUS, MAP_PRIVATE, O_CREAT, O_RDWR, O_TRUNC, PROT_EXEC, PROT_READ, PROT_WRITE,
};
use sys::{Door, Env};

sys::entry!(run);

const BRK: Call = Call {
    x86_64: 12,
    i386: 45,
};
const MAP_SHARED: usize = 1;
/// Column at which names begin.
const NAME_COLUMN: usize = 73;

/// A parsed line.
struct Line<'a> {
    start: usize,
    end: usize,
    permissions: &'a str,
    offset: usize,
    device: &'a str,
    inode: u64,
    name: &'a str,
}

fn run(env: &Env) -> i32 {
    let mut checks = Checks::default();
    let (heap, file) = (heap(), file());
    let map = |protection, flags| mapping(protection, flags | MAP_ANONYMOUS, usize::MAX, 0);
    let private = map(PROT_READ, MAP_PRIVATE);
    let shared = map(PROT_READ | PROT_WRITE, MAP_SHARED);
    let executable = map(PROT_READ | PROT_EXEC, MAP_PRIVATE);
    let none = map(0, MAP_PRIVATE);
    let second_page = mapping(PROT_READ, MAP_PRIVATE, file, 1);

    let mut buffer = [0; 16384];
    let text = core::str::from_utf8(os::read_file(c"/proc/self/maps", &mut buffer)).unwrap_or("?");
    let mut last = 0;
    for line in text.lines() {
        match parse(line) {
            Some(parsed) => {
                let ordered = last <= parsed.start && parsed.start < parsed.end;
                checks.that(ordered, format_args!("out of order: {line}"));
                last = parsed.end;
            }
            None => checks.that(false, format_args!("not in Linux's format: {line}")),
        }
    }
    let lines = || text.lines().filter_map(parse);
    let mut expect = |address: usize, permissions: &str, offset: usize, name: &str| {
        let Some(line) = lines().find(|line| (line.start..line.end).contains(&address)) else {
            checks.that(false, format_args!("no line for {address:#x}"));
            return;
        };
        checks.equal(
            line.permissions,
            permissions,
            format_args!("{address:#x} ({name})"),
        );
        checks.equal(line.name, name, format_args!("the name at {address:#x}"));
        checks.equal(
            line.offset,
            offset,
            format_args!("the offset at {address:#x} ({name})"),
        );
        let of_file = name.starts_with('/') && !name.starts_with("/dev/zero");
        if of_file {
            checks.that(line.inode != 0, format_args!("no inode: {name}"));
        } else if !name.starts_with('/') {
            checks.equal(
                (line.device, line.inode),
                ("00:00", 0),
                format_args!("device and inode of {address:#x}"),
            );
        }
    };
    let path = env.aux(AT_EXECFN).unwrap_or(0) as *const c_char;
    // SAFETY: AT_EXECFN is the address of a NUL-terminated string.
    let path = unsafe { CStr::from_ptr(path) }.to_str().unwrap_or("?");
    // The first segment has the file's headers; the linker makes it read-only.
    expect(env.aux(AT_PHDR).unwrap_or(0), "r--p", 0, path);
    expect(heap, "rw-p", 0, "[heap]");
    expect(env.stack().addr(), "rw-p", 0, "[stack]");
    expect(private, "r--p", 0, "");
    expect(shared, "rw-s", 0, "/dev/zero (deleted)");
    expect(executable, "r-xp", 0, "");
    expect(none, "---p", 0, "");
    expect(second_page, "r--p", 4096, "/tmp/maps_format");
    checks.equal(
        text.matches("[vdso]").count(),
        1,
        format_args!("number of [vdso] lines"),
    );
    checks.status()
}

/// Grows the break by a page; returns the page's address.
fn heap() -> usize {
    // SAFETY: nothing else moves the break, and the program has no mapping above it.
    unsafe {
        let start = os::native(BRK, [0; 6]).unwrap_or(0);
        let _ = os::native(BRK, [start + 4096, 0, 0, 0, 0, 0]);
        start
    }
}

/// A file of two pages.
fn file() -> usize {
    let _ = os::mkdir(c"/tmp"); // it may exist
    let file = os::open(c"/tmp/maps_format", O_RDWR | O_CREAT | O_TRUNC).unwrap_or(0);
    for _ in 0..2 {
        let _ = os::write(file, &[1; 4096]); // if it fails, the line is missing below
    }
    file
}

/// Maps a page. The neighbours on both sides stay free, so that the page has its own line.
fn mapping(protection: usize, flags: usize, file: usize, page: usize) -> usize {
    let room = os::map_anonymous(3 * 4096, 0).unwrap_or(0);
    // SAFETY: the range is this function's own, and nothing uses it.
    unsafe {
        let _ = os::munmap(room, 3 * 4096);
        let offset = if Door::NATIVE.number(MMAP) == MMAP.x86_64 {
            4096 * page
        } else {
            page
        };
        let flags = flags | os::MAP_FIXED;
        let page = os::native(MMAP, [room + 4096, 4096, protection, flags, file, offset]);
        page.unwrap_or(0)
    }
}

/// `start-end perms offset major:minor inode`, in Linux's widths, then spaces and a name.
fn parse(line: &str) -> Option<Line<'_>> {
    let hex = |text: &str| {
        let lower = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        // At least eight digits, and no leading zeros if there are more.
        let short = text.len() == 8 || text.len() > 8 && !text.starts_with('0');
        usize::from_str_radix(text, 16)
            .ok()
            .filter(|_| lower && short)
    };
    let (range, rest) = line.split_once(' ')?;
    let (permissions, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (device, rest) = rest.split_once(' ')?;
    let (inode, rest) = rest.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let right = permissions.len() == 4
        && permissions
            .bytes()
            .zip(["r-", "w-", "x-", "sp"])
            .all(|(byte, set)| set.as_bytes().contains(&byte));
    let name = rest.trim_start_matches(' ');
    // Names start in a fixed column, or after one space if the numbers are too long; a line without
    // a name has no trailing spaces.
    let column = line.len() - name.len();
    let place = if name.is_empty() {
        rest.is_empty()
    } else {
        column == NAME_COLUMN || column > NAME_COLUMN && !rest.starts_with(' ')
    };
    let two_digits = |text: &str| text.len() == 2 && u8::from_str_radix(text, 16).is_ok();
    let (major, minor) = device.split_once(':')?;
    (right && place && two_digits(major) && two_digits(minor)).then_some(())?;
    Some(Line {
        start: hex(start)?,
        end: hex(end)?,
        permissions,
        offset: hex(offset)?,
        device,
        inode: inode.parse().ok()?,
        name,
    })
}
