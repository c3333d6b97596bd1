//! The microscope in the book: journeys at a named step, and their stills for paper.
//!
//! The names of steps are those of the microscope's links (`xtask/microscope/page/address.js`); here
//! a step that is not there is an error.

use std::path::Path;
use std::sync::LazyLock;

use anyhow::{Context, Result, ensure};
use regex::Regex;
use serde::Deserialize;

use crate::text::escape;
use crate::tree::Tree;

/// The microscope's page, beside the book's.
pub const PAGE: &str = "microscope.html";
/// Where the journeys' names are defined.
const SOURCE: &str = "xtask/microscope/src/journeys.rs";

static STEP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^@([a-z]+(?:-[a-z]+)*)(?:\.(\d+))?(?:\+(\d+))?$"));
static DEFINED: LazyLock<Regex> = LazyLock::new(|| pattern(r#"journey\("([\w-]+)", "#));
static STYLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"<style>.*?</style>"));
static BOX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r#"<rect class="[\w-]+" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)""#)
});

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// What the microscope has recorded.
#[derive(Debug, Default)]
pub struct Records {
    /// The names of all journeys, recorded or not.
    defined: Vec<String>,
    phases: Vec<(String, String)>,
    journeys: Vec<Journey>,
}

#[derive(Debug, Deserialize)]
struct File {
    phases: Vec<(String, String)>,
    journeys: Vec<Journey>,
}

#[derive(Debug, Deserialize)]
struct Journey {
    id: String,
    title: String,
    /// Phase by number, and its first step.
    phases: Vec<(usize, usize)>,
    steps: Vec<serde_json::Value>,
    still: String,
}

impl Records {
    /// Reads the names of all journeys, and the records, if there are any.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn read(tree: &Tree, records: &Path) -> Result<Self> {
        let source = tree.read(SOURCE)?;
        let defined = DEFINED
            .captures_iter(&source)
            .map(|found| found[1].to_owned())
            .collect();
        if !records.exists() {
            return Ok(Self {
                defined,
                ..Self::default()
            });
        }
        let text = std::fs::read(records)?;
        let file: File = serde_json::from_slice(&text)
            .with_context(|| format!("cannot read {}", records.display()))?;
        Ok(Self {
            defined,
            phases: file.phases,
            journeys: file.journeys,
        })
    }

    /// Whether anything is recorded.
    pub fn is_empty(&self) -> bool {
        self.journeys.is_empty()
    }

    /// The markup of `ID@STEP`, with the microscope at `up`.
    ///
    /// # Errors
    /// There is no such journey, or it has no such step.
    pub fn markup(&self, link: &str, title: &str, up: &str) -> Result<String> {
        let (id, step) = link.split_once('@').context("a journey is ID@STEP")?;
        ensure!(
            self.defined.iter().any(|known| known == id),
            "there is no journey {id}: {SOURCE} has them all"
        );
        let name = format!("@{step}");
        ensure!(
            STEP.is_match(&name),
            "{name} is no step: @PHASE, @PHASE+2, @PHASE.2+3"
        );
        // Without Linux's kernel its journeys are not recorded, and without a kernel none is.
        let journey = self.journeys.iter().find(|journey| journey.id == id);
        let still = match journey {
            Some(journey) => {
                let at = self.step(journey, &name)?;
                mark(journey, at)?
            }
            None => "<p>Not recorded: <code>make microscope</code> records it.</p>".to_owned(),
        };
        let shown = if title.is_empty() {
            journey.map_or(id, |journey| &journey.title)
        } else {
            title
        };
        let shown = escape(shown);
        let address = format!("{up}{PAGE}#{id}/{name}");
        Ok(format!(
            "<figure class=\"journey\">\n\
             <figcaption>{shown} <a href=\"{address}\">Open the microscope at this step</a></figcaption>\n\
             <iframe loading=\"lazy\" src=\"{address}\" title=\"Microscope: {shown}\"></iframe>\n\
             <div class=\"still\">{still}</div>\n</figure>"
        ))
    }

    /// The step that a name means.
    fn step(&self, journey: &Journey, name: &str) -> Result<usize> {
        let id = &journey.id;
        let found = STEP.captures(name).context("not a step")?;
        let number = |group: usize, default: usize| -> Result<usize> {
            found
                .get(group)
                .map_or(Ok(default), |digits| Ok(digits.as_str().parse()?))
        };
        let (nth, more) = (number(2, 1)?, number(3, 0)?);
        let kind = self.phases.iter().position(|(phase, _)| *phase == found[1]);
        let kind = kind.with_context(|| {
            let names: Vec<&str> = self
                .phases
                .iter()
                .map(|(phase, _)| phase.as_str())
                .collect();
            format!("there is no phase {}, but {}", &found[1], names.join(", "))
        })?;
        let mut runs = (0..journey.phases.len()).filter(|run| journey.phases[*run].0 == kind);
        let run = nth.checked_sub(1).and_then(|nth| runs.nth(nth));
        let run = run.with_context(|| format!("{id} has no phase {} {nth} times", &found[1]))?;
        let first = journey.phases[run].1;
        let end = journey
            .phases
            .get(run + 1)
            .map_or(journey.steps.len(), |(_, first)| *first);
        ensure!(
            first + more < end,
            "{id}: {} has {} steps, not {more} more than the first",
            &found[1],
            end - first
        );
        Ok(first + more)
    }
}

