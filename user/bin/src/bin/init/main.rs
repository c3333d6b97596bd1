//! The init of `make run PROGRAM=`: runs one program as an ordinary process and reports how it
//! ended.
//!
//! As process 1 the program would have no default signal actions and no parent to wait for it.
//! Instead it is process 2, leader of a process group: the terminal's foreground group if standard
//! input is a terminal, else in a session without a terminal. The run ends when the whole group has
//! ended; init reaps orphans meanwhile. Then init sends what is in the working directory, if the
//! host wants it ([`archive`]).
//!
//! `/trident/request` is the request ([`request`]). [`relay`] transfers files that are not a
//! terminal on the host, in frames ([`frame`]). The other end is `xtask/src/session/`.
#![no_std]
#![cfg_attr(bare, no_main)]

mod archive;
mod calls;
mod frame;
mod relay;
mod request;

use core::ffi::CStr;

use sys::{Env, os};

use calls::Signals;
use frame::Line;
use relay::Relay;
use request::{End, Request};

sys::entry!(run);

/// The program's working directory.
const WORK: &CStr = c"/work";

/// Exit status if the program can't be started, as in a shell.
const NOT_STARTED: i32 = 127;

fn run(env: &Env) -> i32 {
    let mut text = [0; request::MAX];
    let mut argv = [0; request::MAX_WORDS];
    let Some(request) = Request::read(env, &mut text, &mut argv) else {
        sys::println!("init: invalid request in /trident/request");
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

/// Runs the program to its end. Returns init's exit status: 0 if a frame reported the end to the
/// host, else the program's.
fn start(env: &Env, request: &Request) -> Result<i32, sys::Errno> {
    let terminal = calls::open_line()?;
    let mut line = Line::new(terminal, request.token);
    let at_terminal = request.ends[0] == End::Terminal;
    calls::chdir(WORK)?;
    calls::setsid()?;
    if at_terminal {
        calls::make_controlling(terminal)?;
        if let Some(window) = request.window {
            calls::set_window(terminal, window)?;
        }
    } else {
        calls::make_raw(terminal)?;
    }
    // SIGTTOU as well: init writes to the terminal but is never in the foreground.
    let signals = Signals::block()?;
    let (mut relay, ends) = Relay::new(request, terminal, signals.file())?;
    let child = os::fork()?;
    if child == 0 {
        become_program(env, request, &mut line, &signals, ends);
    }
    // The child does the same: whichever runs first.
    let _ = calls::setpgid(child, child);
    for end in ends.into_iter().filter(|end| *end != terminal) {
        os::close(end)?;
    }
    line.send(frame::READY, &[]);
    let ending = relay.run(&mut line, child);
    if request.archived {
        archive::send(&mut line, WORK);
    }
    Ok(match ending {
        _ if line.is_framed() => 0,
        os::Ending::Exit(status) => status,
        os::Ending::Signal(signal) => 128 + signal,
    })
}

/// The child: sets its process group, its three files and its signals, and executes the program.
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
        calls::trace_self();
    }
    // SAFETY: both arrays end with a null pointer, and their strings live as long as init.
    let errno = unsafe { os::execve(request.path(), request.argv.as_ptr(), env.envp()) };
    line.send(frame::NOT_STARTED, errno.name().as_bytes());
    os::exit(NOT_STARTED)
}
