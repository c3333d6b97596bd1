//! Part 4: the table of costs, with bars.

use programs::costs::MONOTONIC;
use programs::measure::Cost;
use sys::cpu::rdtsc;
use sys::os;
use sys::{print, println};

use crate::screen::Screen;

const NANOSECONDS: u64 = 1_000_000_000;

/// One row: the label and the cost. The first row is the unit of the ratios.
pub type Row = (&'static str, Cost);

/// Prints the table.
pub fn draw(screen: &Screen, rows: &[Row]) {
    let Some(&(_, Cost(unit))) = rows.first() else {
        return;
    };
    let longest = rows.iter().map(|row| row.1.0).max().unwrap_or(1).max(1);
    let per_second = ticks_per_second().max(1);
    println!("   {:36}{:>8}{:>8}{:>8}", "", "ticks", "ns", "ratio");
    for &(name, Cost(tenths)) in rows {
        print!("   {name:36}");
        for figure in [
            tenths,
            tenths * NANOSECONDS / per_second,
            tenths * 10 / unit.max(1),
        ] {
            // Tenths are significant only in small figures.
            match figure {
                0..1000 => print!("{:>6}.{}", figure / 10, figure % 10),
                _ => print!("{:>8}", figure / 10),
            }
        }
        print!(" {}", screen.style(colour(name)));
        bar(tenths, longest);
        println!("{}", screen.style("0"));
    }
}

/// Prints a bar of proportional length, in eighths of a character.
fn bar(length: u64, longest: u64) {
    const WIDTH: u64 = 16;
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (length * WIDTH * 8 / longest).max(1);
    for _ in 0..eighths / 8 {
        print!("█");
    }
    print!("{}", PARTS[(eighths % 8) as usize]);
}

/// The colour of a row's bar, by its door.
fn colour(name: &str) -> &'static str {
    const GREEN: &str = "32";
    const COLOURS: [(&str, &str); 4] = [
        ("vDSO", GREEN),
        ("SYSCALL", "33"),
        ("SYSENTER", "35"),
        ("INT 0x80", "31"),
    ];
    let door = COLOURS.iter().find(|(door, _)| name.contains(door));
    door.map_or(GREEN, |(_, colour)| colour)
}

/// Frequency of the time-stamp counter, measured over 5 ms of the kernel's clock.
fn ticks_per_second() -> u64 {
    let now = || {
        os::clock_gettime(MONOTONIC).map_or(0, |now| now.sec as u64 * NANOSECONDS + now.nsec as u64)
    };
    let (start, first) = (now(), rdtsc());
    let mut elapsed = 0;
    while start != 0 && elapsed < 5_000_000 {
        elapsed = now() - start;
    }
    (rdtsc() - first) * (NANOSECONDS / 1000) / (elapsed / 1000).max(1)
}
