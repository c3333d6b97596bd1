//! The files in /proc that belong to no process, in Linux's formats (proc(5)).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::ProcNode;
use crate::arch::cpu;
use crate::dev::random;
use crate::entry::frame::Door;
use crate::fs::mount;
use crate::mm::{PAGE_SIZE, frame};
use crate::process::table;
use crate::syscall::{counters, misc};

/// A file, by its path below /proc.
pub(super) struct SystemFile {
    pub path: &'static str,
    /// Makes its text.
    pub text: fn() -> String,
}

const fn file(path: &'static str, text: fn() -> String) -> SystemFile {
    SystemFile { path, text }
}

static FILES: [SystemFile; 23] = [
    file("cmdline", || {
        String::from_utf8_lossy(crate::boot::line()).into_owned() + "\n"
    }),
    file("cpuinfo", cpuinfo),
    file("devices", || {
        String::from(
            "Character devices:\n  1 mem\n  4 ttyS\n  5 /dev/tty\n  5 /dev/console\n\nBlock devices:\n",
        )
    }),
    file("doors", doors),
    file("filesystems", || {
        mount::KINDS
            .iter()
            .map(|kind| format!("nodev\t{kind}\n"))
            .collect()
    }),
    file("loadavg", loadavg),
    file("meminfo", meminfo),
    file("mounts", mounts),
    file("partitions", || {
        String::from("major minor  #blocks  name\n\n")
    }),
    file("stat", stat),
    file("swaps", || {
        String::from("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")
    }),
    file("sys/kernel/cap_last_cap", || String::from("40\n")),
    file("sys/kernel/hostname", || misc::hostname() + "\n"),
    file("sys/kernel/ngroups_max", || String::from("65536\n")),
    file("sys/kernel/osrelease", || format!("{}\n", misc::RELEASE)),
    file("sys/kernel/ostype", || String::from("Linux\n")),
    file("sys/kernel/pid_max", || String::from("32768\n")),
    file("sys/kernel/random/uuid", uuid),
    file("sys/kernel/version", || format!("{}\n", misc::VERSION)),
    file("sys/vm/mmap_min_addr", || {
        format!("{}\n", crate::mm::layout::MMAP_MIN)
    }),
    file("sys/vm/overcommit_memory", || String::from("1\n")),
    file("uptime", uptime),
    file("version", version),
];

/// Directories that the paths above go through.
const DIRECTORIES: [&str; 4] = ["sys", "sys/kernel", "sys/kernel/random", "sys/vm"];

/// What is in the directory `dir`, a path below /proc.
pub(super) fn entries(dir: &str) -> Vec<(String, ProcNode)> {
    let name_in = |path: &'static str| {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        (parent == dir).then(|| String::from(name))
    };
    let files = FILES
        .iter()
        .filter_map(|file| Some((name_in(file.path)?, ProcNode::System(file))));
    let directories = DIRECTORIES
        .iter()
        .filter_map(|path| Some((name_in(path)?, ProcNode::SystemDir(path))));
    files.chain(directories).collect()
}

/// Calls by door: its total, then one line for each call that came through it.
fn doors() -> String {
    let mut text = String::new();
    for door in Door::ALL {
        let _ = writeln!(text, "{} total {}", door.name(), counters::total(door));
        for (number, count) in counters::by_number(door) {
            match crate::syscall::table::linux_name(door, number as u32) {
                Some(name) => writeln!(text, "{} {name} {count}", door.name()),
                None => writeln!(text, "{} #{number} {count}", door.name()),
            }
            // Writing to a String can't fail.
            .unwrap_or_default();
        }
    }
    text
}

/// Names of the feature bits in Linux's spelling, by register; a space-separated list with `-` for a
/// bit without a name.
const LEAF1_EDX: &str = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
const LEAF1_ECX: &str = "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
const EXT1_EDX: &str = "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow";
const EXT1_ECX: &str = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext";
const LEAF7_EBX: &str = "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl";
const LEAF7_ECX: &str = "- avx512vbmi umip pku - waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid";

fn cpuinfo() -> String {
    let features = cpu::features();
    let mut flags = String::new();
    let registers = [
        (features.leaf1_edx, LEAF1_EDX),
        (features.ext1_edx, EXT1_EDX),
        (features.leaf1_ecx, LEAF1_ECX),
        (features.ext1_ecx, EXT1_ECX),
        (features.leaf7_ebx, LEAF7_EBX),
        (features.leaf7_ecx, LEAF7_ECX),
    ];
    for (register, names) in registers {
        for (bit, name) in names.split(' ').enumerate() {
            if register >> bit & 1 != 0 && name != "-" {
                flags.push(' ');
                flags.push_str(name);
            }
        }
    }
    let text = |bytes: &[u8]| {
        String::from_utf8_lossy(bytes.split(|&b| b == 0).next().unwrap_or_default()).into_owned()
    };
    let mhz = crate::time::tsc_hertz() / 1_000_000;
    let lines = [
        ("processor\t", String::from("0")),
        ("vendor_id\t", text(&features.vendor_id)),
        ("cpu family\t", format!("{}", features.family)),
        ("model\t\t", format!("{}", features.model)),
        ("model name\t", String::from(text(&features.brand).trim())),
        ("stepping\t", format!("{}", features.stepping)),
        ("cpu MHz\t\t", format!("{mhz}.000")),
        ("physical id\t", String::from("0")),
        ("siblings\t", String::from("1")),
        ("core id\t\t", String::from("0")),
        ("cpu cores\t", String::from("1")),
        ("apicid\t\t", String::from("0")),
        ("initial apicid\t", String::from("0")),
        ("fpu\t\t", String::from("yes")),
        ("fpu_exception\t", String::from("yes")),
        ("cpuid level\t", format!("{}", features.max_leaf)),
        ("wp\t\t", String::from("yes")),
        ("flags\t\t", String::from(flags.trim_start())),
        ("bogomips\t", format!("{}.00", mhz * 2)),
        ("clflush size\t", String::from("64")),
        ("cache_alignment\t", String::from("64")),
        (
            "address sizes\t",
            format!(
                "{} bits physical, {} bits virtual",
                features.phys_bits, features.virt_bits
            ),
        ),
        ("power management", String::new()),
    ];
    let mut result: String = lines
        .iter()
        .map(|(name, value)| {
            // An empty value is not padded, as in Linux's last line.
            if value.is_empty() {
                format!("{name}:\n")
            } else {
                format!("{name}: {value}\n")
            }
        })
        .collect();
    result.push('\n');
    result
}

