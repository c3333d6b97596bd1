//! Lab 2, a new system call: the grader writes random counts into the kernel's counters, which no
//! program can know, and has its program ask for them by both doors.

use anyhow::{Context as _, Result};
use harness::gdb::{self, Gdb};

use super::{go_to_program, hex, lines_of};
use crate::crash::Crash;
use crate::grade::Context;
use crate::machine::{Bench, Machine};
use crate::report::Marks;

const EINVAL: i64 = -22;
const EFAULT: i64 = -14;
const ENOSYS: i64 = -38;
/// Counts asked for, two of each door.
const ASKS: usize = 8;
/// The kernel's counters: doors, and numbers of each.
const DOORS: usize = 4;
const NUMBERS: u64 = 471;
/// Numbers that the program doesn't call: their counters stay as written.
const FREE: std::ops::Range<u64> = 100..380;

/// A counter and what the grader writes into it.
#[derive(Clone, Copy, Debug)]
struct Ask {
    door: u64,
    number: u64,
    count: u64,
}

/// Marks all checks.
pub fn grade(
    context: &mut Context<'_>,
    bench: &Bench,
    marks: &mut Marks<'_>,
) -> Result<Option<Crash>> {
    let number = &context.variant.context("a variant")?.value;
    let asks = asks(&mut context.random);
    let machine = Machine::new(context.program, &[number, "0"]);
    let symbols = gdb::symbols(context.program)?;
    let given = asks.clone();
    let watched = bench.watch(&machine, move |gdb| write_counts(gdb, &symbols, &given))?;
    counts(&watched.serial, number, &asks, marks)?;
    arguments(&watched.serial, marks)?;
    pointers(&watched.serial, marks)?;
    match watched.end() {
        Some(crash) => Ok(Some(crash)),
        None => log(context, bench, marks),
    }
}

fn asks(random: &mut fastrand::Rng) -> Vec<Ask> {
    let mut asks: Vec<Ask> = Vec::new();
    while asks.len() < ASKS {
        let door = (asks.len() % DOORS) as u64;
        let number = random.u64(FREE);
        if asks.iter().all(|ask| ask.number != number) {
            // Neither half is small or the same in two counters.
            let count = random.u64(..) | 1 << 63 | 1 << 31;
            asks.push(Ask {
                door,
                number,
                count,
            });
        }
    }
    asks
}

/// At the program's place `ready`: the counts go into the kernel's counters, the questions into the
/// program.
fn write_counts(gdb: &mut Gdb, program: &[(String, u64)], asks: &[Ask]) -> Result<()> {
    let of = |name: &str| {
        let found = program.iter().find(|(symbol, _)| symbol == name);
        found
            .map(|(_, at)| *at)
            .with_context(|| format!("no {name}"))
    };
    go_to_program(gdb, of("ready")?)?;
    let counters = gdb.symbol("CALLS")?;
    for (place, ask) in (0..).zip(asks) {
        let at = counters + 8 * (ask.door * NUMBERS + ask.number);
        gdb.write(at, &ask.count.to_le_bytes())?;
        gdb.write(of("ask_door")? + 8 * place, &ask.door.to_le_bytes())?;
        gdb.write(of("ask_number")? + 8 * place, &ask.number.to_le_bytes())?;
    }
    Ok(())
}

/// The checks `x86_64`, `i386`, `count` and `width`.
fn counts(serial: &str, number: &str, asks: &[Ask], marks: &mut Marks<'_>) -> Result<()> {
    let rows = lines_of(serial, "ask");
    for row in &rows {
        let [way, place, result, before, count, after] = row[..] else {
            continue;
        };
        let (result, found): (i64, u64) = (result.parse()?, hex(count)?);
        let ask = asks[place.parse::<usize>()?];
        let is_64 = way == "SYSCALL";
        let table = if is_64 { "x86_64" } else { "i386" };
        let text = |value: u64| format!("{value:#x}");
        let way = way.replace('-', " ");
        let common = [
            ("door", ask.door.to_string()),
            ("nr", ask.number.to_string()),
            ("way", way.clone()),
            ("result", result.to_string()),
            ("number", number.to_owned()),
            ("found", text(found)),
            ("wanted", text(ask.count)),
        ];
        if result == ENOSYS {
            let message = if is_64 { "no-row-64" } else { "no-row-32" };
            marks.fail(table, message, &common)?;
            continue;
        }
        if result != 0 {
            marks.fail(table, "result", &common)?;
        }
        let lower = u64::from(ask.count as u32);
        if found & 0xffff_ffff == lower && found != ask.count {
            marks.fail("width", "high-half", &common)?;
        } else if found != ask.count {
            let is_another = found < 1 << 20 || asks.iter().any(|other| other.count == found);
            let message = if is_another { "other-door" } else { "count" };
            marks.fail("count", message, &common)?;
        }
        for (value, wanted) in [
            (before, 0x1111_1111_1111_1111),
            (after, 0x3333_3333_3333_3333),
        ] {
            if hex(value)? != wanted {
                let values = [
                    ("way", way.clone()),
                    ("found", value.to_owned()),
                    ("wanted", text(wanted)),
                ];
                marks.fail("width", "beside", &values)?;
            }
        }
    }
    if rows.len() == 2 * ASKS {
        for check in ["x86_64", "i386"] {
            marks.pass(check)?;
        }
        // Without a row in either table there is no count to judge.
        let is_missing = |row: &&Vec<&str>| row[2].parse() == Ok(ENOSYS);
        if rows.iter().filter(is_missing).count() == rows.len() {
            for check in ["count", "width", "arguments", "pointers", "log"] {
                marks.fail(
                    check,
                    "no-row-64",
                    &[("number", number.into()), ("result", ENOSYS.to_string())],
                )?;
            }
        }
        marks.pass("count")?;
        marks.pass("width")?;
    }
    Ok(())
}

