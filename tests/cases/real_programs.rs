//! Unmodified third-party programs: their output equals that on the host's Linux.

use std::fs;

use anyhow::{Context, Result, ensure};
use harness::programs::{Compiler, busybox, compile};
use harness::{Case, Initramfs, Outcome, Verdict, Vm, cases, oracle, paths};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let mut cases = cases![
        busybox_echo,
        busybox_uname,
        busybox_date,
        busybox_cat,
        busybox_ls,
        busybox_wc,
        busybox_md5sum_of_10_megabytes,
        busybox_without_an_applet,
        busybox_false_fails,
    ];
    for program in ["hello", "libc_tour"] {
        cases.extend(Compiler::ALL.map(|compiler| {
            Case::new(format!("{program}::{}", compiler.name()), move || {
                same(program, compiler)
            })
        }));
    }
    cases
}

/// A C program has the same output and exit status as on the host.
fn same(name: &str, compiler: Compiler) -> Result<()> {
    let program = compile(name, compiler)?;
    let arguments = ["one", "two"];
    let files = Initramfs::new().executable_from("/init", &program)?;
    let vm = Vm::new().initramfs(&files).append("quiet -- one two");
    let outcome = vm.run()?;
    outcome.expect(Verdict::Pass)?;
    if oracle::AVAILABLE {
        let answer = oracle::ask(&program, &arguments)?;
        ensure!(
            answer.status == Some(0),
            "the host's own run failed: {answer:?}"
        );
        compare(&outcome, &answer.stdout)?;
    }
    Ok(())
}

/// The machine's output contains the host's, without kernel messages in between.
fn compare(outcome: &Outcome, expected: &str) -> Result<()> {
    outcome.contains(expected.trim_end())?;
    Ok(())
}

/// An archive with busybox as init and a few files.
fn applets() -> Result<Initramfs> {
    Ok(Initramfs::new()
        .executable_from("/bin/busybox", &busybox()?)?
        .file("/etc/motd", "Three doors lead in.\nOne word leads out.\n")
        .file("/data", random_data()))
}

/// Ten megabytes of pseudorandom bytes, the same in each run.
fn random_data() -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(3);
    std::iter::repeat_with(|| random.u8(..))
        .take(10_000_000)
        .collect()
}

/// Boots `busybox WORDS` as init.
fn applet(words: &str) -> Result<Outcome> {
    Vm::new()
        .initramfs(&applets()?)
        .append(format!("quiet rdinit=/bin/busybox -- {words}"))
        .run()
}

fn busybox_echo() -> Result<()> {
    let outcome = applet("echo from one door to another")?;
    outcome
        .expect(Verdict::Pass)?
        .contains("from one door to another\n")?;
    Ok(())
}

fn busybox_uname() -> Result<()> {
    let outcome = applet("uname -a")?;
    outcome
        .expect(Verdict::Pass)?
        .contains("Linux ")?
        .contains("x86_64")?;
    Ok(())
}

fn busybox_date() -> Result<()> {
    let before = unix_time();
    let outcome = applet("date +seconds:%s:")?;
    outcome.expect(Verdict::Pass)?;
    let text = outcome
        .serial
        .split("seconds:")
        .nth(1)
        .and_then(|rest| rest.split(':').next());
    let printed: i64 = text.context("no time printed")?.parse()?;
    // The CMOS clock counts whole seconds.
    ensure!(
        (before - 2..=unix_time() + 2).contains(&printed),
        "{printed} is not {before}"
    );
    Ok(())
}

fn unix_time() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_secs() as i64)
}

fn busybox_cat() -> Result<()> {
    let outcome = applet("cat /etc/motd")?;
    outcome
        .expect(Verdict::Pass)?
        .contains("Three doors lead in.\nOne word leads out.\n")?;
    Ok(())
}

fn busybox_ls() -> Result<()> {
    let outcome = applet("ls -l /")?;
    outcome.expect(Verdict::Pass)?;
    for line in [
        "-rw-r--r--    1 0        0         10000000 ",
        " data\n",
        " bin\n",
        " dev\n",
    ] {
        outcome.contains(line)?;
    }
    Ok(())
}

fn busybox_wc() -> Result<()> {
    let outcome = applet("wc /data /etc/motd")?;
    outcome.expect(Verdict::Pass)?;
    let answer = on_host(&["wc"], &["/data", "/etc/motd"])?;
    for line in answer.lines() {
        outcome.contains(line)?;
    }
    Ok(())
}

fn busybox_md5sum_of_10_megabytes() -> Result<()> {
    let outcome = applet("md5sum /data")?;
    outcome.expect(Verdict::Pass)?;
    outcome.contains(on_host(&["md5sum"], &["/data"])?.trim_end())?;
    Ok(())
}

fn busybox_without_an_applet() -> Result<()> {
    let outcome = applet("")?;
    outcome
        .expect(Verdict::Pass)?
        .contains("multi-call binary")?;
    Ok(())
}

fn busybox_false_fails() -> Result<()> {
    applet("false")?
        .expect(Verdict::InitFailed)?
        .contains("status 1")?;
    Ok(())
}

/// The host's busybox output for the same files, with the host's paths replaced.
fn on_host(applet: &[&str], files: &[&str]) -> Result<String> {
    let directory = paths::scratch().join(format!("busybox-{}", fastrand::u64(..)));
    fs::create_dir_all(directory.join("etc"))?;
    fs::write(directory.join("data"), random_data())?;
    fs::write(
        directory.join("etc/motd"),
        "Three doors lead in.\nOne word leads out.\n",
    )?;
    let places: Vec<String> = files
        .iter()
        .map(|file| format!("{}{file}", directory.display()))
        .collect();
    let words: Vec<&str> = applet
        .iter()
        .copied()
        .chain(places.iter().map(String::as_str))
        .collect();
    let answer = oracle::ask(&busybox()?, &words);
    fs::remove_dir_all(&directory)?;
    Ok(answer?.stdout.replace(&directory.display().to_string(), ""))
}
