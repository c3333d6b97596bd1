//! init, the first process: its start at boot. The machine ends with it (`exit.rs`).

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use formats::cmdline::CommandLine;
use linux_raw_sys::general::AT_FDCWD;

use super::arguments::Arguments;
use super::{Process, Task, call_log, caller, exec, table};
use crate::abi::errno::Errno;
use crate::arch::percpu::work;
use crate::dev::log::log;
use crate::process::exec_threads;
use crate::sched::run_queue;
use crate::vfs::fdtable::FdTable;
use crate::vfs::file::flags::O_RDWR;
use crate::vfs::open;

/// Starts init with the path, arguments and environment of the kernel command line, and runs it.
pub fn start(options: &CommandLine) -> ! {
    let path = options.rdinit.as_deref().unwrap_or(b"/init");
    match spawn(path, options) {
        Ok(()) => run_queue::run(),
        Err(errno) => {
            let name = errno.name().unwrap_or("?");
            panic!(
                "cannot start {}: {name} ({})",
                String::from_utf8_lossy(path),
                errno.text()
            )
        }
    }
}

fn spawn(path: &[u8], options: &CommandLine) -> Result<(), Errno> {
    let mut args: Vec<Vec<u8>> = vec![path.to_vec()];
    args.extend(options.init_args.iter().cloned());
    log!(
        "init: {}",
        args.iter()
            .map(|a| String::from_utf8_lossy(a))
            .collect::<Vec<_>>()
            .join(" ")
    );
    let arguments = Arguments::of_init(path, &args, &options.init_env)?;
    let loaded = exec::load(path, arguments).map_err(|refusal| refusal.errno)?;
    let pid = table::reserve()?;
    debug_assert_eq!(pid, Process::INIT);
    let process = Arc::new(Process::new(
        pid,
        console_files()?,
        crate::vfs::path::FsContext::root(),
    ));
    let task = Task::new(pid, process, &loaded.frame)?;
    exec::install(&task, &loaded);
    if options.strace {
        task.set_work(work::TRACE);
        if let Some(log) = call_log::events() {
            (log.started)(path, &args, options.init_env.len(), &loaded.frame);
        }
    }
    exec_threads::enter(&task);
    run_queue::start(task);
    Ok(())
}

/// Descriptors 0, 1 and 2 on the console.
///
/// # Errors
/// `ENOMEM`.
pub fn console_files() -> Result<FdTable, Errno> {
    const CONSOLE: &[u8] = b"/dev/console";
    let console = caller::walk_at(AT_FDCWD, CONSOLE, |walk, _| {
        open::open(walk, CONSOLE, O_RDWR, 0, 0)
    })?;
    let mut files = FdTable::new();
    for _ in 0..3 {
        files.insert(&console, false, 0, 3)?;
    }
    Ok(files)
}