fn loadavg() -> String {
    let tasks = table::all();
    let running = tasks
        .iter()
        .filter(|task| task.state() == crate::process::TaskState::Runnable)
        .count();
    let last = tasks.iter().map(|task| task.tid()).max().unwrap_or(0);
    format!("0.00 0.00 0.00 {running}/{} {last}\n", tasks.len())
}

fn meminfo() -> String {
    let (free, total) = frame::statistics();
    let kib = PAGE_SIZE / 1024;
    let slab = crate::mm::heap::in_use() as u64 / 1024;
    let lines = [
        ("MemTotal", total * kib),
        ("MemFree", free * kib),
        ("MemAvailable", free * kib),
        ("Buffers", 0),
        ("Cached", 0),
        ("SwapCached", 0),
        ("Active", 0),
        ("Inactive", 0),
        ("SwapTotal", 0),
        ("SwapFree", 0),
        ("Dirty", 0),
        ("Writeback", 0),
        ("AnonPages", 0),
        ("Mapped", 0),
        ("Shmem", 0),
        ("Slab", slab),
        ("SReclaimable", 0),
        ("SUnreclaim", slab),
        ("PageTables", 0),
        ("CommitLimit", total * kib),
        ("Committed_AS", (total - free) * kib),
        ("VmallocTotal", 0),
        ("VmallocUsed", 0),
    ];
    lines
        .iter()
        .map(|(name, value)| format!("{:<16}{value:8} kB\n", format!("{name}:")))
        .collect()
}

/// The table of mounts, in the format of fstab(5).
pub(super) fn mounts() -> String {
    let line = |mount: &alloc::sync::Arc<mount::Mount>| {
        let point = mount.root().path(&mount::root()).0;
        let point = String::from_utf8_lossy(&point).replace(' ', "\\040");
        let source = if mount.source().is_empty() {
            "none"
        } else {
            mount.source()
        };
        format!(
            "{} {point} {} rw 0 0\n",
            source.replace(' ', "\\040"),
            mount.fs().name()
        )
    };
    mount::all().iter().map(line).collect()
}

/// The same with more about each.
pub(super) fn mountinfo() -> String {
    let mut text = String::new();
    for (index, mount) in mount::all().iter().enumerate() {
        let point = mount.root().path(&mount::root()).0;
        let point = String::from_utf8_lossy(&point).replace(' ', "\\040");
        let device = mount.root().inode().metadata().dev;
        let (id, parent) = (index + 1, usize::from(index > 0));
        let (kind, source) = (mount.fs().name(), mount.source());
        let _ = writeln!(
            text,
            "{id} {parent} {}:{} / {point} rw - {kind} {source} rw",
            device.major, device.minor
        );
    }
    text
}

fn stat() -> String {
    // In ticks of a hundredth of a second; who used them is not kept.
    let ticks = crate::time::uptime_ns() / 10_000_000;
    let boot = crate::fs::now().sec - (crate::time::uptime_ns() / 1_000_000_000) as i64;
    let processes = table::all().len();
    format!(
        "cpu  {ticks} 0 0 0 0 0 0 0 0 0\ncpu0 {ticks} 0 0 0 0 0 0 0 0 0\nintr 0\nctxt 0\nbtime {boot}\n\
         processes {processes}\nprocs_running 1\nprocs_blocked 0\n"
    )
}

fn uptime() -> String {
    let hundredths = crate::time::uptime_ns() / 10_000_000;
    format!("{}.{:02} 0.00\n", hundredths / 100, hundredths % 100)
}

fn version() -> String {
    format!(
        "Linux version {} (trident) (rustc) {}\n",
        misc::RELEASE,
        misc::VERSION
    )
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let (a, b) = (random::next_u64(), random::next_u64());
    let (version, variant) = (a & 0x0fff | 0x4000, b >> 48 & 0x3fff | 0x8000);
    let node = b & 0xffff_ffff_ffff;
    format!(
        "{:08x}-{:04x}-{version:04x}-{variant:04x}-{node:012x}\n",
        a >> 32,
        a >> 16 & 0xffff
    )
}
