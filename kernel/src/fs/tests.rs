//! Tests in the kernel: file systems and descriptors without a program.

use alloc::sync::Arc;
use alloc::vec::Vec;

use formats::cpio::Writer;

use crate::abi::cred::Credentials;
use crate::abi::errno::Errno;
use crate::abi::metadata::{Device, NewFile, mode};
use crate::abi::resolve::Resolve;
use crate::kernel_test;
use crate::mm::frame;
use crate::vfs::dentry::Dentry;
use crate::vfs::fdtable::FdTable;
use crate::vfs::io::{In, KernelIn, KernelOut, Out};
use crate::vfs::mount;
use crate::vfs::mount::FileSystem;
use crate::vfs::path::{Found, Last, Walk};
use crate::vfs::tmpfs::TmpFs;

fn new(kind: u32) -> NewFile {
    NewFile {
        mode: kind | 0o644,
        ..NewFile::default()
    }
}

fn make(dir: &Arc<Dentry>, name: &str, kind: u32) -> Arc<Dentry> {
    dir.inode()
        .create(dir, name.as_bytes(), &new(kind))
        .expect("a new name")
}

fn names(dir: &Arc<Dentry>, from: u64) -> Vec<(Vec<u8>, u64)> {
    let mut names = Vec::new();
    let result = dir.inode().list(from, &mut |entry| {
        names.push((entry.name.to_vec(), entry.next));
        true
    });
    result.expect("a directory");
    names
}

fn write(file: &Arc<Dentry>, offset: u64, bytes: &[u8]) -> usize {
    let ops = file.inode().clone().open().expect("a regular file");
    let mut from = KernelIn::new(bytes);
    ops.write(offset, &mut from, false).expect("there is room");
    from.done()
}

fn read(file: &Arc<Dentry>, offset: u64, size: usize) -> Vec<u8> {
    let ops = file.inode().clone().open().expect("a regular file");
    let mut bytes = alloc::vec![0xaa; size];
    let mut out = KernelOut::new(&mut bytes);
    ops.read(offset, &mut out, false).expect("readable");
    let done = out.done();
    bytes.truncate(done);
    bytes
}

/// Creates the tree, once for all tests, from a small initramfs.
fn make_tree() {
    static ONCE: spin::Once = spin::Once::new();
    ONCE.call_once(|| {
        let mut writer = Writer::new();
        writer.file(b"etc/motd", 0o640, b"hello");
        writer.symlink(b"link", b"etc/../etc/./motd");
        writer.symlink(b"up", b"../../..");
        let shown = super::Shown {
            command_line: b"",
            doors: |_| {},
        };
        super::init(&writer.finish()[..], shown);
    });
}

kernel_test!(
    fn device_numbers_are_encoded_as_linux_does() {
        for (device, number) in [
            ((1, 3), 0x103),
            ((4, 64), 0x440),
            ((5, 0x1_2345), 0x1230_0545),
        ] {
            let device = Device::new(device.0, device.1);
            assert_eq!(device.encode(), number);
            assert_eq!(Device::decode(number), device);
        }
    }
);

kernel_test!(
    fn files_hold_what_was_written_and_give_it_back() {
        let (free, _) = frame::statistics();
        let fs = TmpFs::new("test", 0);
        let file = make(&fs.root(), "f", mode::S_IFREG);
        assert_eq!(write(&file, 4090, b"across the boundary"), 19);
        assert_eq!(read(&file, 4085, 100), b"\0\0\0\0\0across the boundary");
        assert_eq!(write(&file, 1 << 40, b"far"), 3);
        assert_eq!(file.inode().metadata().size, (1 << 40) + 3);
        assert_eq!(file.inode().metadata().blocks, 3 * 8);
        file.inode().truncate(4093).expect("a regular file");
        file.inode().truncate(4200).expect("a regular file");
        assert_eq!(read(&file, 4088, 12), b"\0\0acr\0\0\0\0\0\0\0");
        let mapped = file.inode().clone().pages().expect("can be mapped");
        let page = mapped.page(0).expect("inside the file");
        page.write(0, b"mapped");
        assert_eq!(read(&file, 0, 6), b"mapped");
        assert_eq!(mapped.page(2).err(), Some(Errno::ENXIO));
        drop((page, mapped, file, fs));
        assert!(frame::statistics().0 + 64 >= free, "pages come back");
    }
);

kernel_test!(
    fn listings_go_on_where_they_stopped() {
        let fs = TmpFs::new("test", 0);
        let root = fs.root();
        for index in 0..100 {
            make(&root, &alloc::format!("n{index}"), mode::S_IFREG);
        }
        let all = names(&root, 0);
        assert_eq!(all.len(), 100);
        let (name, next) = &all[49];
        assert_eq!(&name[..], b"n49");
        let gone = root.inode().lookup(&root, b"n50").expect("is there");
        root.inode().remove(&gone).expect("a file");
        make(&root, "new", mode::S_IFREG);
        let rest = names(&root, *next);
        assert_eq!(
            (rest.len(), &rest[0].0[..], &rest[49].0[..]),
            (50, &b"n51"[..], &b"new"[..])
        );
    }
);

kernel_test!(
    fn a_directory_moves_with_its_path() {
        let fs = TmpFs::new("test", 0);
        let root = fs.root();
        let (a, b) = (
            make(&root, "a", mode::S_IFDIR),
            make(&root, "b", mode::S_IFDIR),
        );
        let inner = make(&a, "inner", mode::S_IFDIR);
        assert_eq!(a.inode().metadata().nlink, 3);
        a.inode().rename(&inner, &b, b"moved", false).expect("free");
        assert_eq!(
            (a.inode().metadata().nlink, b.inode().metadata().nlink),
            (2, 3)
        );
        assert!(inner.is_below(&b) && !inner.is_below(&a));
        assert_eq!(&*inner.name(), b"moved");
        assert_eq!(b.inode().remove(&inner), Ok(()));
        assert!(inner.is_removed());
        assert_eq!(
            inner
                .inode()
                .create(&inner, b"x", &new(mode::S_IFREG))
                .err(),
            Some(Errno::ENOENT)
        );
        let full = make(&a, "full", mode::S_IFDIR);
        make(&full, "x", mode::S_IFREG);
        assert_eq!(a.inode().remove(&full), Err(Errno::ENOTEMPTY));
    }
);

