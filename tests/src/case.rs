//! A test case: a name and a function. Case modules list theirs in `pub fn cases()`.

use anyhow::Result;

/// One test case.
pub struct Case {
    /// The case's name within its module.
    pub name: String,
    /// The test; an error is a failure.
    pub run: Box<dyn FnOnce() -> Result<()> + Send>,
    /// Why the case is skipped unless `--ignored` asks for it.
    pub left_out: Option<String>,
}

impl Case {
    /// A case with a name made at run time, for rows of a matrix.
    pub fn new(name: impl Into<String>, run: impl FnOnce() -> Result<()> + Send + 'static) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
            left_out: None,
        }
    }

    /// The same case, skipped if there is a reason.
    pub fn left_out(mut self, reason: Option<&str>) -> Self {
        self.left_out = reason.map(str::to_owned);
        self
    }
}

/// Lists functions as cases of the same name: `cases![boots, fails_loudly]`.
#[macro_export]
macro_rules! cases {
    ($($function:ident),* $(,)?) => {
        vec![$($crate::case::Case::new(stringify!($function), $function)),*]
    };
}
