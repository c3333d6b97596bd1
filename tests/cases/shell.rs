//! The interactive shell on the serial line: typed input and the terminal's output.

use anyhow::Result;
use harness::programs::busybox;
use harness::{Case, Dialogue, Initramfs, Verdict, Vm, cases, debian};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![
        editing_and_history,
        interrupts_and_jobs,
        pipelines_are_one_job,
        pasted_text_is_whole,
        settings,
    ];
    let bash = Case::new("bash_and_script", bash_and_script);
    cases.push(bash.left_out(debian::unavailable()));
    cases
}

/// Starts busybox's shell like `make shell`. Its prompt shows `$?`.
const INIT: &str = "#!/bin/busybox sh
export HOME=/tmp PATH=/bin TERM=linux PS1='<$?> '
/bin/busybox --install -s /bin
cd $HOME
setsid -c sh </dev/ttyS0 >/dev/ttyS0 2>&1
";

/// Runs cat, which copies each line: typed input appears twice, as echo and as copy. The word
/// before it marks that the shell no longer reads the terminal.
const CAT: &str = "echo re''ady; cat\r";

/// Runs the dialogue with the shell, which must exit with status 0.
fn talk(dialogue: Dialogue) -> Result<()> {
    let files = Initramfs::new()
        .executable_from("/bin/busybox", &busybox()?)?
        .executable("/init", INIT)
        .dir("/tmp");
    let vm = Vm::new().initramfs(&files).append("quiet");
    vm.dialogue(dialogue)
        .timeout(std::time::Duration::from_secs(20))
        .run()?
        .expect(Verdict::Pass)?;
    Ok(())
}

fn editing_and_history() -> Result<()> {
    talk(
        Dialogue::new()
            .on("<0> ", "echo a''b\r")
            .on("\nab\r\n<0> ", "\x1b[A\r")
            .on("\nab\r\n<0> ", "echo two''words | rev\r")
            .on("\nsdrowowt\r\n<0> ", "\x1b[A\x1b[A\r")
            .on("\nab\r\n<0> ", "echo a'c'\x1b[D\x1b[D\x1b[Db\x05d\r")
            .on(
                "\nabcd\r\n<0> ",
                "lost\x01echo first \x0b second\x15echo kil\x17e''rased\x01echo \r",
            )
            .on("\necho erased\r\n<0> ", "never\x03")
            .on("<130> ", "false\r")
            .on("<1> ", "ls /bin/ca[kt] >list; cat <list | tr a-z A-Z\r")
            .on("/BIN/CAT\r\n<0> ", "ec\t typed''completed\r")
            .on("\ntypedcompleted\r\n<0> ", "cat <<-end\r")
            .on("> ", "here $((6*7))\r")
            .on("> ", "end\r")
            .on("\nhere 42\r\n<0> ", "nothing-there\r")
            .on("not found\r\n<127> ", "(exit 3)\r")
            .on("<3> ", "true\r")
            .on("<0> ", "\x04"),
    )
}

fn interrupts_and_jobs() -> Result<()> {
    talk(
        Dialogue::new()
            .on("<0> ", CAT)
            .on("ready\r\n", "one\r")
            .on("one\r\none\r\n", "\x03")
            .on("^C", "")
            .on("<130> ", CAT)
            .on("ready\r\n", "two\r")
            .on("two\r\ntwo\r\n", "\x1c")
            .on("^\\", "")
            .on("<131> ", CAT)
            .on("ready\r\n", "three\r")
            .on("three\r\nthree\r\n", "\x1a")
            .on("^Z", "")
            .on("Stopped", "")
            .on("<148> ", "jobs\r")
            .on("[1]+  Stopped", "")
            .on("<0> ", "fg\r")
            .on("cat\r\n", "four\r")
            .on("four\r\nfour\r\n", "\x1a")
            .on("<148> ", "bg\r")
            // A read from the background stops it again.
            .on(
                "<0> ",
                "until ps -o stat,comm | grep -q 'T.*cat'; do sleep 0.01; done; jobs\r",
            )
            .on("Stopped (tty input)", "")
            .on("<0> ", "kill %1; fg\r")
            .on("<143> ", "sleep 1000 & echo $((0 * $!)) ok\r")
            .on("\n0 ok\r\n<0> ", "jobs\r")
            .on("Running", "")
            .on("<0> ", "kill -9 %1; wait %1\r")
            .on("<137> ", "(sleep 0.01; echo be''hind) & wait\r")
            .on("behind\r\n", "")
            .on(
                "<0> ",
                "trap 'echo tr''apped' INT; kill -INT $$; trap - INT\r",
            )
            .on("trapped\r\n<0> ", "sh -c 'kill -TERM $$'\r")
            .on("<143> ", "exit 0\r"),
    )
}

fn pipelines_are_one_job() -> Result<()> {
    talk(
        Dialogue::new()
            .on("<0> ", "echo re''ady; cat | cat | cat\r")
            .on("ready\r\n", "one\r")
            .on("one\r\none\r\n", "\x1a")
            .on(
                "<148> ",
                "ps -o pgid,stat,comm | grep ' T.* cat$' | cut -c1-6 | uniq -c | wc -l\r",
            )
            .on("\n1\r\n<0> ", "echo re''ady; fg\r")
            .on("ready\r\ncat | cat | cat\r\n", "two\r")
            .on("two\r\ntwo\r\n", "\x04")
            .on("<0> ", "yes | head -n 100000 | wc -l\r")
            .on(
                "\n100000\r\n<0> ",
                "cat | { echo re''ady; exec sleep 1000; }\r",
            )
            .on("ready\r\n", "\x03")
            .on("<130> ", "yes\r")
            .on("y\r\ny\r\ny\r\n", "\x03")
            .on("<130> ", "jobs; exit 0\r"),
    )
}

