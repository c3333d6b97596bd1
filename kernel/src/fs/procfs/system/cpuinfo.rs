//! /proc/cpuinfo: the processor in the format of Linux on x86 (arch/x86/kernel/cpu/proc.c).

use crate::arch::cpu;
use crate::mm::fallible::{Text, put};

/// Names of the feature bits in Linux's spelling, by register: separated by spaces, `-` for an
/// unnamed bit.
const LEAF1_EDX: &str = "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe";
const LEAF1_ECX: &str = "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor";
const EXT1_EDX: &str = "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow";
const EXT1_ECX: &str = "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 tce - nodeid_msr - tbm topoext";
const LEAF7_EBX: &str = "fsgsbase tsc_adjust sgx bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl";
const LEAF7_ECX: &str = "- avx512vbmi umip pku ospke waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme avx512_vpopcntdq - la57 - - - - - rdpid";

pub(super) fn cpuinfo(_: &(), text: &mut Text) {
    let features = cpu::features();
    let mhz = crate::arch::tsc::hertz() / 1_000_000;
    let name = |bytes: &'static [u8]| {
        let name = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
        core::str::from_utf8(name).unwrap_or_default().trim()
    };
    put!(
        text,
        "processor\t: 0\nvendor_id\t: {}\n",
        name(&features.vendor_id)
    );
    put!(
        text,
        "cpu family\t: {}\nmodel\t\t: {}\n",
        features.family,
        features.model
    );
    put!(text, "model name\t: {}\n", name(&features.brand));
    put!(
        text,
        "stepping\t: {}\ncpu MHz\t\t: {mhz}.000\n",
        features.stepping
    );
    text.push_str(
        "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\napicid\t\t: 0\n\
         initial apicid\t: 0\nfpu\t\t: yes\nfpu_exception\t: yes\n",
    );
    put!(
        text,
        "cpuid level\t: {}\nwp\t\t: yes\nflags\t\t:",
        features.max_leaf
    );
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
                put!(text, " {name}");
            }
        }
    }
    put!(text, "\nbogomips\t: {}.00\n", mhz * 2);
    text.push_str("clflush size\t: 64\ncache_alignment\t: 64\n");
    put!(
        text,
        "address sizes\t: {} bits physical, {} bits virtual\n",
        features.phys_bits,
        features.virt_bits
    );
    text.push_str("power management:\n\n");
}
