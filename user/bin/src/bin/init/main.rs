//! The init of `make run PROGRAM=`: runs one program as an ordinary process, and says how it ended.
//!
//! As process 1 the program would have no default actions of signals and no parent to wait for
//! it. Here it is process 2 at the head of a process group: in the foreground of the terminal
//! where standard input is one, in a session without a terminal where it is not. The run ends when the
//! program and what is left of its group have ended; orphans are reaped meanwhile.
//!
//! `/sbin/init.run` holds the request ([`request`]). Files that are not a terminal on the host
//! travel in frames ([`frame`]), which [`relay`] moves. The other end is `xtask/src/session/`.
#![no_std]
#![cfg_attr(bare, no_main)]

mod calls;
mod frame;
mod relay;
mod request;

use sys::{Env, os};

use calls::Signals;
use frame::Line;
use relay::Relay;
use request::{End, Request};

sys::entry!(run);

/// The status of a program that cannot be started, as a shell has it.
const NOT_STARTED: i32 = 127;

fn run(env: &Env) -> i32 {
    let mut text = [0; request::MAX];
    let mut argv = [0; request::MAX_WORDS];
    let Some(request) = Request::read(env, &mut text, &mut argv) else {
        sys::println!("init: /sbin/init.run does not say what to run");
        return NOT_STARTED;
    };
    match start(env, &request) {
        Ok(status) => status,
        Err(errno) => {
            sys::println!("init: {errno}");
            NOT_STARTED
        }
    }
}

/// Runs the program to its end. init's own status: 0 where a frame reported the end to the host,
/// else the program's.
fn start(env: &Env, request: &Request) -> Result<i32, sys::Errno> {
    let terminal = calls::open_line()?;
    let mut line = Line::new(terminal, request.token);
    let at_terminal = request.ends[0] == End::Terminal;
    calls::setsid()?;
    if at_terminal {
        calls::make_controlling(terminal)?;
        if let Some(window) = request.window {
            calls::set_window(terminal, window)?;
        }
    } else {
        calls::make_raw(terminal)?;
    }
    // Also SIGTTOU: init is never in the foreground, and writes to the terminal.
    let signals = Signals::block()?;
    let (mut relay, ends) = Relay::new(request, terminal, signals.file())?;
    let child = os::fork()?;
    if child == 0 {
        become_program(env, request, &mut line, &signals, ends);
    }
    // The child does so, too: whichever comes first.
    let _ = calls::setpgid(child, child);
    for end in ends.into_iter().filter(|end| *end != terminal) {
        os::close(end)?;
    }
    line.send(frame::READY, &[]);
    let ending = relay.run(&mut line, child);
    Ok(match ending {
        _ if line.is_framed() => 0,
        os::Ending::Exit(status) => status,
        os::Ending::Signal(signal) => 128 + signal,
    })
}

/// The child: takes its place, its three files and its signals, and becomes the program.
fn become_program(
    env: &Env,
    request: &Request,
    line: &mut Line,
    signals: &Signals,
    ends: [usize; 3],
) -> ! {
    let _ = calls::setpgid(0, 0);
    if request.ends[0] == End::Terminal {
        let _ = calls::set_foreground(line.file(), os::getpid());
    }
    for (file, end) in ends.into_iter().enumerate() {
        let _ = calls::dup2(end, file);
    }
    signals.restore();
    if request.traced {
        calls::trace_oneself();
    }
    // SAFETY: both arrays end with a null, and hold strings that live until the end.
    let errno = unsafe { os::execve(request.path(), request.argv.as_ptr(), env.envp()) };
    line.send(frame::NOT_STARTED, errno.name().as_bytes());
    os::exit(NOT_STARTED)
}
