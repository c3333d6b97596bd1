//! The virtual file system: inodes, names, mounts, open files and descriptors, and files without a
//! name.
//!
//! Floor 9. Reading order: `inode.rs` (a file and its operations), `dentry.rs` and `mount/` (names
//! and mounts), `path.rs` (path lookup), `file.rs` and `fdtable.rs` (open files and descriptors),
//! `lock/`, `write_exec.rs` and `writer.rs` (file locks, ETXTBSY, RLIMIT_FSIZE), `tmpfs/` (the
//! root). Files without a path are made by `anon.rs`: `pipe/`, `epoll/`, `eventfd.rs`, `timerfd.rs`
//! and `inotify/`, which gets its events from `notify.rs`. A write(2) goes from `syscall/io.rs`
//! through `file.rs` to the operations of the file.
//!
//! The kernel has one CPU and is preempted only at explicit points, so a spinlock is never
//! contended; but a copy to or from user memory may fault and enter this folder for a page: no lock
//! is held over one.

// Not in test builds: `kernel_test!` puts statics in a section of their own, which counts as
// unsafe.
#![cfg_attr(not(test), forbid(unsafe_code))]

pub mod access;
pub mod anon;
pub mod change;
pub mod chrdev;
pub mod dentry;
pub mod endpoint;
pub mod epoll;
pub mod eventfd;
pub mod fdtable;
pub mod file;
pub mod inode;
pub mod inotify;
pub mod io;
pub mod lock;
pub mod mount;
pub mod notify;
pub mod open;
pub mod path;
pub mod pipe;
pub mod poll;
pub mod protected;
pub mod pseudo;
pub mod timerfd;
pub mod tmpfs;
pub mod write_exec;
pub mod writer;
pub mod xattr;
