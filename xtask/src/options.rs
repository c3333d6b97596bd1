//! Options of the commands. Most of them are also variables, which make passes on.
//!
//! A command with options has a structure of them, which implements [`Options`]. clap's builder
//! parses them: its derive macros and what these need take longer to compile than this program.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

/// A set of options: how clap knows them, and how a command gets them.
pub trait Options: Sized {
    /// Adds the options to a command.
    fn declare(command: Command) -> Command;
    /// The options as given, or as the variables say.
    fn read(matches: &ArgMatches) -> Self;
}

/// `--name TEXT`, which is also the variable `variable`; empty where neither is given. The text may
/// begin with a hyphen.
pub fn text(name: &'static str, variable: &'static str, help: &'static str) -> Arg {
    value(name, variable, help)
        .default_value("")
        .allow_hyphen_values(true)
}

/// `--name VALUE`, which is also the variable `variable`.
pub fn value(name: &'static str, variable: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .env(variable)
        .value_name(variable)
        .help(help)
}

/// `--name PATH`, which is also the variable `variable`.
pub fn path(name: &'static str, variable: &'static str, help: &'static str) -> Arg {
    value(name, variable, help).value_parser(value_parser!(PathBuf))
}

/// `--name`, which is also the variable `variable`: off if that is empty, 0, no, off or false.
pub fn switch(name: &'static str, variable: &'static str, help: &'static str) -> Arg {
    value(name, variable, help)
        .action(ArgAction::SetTrue)
        .value_parser(FalseyValueParser::new())
}

/// An argument without a name in front.
pub fn positional(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).help(help)
}

/// Arguments behind `--`.
pub fn arguments_behind_dashes(name: &'static str, help: &'static str) -> Arg {
    positional(name, help).action(ArgAction::Append).last(true)
}

/// The value of an option that has a default, or is required.
pub fn get<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> T {
    find(matches, name).unwrap_or_else(|| panic!("--{name} has neither a value nor a default"))
}

/// The value of an option, if it is given.
pub fn find<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Option<T> {
    matches.get_one(name).cloned()
}

/// All values of an argument that may be given several times.
pub fn all<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, name: &str) -> Vec<T> {
    let values = matches.get_many(name);
    values.into_iter().flatten().cloned().collect()
}
