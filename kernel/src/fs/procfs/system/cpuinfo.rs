//! /proc/cpuinfo: the processor, as Linux's x86 kernel describes it (arch/x86/kernel/cpu/proc.c).

use alloc::format;
use alloc::string::String;

use crate::arch::cpu;

/// Names of the feature bits in Linux's spelling, by register; a space-separated list with `-` for a
/// bit without a name.
const LEAF1_EDX: &str = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
const LEAF1_ECX: &str = "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
const EXT1_EDX: &str = "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow";
const EXT1_ECX: &str = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext";
const LEAF7_EBX: &str = "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl";
const LEAF7_ECX: &str = "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid";

pub(super) fn cpuinfo() -> String {
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
