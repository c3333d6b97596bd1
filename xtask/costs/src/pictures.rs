//! The pictures: SVG without a background, whose texts and lines follow the reader's light or dark
//! colours.

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{IntoSegmentedCoord, SegmentValue};
use plotters::prelude::*;

use crate::figures::{Call, Figures, Row};

/// Trident's colour, Linux's, and Linux's as shipped: told apart by readers who are colour-blind, on
/// white and on black.
const TRIDENT: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const LINUX: RGBColor = RGBColor(0x00, 0x88, 0xcc);
const SHIPPED: RGBColor = RGBColor(0x88, 0x88, 0x88);
/// Texts, axes and grid; [`themed`] replaces them.
const INK: RGBColor = RGBColor(0x11, 0x11, 0x11);
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xde);

/// Each picture's file name and content.
///
/// # Errors
/// A picture cannot be drawn.
pub fn all(figures: &Figures) -> Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("doors.svg", doors(figures)?),
        ("ratios.svg", ratios(figures)?),
        ("growth.svg", growth(figures)?),
    ])
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("cannot draw: {error}")
}

/// An SVG's texts and lines in the colours of the reader's theme, at any width of the page.
fn themed(svg: &str) -> String {
    let style = "<style>text{font-family:system-ui,sans-serif;fill:#222}\
        [stroke=\"#111111\"]{stroke:#555}[stroke=\"#DDDDDE\"]{stroke:#ddd}\
        @media(prefers-color-scheme:dark){text{fill:#ddd}\
        [stroke=\"#111111\"]{stroke:#aaa}[stroke=\"#DDDDDE\"]{stroke:#444}}</style>";
    match svg.find(">\n<").or_else(|| svg.find('>')) {
        Some(end) => format!("{}\n{style}{}\n", &svg[..=end], &svg[end + 1..]),
        None => svg.to_owned(),
    }
}

/// Bars of each call that enters the kernel.
fn doors(figures: &Figures) -> Result<String> {
    let calls: Vec<&Call> = figures
        .doors
        .iter()
        .filter(|call| call.name.contains("getpid") || call.name.contains("vdso_clock_gettime"))
        .filter(|call| call.trident.is_some())
        // The axis runs upwards.
        .rev()
        .collect();
    let most = calls
        .iter()
        .flat_map(|call| [call.trident, call.linux, call.linux_default])
        .flatten()
        .fold(0.0, f64::max);
    let height = 100 + 54 * calls.len() as u32;
    let mut svg = String::new();
    {
        let whole = SVGBackend::with_string(&mut svg, (860, height)).into_drawing_area();
        let (head, root) = whole.split_vertically(30);
        let kernels = [
            ("Trident", TRIDENT),
            ("Linux, lean", LINUX),
            ("Linux, as shipped", SHIPPED),
        ];
        for ((name, colour), x) in kernels.into_iter().zip([380, 470, 580]) {
            key(&head, x, name, colour)?;
        }
        let names: Vec<&str> = calls.iter().map(|call| call.title.as_str()).collect();
        let mut chart = ChartBuilder::on(&root)
            .margin(8)
            .margin_right(40)
            .x_label_area_size(40)
            .y_label_area_size(370)
            .build_cartesian_2d(
                0.0..most * 1.05,
                (0..calls.len().max(1) - 1).into_segmented(),
            )
            .map_err(failed)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 14))
            .x_desc("instructions of one call, counted from the program and back")
            .x_label_formatter(&|count| format!("{count:.0}"))
            .y_labels(calls.len())
            .y_label_formatter(&|at| match at {
                SegmentValue::CenterOf(i) => {
                    names.get(*i).map_or(String::new(), |&name| name.into())
                }
                _ => String::new(),
            })
            .draw()
            .map_err(failed)?;
        for (place, (_, colour)) in kernels.into_iter().enumerate() {
            let bars = calls.iter().enumerate().filter_map(|(i, call)| {
                let value = [call.trident, call.linux, call.linux_default][place]?;
                let (top, bottom) = (SegmentValue::Exact(i), SegmentValue::Exact(i + 1));
                let mut bar = Rectangle::new([(0.0, top), (value, bottom)], colour.filled());
                // Three bars of 13 pixels in a segment of 48.
                let place = place as u32;
                bar.set_margin(4 + 15 * (2 - place), 4 + 15 * place, 0, 0);
                Some(bar)
            });
            chart.draw_series(bars).map_err(failed)?;
        }
        whole.present().map_err(failed)?;
    }
    Ok(themed(&svg))
}

/// A line of the legend at `x`.
fn key(
    area: &DrawingArea<SVGBackend<'_>, Shift>,
    x: i32,
    name: &str,
    colour: RGBColor,
) -> Result<()> {
    let mark = Rectangle::new([(x, 10), (x + 14, 20)], colour.filled());
    area.draw(&mark).map_err(failed)?;
    area.draw(&Text::new(name, (x + 20, 9), ("sans-serif", 14)))
        .map_err(failed)
}

