//! Stills: a picture of a journey, the program's lane above, the kernel's below, a box for each
//! instruction, coloured by phase.

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

/// Width of a letter of the names.
const LETTER: f64 = 6.6;
/// The top of the program's lane; the kernel's is below.
const TOP: f64 = 34.0;
const GAP: f64 = 8.0;

/// Draws a journey. `is_stable`: without what the compiler decides, the handler's length.
pub fn draw(title: &str, steps: &[Box], is_stable: bool) -> String {
    let has_boxes = steps.len() <= MOST_BOXES;
    let scale = LANES / steps.len() as f64;
    let (mut x, mut shapes) = (LEFT, String::new());
    for run in steps.chunk_by(|one, next| one.phase == next.phase) {
        let is_hidden = is_stable && run[0].phase == Phase::Handler;
        let width = match (has_boxes, is_hidden) {
            (false, _) => (run.len() as f64 * scale).max(4.0),
            (true, true) => COMPILED,
            (true, false) => PITCH * run.len() as f64,
        };
        let boxes = if has_boxes && !is_hidden {
            run.len()
        } else {
            1
        };
        for (index, step) in run.iter().take(boxes).enumerate() {
            let pitch = width / boxes as f64;
            let tip = if boxes == run.len() { &step.text } else { "" };
            shapes.push_str(&shape(step, x + pitch * index as f64, pitch, tip));
        }
        shapes.push_str(&name(run, x, width, is_hidden));
        x += width;
    }
    let count = if is_stable {
        String::new()
    } else {
        format!(": {} instructions", steps.len())
    };
    let title = format!("{}{count}", escape(title));
    let width = x + 4.0;
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} 116" width="{width:.0}" role="img">"#,
            r#"<title>{title}</title><style>{style}</style>"#,
            r#"<text x="0" y="18" class="title">{title}</text>"#,
            r#"<text x="0" y="52">program</text><text x="0" y="86">kernel</text>{shapes}</svg>"#,
            "\n"
        ),
        width = width,
        title = title,
        style = style(),
        shapes = shapes,
    )
}

/// A box in its lane. The CPU's own step goes from lane to lane.
fn shape(step: &Box, x: f64, pitch: f64, tip: &str) -> String {
    let (y, height) = match step.phase {
        Phase::HardwareIn | Phase::HardwareOut => (TOP, 2.0 * HEIGHT + GAP),
        _ if step.is_user => (TOP, HEIGHT),
        _ => (TOP + HEIGHT + GAP, HEIGHT),
    };
    format!(
        r#"<rect class="{}" x="{x:.1}" y="{y}" width="{:.1}" height="{height}" rx="2"><title>{}</title></rect>"#,
        step.phase.name(),
        pitch - 2.0,
        escape(tip)
    )
}

/// The name of a run and its number of instructions below it, if there is room.
fn name(run: &[Box], x: f64, width: f64, is_hidden: bool) -> String {
    let class = run[0].phase.name();
    let count = if is_hidden {
        String::new()
    } else {
        run.len().to_string()
    };
    let texts = [format!("{class} {count}"), count];
    let fitting = texts
        .iter()
        .find(|text| text.len() as f64 * LETTER <= width);
    fitting.map_or(String::new(), |text| {
        format!(
            r#"<text class="{class} name" x="{:.1}" y="{}">{}</text>"#,
            x + width / 2.0 - 1.0,
            TOP + 2.0 * HEIGHT + GAP + 16.0,
            text.trim()
        )
    })
}

fn style() -> String {
    let fill = |pick: fn((&'static str, &'static str)) -> &'static str| -> String {
        let rules = Phase::ALL.iter();
        let rules =
            rules.map(|phase| format!(".{}{{fill:{}}}", phase.name(), pick(colours(*phase))));
        rules.collect()
    };
    format!(
        "text{{font:13px sans-serif;fill:#1b1f27}}.title{{font-weight:bold}}\
         .name{{font-size:12px;text-anchor:middle}}{}\
         @media(prefers-color-scheme:dark){{text{{fill:#e6e9ee}}{}}}",
        fill(|(light, _)| light),
        fill(|(_, dark)| dark)
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
