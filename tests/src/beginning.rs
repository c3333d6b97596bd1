//! The initial state of a program on the host: init's here, independent of how the tests are run.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Result, ensure};

/// init's soft limits (kernel/src/abi/limits.rs).
const LIMITS: [(libc::__rlimit_resource_t, libc::rlim_t); 13] = [
    (libc::RLIMIT_CPU, libc::RLIM_INFINITY),
    (libc::RLIMIT_FSIZE, libc::RLIM_INFINITY),
    (libc::RLIMIT_DATA, libc::RLIM_INFINITY),
    (libc::RLIMIT_STACK, 8 << 20),
    (libc::RLIMIT_CORE, 0),
    (libc::RLIMIT_RSS, libc::RLIM_INFINITY),
    (libc::RLIMIT_NPROC, 4096),
    (libc::RLIMIT_NOFILE, 1024),
    (libc::RLIMIT_MEMLOCK, 8 << 20),
    (libc::RLIMIT_AS, libc::RLIM_INFINITY),
    (libc::RLIMIT_LOCKS, libc::RLIM_INFINITY),
    (libc::RLIMIT_SIGPENDING, 4096),
    (libc::RLIMIT_MSGQUEUE, 819_200),
];

/// Makes `command` start its program in init's initial state: niceness 0 under SCHED_OTHER, no I/O
/// priority, umask 022, no signal blocked or ignored, init's soft limits (or the hard ones, where they
/// are lower), no personality, oom_score_adj 0, and no descriptors but the first three.
///
/// # Errors
/// The tests run at another niceness, and are not allowed to change it.
pub fn state(command: &mut Command) -> Result<()> {
    let nice = rustix::process::getpriority_process(None)?;
    ensure!(
        nice <= 0 || crate::oracle::is_root(),
        "the tests run at niceness {nice}, which shows in what programs print, and only root can undo: run \
         them without nice(1), or as root"
    );
    // SAFETY: `begin` makes system calls only: it neither allocates nor takes a lock.
    unsafe { command.pre_exec(begin) };
    Ok(())
}

/// In the child, before it becomes the program.
fn begin() -> io::Result<()> {
    let common = libc::sched_param { sched_priority: 0 };
    // SAFETY: all pointers passed to the calls are to values on this stack, or to constants.
    unsafe {
        libc::umask(0o022);
        libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const common);
        if libc::setpriority(libc::PRIO_PROCESS, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        // IOPRIO_WHO_PROCESS, no I/O priority: the niceness decides.
        libc::syscall(libc::SYS_ioprio_set, 1, 0, 0);
        libc::personality(0);
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        // Raw calls: the C library refuses its two internal signals.
        let default = [0_u64; 4];
        for signal in 1..=libc::SIGRTMAX() {
            let nowhere = std::ptr::null_mut::<u64>();
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), nowhere, 8);
        }
        for (resource, wanted) in LIMITS {
            let mut limit = std::mem::zeroed::<libc::rlimit>();
            if libc::getrlimit(resource, &raw mut limit) == 0 {
                limit.rlim_cur = wanted.min(limit.rlim_max);
                libc::setrlimit(resource, &raw const limit);
            }
        }
        let score = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
        libc::write(score, c"0".as_ptr().cast(), 1);
        // Close-on-exec rather than closed: one of them reports a failed exec to the parent.
        libc::close_range(
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC as libc::c_int,
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Changes every part of the state that a test runner may have changed.
    fn disturb() -> io::Result<()> {
        // SAFETY: as in `begin`.
        unsafe {
            libc::umask(0o077);
            libc::setpriority(libc::PRIO_PROCESS, 0, 7);
            libc::sched_setscheduler(
                0,
                libc::SCHED_BATCH,
                &libc::sched_param { sched_priority: 0 },
            );
            libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
            let mut all = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
            for signal in [libc::SIGINT, libc::SIGPIPE, libc::SIGRTMAX()] {
                libc::signal(signal, libc::SIG_IGN);
            }
            for resource in [libc::RLIMIT_STACK, libc::RLIMIT_NOFILE] {
                let mut limit = std::mem::zeroed::<libc::rlimit>();
                libc::getrlimit(resource, &raw mut limit);
                limit.rlim_cur = 64 << 10;
                libc::setrlimit(resource, &raw const limit);
            }
            libc::dup2(1, 17);
            let score = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
            libc::write(score, c"300".as_ptr().cast(), 3);
        }
        Ok(())
    }

    #[test]
    fn a_program_begins_as_init_does_however_the_tests_are_run() {
        const SCRIPT: &str = "nice; umask; grep -E '^Sig(Blk|Ign)' /proc/self/status; ulimit -Ss; \
            cut -d' ' -f41 /proc/self/stat; cat /proc/self/personality /proc/self/oom_score_adj; \
            ls /proc/self/fd | wc -l";
        if !crate::oracle::is_root() {
            return;
        }
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT]);
        // SAFETY: as in `state`.
        unsafe { command.pre_exec(disturb) };
        state(&mut command).expect("root may");
        let output = command.output().expect("there is a shell");
        let expected = "0\n0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n8192\n0\n00000000\n0\n4\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
