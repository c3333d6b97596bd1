//! The check for words: forms that comments, documentation, and log and panic messages don't use.
//!
//! [`prose`] finds the passages that people read; code, string data and text between backticks are
//! not among them, so that the account name `nobody` stays free.

mod prose;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use harness::paths;

use crate::sources;
use prose::{Language, Passage};

/// Forms that hide the subject of a sentence: the field's noun takes their place.
const FORMS: [&str; 7] = [
    "nobody",
    "somebody",
    "whoever",
    "anybody",
    "what is no",
    "told of",
    "kin",
];

/// Doc comments that name nothing when they are all there is.
const EMPTY_DOCUMENTATION: [&str; 2] = ["the same", "its end"];

/// Reads every source file, page and Makefile of the repository.
///
/// # Errors
/// If a passage has one of the forms; the message names each with its file and line.
pub fn check() -> Result<()> {
    let root = paths::root();
    let mut found = Vec::new();
    for path in sources::files(root)? {
        let Some(language) = Language::of(&path) else {
            continue;
        };
        let text = fs::read_to_string(&path);
        let text = text.with_context(|| format!("cannot read {}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(Path::new(""));
        for (line, form) in forms_in(language, &text) {
            found.push(format!("  {}:{line}: \"{form}\"", name.display()));
        }
    }
    ensure!(
        found.is_empty(),
        "{} vague words (the list is in xtask/src/words/mod.rs):\n{}",
        found.len(),
        found.join("\n")
    );
    Ok(())
}

/// The forms in one file's passages, each with its line.
fn forms_in(language: Language, text: &str) -> Vec<(usize, &'static str)> {
    prose::passages(language, text)
        .iter()
        .flat_map(forms_in_passage)
        .collect()
}

fn forms_in_passage(passage: &Passage) -> Vec<(usize, &'static str)> {
    let words = words(passage);
    let mut found = Vec::new();
    for form in FORMS {
        let form_words: Vec<&str> = form.split(' ').collect();
        for window in words.windows(form_words.len()) {
            if window.iter().map(|(_, word)| word).eq(&form_words) {
                found.push((window[0].0, form));
            }
        }
    }
    if passage.is_documentation {
        let all: Vec<&str> = words
            .iter()
            .map(|(_, word)| word.as_str())
            .filter(|word| !word.is_empty())
            .collect();
        let all = all.join(" ");
        let empty = EMPTY_DOCUMENTATION.into_iter().find(|form| all == *form);
        found.extend(empty.map(|form| (passage.line, form)));
    }
    found
}

/// The words of a passage in lower case, each with its line; an empty word where a sentence or a
/// clause ends, or where code stands between backticks.
fn words(passage: &Passage) -> Vec<(usize, String)> {
    let mut words = Vec::new();
    for (number, line) in passage.text.lines().enumerate() {
        let line_number = passage.line + number;
        for (part, text) in line.split('`').enumerate() {
            if part % 2 == 1 {
                words.push((line_number, String::new()));
                continue;
            }
            for token in text.split_inclusive(|c: char| !(c.is_alphanumeric() || c == '_')) {
                let word = token.trim_end_matches(|c: char| !(c.is_alphanumeric() || c == '_'));
                if !word.is_empty() {
                    words.push((line_number, word.to_lowercase()));
                }
                if token.ends_with(['.', ',', ';', ':', '!', '?', '(', ')', '"']) {
                    words.push((line_number, String::new()));
                }
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_in_comments_and_messages() {
        for form in FORMS {
            let capital = form[..1].to_uppercase() + &form[1..];
            for (source, line) in [
                (format!("let a = 1;\n// {capital} waits.\n"), 2),
                (format!("//! A queue that {form}\n//! reads.\n"), 1),
                (format!("/* for\n * {form}'s use */\n"), 2),
                (format!("panic!(\"{form} holds {{lock}}\");\n"), 1),
                (format!("crate::log!(\n    \"{form} answers\\n\"\n);\n"), 2),
                (format!("x.expect(\"{form} waits\");\n"), 1),
                (format!("assert!(a == b, \"wakes {form} at {{t}}\");\n"), 1),
            ] {
                let found = forms_in(Language::Rust, &source);
                assert_eq!(found, [(line, form)], "{source}");
            }
            let c = format!("char a = '\"'; /* {form} */ char *b = \"x\"; // {form}\n");
            assert_eq!(forms_in(Language::C, &c), [(1, form), (1, form)]);
            let page = format!("# A title\n\nA sentence with {form} in it.\n");
            assert_eq!(forms_in(Language::Markdown, &page), [(3, form)]);
            let makefile = format!("A = b # {form}\n# {form}\n");
            assert_eq!(forms_in(Language::Hash, &makefile), [(1, form), (2, form)]);
        }
    }

    #[test]
    fn a_form_is_found_across_lines() {
        let source = "// The parent is told\n// of it: that is what\n// is no file.\n";
        let found = forms_in(Language::Rust, source);
        assert_eq!(found, [(2, "what is no"), (1, "told of")]);
    }

    #[test]
    fn documentation_that_names_nothing_is_found() {
        for source in [
            "/// The same.\nfn f() {}\n",
            "/** Its end. */\nstruct A;\n",
            "//!\n//! The same.\n",
        ] {
            assert_eq!(forms_in(Language::Rust, source).len(), 1, "{source}");
        }
        for source in [
            "/// The same value.\nfn f() {}\n",
            "// The same.\nf();\n",
            "/// Its end, in bytes.\nconst A: u8 = 0;\n",
        ] {
            assert_eq!(forms_in(Language::Rust, source), [], "{source}");
        }
    }

    #[test]
    fn the_account_name_and_other_words_are_free() {
        for source in [
            // Data, also in a message's arguments and beside it.
            "let user = \"nobody\"; let r = r#\"root \"or\" nobody is\"#;\n",
            "let line = b\"nobody:x:65534\"; let c = c\"the user nobody\";\n",
            "panic!(\"no user {}\", find(\"the user nobody\"));\n",
            "assert_eq!(user, \"nobody\", \"the owner\");\n",
            // Code.
            "fn nobody() { somebody.kin = '\"'; let a: &'static str; }\n",
            "let nobody = b'\\''; let b = 'x'; // a file's owner\n",
            "// Becomes `nobody`, and `what is no` root.\n",
            // Other words, and forms that a sentence's end parts.
            "// Akin to kinds: nobody_waits is a name. She told. Of that, what is. No more.\n",
        ] {
            assert_eq!(forms_in(Language::Rust, source), [], "{source}");
        }
        let c = "char *users[] = {\"nobody\", \"/* nobody */\", \"\\\"// nobody\"};\n";
        assert_eq!(forms_in(Language::C, c), []);
        let page = "The account `nobody`:\n\n```sh\nsu nobody\n```\n";
        assert_eq!(forms_in(Language::Markdown, page), []);
    }

    #[test]
    fn the_repository_uses_no_more_of_the_forms() {
        check().unwrap();
    }
}