/// A paste larger than the buffers of the port, the line discipline and the shell.
fn pasted_text_is_whole() -> Result<()> {
    let line = "all of these words have to come in their order without one being lost";
    let text: String = (0..300).map(|i| format!("{i} {line}\r")).collect();
    // Lines shorter than the terminal's width, which the shell doesn't wrap.
    let words = "words for the shell to read";
    let commands: String = (0..100)
        .map(|i| format!("echo {i} {words} >>commands\r"))
        .collect();
    let len = text.len() + commands.len() - 100 * "echo  >>commands".len();
    talk(
        Dialogue::new()
            .on("<0> ", "echo re''ady; sleep 0.3; cat >pasted\r")
            .on("ready\r\n", text)
            .on(format!("299 {line}\r\n"), "\x04")
            .on("<0> ", commands)
            .on(format!("99 {words} >>commands\r\n"), "")
            .on("<0> ", "cat pasted commands | wc -c\r")
            .on(format!("\n{len}\r\n<0> "), "\x04"),
    )
}

fn settings() -> Result<()> {
    talk(
        Dialogue::new()
            .on("<0> ", "stty rows 24 cols 80; stty -a\r")
            .on("speed 115200 baud; rows 24; columns 80;", "")
            .on(
                "intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D;",
                "",
            )
            .on("isig icanon iexten echo echoe echok", "")
            .on("<0> ", "stty rows 40 cols 100; stty size; tty\r")
            .on(
                "\n40 100\r\n/dev/ttyS0\r\n<0> ",
                "stty -echo; echo si''lent; read word; stty echo; echo got $word\r",
            )
            .on("silent\r\n", "secret\r")
            .on(
                "got secret\r\n<0> ",
                // The child ignores SIGTERM, like the shell, until it first runs, which on one CPU
                // may be after a second child.
                "sleep 1000 & sleep 0.2; cut -d ' ' -f 7 /proc/$!/stat; kill $!; wait $!\r",
            )
            .on("\n1088\r\n", "")
            .on("<143> ", "read -t 0.05 word; echo status $?\r")
            .on("status 1\r\n", "")
            .on("<0> ", "exit 0\r"),
    )
}

/// Starts Debian's bash. The prompt starts a line, whatever readline sends before it.
const BASH_INIT: &str = "#!/bin/sh
export HOME=/root PATH=/usr/bin:/bin TERM=linux PS1='<$?> ' INPUTRC=/case/inputrc
cd /tmp
setsid --ctty bash --norc --noprofile </dev/ttyS0 >/dev/ttyS0 2>&1
";

/// Debian's own programs: bash's job control, and util-linux's script(1) on a pseudo-terminal.
fn bash_and_script() -> Result<()> {
    let mut archive = std::fs::read(debian::archive())?;
    let files = Initramfs::new()
        .executable("/case/init", BASH_INIT)
        .file("/case/inputrc", "set enable-bracketed-paste off\n");
    archive.extend_from_slice(&files.build());
    let dialogue = Dialogue::new()
        .on("<0> ", CAT)
        .on("ready\r\n", "one\r")
        .on("one\r\none\r\n", "\x03")
        .on("^C", "")
        .on("<130> ", CAT)
        .on("ready\r\n", "two\r")
        .on("two\r\ntwo\r\n", "\x1a")
        .on("Stopped", "")
        .on("<148> ", "jobs -l | grep -c Stopped\r")
        .on("\n1\r\n<0> ", "fg\r")
        .on("cat\r\n", "three\r")
        .on("three\r\nthree\r\n", "\x04")
        .on("<0> ", "{ echo re''ady; sleep 1000; } | cat\r")
        // Ctrl-C before the job is in the foreground would be the shell's own.
        .on("ready\r\n", "\x03")
        .on("<130> ", "sleep 1000 & kill %1; wait %1\r")
        .on("<143> ", "echo a''b\r")
        .on("\nab\r\n<0> ", "\x1b[A\x7fc\r")
        .on("\nac\r\n<0> ", "\x12sleep 1000 |\x05\x15echo re''placed\r")
        .on("\nreplaced\r\n<0> ", "stty rows 33 cols 99; tty\r")
        .on(
            "/dev/ttyS0\r\n<0> ",
            "script -q -c 'tty; stty size; echo in''side' log\r",
        )
        .on("/dev/pts/0\r\n33 99\r\ninside\r\n", "")
        .on("<0> ", "script -q log\r")
        .on("<0> ", CAT)
        .on("ready\r\n", "copied\r")
        .on("copied\r\ncopied\r\n", "\x1a")
        .on("<148> ", "kill %1; fg\r")
        .on("<143> ", "exit 0\r")
        .on("<0> ", "grep -c copied log; ls /dev/pts\r")
        .on("\n2\r\nptmx\r\n<0> ", "ps -o tty,comm | tail -n 1\r")
        .on("ttyS0    tail\r\n<0> ", "exit 0\r");
    let vm = Vm::new().memory("512M").initrd(archive);
    let vm = vm.append("quiet rdinit=/case/init").dialogue(dialogue);
    vm.run()?.expect(Verdict::Pass)?;
    Ok(())
}
