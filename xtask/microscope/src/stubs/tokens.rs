//! Rust tokens that know their file and line, and the expansion of `macro_rules!` macros in them.
//!
//! Only what the assembly of the entry stubs uses: literals, `concat!`, and macros whose arguments are
//! literals, words and repetitions of them.

use std::collections::BTreeMap;
use std::rc::Rc;

use anyhow::{Context, Result, bail};
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, relative to the repository's root.
    pub file: Rc<str>,
    /// The line, from 1.
    pub line: u32,
}

/// A token tree.
#[derive(Clone, Debug)]
pub enum Token {
    /// A word or a punctuation character.
    Word(String),
    /// A string literal, with its place.
    Text(String, Place),
    /// A literal of another kind.
    Other,
    /// A group in brackets, with the place of the opening one.
    Group(Delimiter, Vec<Token>, Place),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }
}

/// The tokens of a file.
///
/// # Errors
/// The text is not Rust.
pub fn parse(text: &str, file: &Rc<str>) -> Result<Vec<Token>> {
    let stream: TokenStream = text
        .parse()
        .map_err(|error| anyhow::anyhow!("{file}: {error}"))?;
    Ok(convert(stream, file))
}

fn convert(stream: TokenStream, file: &Rc<str>) -> Vec<Token> {
    let place = |line: usize| Place {
        file: file.clone(),
        line: line as u32,
    };
    let tokens = stream.into_iter().map(|tree| match tree {
        TokenTree::Ident(word) => Token::Word(word.to_string()),
        TokenTree::Punct(mark) => Token::Word(mark.as_char().to_string()),
        TokenTree::Literal(literal) => {
            let text = literal.to_string();
            match unquote(&text) {
                Some(content) => Token::Text(content, place(literal.span().start().line)),
                None => Token::Other,
            }
        }
        TokenTree::Group(group) => {
            let line = group.span_open().start().line;
            Token::Group(
                group.delimiter(),
                convert(group.stream(), file),
                place(line),
            )
        }
    });
    tokens.collect()
}

/// The content of a plain string literal.
fn unquote(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => text.push(match letters.next()? {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            _ => text.push(letter),
        }
    }
    Some(text)
}

/// The position after the attributes at `at`, and whether they leave the item out of a release build.
pub fn attributes(tokens: &[Token], mut at: usize) -> (usize, bool) {
    let mut is_left_out = false;
    while let [
        Token::Word(mark),
        Token::Group(Delimiter::Bracket, inside, _),
        ..,
    ] = &tokens[at..]
        && mark == "#"
    {
        is_left_out |= is_debug_only(inside);
        at += 2;
    }
    (at, is_left_out)
}

/// Whether an attribute is `cfg(debug_assertions)`, or `cfg(test)`.
fn is_debug_only(attribute: &[Token]) -> bool {
    let [Token::Word(cfg), Token::Group(_, condition, _)] = attribute else {
        return false;
    };
    let [condition] = condition.as_slice() else {
        return false;
    };
    cfg == "cfg" && (condition.is("debug_assertions") || condition.is("test"))
}

/// An arm of a macro: pattern and body.
type Arm = (Vec<Token>, Vec<Token>);

/// The arms of each macro.
#[derive(Debug, Default)]
pub struct Macros(BTreeMap<String, Vec<Arm>>);

/// What the parameters of an arm stand for: one argument, or those of a repetition.
type Bindings = BTreeMap<String, Vec<Token>>;

impl Macros {
    /// Adds the macros of a file, as a release build has them.
    pub fn add(&mut self, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            let (item, is_left_out) = attributes(tokens, at);
            if let [
                Token::Word(rules),
                Token::Word(_),
                Token::Word(name),
                Token::Group(_, arms, _),
                ..,
            ] = &tokens[item.min(tokens.len())..]
                && rules == "macro_rules"
                && !is_left_out
            {
                // Modules may have macros of the same name: the arm that fits is the one.
                self.0
                    .entry(name.clone())
                    .or_default()
                    .extend(arms_of(arms));
            }
            at = item + 1;
        }
    }

    /// The string that an expression of a template is, in pieces with their places.
    ///
    /// # Errors
    /// A macro is not known, or none of its arms fits.
    pub fn pieces(&self, expression: &[Token]) -> Result<Vec<(String, Place)>> {
        match expression {
            [] => Ok(Vec::new()),
            [Token::Text(text, place)] => Ok(vec![(text.clone(), place.clone())]),
            // `name!(...)`, `path::name!(...)`, `$crate::name!(...)`.
            [
                path @ ..,
                Token::Word(name),
                Token::Word(mark),
                Token::Group(_, arguments, place),
            ] if mark == "!"
                && path
                    .iter()
                    .all(|token| ["crate", "$", ":"].iter().any(|word| token.is(word))) =>
            {
                if name == "concat" {
                    let parts = split(arguments);
                    let parts = parts.iter().map(|part| self.pieces(part));
                    return Ok(parts.collect::<Result<Vec<_>>>()?.concat());
                }
                // Numbers and names in data for debuggers.
                if matches!(&name[..], "file" | "line") {
                    return Ok(vec![(String::new(), place.clone())]);
                }
                self.pieces(&self.expand(name, arguments)?)
            }
            other => bail!("no string: {other:?}"),
        }
    }

    fn expand(&self, name: &str, arguments: &[Token]) -> Result<Vec<Token>> {
        let arms = self
            .0
            .get(name)
            .with_context(|| format!("no macro {name}!"))?;
        let fitting = arms.iter().find_map(|(pattern, body)| {
            let mut bindings = Bindings::new();
            let rest = bind(pattern, arguments, &mut bindings)?;
            rest.is_empty().then_some((body, bindings))
        });
        let (body, bindings) = fitting.with_context(|| format!("{name}! has no such arm"))?;
        Ok(fill(body, &bindings, None))
    }
}

