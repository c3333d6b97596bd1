//! The kernel's command line, parsed as Linux does it.
//!
//! Words are separated by white space; double quotes hold one together and are dropped around a
//! value or a whole word. `-` and `_` are the same in the name of a parameter. What the kernel does
//! not know is left for init: `NAME=value` goes into its environment, a plain word becomes an
//! argument, and one with a dot in its name is a module's and ignored. All words behind `--` are
//! arguments of init.

use alloc::vec::Vec;

mod word;

use word::{Word, same_name};

/// Most arguments init gets, its name not counted (`CONFIG_INIT_ENV_ARG_LIMIT`).
pub const MAX_INIT_ARGS: usize = 32;
/// The limit of init's environment; Linux admits one more than that, `HOME` and `TERM` counted.
pub const MAX_INIT_ENVS: usize = 32;
/// Longest command line in bytes (`COMMAND_LINE_SIZE`, its NUL not counted); the rest is cut off.
pub const MAX_LENGTH: usize = 2047;

/// Console log level without any word about it: everything but debug messages.
const LOGLEVEL_DEFAULT: u8 = 7;
/// Console log level of `quiet` and `debug`.
const LOGLEVEL_QUIET: u8 = 4;
const LOGLEVEL_DEBUG: u8 = 10;

/// Parameters of Linux's that have no meaning here and must not reach init. Where the name ends in
/// `=` it is one only with a value.
const WITHOUT_EFFECT: &[&str] = &[
    "acpi",
    "apic",
    "audit=",
    "clocksource=",
    "crashkernel",
    "earlycon",
    "earlyprintk",
    "elevator=",
    "hpet=",
    "idle=",
    "ignore_loglevel",
    "initcall_debug",
    "initrd=",
    "io_delay=",
    "iommu",
    "ip=",
    "isolcpus=",
    "lapic",
    "log_buf_len",
    "lpj=",
    "maxcpus",
    "mem",
    "memmap",
    "mitigations",
    "nmi_watchdog=",
    "no_console_suspend",
    "no_hash_pointers",
    "no_timer_check",
    "noapic",
    "nohz=",
    "nolapic",
    "nomodeset",
    "nopti",
    "nosmap",
    "nosmep",
    "nosmp",
    "notsc",
    "nowatchdog",
    "noxsave",
    "nr_cpus",
    "numa",
    "oops=",
    "pci",
    "possible_cpus",
    "pti",
    "randomize_kstack_offset",
    "reboot=",
    "resume=",
    "rootdelay=",
    "rootflags=",
    "rootfstype=",
    "rootwait",
    "security=",
    "selinux=",
    "tsc=",
    "vdso",
    "vdso32",
    "vga=",
    "video=",
    "vsyscall",
    "BOOT_IMAGE=",
];

/// A parsed command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// Program to start from the initramfs (`rdinit=`); none means `/init`.
    pub rdinit: Option<Vec<u8>>,
    /// Program to start where the initramfs has no init (`init=`).
    pub init: Option<Vec<u8>>,
    /// Arguments of init behind its name.
    pub init_args: Vec<Vec<u8>>,
    /// Environment of init: `HOME=/`, `TERM=linux`, and what the line adds or replaces.
    pub init_env: Vec<Vec<u8>>,
    /// Consoles asked for (`console=`), the last one for `/dev/console`.
    pub consoles: Vec<Vec<u8>>,
    /// Messages of a level below this go to the console (`quiet`, `debug`, `loglevel=`).
    pub loglevel: u8,
    /// Seconds until a reboot after a panic, 0 for never, negative for at once (`panic=`).
    pub panic_timeout: i32,
    /// Place programs at fixed addresses (`norandmaps`).
    pub norandmaps: bool,
    /// Place the kernel, and here programs too, at fixed addresses (`nokaslr`).
    pub nokaslr: bool,
    /// Print every system call (`strace`).
    pub strace: bool,
    /// Root device (`root=`).
    pub root: Option<Vec<u8>>,
    /// Mount the root read-only (`ro`) or writable (`rw`), as the last of them says.
    pub read_only_root: Option<bool>,
    /// The first word that found no room in init's arguments or environment; Linux panics on it.
    pub overflow: Option<Vec<u8>>,
}

