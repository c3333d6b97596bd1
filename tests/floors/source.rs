//! The kernel's modules and the paths between them, read with `syn`.
//!
//! [`Source::read`] follows `mod` declarations from the root file. [`Source::arrows`] lists each path from one
//! module to another: `use` declarations, paths in expressions and types, bodies of `macro_rules!`, arguments
//! of macros. `resolve.rs` follows a path through imports and re-exports to the module that defines the name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Item, ItemUse, UseTree, Visibility};

/// Index of a module in [`Source::modules`].
pub type Id = usize;

/// A module, in its own file or inline.
#[derive(Debug)]
pub struct Module {
    /// Names from the root: `["process", "signal"]`.
    pub path: Vec<String>,
    /// Path of the file below the root's folder.
    pub file: PathBuf,
    /// The declaring module; none for the root.
    pub parent: Option<Id>,
    /// Compiled only under `cfg(test)`.
    pub is_test: bool,
    pub children: BTreeMap<String, Id>,
    pub imports: Vec<Import>,
    /// Names of the items that it defines.
    pub items: BTreeSet<String>,
}

/// A name that a `use` declaration imports.
#[derive(Clone, Debug)]
pub struct Import {
    /// None for a glob.
    pub name: Option<String>,
    pub path: Vec<String>,
    is_test: bool,
    line: usize,
}

/// A path as written in a module.
#[derive(Debug)]
struct Written {
    module: Id,
    segments: Vec<String>,
    line: usize,
    is_test: bool,
}

/// The modules of a crate.
#[derive(Debug)]
pub struct Source {
    root: PathBuf,
    pub modules: Vec<Module>,
    /// Modules of macros with `#[macro_export]`, whose path begins at the root.
    pub macros: BTreeMap<String, Id>,
    paths: Vec<Written>,
}

/// A path from one module to another.
#[derive(Clone, Debug)]
pub struct Arrow {
    pub from: Id,
    pub to: Id,
    pub line: usize,
    pub text: String,
}

impl Source {
    /// Reads the crate whose root file is `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let folder = root.parent().context("a root file has a folder")?;
        let mut source = Self {
            root: folder.to_owned(),
            modules: Vec::new(),
            macros: BTreeMap::new(),
            paths: Vec::new(),
        };
        source.read_file(root, Vec::new(), None, false)?;
        Ok(source)
    }

    /// Each path from a module to another, tests excluded.
    pub fn arrows(&self) -> Vec<Arrow> {
        let imports = self.modules.iter().enumerate().flat_map(|(from, module)| {
            let counted = module.imports.iter().filter(|import| !import.is_test);
            counted.map(move |import| (from, &import.path, import.line))
        });
        let paths = self.paths.iter().filter(|path| !path.is_test);
        let paths = paths.map(|path| (path.module, &path.segments, path.line));
        imports
            .chain(paths)
            .filter(|(from, ..)| !self.modules[*from].is_test)
            .filter_map(|(from, segments, line)| {
                Some(Arrow {
                    from,
                    to: self.resolve(from, segments)?,
                    line,
                    text: segments.join("::"),
                })
            })
            .collect()
    }

    fn read_file(
        &mut self,
        file: &Path,
        path: Vec<String>,
        parent: Option<Id>,
        is_test: bool,
    ) -> Result<Id> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed =
            syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        let below = file.strip_prefix(&self.root).unwrap_or(file).to_owned();
        let id = self.add(path, below, parent, is_test);
        // Files of child modules are beside mod.rs and main.rs, else in a folder with the file's name.
        let folder = file.parent().context("a file has a folder")?;
        let stem = file.file_stem().context("a file has a name")?;
        let children = if stem == "mod" || stem == "main" {
            folder.to_owned()
        } else {
            folder.join(stem)
        };
        self.read_items(id, &parsed.items, &children, is_test)?;
        Ok(id)
    }

    fn add(&mut self, path: Vec<String>, file: PathBuf, parent: Option<Id>, is_test: bool) -> Id {
        self.modules.push(Module {
            path,
            file,
            parent,
            is_test,
            children: BTreeMap::new(),
            imports: Vec::new(),
            items: BTreeSet::new(),
        });
        self.modules.len() - 1
    }

    fn read_items(&mut self, id: Id, items: &[Item], folder: &Path, is_test: bool) -> Result<()> {
        for item in items {
            match item {
                Item::Mod(module) => {
                    let is_test = is_test || has_cfg_test(&module.attrs);
                    let name = module.ident.to_string();
                    let mut path = self.modules[id].path.clone();
                    path.push(name.clone());
                    let child = if let Some((_, items)) = &module.content {
                        let file = self.modules[id].file.clone();
                        let child = self.add(path, file, Some(id), is_test);
                        self.read_items(child, items, &folder.join(&name), is_test)?;
                        child
                    } else {
                        let beside = folder.join(format!("{name}.rs"));
                        let file = if beside.exists() {
                            beside
                        } else {
                            folder.join(&name).join("mod.rs")
                        };
                        self.read_file(&file, path, Some(id), is_test)?
                    };
                    self.modules[id].children.insert(name, child);
                }
                Item::Use(item) => self.read_use(id, item, is_test || has_cfg_test(&item.attrs)),
                other => {
                    let is_test = is_test || has_cfg_test(attributes_of(other));
                    self.modules[id].items.extend(names(other));
                    if let Item::Macro(item) = other
                        && let Some(name) = &item.ident
                        && item.attrs.iter().any(|a| a.path().is_ident("macro_export"))
                    {
                        self.macros.insert(name.to_string(), id);
                    }
                    self.read_tokens(id, other.to_token_stream(), is_test);
                }
            }
        }
        Ok(())
    }

    fn read_use(&mut self, id: Id, item: &ItemUse, is_test: bool) {
        if item.leading_colon.is_some() {
            return;
        }
        let line = match &item.vis {
            Visibility::Inherited => item.use_token.span.start().line,
            visible => visible
                .to_token_stream()
                .into_iter()
                .next()
                .map_or(item.use_token.span.start().line, |token| {
                    token.span().start().line
                }),
        };
        let mut leaves = Vec::new();
        leaves_of(&item.tree, &mut Vec::new(), &mut leaves);
        let imports = leaves.into_iter().map(|(name, path)| Import {
            name,
            path,
            is_test,
            line,
        });
        self.modules[id].imports.extend(imports);
    }

    /// Notes each path of two or more names in `stream`, and the `use` declarations in it.
    fn read_tokens(&mut self, id: Id, stream: TokenStream, is_test: bool) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let is_punct = |at: usize, character| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == character);
        let is_path_separator = |at| is_punct(at, ':') && is_punct(at + 1, ':');
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                TokenTree::Group(group) => {
                    self.read_tokens(id, group.stream(), is_test);
                    at += 1;
                }
                TokenTree::Ident(ident) if ident == "use" => {
                    let end = (at..tokens.len()).find(|&end| is_punct(end, ';'));
                    let item = end.and_then(|end| {
                        let item = tokens[at..=end].iter().cloned().collect();
                        Some((syn::parse2::<ItemUse>(item).ok()?, end))
                    });
                    at += 1;
                    if let Some((item, end)) = item {
                        self.read_use(id, &item, is_test);
                        at = end + 1;
                    }
                }
                TokenTree::Ident(ident) => {
                    let follows_separator = at >= 2 && is_path_separator(at - 2);
                    let line = ident.span().start().line;
                    let mut segments = Vec::new();
                    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
                        segments.push(ident.to_string());
                        at += 1;
                        let goes_on = is_path_separator(at)
                            && matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
                        if !goes_on {
                            break;
                        }
                        at += 2;
                    }
                    if !follows_separator && segments.len() > 1 {
                        self.paths.push(Written {
                            module: id,
                            segments,
                            line,
                            is_test,
                        });
                    }
                }
                _ => at += 1,
            }
        }
    }
}

