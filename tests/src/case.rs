//! A test case: a name and a function. Case modules list theirs in `pub fn cases()`.

use anyhow::Result;

/// One test case.
pub struct Case {
    /// Its name within its module.
    pub name: String,
    /// What it does; an error is a failure.
    pub run: Box<dyn FnOnce() -> Result<()> + Send>,
}

impl Case {
    /// A case under a name made at run time, for rows of a matrix.
    pub fn new(name: impl Into<String>, run: impl FnOnce() -> Result<()> + Send + 'static) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// Lists functions as cases of the same name: `cases![boots, fails_loudly]`.
#[macro_export]
macro_rules! cases {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::case::Case::new(stringify!($function), $function)),*]
    };
}