impl Default for CommandLine {
    fn default() -> Self {
        CommandLine {
            rdinit: None,
            init: None,
            init_args: Vec::new(),
            init_env: [&b"HOME=/"[..], b"TERM=linux"].map(<[u8]>::to_vec).to_vec(),
            consoles: Vec::new(),
            loglevel: LOGLEVEL_DEFAULT,
            panic_timeout: 0,
            norandmaps: false,
            nokaslr: false,
            strace: false,
            root: None,
            read_only_root: None,
            overflow: None,
        }
    }
}

/// Reads a command line; it ends at its first NUL or after [`MAX_LENGTH`] bytes.
pub fn parse(line: &[u8]) -> CommandLine {
    let line = &line[..line.len().min(MAX_LENGTH)];
    let line = line.split(|&byte| byte == 0).next().unwrap_or(line);
    let mut result = CommandLine::default();
    let mut rest = word::skip_spaces(line);
    let mut for_init = false;
    while !rest.is_empty() {
        let (word, behind) = word::next(rest);
        rest = behind;
        if for_init {
            result.add_argument(word.joined());
        } else if word.value.is_none() && word.name == b"--" {
            for_init = true;
        } else if !result.known(&word) {
            result.unknown(&word);
        }
    }
    result
}

impl CommandLine {
    /// Handles a kernel parameter; false if the word is not one.
    fn known(&mut self, word: &Word<'_>) -> bool {
        let is = |name: &str| same_name(word.name, name.as_bytes());
        match word.value {
            Some(value) if is("rdinit") => {
                self.rdinit = Some(value.to_vec());
                // What came before was meant for another init.
                self.init_args.clear();
            }
            Some(value) if is("init") => {
                self.init = Some(value.to_vec());
                self.init_args.clear();
            }
            Some(value) if is("console") => self.consoles.push(value.to_vec()),
            Some(value) if is("root") => self.root = Some(value.to_vec()),
            Some(value) if is("panic") => {
                self.panic_timeout = integer(value).unwrap_or(self.panic_timeout)
            }
            Some(value) if is("loglevel") => {
                let level = integer(value).and_then(|level| u8::try_from(level).ok());
                self.loglevel = level.unwrap_or(self.loglevel);
            }
            None if is("ro") => self.read_only_root = Some(true),
            None if is("rw") => self.read_only_root = Some(false),
            _ if is("quiet") => self.loglevel = LOGLEVEL_QUIET,
            _ if is("debug") => self.loglevel = LOGLEVEL_DEBUG,
            _ if is("norandmaps") => self.norandmaps = true,
            _ if is("nokaslr") => self.nokaslr = true,
            _ if is("strace") => self.strace = true,
            value => {
                return WITHOUT_EFFECT
                    .iter()
                    .any(|known| match known.strip_suffix('=') {
                        Some(name) => value.is_some() && is(name),
                        None => is(known),
                    });
            }
        }
        true
    }

    /// Adds a word to init's arguments or environment.
    fn unknown(&mut self, word: &Word<'_>) {
        if word.name.contains(&b'.') {
            return;
        }
        if word.value.is_none() {
            return self.add_argument(word.joined());
        }
        let same = |variable: &Vec<u8>| {
            variable
                .strip_prefix(word.name)
                .is_some_and(|rest| rest.first() == Some(&b'='))
        };
        if let Some(variable) = self.init_env.iter_mut().find(|variable| same(variable)) {
            *variable = word.joined();
        } else if self.init_env.len() <= MAX_INIT_ENVS {
            self.init_env.push(word.joined());
        } else {
            self.overflow.get_or_insert_with(|| word.joined());
        }
    }

    fn add_argument(&mut self, argument: Vec<u8>) {
        if self.init_args.len() < MAX_INIT_ARGS {
            self.init_args.push(argument);
        } else {
            self.overflow.get_or_insert(argument);
        }
    }
}

/// An integer as Linux's `kstrtoint` with base 0 takes it: decimal, `0x` or `0` octal, with a sign.
fn integer(text: &[u8]) -> Option<i32> {
    let text = core::str::from_utf8(text).ok()?;
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.starts_with(|digit: char| digit.is_digit(radix)) {
        return None;
    }
    let value = i64::from_str_radix(digits, radix).ok()?;
    i32::try_from(if negative { -value } else { value }).ok()
}

#[cfg(test)]
mod tests;