kernel_test!(
    fn a_deep_tree_is_taken_apart_without_a_deep_stack() {
        let (free, _) = frame::statistics();
        for _ in 0..2 {
            let fs = TmpFs::new("test", 0);
            let mut at = fs.root();
            for _ in 0..20_000 {
                at = make(&at, "d", mode::S_IFDIR);
            }
            assert!(at.is_below(&fs.root()));
            drop((at, fs));
        }
        // The heap keeps its pages; the second round needs no further ones.
        assert!(free - frame::statistics().0 < 8192);
    }
);

kernel_test!(
    fn the_initramfs_becomes_the_root() {
        make_tree();
        let (root, who) = (mount::root(), Credentials::default());
        let walk = Walk {
            root: &root,
            start: &root,
            who: &who,
            resolve: Resolve::empty(),
        };
        let motd = walk.file(b"/link", true).expect("through a link");
        assert_eq!(motd.inode().metadata().mode, mode::S_IFREG | 0o640);
        assert_eq!(motd.path(&root), Ok((b"/etc/motd".to_vec(), true)));
        assert!(walk.file(b"up//..", true).expect("stays inside").is(&root));
        let null = walk.file(b"dev/null", true).expect("/dev is mounted");
        assert_eq!(null.inode().metadata().rdev, Device::new(1, 3));
        assert_eq!(null.path(&root), Ok((b"/dev/null".to_vec(), true)));
        assert!(
            walk.file(b"dev/..", true)
                .expect("out of a mount")
                .is(&root)
        );
        assert_eq!(
            walk.file(b"proc/version/", true).err(),
            Some(Errno::ENOTDIR)
        );
        match walk.file_or_place(b"etc/new/", true) {
            Ok(Found::Missing(place)) => {
                assert_eq!(
                    (place.last, &place.name[..], place.wants_dir),
                    (Last::Name, &b"new"[..], true)
                );
            }
            _ => panic!("etc/new is missing"),
        }
        assert_eq!(walk.parent(b"/").expect("the root").last, Last::Root);
    }
);

kernel_test!(
    fn descriptors_are_the_lowest_free() {
        make_tree();
        let files = crate::process::init::console_files().expect("/dev/console is there");
        let file = files.get(0).expect("standard input");
        let mut files = FdTable::new();
        let insert = |files: &mut FdTable, from| files.insert(&file, false, from, 10);
        assert_eq!(
            [
                insert(&mut files, 0),
                insert(&mut files, 0),
                insert(&mut files, 5)
            ],
            [Ok(0), Ok(1), Ok(5)]
        );
        assert_eq!(insert(&mut files, 0), Ok(2));
        assert!(files.remove(1).is_ok() && files.remove(1).is_err());
        assert_eq!(
            [insert(&mut files, 0), insert(&mut files, 0)],
            [Ok(1), Ok(3)]
        );
        assert_eq!(insert(&mut files, 9), Ok(9));
        assert_eq!(insert(&mut files, 9), Err(Errno::EMFILE));
        assert_eq!(
            files.replace(10, &file, false, 10).err(),
            Some(Errno::EBADF)
        );
        files.set_close_on_exec(5, true).expect("open");
        let mut from = 0;
        assert!(matches!(files.close_on_exec(&mut from), Some(Some(_))));
        assert!(files.close_on_exec(&mut from).is_none());
        let mut from = 0;
        let numbers = core::iter::from_fn(|| files.next_number(&mut from)).flatten();
        assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2, 3, 9]);
    }
);

kernel_test!(
    fn the_lowest_free_descriptor_is_found_in_a_long_table() {
        make_tree();
        let console = crate::process::init::console_files().expect("/dev/console is there");
        let file = console.get(0).expect("standard input");
        let mut files = FdTable::new();
        let limit = 200;
        for fd in 0..limit as i32 {
            assert_eq!(files.insert(&file, false, 0, limit), Ok(fd));
        }
        assert_eq!(files.insert(&file, false, 0, limit), Err(Errno::EMFILE));
        for freed in [0, 63, 64, 127, 128, 199] {
            files.remove(freed).expect("open");
            let from = freed as usize;
            // Above it none is free, and at it or below it is found.
            let above = files.insert(&file, false, from + 1, limit);
            assert_eq!(above, Err(Errno::EMFILE), "{freed}");
            assert_eq!(files.insert(&file, false, from / 2, limit), Ok(freed));
        }
        let mut copy = FdTable::new();
        files.remove(70).expect("open");
        assert_eq!(files.copy_part(&mut copy), Ok(false));
        assert_eq!(copy.insert(&file, false, 3, limit), Ok(70));
        assert_eq!(copy.insert(&file, false, 3, limit), Err(Errno::EMFILE));
        // The free slots at the end are not copied, and can be used.
        for fd in 64..limit as i32 {
            let _ = files.remove(fd); // 70 is free
        }
        let mut copy = FdTable::new();
        assert_eq!(files.copy_part(&mut copy), Ok(false));
        assert_eq!((files.capacity(), copy.capacity()), (256, 64));
        assert_eq!(copy.insert(&file, false, 0, limit), Ok(64));
        assert_eq!(copy.files().count(), 65);
    }
);
