//! All cases that boot a machine, in one test binary without libtest, but with its arguments and
//! output (`cargo test`'s filters and `cargo nextest` work). It runs as many machines at a time as
//! the host has cores.
//!
//! A module lists its cases in `pub fn cases()`; a new module needs a line in `MODULES`. Each case
//! describes a machine ([`harness::Vm`]), boots it and checks its output.

#![forbid(unsafe_code)]

mod applets;
mod boot_matrix;
mod debian;
mod debugger;
mod drop_in;
mod dynamic;
mod execve;
mod files;
mod firmware;
mod iso;
mod long_calls;
mod memory;
mod no_memory;
mod numbers;
mod on_linux;
mod out_of_memory;
mod own_programs;
mod processes;
mod procps;
mod random;
mod real_programs;
mod rights;
mod run_program;
mod shell;
mod signals;
mod smoke;
mod stock_bootloader;
mod strace;
mod terminals;
mod threads;
mod tour;
mod transcripts;
mod vendors;
mod waiting;
mod watched_files;
mod way_back;

use std::process::ExitCode;

use harness::Case;
use libtest_mimic::{Arguments, Failed, Trial};

type Module = (&'static str, fn() -> Vec<Case>);

const MODULES: &[Module] = &[
    ("smoke", smoke::cases),
    ("drop_in", drop_in::cases),
    ("terminals", terminals::cases),
    ("threads", threads::cases),
    ("tour", tour::cases),
    ("boot_matrix", boot_matrix::cases),
    ("real_programs", real_programs::cases),
    ("run_program", run_program::cases),
    ("dynamic", dynamic::cases),
    ("applets", applets::cases),
    ("debian", debian::cases),
    ("debugger", debugger::cases),
    ("transcripts", transcripts::cases),
    ("out_of_memory", out_of_memory::cases),
    ("own_programs", own_programs::cases),
    ("execve", execve::cases),
    ("files", files::cases),
    ("firmware", firmware::cases),
    ("processes", processes::cases),
    ("rights", rights::cases),
    ("procps", procps::cases),
    ("signals", signals::cases),
    ("long_calls", long_calls::cases),
    ("watched_files", watched_files::cases),
    ("memory", memory::cases),
    ("no_memory", no_memory::cases),
    ("random", random::cases),
    ("numbers", numbers::cases),
    ("iso", iso::cases),
    ("shell", shell::cases),
    ("stock_bootloader", stock_bootloader::cases),
    ("strace", strace::cases),
    ("vendors", vendors::cases),
    ("waiting", waiting::cases),
    ("way_back", way_back::cases),
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trials = MODULES.iter().flat_map(|(module, cases)| {
        cases().into_iter().map(move |case| {
            let name = format!("{module}::{}", case.name);
            if let Some(reason) = &case.left_out {
                eprintln!("{name} is left out: {reason}");
            }
            let run = case.run;
            Trial::test(name, move || {
                run().map_err(|error| Failed::from(format!("{error:#}")))
            })
            .with_ignored_flag(case.left_out.is_some())
        })
    });
    let trials: Vec<Trial> = trials.collect();
    let filter = arguments.filter.as_deref().unwrap_or_default();
    if !trials.iter().any(|trial| trial.name().contains(filter)) {
        eprintln!("error: no case has {filter:?} in its name (`-- --list` prints all names)");
        return ExitCode::FAILURE;
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
