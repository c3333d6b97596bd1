//! The path of getpid through each door, instruction by instruction, on both kernels: what a count
//! of ticks can't show. The recorder is the microscope's.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::linux;
use crate::toolchain::host_program;
use crate::ui::Step;

/// One kernel's path through one door.
#[derive(Debug)]
struct Taken {
    /// Instructions from the one that enters to the program's next one.
    steps: u32,
    /// The kernel's symbol at which it enters.
    symbol: String,
}

/// A door, with both kernels' paths.
#[derive(Debug)]
pub struct Path {
    /// The microscope's name of the call.
    door: String,
    trident: Taken,
    linux: Taken,
}

impl Path {
    /// For the JSON file.
    pub fn report(&self) -> Value {
        let taken = |taken: &Taken| json!({ "steps": taken.steps, "symbol": taken.symbol });
        json!({ "door": self.door, "trident": taken(&self.trident), "linux": taken(&self.linux) })
    }
}

/// Steps through getpid by each door on both kernels.
///
/// # Errors
/// There is no Linux; a path is not recorded.
pub fn record() -> Result<Vec<Path>> {
    let step = Step::begin_long("Stepping through getpid by each door, on both kernels");
    let mut recorder = host_program("microscope");
    recorder.arg("doors").arg(linux::kernel()?).arg(linux::LEAN);
    let output = recorder
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the recorder")?;
    step.end();
    ensure!(output.status.success(), "the paths are not recorded");
    read(&String::from_utf8_lossy(&output.stdout))
}

/// Reads `door: NAME STEPS SYMBOL` lines; the names of Linux's begin with `linux-`.
fn read(text: &str) -> Result<Vec<Path>> {
    let find = |wanted: &str| -> Option<Taken> {
        let words = text.lines().filter_map(|line| line.strip_prefix("door: "));
        let mut words = words.map(|line| line.split(' '));
        let mut found = words.find_map(|mut line| (line.next() == Some(wanted)).then_some(line))?;
        Some(Taken {
            steps: found.next()?.parse().ok()?,
            symbol: found.next()?.to_owned(),
        })
    };
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("door: linux-"));
    let doors = names.filter_map(|line| line.split(' ').next());
    let paths: Vec<Path> = doors
        .map(|door| {
            Some(Path {
                door: door.to_owned(),
                trident: find(door)?,
                linux: find(&format!("linux-{door}"))?,
            })
        })
        .collect::<Option<_>>()
        .context("a door's path is missing")?;
    ensure!(!paths.is_empty(), "no path was recorded");
    Ok(paths)
}

/// The paths as a table.
pub fn table(paths: &[Path]) -> String {
    let mut text = format!(
        "{:24} {:>8} {:>8}   entered at\n",
        "stepped through", "Trident", "Linux"
    );
    for Path {
        door,
        trident,
        linux,
    } in paths
    {
        text.push_str(&format!(
            "{door:24} {:>8} {:>8}   {}, Linux {}\n",
            trident.steps, linux.steps, trident.symbol, linux.symbol
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn both_kernels_paths_of_a_door_are_put_together() {
        let text = "door: a-getpid 70 entry_a\nnoise\ndoor: linux-a-getpid 306 entry_A\n";
        let paths = read(text).expect("both are there");
        assert_eq!((paths[0].trident.steps, paths[0].linux.steps), (70, 306));
        assert_eq!(paths[0].linux.symbol, "entry_A");
        assert!(read("door: linux-a-getpid 306 entry_A\n").is_err());
        assert!(read("").is_err());
    }
}
