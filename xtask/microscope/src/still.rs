//! Stills: a picture of a journey, the program's lane above, the kernel's below, a box for each
//! instruction, coloured by phase.

use std::fmt::Write as _;

use crate::phases::Phase;

/// What a still shows of a step: its phase, its text, and whether it is the program's.
pub struct Box {
    /// The phase.
    pub phase: Phase,
    /// The instruction.
    pub text: String,
    /// Whether it runs in ring 3.
    pub is_user: bool,
}

/// Longest journey that has a box for each instruction; others have one for each run of a phase.
const MOST_BOXES: usize = 160;
/// Width of the lanes where each run has one box.
const LANES: f64 = 1000.0;
/// Width of an instruction's box, with the gap behind it.
const PITCH: f64 = 12.0;
/// Width of a box that stands for code of the compiler's.
const COMPILED: f64 = 72.0;
const LEFT: f64 = 76.0;
const HEIGHT: f64 = 26.0;

/// Colours of a phase, in a light and in a dark page.
const fn colours(phase: Phase) -> (&'static str, &'static str) {
    match phase {
        Phase::User => ("#1f5fbf", "#7db4ff"),
        Phase::HardwareIn | Phase::HardwareOut => ("#b3261e", "#ff9a8f"),
        Phase::Stack => ("#8a5a00", "#f0b429"),
        Phase::Save => ("#6b3fa0", "#c7a6ff"),
        Phase::Dispatch => ("#00695c", "#5fd3c0"),
        Phase::Handler => ("#2e6b1f", "#92d36e"),
        Phase::Work => ("#5c6470", "#a3adba"),
        Phase::Restore => ("#a01f6d", "#ff9bd2"),
    }
}

/// Draws a journey. `is_stable`: without what the compiler decides, the handler's length.
pub fn draw(title: &str, steps: &[Box], is_stable: bool) -> String {
    let runs: Vec<&[Box]> = steps
        .chunk_by(|one, next| one.phase == next.phase)
        .collect();
    let has_boxes = steps.len() <= MOST_BOXES;
    let scale = LANES / steps.len() as f64;
    let (mut x, mut shapes, mut names) = (LEFT, String::new(), String::new());
    for run in &runs {
        let phase = run[0].phase;
        let is_one = !has_boxes || is_stable && phase == Phase::Handler;
        let width = match (has_boxes, is_one) {
            (false, _) => (run.len() as f64 * scale).max(4.0),
            (true, true) => COMPILED,
            (true, false) => PITCH * run.len() as f64,
        };
        let class = phase.name();
        let y = if run[0].is_user {
            34.0
        } else {
            34.0 + HEIGHT + 8.0
        };
        // The CPU's own step goes from lane to lane.
        let (y, height) = match phase {
            Phase::HardwareIn | Phase::HardwareOut => (34.0, 2.0 * HEIGHT + 8.0),
            _ => (y, HEIGHT),
        };
        let boxes = if is_one { 1 } else { run.len() };
        for (index, step) in run.iter().take(boxes).enumerate() {
            let (at, wide) = if is_one {
                (x, width)
            } else {
                (x + PITCH * index as f64, PITCH)
            };
            let tip = if is_one {
                format!("{class}, compiled code")
            } else {
                step.text.clone()
            };
            let _ = write!(
                shapes,
                r#"<rect class="{class}" x="{at:.1}" y="{y}" width="{:.1}" height="{height}" rx="2"><title>{}</title></rect>"#,
                wide - 2.0,
                escape(&tip)
            );
        }
        if width > 7.0 * class.len() as f64 || !run[0].is_user && width >= PITCH * 3.0 {
            let count = match (is_stable && phase == Phase::Handler, run.len()) {
                (true, _) => String::new(),
                (false, count) => format!(" {count}"),
            };
            let name = if width > 7.0 * class.len() as f64 {
                class
            } else {
                &class[..1]
            };
            let _ = write!(
                names,
                r#"<text class="{class} name" x="{:.1}" y="{}">{name}{count}</text>"#,
                x,
                34.0 + 2.0 * HEIGHT + 24.0
            );
        }
        x += width;
    }
    let style: String = Phase::ALL
        .iter()
        .map(|phase| format!(".{}{{fill:{}}}", phase.name(), colours(*phase).0))
        .collect();
    let dark: String = Phase::ALL
        .iter()
        .map(|phase| format!(".{}{{fill:{}}}", phase.name(), colours(*phase).1))
        .collect();
    let count = match is_stable {
        true => String::new(),
        false => format!(": {} instructions", steps.len()),
    };
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} 116" width="{width:.0}" role="img"><title>{title}{count}</title><style>text{{font:13px sans-serif;fill:#1b1f27}}.name{{font-size:12px}}{style}@media(prefers-color-scheme:dark){{text{{fill:#e6e9ee}}{dark}}}</style><text x="0" y="18" font-weight="bold">{title}{count}</text><text x="0" y="52">program</text><text x="0" y="86">kernel</text>{shapes}{names}</svg>
"#,
        width = x + 4.0,
        title = escape(title),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_still_does_not_show_what_the_compiler_decides() {
        let still = |handler: usize| {
            let mut steps = vec![(Phase::User, true), (Phase::HardwareIn, true)];
            steps.extend(vec![(Phase::Handler, false); handler]);
            let steps: Vec<Box> = steps
                .into_iter()
                .map(|(phase, is_user)| Box {
                    phase,
                    is_user,
                    text: "a < b".into(),
                })
                .collect();
            draw("t", &steps, true)
        };
        assert_eq!(still(4), still(11));
        assert!(still(4).contains("a &lt; b"));
    }
}