/// Whether the attributes leave an item to test builds.
pub fn has_cfg_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let text = attribute.meta.to_token_stream().to_string();
        let mut words = text.split(|character: char| !character.is_alphanumeric());
        attribute.path().is_ident("cfg")
            && !text.contains("not")
            && words.any(|word| word == "test")
    })
}

/// The names that `tree` imports, each with its path.
fn leaves_of(
    tree: &UseTree,
    path: &mut Vec<String>,
    leaves: &mut Vec<(Option<String>, Vec<String>)>,
) {
    match tree {
        UseTree::Path(part) => {
            path.push(part.ident.to_string());
            leaves_of(&part.tree, path, leaves);
            path.pop();
        }
        UseTree::Name(part) if part.ident == "self" => {
            leaves.push((path.last().cloned(), path.clone()));
        }
        UseTree::Name(part) => {
            let name = part.ident.to_string();
            let path = path.iter().cloned().chain([name.clone()]).collect();
            leaves.push((Some(name), path));
        }
        UseTree::Rename(part) => {
            let last = (part.ident != "self").then(|| part.ident.to_string());
            let path = path.iter().cloned().chain(last).collect();
            leaves.push((Some(part.rename.to_string()), path));
        }
        UseTree::Glob(_) => leaves.push((None, path.clone())),
        UseTree::Group(group) => {
            for tree in &group.items {
                leaves_of(tree, path, leaves);
            }
        }
    }
}

/// The attributes of an item.
pub fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The names that an item adds to its module.
fn names(item: &Item) -> Vec<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => match &item.ident {
            Some(ident) => ident,
            None => return defined_in(item.mac.tokens.clone()),
        },
        _ => return Vec::new(),
    };
    vec![ident.to_string()]
}

/// The names behind a defining keyword in the arguments of a macro.
fn defined_in(stream: TokenStream) -> Vec<String> {
    const KEYWORDS: [&str; 7] = ["struct", "enum", "static", "const", "fn", "type", "union"];
    let mut names = Vec::new();
    let mut follows_keyword = false;
    for token in stream {
        match token {
            TokenTree::Ident(ident) => {
                let word = ident.to_string();
                if follows_keyword && word != "mut" {
                    names.push(word);
                    follows_keyword = false;
                } else if KEYWORDS.contains(&word.as_str()) {
                    follows_keyword = true;
                }
            }
            TokenTree::Group(group) if group.delimiter() != Delimiter::None => {
                follows_keyword = false;
                names.extend(defined_in(group.stream()));
            }
            _ => follows_keyword = false,
        }
    }
    names
}
