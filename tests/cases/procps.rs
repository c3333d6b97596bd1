//! Debian's procps: the structure of its output, which it reads from /proc. Skipped if the host has
//! no procps.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use harness::{Case, Initramfs, Verdict, Vm, oracle};

use crate::dynamic::libraries;

const PROGRAMS: &[&str] = &[
    "/bin/bash",
    "/usr/bin/ps",
    "/usr/bin/top",
    "/usr/bin/free",
    "/usr/bin/uptime",
    "/usr/bin/vmstat",
    "/usr/bin/w",
    "/usr/bin/pgrep",
    "/usr/bin/pkill",
    "/usr/bin/pidof",
    "/usr/bin/pmap",
    "/usr/bin/sleep",
];

/// The terminfo entry of a terminal without capabilities, for top(1).
const TERMINAL: &str = "/lib/terminfo/d/dumb";

/// Each part's output is between its name and the next part's name.
const SCRIPT: &str = r#"sleep 1000 &
first=$!
(exec -a named sleep 2000) &
part() { echo "== $1"; }
part aux; ps auxww
part ef; ps -ef
part columns; ps -o pid,ppid,stat,nlwp,comm,args -p $$,$!
part stopped; kill -STOP %1; ps -o stat=,comm= -p $!; ps -C sleep -o stat=; kill -CONT %1
part top; top -b -n1
part free; free
part uptime; uptime
part vmstat; vmstat
part w; w
part pgrep; pgrep -f "sleep 1000"; pidof sleep; echo "jobs $(jobs -p | tr '\n' ' ')"
part pmap; pmap $$
part killed; pkill -f "sleep 1000"; wait $first; echo "status $?"; pgrep -c sleep
kill %2
part end
"#;

/// This module's cases.
pub fn cases() -> Vec<Case> {
    let missing = !oracle::AVAILABLE
        || PROGRAMS
            .iter()
            .chain(&[TERMINAL])
            .any(|path| !Path::new(path).exists());
    let reason = missing.then_some("the host has no procps");
    vec![Case::new("debian", structure).left_out(reason)]
}

/// The lines of one part.
fn part<'a>(text: &'a str, name: &str) -> Result<Vec<&'a str>> {
    let start = format!("== {name}\n");
    let (_, rest) = text.split_once(&start).context(start)?;
    let lines = rest.lines().take_while(|line| !line.starts_with("== "));
    Ok(lines.collect())
}

/// Checks that a table has these headings and that each row has at least as many columns.
fn table(lines: &[&str], headings: &str) -> Result<()> {
    let columns = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (head, rows) = lines.split_first().context("no table")?;
    ensure!(columns(head) == columns(headings), "headings: {head}");
    ensure!(!rows.is_empty(), "no rows: {lines:?}");
    for row in rows {
        ensure!(
            columns(row).len() >= columns(head).len(),
            "short row: {row}"
        );
    }
    Ok(())
}

fn structure() -> Result<()> {
    let mut needed: BTreeSet<String> = PROGRAMS.iter().map(|&path| path.to_owned()).collect();
    for program in PROGRAMS {
        needed.extend(libraries(program)?);
    }
    needed.insert("/usr/bin/tr".to_owned());
    needed.extend(libraries("/usr/bin/tr")?);
    let mut files = Initramfs::new()
        .dir("/tmp")
        .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
        .file("/script", SCRIPT);
    needed.insert(TERMINAL.to_owned());
    for path in &needed {
        files = files.executable_from(path, Path::new(path))?;
    }
    let words = "quiet PATH=/usr/bin:/bin TERM=dumb rdinit=/bin/bash -- /script";
    let outcome = Vm::new().initramfs(&files).append(words).run()?;
    let text = &outcome.expect(Verdict::Pass)?.serial;

    let aux = part(text, "aux")?;
    table(
        &aux,
        "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND",
    )?;
    let row = |command: &str| aux.iter().find(|line| line.ends_with(command));
    let init = row("/bin/bash /script").context("no init in ps aux")?;
    ensure!(
        init.starts_with("root ") && init.split_whitespace().nth(1) == Some("1"),
        "{init}"
    );
    row("sleep 1000").context("no sleep in ps aux")?;
    row("named 2000").context("no renamed sleep in ps aux")?;
    table(&part(text, "ef")?, "UID PID PPID C STIME TTY TIME CMD")?;

    let columns = part(text, "columns")?;
    table(&columns, "PID PPID STAT NLWP COMMAND COMMAND")?;
    let child = columns[2].split_whitespace().collect::<Vec<_>>();
    ensure!(
        child[1..] == ["1", child[2], "1", "sleep", "named", "2000"],
        "{child:?}"
    );
    let stopped = part(text, "stopped")?;
    ensure!(
        stopped.iter().any(|line| line.starts_with('T')),
        "no process is stopped: {stopped:?}"
    );

    let top = part(text, "top")?;
    for start in ["top - ", "Tasks: ", "%Cpu(s):", "MiB Mem :", "MiB Swap:"] {
        ensure!(
            top.iter().any(|line| line.starts_with(start)),
            "no {start}: {top:?}"
        );
    }
    let head = top.iter().position(|line| line.contains("PID USER"));
    table(
        &top[head.context("no list in top")?..],
        "PID USER PR NI VIRT RES SHR S %CPU %MEM TIME+ COMMAND",
    )?;

    let free = part(text, "free")?;
    ensure!(free[0].split_whitespace().count() == 6, "{}", free[0]);
    let memory: Vec<u64> = free[1]
        .split_whitespace()
        .skip(1)
        .flat_map(str::parse)
        .collect();
    let [total, used, free, ..] = memory[..] else {
        anyhow::bail!("{memory:?}");
    };
    ensure!(
        memory.len() == 6 && used + free <= total && used > 0,
        "{memory:?}"
    );
    let uptime = part(text, "uptime")?;
    ensure!(
        uptime[0].contains(" up ") && uptime[0].contains("load average: "),
        "{uptime:?}"
    );
    let vmstat = part(text, "vmstat")?;
    table(
        &vmstat[1..],
        "r b swpd free buff cache si so bi bo in cs us sy id wa st",
    )?;
    let w = part(text, "w")?;
    ensure!(
        w[0].contains("load average: ") && w[1].starts_with("USER"),
        "{w:?}"
    );

    let found = part(text, "pgrep")?;
    let jobs: Vec<&str> = found[2].split_whitespace().skip(1).collect();
    ensure!(found[0] == jobs[0], "pgrep: {found:?}");
    // The other sleep has a different name.
    ensure!(found[1] == jobs[0], "pidof: {found:?}");
    let pmap = part(text, "pmap")?;
    ensure!(pmap[0] == "1:   /bin/bash /script", "{}", pmap[0]);
    let sum: u64 = pmap
        .iter()
        .filter_map(|line| {
            line.split_whitespace()
                .nth(1)?
                .strip_suffix('K')?
                .parse::<u64>()
                .ok()
        })
        .sum();
    let total = pmap.last().context("an empty pmap")?;
    let total: u64 = total
        .trim()
        .trim_start_matches("total")
        .trim()
        .trim_end_matches('K')
        .parse()?;
    // The sum includes the last line.
    ensure!(sum == total * 2 && total > 1000, "{sum} {total}");
    ensure!(
        pmap.iter().any(|line| line.contains("[ stack ]")),
        "{pmap:?}"
    );
    let killed = part(text, "killed")?;
    ensure!(killed.contains(&"status 143"), "{killed:?}");
    ensure!(killed.last() == Some(&"1"), "{killed:?}");
    Ok(())
}
