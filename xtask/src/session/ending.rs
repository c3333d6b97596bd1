//! How a program's run ended: as a message, and as this command's exit status.
//!
//! | status | what happened |
//! |---|---|
//! | 0 to 255 | the program's own |
//! | 127 | the kernel did not start it |
//! | 128 + n | signal n ended it |
//! | 122 | the kernel panicked |
//! | 123 | the machine was reset |
//! | 124 | the time limit passed |
//! | 125 | QEMU did not start, or was ended |
//!
//! A program may exit with any of these statuses itself: the message distinguishes the two.

use harness::{Outcome, Verdict};

use super::frames::Ended;
use crate::ui;

/// Names of the signals from 1 on, without SIG.
const SIGNALS: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];
/// The first signal that a program may use as it likes; glibc keeps two below it.
const SIGRTMIN: u8 = 34;

/// init's report of the program.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How it ended, if by itself.
    pub ended: Option<Ended>,
    /// Whether the time limit passed before it and its process group had ended.
    pub limit_passed: bool,
    /// The archive of its working directory.
    pub archive: Vec<u8>,
    /// Why it was not started.
    pub not_started: Option<String>,
}

/// Prints how the program called `name` ended, unless with status 0; returns the exit status.
pub fn exit_code(name: &str, report: &Report, outcome: &Outcome) -> u8 {
    let (words, code) = judge(name, report, &outcome.verdict);
    if let Some(words) = words {
        ui::note(words);
    }
    code
}

fn judge(name: &str, report: &Report, verdict: &Verdict) -> (Option<String>, u8) {
    let verdict = match verdict {
        // init ended the rest.
        Verdict::Pass if report.limit_passed => &Verdict::Timeout,
        other => other,
    };
    let code = verdict.exit_code();
    let ended = report.ended.filter(|_| *verdict == Verdict::Pass);
    let words = match (ended, verdict) {
        (Some(_), _) if report.not_started.is_some() => {
            let why = report.not_started.as_deref().unwrap_or_default();
            return (Some(format!("{name} cannot be started: {why}")), 127);
        }
        (Some(Ended::Exit(0)), _) => return (None, 0),
        (Some(Ended::Exit(status)), _) => {
            return (Some(format!("{name} exited with status {status}")), status);
        }
        (Some(Ended::Signal(signal)), _) => {
            let words = format!(
                "{name} was ended by signal {signal} ({})",
                signal_name(signal)
            );
            return (Some(words), 128 + signal);
        }
        (None, Verdict::PowerOff) => format!("{name} powered the machine off"),
        (None, Verdict::Timeout) if report.ended.is_some() => format!(
            "{name} ended, but processes that it had left behind ran until the time limit passed"
        ),
        (None, Verdict::Timeout) => {
            format!("the time limit passed before {name} ended (LIMIT= sets another)")
        }
        (None, Verdict::Quit) => format!("QEMU was ended before {name} was"),
        (None, Verdict::Pass | Verdict::InitFailed) => {
            return (
                Some(format!("the machine ended without a word about {name}")),
                125,
            );
        }
        (None, other) => format!("{other}"),
    };
    let code = if *verdict == Verdict::Quit { 125 } else { code };
    (Some(words), code)
}

fn signal_name(signal: u8) -> String {
    match (SIGNALS.get(usize::from(signal).wrapping_sub(1)), signal) {
        (Some(name), _) => format!("SIG{name}"),
        (None, SIGRTMIN) => "SIGRTMIN".into(),
        (None, SIGRTMIN..) => format!("SIGRTMIN+{}", signal - SIGRTMIN),
        (None, _) => format!("SIGRTMIN-{}", SIGRTMIN - signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(how: Ended) -> Report {
        Report {
            ended: Some(how),
            ..Report::default()
        }
    }

    #[test]
    fn every_end_has_words_and_a_status_of_its_own() {
        let said = |report: &Report, verdict: Verdict| judge("./a", report, &verdict);
        assert_eq!(said(&ended(Ended::Exit(0)), Verdict::Pass), (None, 0));
        let (words, code) = said(&ended(Ended::Exit(3)), Verdict::Pass);
        assert_eq!(
            (words.as_deref(), code),
            (Some("./a exited with status 3"), 3)
        );
        let (words, code) = said(&ended(Ended::Signal(11)), Verdict::Pass);
        let words = words.expect("words");
        assert_eq!(
            (&words[..], code),
            ("./a was ended by signal 11 (SIGSEGV)", 139)
        );
        let mut seen = std::collections::BTreeSet::new();
        for verdict in [
            Verdict::Panic,
            Verdict::Reset,
            Verdict::Timeout,
            Verdict::Quit,
            Verdict::Qemu("it would not start".into()),
        ] {
            let (words, code) = said(&Report::default(), verdict);
            assert!((122..126).contains(&code));
            assert!(seen.insert(words.expect("words")));
        }
        let late = |ended| Report {
            ended,
            limit_passed: true,
            ..Report::default()
        };
        for (ended, words) in [
            (None, "the time limit passed before ./a ended"),
            (
                Some(Ended::Exit(0)),
                "./a ended, but processes that it had left behind",
            ),
        ] {
            let (said, code) = said(&late(ended), Verdict::Pass);
            assert!(said.expect("words").starts_with(words) && code == 124);
        }
        // A panic counts, though the program had ended before.
        assert_eq!(said(&ended(Ended::Exit(0)), Verdict::Panic).1, 122);
    }

    #[test]
    fn signals_have_their_names() {
        assert_eq!(signal_name(6), "SIGABRT");
        assert_eq!(signal_name(31), "SIGSYS");
        assert_eq!(signal_name(33), "SIGRTMIN-1");
        assert_eq!(signal_name(36), "SIGRTMIN+2");
    }
}
