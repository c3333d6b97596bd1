//! The kernel's command line, parsed as Linux does it.
//!
//! White space separates words, except in double quotes, which are removed around a value or a
//! whole word. `-` and `_` are equal in parameter names. Words that are no kernel parameters are
//! for init: `NAME=value` goes into its environment, a word without `=` is an argument. A name with
//! a dot is a module parameter and ignored. All words after `--` are arguments of init.

use alloc::vec::Vec;

mod word;

use word::{Word, same_name};

/// Name of the command line's file in the archive that a loader puts before the initramfs.
pub const FILE: &[u8] = b"kernel/trident/cmdline";
/// Maximum number of arguments of init, without its name (`CONFIG_INIT_ENV_ARG_LIMIT`).
pub const MAX_INIT_ARGS: usize = 32;
/// Limit of init's environment; Linux admits one variable more, `HOME` and `TERM` included.
pub const MAX_INIT_ENVS: usize = 32;
/// Maximum length of a command line in bytes, without its NUL (`COMMAND_LINE_SIZE`); the rest is
/// ignored.
pub const MAX_LENGTH: usize = 2047;

/// Default console log level: all messages but debug ones.
const LOGLEVEL_DEFAULT: u8 = 7;
/// Console log level of `quiet` and `debug`.
const LOGLEVEL_QUIET: u8 = 4;
const LOGLEVEL_DEBUG: u8 = 10;

/// Linux parameters without effect here; they must not reach init. A name that ends in `=` is a
/// parameter only with a value.
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
    /// Init in the initramfs (`rdinit=`); by default `/init`.
    pub rdinit: Option<Vec<u8>>,
    /// Init if the initramfs has none (`init=`).
    pub init: Option<Vec<u8>>,
    /// Arguments of init, without its name.
    pub init_args: Vec<Vec<u8>>,
    /// Environment of init: `HOME=/` and `TERM=linux`, with the command line's additions and
    /// changes.
    pub init_env: Vec<Vec<u8>>,
    /// Consoles (`console=`); the last one is `/dev/console`.
    pub consoles: Vec<Vec<u8>>,
    /// Messages with a lower level go to the console (`quiet`, `debug`, `loglevel=`).
    pub loglevel: u8,
    /// Seconds from a panic to the reboot (`panic=`); 0: never, negative: immediately.
    pub panic_timeout: i32,
    /// Programs at fixed addresses (`norandmaps`).
    pub norandmaps: bool,
    /// The kernel, and here programs too, at fixed addresses (`nokaslr`).
    pub nokaslr: bool,
    /// Registers are cleared before a system call's handler; `clear_registers=off`: they are not.
    pub clear_registers: bool,
    /// Trace all system calls to the console (`strace`).
    pub strace: bool,
    /// Root device (`root=`).
    pub root: Option<Vec<u8>>,
    /// Root mounted read-only (`ro`) or writable (`rw`); the last one counts.
    pub read_only_root: Option<bool>,
    /// The first word past the limit of init's arguments or environment; Linux panics.
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
            clear_registers: true,
            strace: false,
            root: None,
            read_only_root: None,
            overflow: None,
        }
    }
}

/// Parses a command line, which ends at its first NUL or after [`MAX_LENGTH`] bytes.
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
    /// Handles a kernel parameter; false if the word isn't one.
    fn known(&mut self, word: &Word<'_>) -> bool {
        let is = |name: &str| same_name(word.name, name.as_bytes());
        match word.value {
            Some(value) if is("rdinit") => {
                self.rdinit = Some(value.to_vec());
                // Earlier arguments were for another init.
                self.init_args.clear();
            }
            Some(value) if is("init") => {
                self.init = Some(value.to_vec());
                self.init_args.clear();
            }
            Some(value) if is("console") => self.consoles.push(value.to_vec()),
            Some(value) if is("root") => self.root = Some(value.to_vec()),
            Some(value) if is("panic") => {
                self.panic_timeout = integer(value).unwrap_or(self.panic_timeout);
            }
            Some(value) if is("loglevel") => {
                let level = integer(value).and_then(|level| u8::try_from(level).ok());
                self.loglevel = level.unwrap_or(self.loglevel);
            }
            Some(value) if is("clear_registers") => self.clear_registers = value != b"off",
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

/// Parses an integer as Linux's `kstrtoint` with base 0: an optional sign, then decimal, `0x`
/// hexadecimal or `0` octal.
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
