//! The shared libraries of a dynamically linked program, found on the host and packed along.
//!
//! The program's own dynamic linker lists them (`--list`, which is what ldd(1) does), without
//! running the program. Libraries that a program loads later by dlopen(3) are not in the list.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use harness::Initramfs;

/// What to do where the host can't help.
const ELSE: &str = "link it with -static, or run it with Debian's libraries: ROOTFS=debian";

/// Libraries by their path on the host, each with its name. The dynamic linker is one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Libraries(BTreeMap<String, String>);

impl Libraries {
    /// Asks `interpreter`, the dynamic linker of `program`.
    ///
    /// # Errors
    /// The host lacks the linker or a library.
    pub fn find(program: &Path, interpreter: &str) -> Result<Self> {
        ensure!(
            Path::new(interpreter).exists(),
            "this host lacks its dynamic linker {interpreter}: {ELSE}"
        );
        let program = program.canonicalize()?;
        let output = Command::new(interpreter)
            .arg("--list")
            .arg(&program)
            .stdin(Stdio::null())
            // cargo's, not the user's.
            .env_remove("LD_LIBRARY_PATH")
            .output()
            .with_context(|| format!("cannot start its dynamic linker {interpreter}: {ELSE}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        let missing = missing(&text);
        ensure!(
            missing.is_empty(),
            "this host lacks {}: {ELSE}",
            missing.join(", ")
        );
        ensure!(
            output.status.success(),
            "its dynamic linker {interpreter} lists no libraries: {}; {ELSE}",
            said.trim()
        );
        let mut all = list(&text);
        all.insert(interpreter.to_owned(), name(interpreter));
        Ok(Self(all))
    }

    /// Adds them to an archive, at the paths that they have here. The program has another place
    /// there, and its own directories of libraries (`-rpath '$ORIGIN/lib'`) are elsewhere then:
    /// those of the system have a link to each.
    pub fn pack(&self, mut archive: Initramfs) -> Result<Initramfs> {
        let system = self.system_directory();
        for (path, name) in &self.0 {
            archive = archive.executable_from(path, Path::new(path))?;
            let link = format!("{system}/{name}");
            if !self.0.contains_key(&link) {
                archive = archive.symlink(&link, path);
            }
        }
        Ok(archive)
    }

    /// The directory of the C library, where every dynamic linker looks.
    fn system_directory(&self) -> &str {
        let c = self.0.iter().find(|(_, name)| name.starts_with("libc.so"));
        let directory = c.and_then(|(path, _)| Some(path.rsplit_once('/')?.0));
        directory.unwrap_or("/lib")
    }

    /// Their names and their size, for the line about them.
    pub fn describe(&self) -> String {
        let size = |path: &String| std::fs::metadata(path).map_or(0, |data| data.len());
        let bytes: u64 = self.0.keys().map(size).sum();
        let names: Vec<_> = self.0.values().map(String::as_str).collect();
        format!("{} ({:.1} MB)", names.join(", "), bytes as f64 / 1e6)
    }
}

/// The paths in a list such as `libc.so.6 => /lib/libc.so.6 (0x7f..)` or `/lib/ld.so (0x7f..)`.
fn list(text: &str) -> BTreeMap<String, String> {
    let entries = text.lines().filter_map(|line| {
        let line = line.trim();
        let line = line.rsplit_once(" (0x").map_or(line, |(line, _)| line);
        let (wanted, path) = line.split_once(" => ").unwrap_or((line, line));
        path.starts_with('/')
            .then(|| (path.to_owned(), name(wanted)))
    });
    entries.collect()
}

/// The libraries that a list names as not found.
fn missing(text: &str) -> Vec<&str> {
    let names = text
        .lines()
        .filter_map(|line| line.trim().strip_suffix(" => not found"));
    names.collect()
}

fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\tlinux-vdso.so.1 (0x00007ffe6f9f2000)
\tlibone.so => /home/a b/libone.so.1.2 (0x00007f)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f58b6e00000)
\tlibtwo.so.3 => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f58b7020000)
";

    #[test]
    fn a_list_has_paths_and_names() {
        let all = Libraries(list(LIST));
        let names: Vec<_> = all
            .0
            .iter()
            .map(|(path, name)| format!("{name} {path}"))
            .collect();
        assert_eq!(
            names,
            [
                "libone.so /home/a b/libone.so.1.2",
                "libc.so.6 /lib/x86_64-linux-gnu/libc.so.6",
                "ld-linux-x86-64.so.2 /lib64/ld-linux-x86-64.so.2",
            ]
        );
        assert_eq!(missing(LIST), ["libtwo.so.3"]);
        assert_eq!(all.system_directory(), "/lib/x86_64-linux-gnu");
    }
}