/// One dot for each row, from the cheapest to the dearest beside Linux.
fn ratios(figures: &Figures) -> Result<String> {
    let rows = figures.by_ratio();
    let least = rows.first().map_or(0.1, |row| row.ratio()) * 0.8;
    let most = rows.last().map_or(1.0, |row| row.ratio()).max(1.5) * 1.3;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (860, 420)).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..rows.len() as f64, (least..most).log_scale())
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(INK)
            .label_style(("sans-serif", 14))
            .x_desc("rows, from the lowest ratio to the highest")
            .y_desc("Trident's instructions by Linux's")
            .y_label_formatter(&|ratio| format!("{ratio:.2}"))
            .x_label_formatter(&|at| format!("{at:.0}"))
            .draw()
            .map_err(failed)?;
        let equal = [(0.0, 1.0), (rows.len() as f64, 1.0)];
        chart
            .draw_series(LineSeries::new(equal, LINUX.stroke_width(2)))
            .map_err(failed)?
            .label("as many as Linux")
            .legend(|(x, y)| PathElement::new([(x, y), (x + 14, y)], LINUX.stroke_width(2)));
        let dots = rows
            .iter()
            .enumerate()
            .map(|(i, row)| Circle::new((i as f64 + 0.5, row.ratio()), 2, TRIDENT.filled()));
        chart
            .draw_series(dots)
            .map_err(failed)?
            .label("one operation at one size")
            .legend(|(x, y)| Circle::new((x + 7, y), 3, TRIDENT.filled()));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 14))
            .draw()
            .map_err(failed)?;
        root.present().map_err(failed)?;
    }
    Ok(themed(&svg))
}

/// The series whose growth is shown: the name in the output, and what it counts.
const GROWING: [(&str, &str); 12] = [
    ("fork_among", "fork among n processes"),
    ("fork_pages", "fork with n pages"),
    ("thread_among", "thread among n threads"),
    ("kill_0_group", "kill of a group of n"),
    ("mmap_among", "mmap among n areas"),
    ("mremap_move", "mremap of n pages"),
    ("stat_in", "stat in a directory of n"),
    ("list", "list of a directory of n"),
    ("lock_held", "record lock among n"),
    ("poll", "poll of n descriptors"),
    ("epoll_event", "epoll event among n"),
    ("pread", "read of n bytes"),
];

/// Small curves, cost over size, both axes logarithmic.
fn growth(figures: &Figures) -> Result<String> {
    let series = figures.series();
    let shown: Vec<(&str, &Vec<&Row>)> = GROWING
        .iter()
        .filter_map(|(name, title)| Some((*title, series.get(name)?)))
        .collect();
    let mut svg = String::new();
    {
        let lines = shown.len().div_ceil(3).max(1);
        let root =
            SVGBackend::with_string(&mut svg, (860, 30 + 190 * lines as u32)).into_drawing_area();
        let (head, body) = root.split_vertically(30);
        for (x, name, colour) in [(20, "Trident", TRIDENT), (110, "Linux, lean", LINUX)] {
            key(&head, x, name, colour)?;
        }
        for ((title, rows), area) in shown.iter().zip(body.split_evenly((lines, 3))) {
            let size = |row: &Row| row.size.unwrap_or(1) as f64;
            let ends = (
                rows.first().map_or(1.0, |row| size(row)),
                rows.last().map_or(2.0, |row| size(row)),
            );
            let costs = rows.iter().flat_map(|row| [row.trident, row.linux]);
            let (least, most) = costs.fold((f64::MAX, 1.0_f64), |(least, most), cost| {
                (least.min(cost), most.max(cost))
            });
            let mut chart = ChartBuilder::on(&area)
                .margin(8)
                .caption(*title, ("sans-serif", 14))
                .x_label_area_size(22)
                .y_label_area_size(44)
                .build_cartesian_2d(
                    (ends.0..ends.1).log_scale(),
                    (decade(least).0..decade(most).1).log_scale(),
                )
                .map_err(failed)?;
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(GRID)
                .axis_style(INK)
                .x_labels(4)
                .y_labels(4)
                .label_style(("sans-serif", 11))
                .x_label_formatter(&|n| short(*n))
                .y_label_formatter(&|n| short(*n))
                .draw()
                .map_err(failed)?;
            for (colour, ours) in [(LINUX, false), (TRIDENT, true)] {
                let points = rows
                    .iter()
                    .map(|row| (size(row), if ours { row.trident } else { row.linux }));
                chart
                    .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))
                    .map_err(failed)?;
            }
        }
        root.present().map_err(failed)?;
    }
    Ok(themed(&svg))
}

/// The powers of ten at and below, and above a number.
fn decade(number: f64) -> (f64, f64) {
    let exponent = number.max(1.0).log10();
    (
        10_f64.powf(exponent.floor()),
        10_f64.powf(exponent.floor() + 1.0),
    )
}

/// A number with three digits at most: 950, 12k, 3M.
fn short(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.0}M", n / 1e6),
        n if n >= 1e3 => format!("{:.0}k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(950.0), "950");
        assert_eq!(short(12_300.0), "12k");
        assert_eq!(short(3e6), "3M");
    }

    #[test]
    fn a_picture_follows_the_theme() {
        let svg = themed("<svg width=\"1\">\n<text>a</text></svg>");
        assert!(svg.starts_with("<svg width=\"1\">\n<style>"));
        assert!(svg.ends_with("</style>\n<text>a</text></svg>\n"));
    }
}
