//! The kernel's command line, made of `APPEND`, `ARGS` and this program's own words.

use anyhow::{Context, Result, ensure};
use formats::cmdline::MAX_LENGTH;

/// `APPEND` in two halves: words for the kernel, and init's words after ` -- `.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Append {
    kernel: String,
    init: String,
}

impl Append {
    /// Splits at the first word `--` outside of double quotes, as the kernel does.
    pub fn new(text: &str) -> Self {
        let mut quoted = false;
        let mut start = 0;
        let ends = text.char_indices().chain([(text.len(), ' ')]);
        for (at, c) in ends {
            quoted ^= c == '"';
            if !c.is_whitespace() || quoted {
                continue;
            }
            if &text[start..at] == "--" {
                return Self {
                    kernel: text[..start].trim().into(),
                    init: text[at..].trim().into(),
                };
            }
            start = at + c.len_utf8();
        }
        Self {
            kernel: text.trim().into(),
            init: String::new(),
        }
    }

    /// Whether the words name an init (`rdinit=`).
    pub fn names_an_init(&self) -> bool {
        let mut words = self.kernel.split_whitespace();
        words.any(|word| word.starts_with("rdinit=") || word.starts_with("init="))
    }

    /// The command line with `words` before the kernel's, and `args` after init's.
    ///
    /// # Errors
    /// It is longer than the kernel reads.
    pub fn with(&self, words: &[&str], args: &str) -> Result<String> {
        let kernel = words.iter().copied().chain([&self.kernel[..]]);
        let init = [&self.init, args.trim()];
        let init = init.into_iter().filter(|part| !part.is_empty());
        let mut init: Vec<&str> = init.collect();
        if !init.is_empty() {
            init.insert(0, "--");
        }
        let all = kernel.filter(|part| !part.is_empty()).chain(init);
        let line = all.collect::<Vec<_>>().join(" ");
        ensure!(
            line.len() <= MAX_LENGTH,
            "the kernel's command line has {} bytes, and {MAX_LENGTH} at most are read",
            line.len()
        );
        Ok(line)
    }
}

/// The words of a variable, split as a shell does.
///
/// # Errors
/// A quote is not closed.
pub fn split(variable: &str, words: &str) -> Result<Vec<String>> {
    shlex::split(words)
        .with_context(|| format!("{variable}: a quote is not closed, or a backslash ends it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn append_is_parted_where_the_kernel_parts_it() {
        let parts = |text: &str| {
            let append = Append::new(text);
            (append.kernel, append.init)
        };
        let two = |kernel: &str, init: &str| (kernel.to_owned(), init.to_owned());
        assert_eq!(parts(""), two("", ""));
        assert_eq!(parts("quiet A=1"), two("quiet A=1", ""));
        assert_eq!(parts("quiet -- ls -l --"), two("quiet", "ls -l --"));
        assert_eq!(parts("-- ls"), two("", "ls"));
        assert_eq!(parts("quiet --"), two("quiet", ""));
        assert_eq!(parts("A=\"x -- y\" --x"), two("A=\"x -- y\" --x", ""));
    }

    #[test]
    fn no_word_is_swallowed() {
        let append = Append::new("panic=1 -- one");
        let line = append
            .with(&["rdinit=/a", "quiet"], "two three")
            .expect("short");
        assert_eq!(line, "rdinit=/a quiet panic=1 -- one two three");
        assert_eq!(Append::new("").with(&[], "").expect("short"), "");
        assert!(Append::new(&"x".repeat(3000)).with(&[], "").is_err());
        assert!(Append::new("quiet rdinit=/b").names_an_init());
        assert!(!Append::new("quiet -- rdinit=/b").names_an_init());
    }

    #[test]
    fn args_are_parted_as_by_a_shell() {
        let words = split("ARGS", "a 'b c' \"d e\" f\\ g ''").expect("words");
        assert_eq!(words, ["a", "b c", "d e", "f g", ""]);
        assert!(split("ARGS", "'open").is_err());
    }
}
