//! Smoke tests: the machine boots, and the harness distinguishes all kinds of ends of a run.

use std::time::Duration;

use anyhow::Result;
use harness::programs::{Compiler, compile};
use harness::{Case, Initramfs, Verdict, Vm, cases, paths, token};

/// This module's cases.
pub fn cases() -> Vec<Case> {
    cases![
        init_that_exits_with_0_passes,
        only_the_test_build_has_its_checks,
        init_that_exits_with_3_fails,
        init_killed_by_a_signal_fails,
        arguments_and_environment_reach_init,
        power_off_is_not_a_pass,
        a_missing_init_is_a_panic,
        a_panic_ends_the_run_at_once,
        no_initramfs_is_a_panic,
        a_damaged_init_is_a_panic,
        a_reset_is_not_a_power_off,
        a_hang_ends_at_the_time_limit,
    ]
}

/// A machine whose init, `tests/programs/ending.c`, ends in the given way.
fn ending(how: &str) -> Result<Vm> {
    let program = compile("ending", Compiler::Glibc64)?;
    let files = Initramfs::new().executable_from("/init", &program)?;
    Ok(Vm::new().initramfs(&files).append(format!("-- {how}")))
}

fn init_that_exits_with_0_passes() -> Result<()> {
    let token = token::random();
    let outcome = ending(&format!("exit 0 {token}"))?.run()?;
    outcome
        .expect(Verdict::Pass)?
        .contains(&format!("token: {token}"))?;
    Ok(())
}

fn only_the_test_build_has_its_checks() -> Result<()> {
    let line = "test build: overflow checks";
    let vm = ending("exit 0 token")?;
    let outcome = vm.clone().checked().run()?;
    outcome.expect(Verdict::Pass)?.contains(line)?;
    let outcome = vm.kernel(paths::boot_image()).run()?;
    outcome.expect(Verdict::Pass)?.lacks(line)?;
    Ok(())
}

fn init_that_exits_with_3_fails() -> Result<()> {
    let outcome = ending("exit 3")?.run()?;
    outcome.expect(Verdict::InitFailed)?.contains("status 3")?;
    Ok(())
}

fn init_killed_by_a_signal_fails() -> Result<()> {
    let outcome = ending("null")?.run()?;
    outcome.expect(Verdict::InitFailed)?.contains("signal 11")?;
    let outcome = ending("trap")?.run()?;
    outcome.expect(Verdict::InitFailed)?.contains("signal 4")?;
    Ok(())
}

fn arguments_and_environment_reach_init() -> Result<()> {
    let (word, value) = (token::random(), token::random());
    // Words before ` -- ` of the form NAME=value go to init's environment.
    let vm = ending(&format!("env 0 {word}"))?.append_first(format!("TOKEN={value}"));
    let outcome = vm.run()?;
    outcome.expect(Verdict::Pass)?;
    outcome
        .contains(&format!("token: {word}"))?
        .contains(&format!("environment: {value}"))?;
    Ok(())
}

fn power_off_is_not_a_pass() -> Result<()> {
    ending("poweroff")?.run()?.expect(Verdict::PowerOff)?;
    Ok(())
}

fn a_reset_is_not_a_power_off() -> Result<()> {
    ending("restart")?.run()?.expect(Verdict::Reset)?;
    Ok(())
}

fn a_hang_ends_at_the_time_limit() -> Result<()> {
    let vm = ending("hang 0 token")?.timeout(Duration::from_secs(3));
    vm.run()?
        .expect(Verdict::Timeout)?
        .contains("token: token")?;
    Ok(())
}

fn a_missing_init_is_a_panic() -> Result<()> {
    let files = Initramfs::new().file("/etc/motd", "a file");
    let outcome = Vm::new().initramfs(&files).run()?;
    outcome.expect(Verdict::Panic)?.contains("/init")?;
    Ok(())
}

fn a_panic_ends_the_run_at_once() -> Result<()> {
    let files = Initramfs::new().file("/etc/motd", "a file");
    let outcome = Vm::new()
        .initramfs(&files)
        .append("rdinit=/nowhere")
        .run()?;
    outcome.expect(Verdict::Panic)?.contains("/nowhere")?;
    // Message, location, and a backtrace with names.
    outcome
        .contains("panic")?
        .contains(".rs:")?
        .contains("trident::")?;
    anyhow::ensure!(outcome.elapsed.as_secs() < 20, "took {:?}", outcome.elapsed);
    Ok(())
}

fn no_initramfs_is_a_panic() -> Result<()> {
    Vm::new().run()?.expect(Verdict::Panic)?;
    Ok(())
}

fn a_damaged_init_is_a_panic() -> Result<()> {
    let mut program = std::fs::read(compile("ending", Compiler::Glibc64)?)?;
    program.truncate(100);
    for init in [
        program,
        b"\x7fELF".to_vec(),
        Vec::new(),
        b"#!/nowhere\n".to_vec(),
    ] {
        let files = Initramfs::new().executable("/init", init);
        Vm::new().initramfs(&files).run()?.expect(Verdict::Panic)?;
    }
    Ok(())
}
