//! The student's tree: the repository without solutions, with the labs' holes.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::holes::{self, Hole};
use crate::lab::Lab;
use crate::seal::seal;
use crate::tree::{Tree, git};

/// The file with the student's name, which chooses the variants. An instructor's tree has none.
pub const NAME: &str = "labs/student";
/// The folder of the given pieces.
const GIVEN: &str = "labs/given";
/// The profile of a student's builds: `make run` after an edit takes seconds.
const CONFIG: &str = ".cargo/config.toml";
const PROFILE: &str = "
# A student's tree: builds after an edit take seconds, not minutes.
[profile.release]
opt-level = 1
incremental = true
codegen-units = 16
";

/// `labs/student-tree.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    /// Files and folders that a student doesn't get. `*` stands for one name.
    drop: Vec<String>,
    /// Files with another text.
    #[serde(default)]
    replace: Vec<Replaced>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Replaced {
    file: String,
    text: String,
}

/// Whether a tree is a student's.
pub fn is_student(tree: &Tree) -> bool {
    tree.get(NAME).is_some()
}

/// The name in a student's tree.
pub fn name(tree: &Tree) -> Option<String> {
    let text = tree.text(NAME).ok()?;
    Some(text.lines().next()?.trim().to_owned())
}

/// Makes the student's tree of the instructor's, and lists the holes of that.
pub fn tree(full: &Tree, labs: &[Lab], student: &str) -> Result<(Tree, Vec<Hole>)> {
    ensure!(
        !is_student(full),
        "this is a student's tree: it has no solutions"
    );
    let recipe: Recipe = toml::from_str(full.text("labs/student-tree.toml")?)?;
    let holes = holes::of_tree(full)?;
    let mut tree = full.clone();
    tree.retain(|path| !recipe.drop.iter().any(|pattern| matches(pattern, path)));
    for Replaced { file, text } in &recipe.replace {
        if tree.get(file).is_some() {
            tree.set(file, text.clone());
        }
    }
    for hole in &holes {
        let lab = labs.iter().find(|lab| lab.rules.number == hole.lab);
        let lab = lab.with_context(|| format!("{}: no lab {}", hole.path, hole.lab))?;
        let about = lab.rules.hole.get(&hole.letter);
        let about = about.with_context(|| format!("{} has no [hole.{}]", lab.name, hole.letter))?;
        ensure!(
            lab.rules.files.contains(&hole.path),
            "{} doesn't list {}",
            lab.name,
            hole.path
        );
        let text = holes::starter(hole, &about.text, about.assembly);
        let file = holes::fill(
            &hole.path,
            tree.text(&hole.path)?,
            hole.lab,
            hole.letter,
            &text,
        )?;
        tree.set(&hole.path, file);
        let piece = holes::piece(&hole.text, about.assembly)
            .with_context(|| format!("{}: hole {}", hole.path, hole.name()))?;
        tree.set(&format!("{GIVEN}/{}.sealed", hole.name()), seal(&piece));
    }
    for lab in labs {
        let seed = seed_file(lab);
        if tree.get(&seed).is_some() {
            tree.set(
                &seed,
                format!("#define SEED {:#x}\n", hash(&format!("{seed} {student}"))),
            );
        }
    }
    let config = tree.text(CONFIG)?.to_owned() + PROFILE;
    tree.set(CONFIG, config);
    tree.set(NAME, format!("{student}\n"));
    Ok((tree, holes))
}

/// The file of a lab with the student's seed, for labs whose program has one.
pub fn seed_file(lab: &Lab) -> String {
    format!("labs/{}/seed.h", lab.name)
}

/// FNV-1a.
pub fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Whether a path is, or is below, what a pattern names.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, is_folder) = match pattern.strip_suffix('/') {
        Some(folder) => (folder, true),
        None => (pattern, false),
    };
    let wanted: Vec<&str> = pattern.split('/').collect();
    let names: Vec<&str> = path.split('/').collect();
    let fits = |(wanted, name): (&&str, &&str)| *wanted == "*" || wanted == name;
    let is_long_enough = if is_folder {
        names.len() > wanted.len()
    } else {
        names.len() == wanted.len()
    };
    is_long_enough && wanted.iter().zip(&names).all(fits)
}

/// Writes a student's repository: the tree, with a history of one commit.
pub fn write_repository(full: &Tree, labs: &[Lab], student: &str, folder: &Path) -> Result<Tree> {
    let is_empty = || Ok::<_, std::io::Error>(std::fs::read_dir(folder)?.next().is_none());
    ensure!(
        !folder.exists() || is_empty()?,
        "{} is there already, and not empty",
        folder.display()
    );
    let (tree, _) = tree(full, labs, student)?;
    tree.write(folder)?;
    git(folder, &["init", "--quiet", "--initial-branch=main"])?;
    git(folder, &["add", "--all", "--force"])?;
    let author = [
        "-c",
        "user.name=Trident",
        "-c",
        "user.email=trident@localhost",
    ];
    let commit = ["commit", "--quiet", "--message", "The labs, as handed out"];
    git(folder, &[&author[..], &commit[..]].concat())?;
    Ok(tree)
}

/// The recipe's patterns, for the test of leaks.
#[cfg(test)]
pub fn dropped(full: &Tree) -> Vec<String> {
    let recipe = full.text("labs/student-tree.toml").expect("a recipe");
    let recipe: Recipe = toml::from_str(recipe).expect("a recipe");
    let paths = full.files().map(|(path, _)| path.to_owned());
    paths
        .filter(|path| recipe.drop.iter().any(|pattern| matches(pattern, path)))
        .collect()
}

/// The variants of all labs, in a file of a student's tree.
pub fn student_of(tree: &Tree) -> String {
    name(tree).unwrap_or_else(|| "trident".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_and_folders() {
        assert!(matches("labs/*/wrong/", "labs/04-x/wrong/a.toml"));
        assert!(!matches("labs/*/wrong/", "labs/04-x/wrong"));
        assert!(matches("labs/*/reference.toml", "labs/04-x/reference.toml"));
        assert!(!matches("labs/*/reference.toml", "labs/reference.toml"));
        assert!(!matches("docs/ENTRY.md", "docs/ENTRY.md/x"));
    }
}