/// A journey's still with a mark at a step. Its colors are the page's.
fn mark(journey: &Journey, step: usize) -> Result<String> {
    let boxes: Vec<[f64; 4]> = BOX
        .captures_iter(&journey.still)
        .map(|found| [1, 2, 3, 4].map(|group| found[group].parse().unwrap_or_default()))
        .collect();
    // Long journeys have a box for each run of a phase.
    let index = if boxes.len() == journey.steps.len() {
        step
    } else {
        journey
            .phases
            .iter()
            .rposition(|(_, first)| *first <= step)
            .unwrap_or(0)
    };
    let [x, y, width, height] = *boxes
        .get(index)
        .with_context(|| format!("{}: the still has no step {step}", journey.id))?;
    let middle = x + width / 2.0;
    let mark = format!(
        "<path class=\"here\" d=\"M{:.1} 22h12l-6 9z\"/><rect class=\"here\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\"/></svg>",
        middle - 6.0,
        x - 1.5,
        y - 1.5,
        width + 3.0,
        height + 3.0
    );
    let still = STYLE.replace(&journey.still, "");
    Ok(still.trim().replace("</svg>", &mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two journeys are known, one is recorded: user 1, save 3, user 1 step.
    fn records() -> (tempfile::TempDir, Records) {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::new(directory.path());
        let source = tree.path(SOURCE);
        std::fs::create_dir_all(source.parent().unwrap()).unwrap();
        std::fs::write(
            source,
            "journey(\"a-b\", \"A\", X),\njourney(\"linux\", \"L\", X),\n",
        )
        .unwrap();
        let boxes: String = (0..5)
            .map(|step| format!("<rect class=\"save\" x=\"{step}0.0\" y=\"34\" width=\"8.0\" height=\"26\" rx=\"2\"><title></title></rect>"))
            .collect();
        let json = serde_json::json!({
            "phases": [["user", "u"], ["save", "s"], ["work", "w"]],
            "journeys": [{
                "id": "a-b", "title": "A & b", "phases": [[0, 0], [1, 1], [0, 4]],
                "steps": [[0], [1], [2], [3], [4]],
                "still": format!("<svg><style>text{{}}</style>{boxes}</svg>\n"),
            }],
        });
        let file = directory.path().join("microscope.json");
        std::fs::write(&file, json.to_string()).unwrap();
        let records = Records::read(&tree, &file).unwrap();
        (directory, records)
    }

    #[test]
    fn a_journey_opens_at_its_step() {
        let (_directory, records) = records();
        for (link, x) in [("a-b@user", 0), ("a-b@save+2", 30), ("a-b@user.2", 40)] {
            let markup = records.markup(link, "", "../").unwrap();
            let (id, step) = link.split_once('@').unwrap();
            assert!(
                markup.contains(&format!("src=\"../microscope.html#{id}/@{step}\"")),
                "{markup}"
            );
            let mark = format!("<rect class=\"here\" x=\"{:.1}\"", f64::from(x) - 1.5);
            assert!(markup.contains(&mark), "{link}: {markup}");
            assert!(
                markup.contains("A &amp; b") && !markup.contains("<style>"),
                "{markup}"
            );
        }
        let markup = records.markup("a-b@user", "Own", "").unwrap();
        assert!(markup.contains("title=\"Microscope: Own\""), "{markup}");
        assert!(
            records
                .markup("linux@user", "", "")
                .unwrap()
                .contains("Not recorded")
        );
    }

    #[test]
    fn an_unknown_journey_or_step_is_an_error() {
        let (_directory, records) = records();
        for (link, said) in [
            ("a-b", "ID@STEP"),
            ("b@user", "there is no journey b"),
            ("a-b@other", "there is no phase other, but user, save, work"),
            ("a-b@work", "a-b has no phase work 1 times"),
            ("a-b@user.3", "a-b has no phase user 3 times"),
            ("a-b@user.0", "a-b has no phase user 0 times"),
            ("a-b@save+3", "save has 3 steps"),
            ("a-b@37", "is no step"),
        ] {
            let error = records.markup(link, "", "").expect_err(link).to_string();
            assert!(error.contains(said), "{link}: {error}");
        }
    }
}
