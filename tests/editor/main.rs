//! The editor's check command finds an error in every half of the workspace.
//!
//! `.vscode/settings.json` and `rust-analyzer.toml` name one command, which rust-analyzer runs when a file is
//! saved. The tests run it in a copy of the workspace with a type error in each of four files: those of the
//! bare target and those of the host are all compiled, and nothing else is an error.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::paths;
use serde_json::Value;

/// One file of the kernel, of the host's program, of the harness and of the vDSO. No crate needs another one
/// of the same line, so that one check reaches both.
const FILES: [[&str; 2]; 2] = [
    ["kernel/src/entry/syscall.rs", "xtask/src/main.rs"],
    ["tests/src/lib.rs", "user/vdso/src/lib.rs"],
];

const TYPE_ERROR: &str = "\nconst _: u32 = \"\";\n";

/// The words of the command in `.vscode/settings.json`.
fn command() -> Result<Vec<String>> {
    let text = fs::read_to_string(paths::root().join(".vscode/settings.json"))?;
    let settings: Value = serde_json::from_str(&text)?;
    words(&settings["rust-analyzer.check.overrideCommand"])
}

fn words(array: &Value) -> Result<Vec<String>> {
    let words = array.as_array().context("no list of words")?;
    let words = words.iter().map(|word| word.as_str().map(str::to_owned));
    words.collect::<Option<_>>().context("not a word")
}

/// Makes `to` a copy of `from`, without hidden files other than cargo's and without output. Files keep their
/// times: what hasn't changed since the last copy is not compiled again.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let is_hidden = name.to_string_lossy().starts_with('.') && name != ".cargo";
        if is_hidden || path == paths::target() || path.join("CACHEDIR.TAG").exists() {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name))?;
        } else {
            let time = entry.metadata()?.modified()?;
            fs::copy(&path, to.join(&name))?;
            let file = fs::File::options().write(true).open(to.join(name))?;
            file.set_modified(time)?;
        }
    }
    Ok(())
}

/// The files of the workspace in `folder` in which the command reports errors.
fn files_with_errors(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let words = command()?;
    let output = Command::new(&words[0])
        .args(&words[1..])
        .current_dir(folder)
        // Dependencies are the same ones.
        .env("CARGO_TARGET_DIR", paths::target())
        .output()
        .with_context(|| format!("cannot start {}", words[0]))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut files = BTreeSet::new();
    let mut messages = 0;
    for line in text.lines() {
        let Ok(message) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        messages += 1;
        if message["message"]["level"] == "error" {
            let spans = message["message"]["spans"].as_array();
            let names = spans.into_iter().flatten().map(|span| &span["file_name"]);
            files.extend(names.filter_map(Value::as_str).map(PathBuf::from));
        }
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(messages > 0, "the command printed nothing:\n{errors}");
    Ok(files)
}

#[test]
fn a_type_error_is_reported_wherever_it_is() -> Result<()> {
    // One path for ever, so that cargo knows the crates again.
    let folder = paths::scratch().join("editor");
    fs::create_dir_all(paths::scratch())?;
    let lock = fs::File::create(paths::scratch().join("editor.lock"))?;
    lock.lock()?;
    for wrong in FILES {
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        copy(paths::root(), &folder)?;
        for file in wrong {
            let text = fs::read_to_string(folder.join(file))?;
            fs::write(folder.join(file), text + TYPE_ERROR)?;
        }
        let found = files_with_errors(&folder)?;
        let expected = wrong.map(PathBuf::from);
        ensure!(
            found == BTreeSet::from(expected),
            "errors in {wrong:?}, and reported are those in {found:?}"
        );
    }
    Ok(())
}

#[test]
fn every_editor_runs_the_same_command() -> Result<()> {
    let text = fs::read_to_string(paths::root().join("rust-analyzer.toml"))?;
    let list = text
        .lines()
        .find_map(|line| line.strip_prefix("check.overrideCommand = "))
        .context("rust-analyzer.toml names no command")?;
    // A list of strings is written alike in TOML and in JSON.
    ensure!(words(&serde_json::from_str(list)?)? == command()?);
    Ok(())
}

/// `cargo run` and `cargo test` in the root mean the kernel, on the bare target.
#[test]
fn the_default_is_the_kernel() -> Result<()> {
    let cargo = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(paths::root())
        .output()?;
    let metadata: Value = serde_json::from_slice(&cargo.stdout)?;
    let defaults = words(&metadata["workspace_default_members"])?;
    ensure!(
        defaults.len() == 1 && defaults[0].contains("/kernel#"),
        "{defaults:?}"
    );
    let config = fs::read_to_string(paths::root().join(".cargo/config.toml"))?;
    ensure!(config.contains("[build]") && config.contains("target = \"x86_64-unknown-none\""));
    Ok(())
}
