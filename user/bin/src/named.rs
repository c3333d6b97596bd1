//! Probes with several cases, of which the first argument picks one: each case may end the
//! program in a way of its own.

use sys::{Env, println};

/// A case's name and what it does.
pub type Case = (&'static str, fn());

/// Runs the case that the first argument names. Exit status: 0 if it returned, 2 if there is no
/// such case.
pub fn run(env: &Env, cases: &[Case]) -> i32 {
    let wanted = env.args().nth(1).unwrap_or("");
    let Some((name, case)) = cases.iter().find(|case| case.0 == wanted) else {
        println!("no case \"{wanted}\"; there are:");
        cases.iter().for_each(|case| println!("  {}", case.0));
        return 2;
    };
    case();
    println!("{name}: the program is still alive");
    0
}
