//! `make gdbserver` on a terminal, and what attaches to it: `make gdb`, and VS Code.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::child::{Leashed, leash, started_by};
use harness::programs::{Compiler, compile};
use harness::{Dialogue, paths, pty};
use serde_json::Value;

use super::in_order;
use crate::run_program::xtask;

/// `make gdbserver` of a program on a terminal while `client`, which gets the port, has a gdb
/// attached; returns what the client returns.
fn served(client: impl FnOnce(u16) -> Result<String>) -> Result<String> {
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut server = xtask()?;
    server
        .args(["gdbserver", "--built", "--port", &port.to_string()])
        .arg("--program")
        .arg(compile("debugged", Compiler::StaticPie64)?);
    // Where no gdb lets the program run, nothing else ends it.
    let server = started_by(&["timeout", "--foreground", "100"], &server)?;
    thread::scope(|scope| {
        // QEMU ends with the program.
        let terminal = scope.spawn(move || pty::talk(&server, Dialogue::new()));
        while TcpListener::bind(("127.0.0.1", port)).is_ok() {
            ensure!(!terminal.is_finished(), "gdbserver has ended");
            thread::sleep(Duration::from_millis(20));
        }
        let shown = client(port)?;
        let terminal = terminal.join().expect("no panic");
        let (_, serial) = terminal.with_context(|| shown.clone())?;
        let told = format!("waits for gdb at 127.0.0.1:{port}");
        in_order(&serial, &[&told, "written\r"]).with_context(|| shown.clone())?;
        Ok(shown)
    })
}

/// `make gdbserver` and `make gdb`, which finds the program without being told.
pub fn two_terminals() -> Result<()> {
    let shown = served(|port| {
        let mut client = xtask()?;
        client.args(["gdb", "--port", &port.to_string(), "--", "--batch", "--nx"]);
        for text in ["break main", "continue", "delete", "detach"] {
            client.args(["-ex", text]);
        }
        let output = client.stdin(Stdio::null()).output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    })?;
    in_order(&shown, &["Breakpoint 1, main () at ", "debugged.c:"])
}

/// `.vscode/launch.json`, as the C++ extension of VS Code talks to gdb by it.
pub fn vs_code_attaches() -> Result<()> {
    let root = paths::root();
    let json = fs::read_to_string(root.join(".vscode/launch.json"))?;
    let json = json.replace("${workspaceFolder}", &root.display().to_string());
    let launch: Value = serde_json::from_str(&json)?;
    let launch = &launch["configurations"][0];
    let word = |value: &Value| value.as_str().map(str::to_owned).context("no text");
    let setup = launch["setupCommands"].as_array().context("no commands")?;
    let mut commands = Vec::new();
    for command in setup {
        commands.push(format!("-interpreter-exec console {}", command["text"]));
    }
    commands.push(format!(
        "-file-exec-and-symbols {}",
        word(&launch["program"])?
    ));
    let server = word(&launch["miDebuggerServerAddress"])?;
    let (host, _) = server.rsplit_once(':').context("no port")?;
    let shown = served(|port| {
        commands.push(format!("-target-select remote {host}:{port}"));
        let rest = [
            "-break-insert -f main",
            "-break-insert -f trident::syscall::io::write",
            "-exec-continue",
            "-exec-continue",
            "-stack-list-frames",
            "-break-delete 1 2",
            "-target-detach",
            "-gdb-exit",
        ];
        commands.extend(rest.map(str::to_owned));
        let mut gdb = Command::new("timeout");
        gdb.args(["120", "gdb", "--interpreter=mi3", "--nx", "--quiet"]);
        let mut gdb = leash(&gdb)?;
        let mut gdb = Leashed::spawn(gdb.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let mut input = gdb.stdin.take().context("piped")?;
        input.write_all((commands.join("\n") + "\n").as_bytes())?;
        let mut shown = String::new();
        let mut output = gdb.stdout.take().context("piped")?;
        output.read_to_string(&mut shown)?;
        Ok(shown)
    })?;
    let parts = [
        "^connected",
        "*stopped,reason=\"breakpoint-hit\",disp=\"keep\",bkptno=\"1\"",
        "*stopped,reason=\"breakpoint-hit\",disp=\"keep\",bkptno=\"2\"",
        "name=\"fd\",value=\"1\"",
        "^done,stack=",
        "kernel/src/syscall/io.rs",
        "func=\"main\"",
        "tests/programs/debugged.c",
    ];
    in_order(&shown, &parts)
}