/// The check `arguments`.
fn arguments(serial: &str, marks: &mut Marks<'_>) -> Result<()> {
    for row in lines_of(serial, "upper") {
        let [door, result] = row[..] else { continue };
        if result != "0" {
            let values = [("door", door.to_owned()), ("result", result.to_owned())];
            marks.fail("arguments", "upper-half", &values)?;
        }
    }
    for (name, message) in [
        ("door", "bad-door"),
        ("door32", "bad-door"),
        ("number", "bad-number"),
    ] {
        for row in lines_of(serial, name) {
            let [argument, result] = row[..] else {
                continue;
            };
            let (door, nr) = if name == "number" {
                ("1", argument)
            } else {
                (argument, "39")
            };
            if result.parse() != Ok(EINVAL) {
                let values = [("door", door), ("nr", nr), ("result", result)];
                let values = values.map(|(key, value)| (key, value.to_owned()));
                marks.fail("arguments", message, &values)?;
            }
        }
    }
    for row in lines_of(serial, "order") {
        let result = row.last().copied().unwrap_or_default();
        if result.parse() != Ok(EINVAL) {
            marks.fail("arguments", "order", &[("result", result.to_owned())])?;
        }
    }
    for row in lines_of(serial, "kept") {
        if row.last() != Some(&"0x4444444444444444") {
            marks.fail("arguments", "written-anyway", &[])?;
        }
        marks.pass("arguments")?;
    }
    Ok(())
}

/// The check `pointers`.
fn pointers(serial: &str, marks: &mut Marks<'_>) -> Result<()> {
    for row in lines_of(serial, "address") {
        let [address, kind, result] = row[..] else {
            continue;
        };
        if result.parse() != Ok(EFAULT) {
            let kind = kind.replace('-', " ");
            let values = [
                ("address", address.to_owned()),
                ("kind", kind),
                ("result", result.to_owned()),
            ];
            marks.fail("pointers", "bad-address", &values)?;
        }
    }
    if !lines_of(serial, "end").is_empty() {
        marks.pass("pointers")?;
    }
    Ok(())
}

/// The check `log`: a second machine, with the call log.
fn log(context: &mut Context<'_>, bench: &Bench, marks: &mut Marks<'_>) -> Result<Option<Crash>> {
    let number = &context.variant.context("a variant")?.value;
    let times = context.random.u64(20..40);
    let machine = Machine::new(context.program, &[number, &times.to_string()]).words("strace");
    let serial = match bench.run(&machine)? {
        Ok(serial) => serial,
        Err(crash) => return Ok(Some(crash)),
    };
    for (way, prefix, door, nr, count) in [
        ("SYSCALL", "[syscall] ", 1, 39, times),
        ("INT 0x80", "[int80] ", 0, 20, 2 * times),
    ] {
        let lines: Vec<&str> = serial
            .lines()
            .filter(|line| line.contains(prefix))
            .collect();
        let Some(found) = lines.iter().rev().find(|line| line.contains("door_calls(")) else {
            let others = lines
                .iter()
                .rev()
                .find(|line| !line.contains("getpid") && !line.contains("exit"));
            let found = others.map_or("no other lines", |line| line.trim());
            marks.fail(
                "log",
                "log-name",
                &[("way", way.into()), ("found", found.into())],
            )?;
            continue;
        };
        let spaces: String = found.split_whitespace().collect();
        let wanted = format!("door_calls({door},{nr},[{count}])=0");
        let values = [("way", way.to_owned()), ("found", found.trim().to_owned())];
        marks.check("log", spaces.ends_with(&wanted), "log-line", &values)?;
    }
    Ok(None)
}
