//! The virtual file system: inodes, names, mounts, open files and descriptors, and the files without a name.
//!
//! Floor 9. Reading order: `inode.rs` (what a file is), `dentry.rs` and `mount/` (names, and how file systems
//! are joined), `path.rs` (from a path to a file), `file.rs` and `fdtable.rs` (what a descriptor is), `lock/`,
//! `write_exec.rs` and `fsize.rs` (limits of concurrent use and size), `tmpfs/` (the root). Files without a
//! path are made by `anon.rs`: `pipe/`, `epoll/`, `eventfd.rs`, `timerfd.rs` and `inotify/`, which gets its
//! events from `notify.rs`. A write(2) goes from `syscall/io.rs` through `file.rs` to the file's own code.
//!
//! The kernel is not preempted and has one CPU, so locks are never waited for; but a copy from or to user
//! memory may fault and come back here for a page: no lock is held over one.

pub mod access;
pub mod anon;
pub mod caller;
pub mod change;
pub mod chrdev;
pub mod dentry;
pub mod epoll;
pub mod eventfd;
pub mod fdtable;
pub mod file;
pub mod fsize;
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
pub mod xattr;
