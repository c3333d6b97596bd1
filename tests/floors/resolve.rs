//! Name resolution: from a path as written to the module that defines what it names.

use super::source::{Id, Source};

/// Imports followed before a path counts as unresolved.
const DEPTH: usize = 16;

/// What a name means in a module.
enum Meaning {
    Module(Id),
    /// An item that this module defines.
    Item(Id),
}

impl Source {
    /// The module that `segments`, written in `from`, lead to; none for a path into another crate.
    pub fn resolve(&self, from: Id, segments: &[String]) -> Option<Id> {
        match self.follow(from, segments, 0)? {
            Meaning::Module(module) | Meaning::Item(module) => Some(module),
        }
    }

    fn follow(&self, from: Id, segments: &[String], depth: usize) -> Option<Meaning> {
        if depth > DEPTH {
            return None;
        }
        let (first, mut rest) = segments.split_first()?;
        let mut module = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.modules[from].parent?,
            name => match self.look_up(from, name, depth)? {
                Meaning::Module(module) => module,
                item => return Some(item),
            },
        };
        while rest.first().is_some_and(|name| name == "super") {
            module = self.modules[module].parent?;
            rest = &rest[1..];
        }
        for name in rest {
            match self.look_up(module, name, depth) {
                Some(Meaning::Module(child)) => module = child,
                Some(item) => return Some(item),
                // The name of an item that a macro defines.
                None => return Some(Meaning::Item(module)),
            }
        }
        Some(Meaning::Module(module))
    }

    /// What `name` means in `module`: a child module, an item, or what an import brings in.
    fn look_up(&self, module: Id, name: &str, depth: usize) -> Option<Meaning> {
        let here = &self.modules[module];
        if let Some(&child) = here.children.get(name) {
            return Some(Meaning::Module(child));
        }
        if here.items.contains(name) {
            return Some(Meaning::Item(module));
        }
        if module == 0
            && let Some(&definer) = self.macros.get(name)
        {
            return Some(Meaning::Item(definer));
        }
        let named = here
            .imports
            .iter()
            .find(|import| import.name.as_deref() == Some(name));
        if let Some(import) = named {
            // `use name;`: another crate.
            if import.path.len() == 1 && import.path[0] == name {
                return None;
            }
            return self.follow(module, &import.path, depth + 1);
        }
        let globs = here.imports.iter().filter(|import| import.name.is_none());
        globs
            .filter_map(|glob| self.follow(module, &glob.path, depth + 1))
            .find_map(|target| match target {
                Meaning::Module(target) if target != module && depth < DEPTH => {
                    self.look_up(target, name, depth + 1)
                }
                _ => None,
            })
    }
}