/// `(pattern) => { body };` and so on.
fn arms_of(tokens: &[Token]) -> Vec<Arm> {
    let groups: Vec<&Vec<Token>> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Group(_, inside, _) => Some(inside),
            _ => None,
        })
        .collect();
    let pairs = groups.chunks_exact(2);
    pairs
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect()
}

/// Splits at commas.
pub fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let parts = tokens.split(|token| token.is(","));
    parts.filter(|part| !part.is_empty()).collect()
}

/// Binds a pattern's parameters to the front of the arguments; returns the arguments left.
fn bind<'a>(
    pattern: &[Token],
    mut arguments: &'a [Token],
    bindings: &mut Bindings,
) -> Option<&'a [Token]> {
    let mut rest = pattern;
    loop {
        match rest {
            [] => return Some(arguments),
            // `$name:kind`
            [
                Token::Word(mark),
                Token::Word(name),
                Token::Word(colon),
                Token::Word(_),
                left @ ..,
            ] if mark == "$" && colon == ":" => {
                let (first, others) = arguments.split_first()?;
                bindings
                    .entry(name.clone())
                    .or_default()
                    .push(first.clone());
                (rest, arguments) = (left, others);
            }
            // `$( ... )*`, with or without a separator
            [Token::Word(mark), Token::Group(_, inner, _), left @ ..] if mark == "$" => {
                let (separator, left) = separator(left)?;
                while !arguments.is_empty() {
                    let Some(others) = bind(inner, arguments, bindings) else {
                        break;
                    };
                    arguments = match (others, separator) {
                        ([first, others @ ..], Some(mark)) if first.is(mark) => others,
                        _ => others,
                    };
                }
                rest = left;
            }
            [Token::Word(word), left @ ..] => {
                let (first, others) = arguments.split_first()?;
                if !first.is(word) {
                    return None;
                }
                (rest, arguments) = (left, others);
            }
            _ => return None,
        }
    }
}

/// What follows `$( ... )`: a separator, if there is one, and the operator.
fn separator(tokens: &[Token]) -> Option<(Option<&str>, &[Token])> {
    let is_operator = |token: &Token| ["*", "+", "?"].iter().any(|mark| token.is(mark));
    match tokens {
        [operator, left @ ..] if is_operator(operator) => Some((None, left)),
        [Token::Word(mark), operator, left @ ..] if is_operator(operator) => {
            Some((Some(mark.as_str()), left))
        }
        _ => None,
    }
}

/// A macro's body with its parameters replaced; `turn` is the repetition inside of `$( ... )*`.
fn fill(body: &[Token], bindings: &Bindings, turn: Option<usize>) -> Vec<Token> {
    let mut filled = Vec::new();
    let mut rest = body;
    while let Some((first, left)) = rest.split_first() {
        rest = left;
        match (first, left) {
            (Token::Word(mark), [Token::Word(name), after @ ..])
                if mark == "$" && bindings.contains_key(name) =>
            {
                filled.extend(bindings[name].get(turn.unwrap_or(0)).cloned());
                rest = after;
            }
            (Token::Word(mark), [Token::Group(_, inner, _), after @ ..]) if mark == "$" => {
                let (_, after) = separator(after).unwrap_or((None, after));
                let used = inner.iter().filter_map(|token| match token {
                    Token::Word(name) => bindings.get(name).map(Vec::len),
                    _ => None,
                });
                for turn in 0..used.max().unwrap_or(0) {
                    filled.extend(fill(inner, bindings, Some(turn)));
                }
                rest = after;
            }
            (Token::Group(delimiter, inside, place), _) => {
                let inside = fill(inside, bindings, turn);
                filled.push(Token::Group(*delimiter, inside, place.clone()));
            }
            _ => filled.push(first.clone()),
        }
    }
    filled
}
