//! Parts of the tree's own pages: README's tables of costs, the listings of docs/ENTRY.md, whole
//! pages of docs/, and the Makefile's list of commands.

use std::fmt::Write;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail, ensure};
use regex::{Captures, Regex};

use crate::tree::Tree;

/// The page with the tables of costs.
const README: &str = "README.md";
/// The page with the entry paths, instruction by instruction.
const ENTRY: &str = "docs/ENTRY.md";
/// The two lines of a page between which a table is.
const MARKS: (&str, &str) = ("<!-- costs: ", "<!-- end -->");
/// Columns of the tables, by the word that a chapter uses.
const COLUMNS: [(&str, &str); 2] = [("trident", "Trident"), ("linux", "Linux, lean")];

static RELATIVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"!?\[([^\]]*)\]\(([^)#:]+)(?:#[^)]*)?\)").expect("a pattern"));
static RULE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?m)^### Rule (\d+): .*$").expect("a pattern"));

/// A table of README.md by the name in its mark.
///
/// # Errors
/// There is no such table.
pub fn costs(tree: &Tree, name: &str) -> Result<String> {
    let name = name.trim_matches('"');
    let readme = tree.read(README)?;
    let table = readme
        .split(MARKS.0)
        .skip(1)
        .find_map(|part| part.strip_prefix(name)?.strip_prefix(" -->\n"))
        .with_context(|| format!("{README} has no table of costs {name:?}"))?;
    let (table, _) = table
        .split_once(MARKS.1)
        .with_context(|| format!("the table {name:?} has no end"))?;
    ensure!(!table.trim().is_empty(), "the table {name:?} is empty");
    Ok(table.trim().to_owned())
}

/// One count of README's tables: `trident:ROW` or `linux:ROW`.
///
/// # Errors
/// There is no such row, or tables differ about it.
pub fn count(tree: &Tree, row: &str) -> Result<String> {
    let (who, row) = row
        .split_once(':')
        .context("a count is trident:ROW or linux:ROW")?;
    let column = COLUMNS.iter().find(|(word, _)| *word == who.trim());
    let (_, column) = column.with_context(|| format!("{who} is neither trident nor linux"))?;
    let readme = tree.read(README)?;
    let mut found: Vec<String> = Vec::new();
    for part in readme.split(MARKS.0).skip(1) {
        let (table, _) = part.split_once(MARKS.1).unwrap_or((part, ""));
        let mut lines = table
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(cells);
        let at = lines
            .next()
            .and_then(|head| head.iter().position(|cell| cell == column));
        let counts = lines.filter(|cells| cells.first().is_some_and(|cell| cell == row.trim()));
        found.extend(counts.filter_map(|cells| cells.get(at?).cloned()));
    }
    found.dedup();
    match found.as_slice() {
        [count] => Ok(count.clone()),
        [] => bail!("no table of {README} has the row {:?}", row.trim()),
        _ => bail!("the tables of {README} differ about {:?}", row.trim()),
    }
}

fn cells(line: &str) -> Vec<String> {
    line.trim_matches('|')
        .split('|')
        .map(|cell| cell.trim().to_owned())
        .collect()
}

/// A listing of docs/ENTRY.md: `summary`, a path such as `SYSCALL`, or one phase of a path, such as
/// `SYSCALL/save`.
///
/// # Errors
/// There is no such path or phase.
pub fn entry(tree: &Tree, path: &str) -> Result<String> {
    let page = tree.read(ENTRY)?;
    let path = path.trim_matches('"');
    if path == "summary" {
        let table: Vec<&str> = page
            .lines()
            .skip_while(|line| !line.starts_with('|'))
            .take_while(|line| line.starts_with('|'))
            .collect();
        ensure!(!table.is_empty(), "{ENTRY} has no table");
        return Ok(table.join("\n"));
    }
    let (name, phase) = path
        .split_once('/')
        .map_or((path, None), |(name, phase)| (name, Some(phase)));
    let section = page
        .split("\n## ")
        .skip(1)
        .find_map(|section| section.strip_prefix(name)?.strip_prefix('\n'))
        .with_context(|| {
            let names: Vec<&str> = page
                .split("\n## ")
                .skip(1)
                .filter_map(|part| part.lines().next())
                .collect();
            format!("{ENTRY} has no path {name}, but {}", names.join(", "))
        })?;
    let Some(phase) = phase else {
        let lines = section.lines().filter(|line| !line.starts_with("!["));
        return Ok(lines.collect::<Vec<_>>().join("\n").trim().to_owned());
    };
    let heading = format!("**{phase}**,");
    let text = section
        .split("\n\n")
        .skip_while(|block| !block.starts_with(&heading))
        .skip(1);
    let table = text.take(1).next().filter(|block| block.starts_with('|'));
    Ok(table
        .with_context(|| format!("{ENTRY}: {name} has no phase {phase}"))?
        .trim()
        .to_owned())
}

