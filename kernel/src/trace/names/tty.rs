//! Constants of terminals: ioctl(2)'s commands and struct termios's flags.

use linux_raw_sys::general as linux;

use super::{Name, known_flags, lookup, names};
use crate::mm::fallible::put;
use crate::trace::text::Text;

/// ioctl(2)'s commands. TCSETS, TCSETSW and TCSETSF share their numbers with commands of sound
/// cards; strace doesn't know the descriptor's type and prints both names.
pub const IOCTLS: &[Name] = &[
    (0x5401, "TCGETS"),
    (0x5402, "SNDCTL_TMR_START or TCSETS"),
    (0x5403, "SNDCTL_TMR_STOP or TCSETSW"),
    (0x5404, "SNDCTL_TMR_CONTINUE or TCSETSF"),
    (0x5405, "TCGETA"),
    (0x5406, "TCSETA"),
    (0x5407, "TCSETAW"),
    (0x5408, "TCSETAF"),
    (0x5409, "TCSBRK"),
    (0x540a, "TCXONC"),
    (0x540b, "TCFLSH"),
    (0x540c, "TIOCEXCL"),
    (0x540d, "TIOCNXCL"),
    (0x540e, "TIOCSCTTY"),
    (0x540f, "TIOCGPGRP"),
    (0x5410, "TIOCSPGRP"),
    (0x5411, "TIOCOUTQ"),
    (0x5412, "TIOCSTI"),
    (0x5413, "TIOCGWINSZ"),
    (0x5414, "TIOCSWINSZ"),
    (0x5415, "TIOCMGET"),
    (0x5416, "TIOCMBIS"),
    (0x5417, "TIOCMBIC"),
    (0x5418, "TIOCMSET"),
    (0x5419, "TIOCGSOFTCAR"),
    (0x541a, "TIOCSSOFTCAR"),
    (0x541b, "FIONREAD"),
    (0x5420, "TIOCPKT"),
    (0x5421, "FIONBIO"),
    (0x5422, "TIOCNOTTY"),
    (0x5423, "TIOCSETD"),
    (0x5424, "TIOCGETD"),
    (0x5425, "TCSBRKP"),
    (0x5427, "TIOCSBRK"),
    (0x5428, "TIOCCBRK"),
    (0x5429, "TIOCGSID"),
    (0x802c_542a, "TCGETS2"),
    (0x402c_542b, "TCSETS2"),
    (0x402c_542c, "TCSETSW2"),
    (0x402c_542d, "TCSETSF2"),
    (0x8004_5430, "TIOCGPTN"),
    (0x4004_5431, "TIOCSPTLCK"),
    (0x8004_5432, "TIOCGDEV"),
    (0x4004_5436, "TIOCSIG"),
    (0x5437, "TIOCVHANGUP"),
    (0x8004_5438, "TIOCGPKT"),
    (0x8004_5439, "TIOCGPTLCK"),
    (0x8004_5440, "TIOCGEXCL"),
    (0x5441, "TIOCGPTPEER"),
    (0x5450, "FIONCLEX"),
    (0x5451, "FIOCLEX"),
];

/// TCFLSH's argument: the queues to discard.
pub const QUEUES: &[Name] = names!(linux_raw_sys::general: TCIFLUSH TCOFLUSH TCIOFLUSH);
/// TCXONC's argument.
pub const FLOWS: &[Name] = names!(linux_raw_sys::general: TCOOFF TCOON TCIOFF TCION);

const INPUT: &[Name] = names!(linux_raw_sys::general:
    IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8);
const OUTPUT: &[Name] =
    names!(linux_raw_sys::general: OPOST OLCUC ONLCR OCRNL ONOCR ONLRET OFILL OFDEL);
const CONTROL: &[Name] = names!(linux_raw_sys::general:
    CSTOPB CREAD PARENB PARODD HUPCL CLOCAL CMSPAR CRTSCTS);
const LOCAL: &[Name] = names!(linux_raw_sys::general:
    ISIG ICANON XCASE ECHO ECHOE ECHOK ECHONL NOFLSH TOSTOP IEXTEN ECHOCTL ECHOPRT ECHOKE FLUSHO
    PENDIN EXTPROC);
/// Output delays: mask, and a name for each value.
const DELAYS: [(u64, &[Name]); 6] = [
    (linux::NLDLY as u64, names!(linux_raw_sys::general: NL0 NL1)),
    (
        linux::CRDLY as u64,
        names!(linux_raw_sys::general: CR0 CR1 CR2 CR3),
    ),
    (
        linux::TABDLY as u64,
        names!(linux_raw_sys::general: TAB0 TAB1 TAB2 TAB3),
    ),
    (linux::BSDLY as u64, names!(linux_raw_sys::general: BS0 BS1)),
    (linux::VTDLY as u64, names!(linux_raw_sys::general: VT0 VT1)),
    (linux::FFDLY as u64, names!(linux_raw_sys::general: FF0 FF1)),
];
const SPEEDS: &[Name] = names!(linux_raw_sys::general:
    B0 B50 B75 B110 B134 B150 B200 B300 B600 B1200 B1800 B2400 B4800 B9600 B19200 B38400 BOTHER
    B57600 B115200 B230400 B460800 B500000 B576000 B921600 B1000000);
const SIZES: &[Name] = names!(linux_raw_sys::general: CS5 CS6 CS7 CS8);

/// Prints struct termios's four words of flags, without the control characters.
pub fn termios(out: &mut Text, [input, output, control, local]: [u64; 4]) {
    out.add("{c_iflag=");
    flags(out, input, INPUT, "");
    out.add(", c_oflag=");
    let mut separator = "";
    let mut plain = output;
    for (mask, names) in DELAYS {
        if let Some(name) = lookup(output & mask, names) {
            put!(out, "{separator}{name}");
            separator = "|";
        }
        plain &= !mask;
    }
    flags(out, plain, OUTPUT, separator);
    out.add(", c_cflag=");
    let (speed, size) = (u64::from(linux::CBAUD), u64::from(linux::CSIZE));
    let names = [
        lookup(control & speed, SPEEDS),
        lookup(control & size, SIZES),
    ];
    put!(
        out,
        "{}|{}",
        names[0].unwrap_or("B???"),
        names[1].unwrap_or("CS?")
    );
    flags(out, control & !speed & !size, CONTROL, "|");
    out.add(", c_lflag=");
    flags(out, local, LOCAL, "");
    out.add(", ...}");
}

/// Prints flags after `separator`, which is empty at the start of a field.
fn flags(out: &mut Text, value: u64, table: &[Name], separator: &'static str) {
    let rest = known_flags(out, value, table, separator);
    if rest != 0 {
        let separator = if rest == value { separator } else { "|" };
        put!(out, "{separator}{rest:#x}");
    } else if value == 0 && separator.is_empty() {
        out.add("0");
    }
}
