//! ELF files: real programs with damaged headers.

use std::{env, fs};

use formats::elf::{self, Class, Image, Source};

use crate::{damage, inputs, rng};

/// A file whose first bytes are replaced by `head`.
struct Patched<'a> {
    head: Vec<u8>,
    file: &'a [u8],
    size: usize,
}

impl Source for Patched<'_> {
    fn size(&self) -> u64 {
        self.size as u64
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> bool {
        if !self.file[..self.size].read_at(offset, out) {
            return false;
        }
        for (at, byte) in (offset as usize..).zip(out) {
            if let Some(&head) = self.head.get(at) {
                *byte = head;
            }
        }
        true
    }
}

/// Checks the invariants that the kernel's ELF loader relies on.
fn check_image(image: &Image) {
    let limit = image.class.task_size();
    let extent = image.extent();
    assert!(image.align.is_power_of_two() && image.align >= 4096);
    assert!(extent.start.is_multiple_of(4096) && extent.end.is_multiple_of(4096));
    assert!(extent.start <= extent.end && extent.end <= limit);
    assert!(image.segments.len() <= usize::from(image.phnum));
    for segment in &image.segments {
        let end = segment
            .vaddr
            .checked_add(segment.memsz)
            .expect("no overflow");
        assert!(segment.filesz <= segment.memsz && end <= limit);
        if segment.memsz > 0 {
            assert!(extent.start <= segment.vaddr && end <= extent.end);
        }
        if segment.filesz > 0 {
            assert_eq!(segment.vaddr % 4096, segment.file_offset % 4096);
            let end = segment.file_offset.checked_add(segment.filesz);
            assert!(end.is_some_and(|end| end.next_multiple_of(4096) <= 1 << 63));
        }
    }
    if image.class == Class::Elf32 {
        assert!(image.phdr_vaddr <= limit);
    }
    assert!(
        image
            .interp
            .as_ref()
            .is_none_or(|path| path.len() < 4096 && !path.contains(&0))
    );
}

/// Real programs: those of this list that the machine has, and this test itself.
fn programs() -> Vec<Vec<u8>> {
    let own = env::current_exe().ok();
    let names = [
        "/bin/busybox",
        "/bin/true",
        "/bin/ls",
        "/lib/ld-linux.so.2",
        "/lib64/ld-linux-x86-64.so.2",
    ];
    let paths = names.iter().map(Into::into).chain(own);
    paths.filter_map(|path| fs::read(path).ok()).collect()
}

#[test]
fn elf_files() {
    let programs = programs();
    assert!(!programs.is_empty());
    let mut rng = rng();
    let mut accepted = 0;
    for program in &programs {
        let image = elf::parse(&program[..]).expect("a real program");
        image.check_segments().expect("a real program");
        check_image(&image);
    }
    for _ in 0..inputs() {
        let file = &programs[rng.usize(..programs.len())];
        let mut head = file[..file.len().min(64 + 56 * 14)].to_vec();
        damage(&mut head, &mut rng);
        let size = if rng.u8(..8) == 0 {
            rng.usize(..file.len())
        } else {
            file.len()
        };
        let patched = Patched { head, file, size };
        if let Ok(image) = elf::parse(&patched)
            && image.check_segments().is_ok()
        {
            check_image(&image);
            accepted += 1;
        }
    }
    // If all were refused, `check_image` would have tested nothing.
    assert!(accepted > inputs() / 20, "{accepted} accepted");
}
