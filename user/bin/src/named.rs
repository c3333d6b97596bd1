//! Probes with several cases, selected by the first argument: each case may end the program.

use sys::{Env, println};

/// A case's name and function.
pub type Case = (&'static str, fn());

/// Runs the case named by the first argument. Returns exit status 0 if the case returned, 2 if
/// there is no such case.
pub fn run(env: &Env, cases: &[Case]) -> i32 {
    let wanted = env.args().nth(1).unwrap_or("");
    let Some((name, case)) = cases.iter().find(|case| case.0 == wanted) else {
        println!("no case \"{wanted}\"; there are:");
        cases.iter().for_each(|case| println!("  {}", case.0));
        return 2;
    };
    case();
    println!("{name}: the program survived");
    0
}