/// A page of the tree without its title. Its links to other files become their names, and its rules
/// get a name that chapters link to.
///
/// # Errors
/// The file is missing, or it is no page.
pub fn page(tree: &Tree, path: &str) -> Result<String> {
    let page = tree.read(path)?;
    let body = page
        .strip_prefix("# ")
        .and_then(|page| page.split_once('\n'))
        .map(|(_, body)| body.trim())
        .with_context(|| format!("{path} has no title"))?;
    ensure!(!body.is_empty(), "{path} is empty");
    let body = RELATIVE.replace_all(body, |found: &Captures| {
        if found[1].starts_with('`') {
            found[1].to_owned()
        } else {
            format!("{} (`{}`)", &found[1], &found[2])
        }
    });
    let body = RULE.replace_all(&body, |found: &Captures| {
        format!("{} {{#rule-{}}}", &found[0], &found[1])
    });
    Ok(body.into_owned())
}

/// Whether docs/RULES.md has a rule.
///
/// # Errors
/// It has not.
pub fn rule(tree: &Tree, number: &str) -> Result<()> {
    let rules = tree.read("docs/RULES.md")?;
    let is_there = RULE.captures_iter(&rules).any(|found| &found[1] == number);
    ensure!(is_there, "docs/RULES.md has no rule {number}");
    Ok(())
}

/// What `make help` prints.
///
/// # Errors
/// The Makefile can't be read, or has no such text.
pub fn commands(tree: &Tree) -> Result<String> {
    let makefile = tree.read("Makefile")?;
    let lines = makefile.lines().take_while(|line| !line.is_empty());
    let mut text = String::from("```plaintext\n");
    for line in lines {
        let line = line
            .strip_prefix('#')
            .context("the Makefile's first lines are no comment")?;
        writeln!(text, "{}", line.strip_prefix(' ').unwrap_or(line))?;
    }
    text.push_str("```");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::new(directory.path());
        for (name, text) in files {
            let path = tree.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (directory, tree)
    }

    const COSTS: &str = "a\n<!-- costs: doors -->\n| call | Trident | Linux, lean |\n|---|--:|--:|\n| getpid | 71 | 293 |\n| both | 1 | 2 |\n<!-- end -->\n\
        <!-- costs: more -->\n| call | Linux, lean | Trident |\n|---|--:|--:|\n| both | 2 | 3 |\n<!-- end -->\n<!-- costs: open -->\n";

    #[test]
    fn tables_and_counts_are_those_of_readme() {
        let (_directory, tree) = tree(&[("README.md", COSTS)]);
        assert!(
            costs(&tree, "\"doors\"")
                .unwrap()
                .starts_with("| call | Trident")
        );
        assert!(costs(&tree, "door").is_err());
        assert!(costs(&tree, "open").is_err());
        assert_eq!(count(&tree, "trident:getpid").unwrap(), "71");
        assert_eq!(count(&tree, "linux: getpid").unwrap(), "293");
        assert_eq!(count(&tree, "linux:both").unwrap(), "2");
        for wrong in ["trident:both", "trident:none", "bsd:getpid", "getpid"] {
            assert!(count(&tree, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn entry_paths_have_phases() {
        let text = "# t\n\n| phase |\n|---|\n| user |\n\n## SYSCALL\n\ngetpid\n\n![A](b.svg)\n\n**user**, 1: its own\n\n| | i |\n|---|---|\n| +0 | `mov` |\n\n## INT 0x80 (64)\n\nx\n";
        let (_directory, tree) = tree(&[("docs/ENTRY.md", text)]);
        assert_eq!(
            entry(&tree, "summary").unwrap(),
            "| phase |\n|---|\n| user |"
        );
        assert_eq!(
            entry(&tree, "SYSCALL/user").unwrap(),
            "| | i |\n|---|---|\n| +0 | `mov` |"
        );
        assert!(!entry(&tree, "SYSCALL").unwrap().contains("svg"));
        assert_eq!(entry(&tree, "INT 0x80 (64)").unwrap(), "x");
        for wrong in ["SYS", "SYSCALL/save", "INT 0x80 (64)/user"] {
            assert!(entry(&tree, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_page_loses_its_title_and_its_links() {
        let text = "# Rules\n\nSee [`entry/`](../kernel/src/entry), [it](a.md#b) and [x](https://example.org).\n\n### Rule 2: a rule\nText.\n";
        let (_directory, tree) = tree(&[
            ("docs/RULES.md", text),
            ("docs/b.md", "text\n"),
            ("Makefile", "# a\n#\n#   make x\n\nX = 1\n"),
        ]);
        let page = page(&tree, "docs/RULES.md").unwrap();
        assert_eq!(
            page,
            "See `entry/`, it (`a.md`) and [x](https://example.org).\n\n### Rule 2: a rule {#rule-2}\nText."
        );
        assert!(super::page(&tree, "docs/b.md").is_err());
        assert!(rule(&tree, "2").is_ok() && rule(&tree, "3").is_err());
        assert_eq!(commands(&tree).unwrap(), "```plaintext\na\n\n  make x\n```");
    }
}
