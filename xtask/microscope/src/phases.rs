//! Phases: what a stretch of a journey is for. They follow from the symbols and the instructions.

use iced_x86::{Instruction, Mnemonic, OpKind};

use crate::decode;
use crate::record::{Record, Step};
use crate::symbols::{Symbols, short};

/// A phase of a journey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// The program's instructions, the vDSO's too.
    User,
    /// The instruction by which the CPU enters the kernel, or at which it raises an exception.
    HardwareIn,
    /// The kernel's GS base and stack.
    Stack,
    /// The program's registers are saved.
    Save,
    /// From the number to the handler.
    Dispatch,
    /// The handler.
    Handler,
    /// Pending work before the return.
    Work,
    /// The program's registers are restored.
    Restore,
    /// The instruction by which the CPU returns.
    HardwareOut,
}

impl Phase {
    /// All phases, in the order of a call.
    pub const ALL: [Self; 9] = [
        Self::User,
        Self::HardwareIn,
        Self::Stack,
        Self::Save,
        Self::Dispatch,
        Self::Handler,
        Self::Work,
        Self::Restore,
        Self::HardwareOut,
    ];

    /// Its name in links and on the page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::HardwareIn => "hardware-in",
            Self::Stack => "stack",
            Self::Save => "save",
            Self::Dispatch => "dispatch",
            Self::Handler => "handler",
            Self::Work => "work",
            Self::Restore => "restore",
            Self::HardwareOut => "hardware-out",
        }
    }

    /// What happens in it.
    pub const fn about(self) -> &'static str {
        match self {
            Self::User => "the program's own instructions, the vDSO's too",
            Self::HardwareIn => "one instruction: the CPU enters the kernel",
            Self::Stack => "the kernel's GS base and its stack",
            Self::Save => "the program's registers go to the stack",
            Self::Dispatch => "from the number of the call to its handler",
            Self::Handler => "the work that the program asked for",
            Self::Work => "is other work pending before the return?",
            Self::Restore => "the program's registers come back",
            Self::HardwareOut => "one instruction: the CPU returns to the program",
        }
    }
}

/// The phase of each step.
pub fn of(record: &Record, kernel: &Symbols) -> Vec<Phase> {
    let mut state = State::default();
    let steps = &record.steps;
    let phases = steps.iter().enumerate().map(|(index, step)| {
        let after = steps
            .get(index + 1)
            .map_or(&record.after, |next| &next.before);
        let instruction = decode::decode(&step.bytes, step.rip, step.bits());
        let enters = step.level() == 3 && after.get(harness::gdb::Register::Cs) & 3 == 0;
        if enters || decode::took_gate(&instruction, &step.before, after) {
            state = State::default();
            return Phase::HardwareIn;
        }
        if step.level() == 3 {
            return Phase::User;
        }
        if matches!(
            instruction.mnemonic(),
            Mnemonic::Sysretq | Mnemonic::Sysret | Mnemonic::Iretq | Mnemonic::Sysexit
        ) {
            return Phase::HardwareOut;
        }
        let name = kernel.containing(step.rip).map(|(name, _)| short(name));
        let name = name.as_deref().unwrap_or_default();
        if record.journey.machine.is_linux {
            state.linux(name, instruction.mnemonic())
        } else {
            state.trident(name, step, &instruction, kernel)
        }
    });
    phases.collect()
}

/// Length of the instruction that tests for work: TEST of a word at an offset of GS.
const TEST_BYTES: u64 = 12;

/// What the steps so far say of the next.
#[derive(Debug)]
struct State {
    /// Whether a register was pushed since the entry.
    has_pushed: bool,
    /// Whether the handler was entered.
    has_called: bool,
    /// What compiled code is for.
    compiled: Phase,
}

impl Default for State {
    fn default() -> Self {
        Self {
            has_pushed: false,
            has_called: false,
            compiled: Phase::Handler,
        }
    }
}

impl State {
    fn trident(
        &mut self,
        name: &str,
        step: &Step,
        instruction: &Instruction,
        kernel: &Symbols,
    ) -> Phase {
        let (module, function) = name.rsplit_once("::").unwrap_or(("", name));
        match (module, function) {
            ("syscall", "entry_syscall_64") => self.door("syscall", step, instruction, kernel),
            ("syscall", "entry_syscall_32") => self.door("syscall32", step, instruction, kernel),
            ("sysenter", "entry_sysenter") => self.door("sysenter", step, instruction, kernel),
            ("int80", "entry_int80") => self.door("int80", step, instruction, kernel),
            ("exit", "start_task") => Phase::Work,
            ("exit", "return_by_iret" | "return_by_espfix") => Phase::Restore,
            ("exceptions", "handle") if !self.has_called => {
                self.has_called = true;
                Phase::Handler
            }
            ("exceptions", function) if function != "handle" && function != "bad_iret" => {
                self.exception(instruction.mnemonic())
            }
            _ => {
                if function == "exit_work" {
                    self.compiled = Phase::Work;
                }
                self.compiled
            }
        }
    }

    /// An instruction of a door's stub, which has labels at the start of two phases.
    fn door(
        &mut self,
        door: &str,
        step: &Step,
        instruction: &Instruction,
        kernel: &Symbols,
    ) -> Phase {
        let mnemonic = instruction.mnemonic();
        let at = |label: &str| kernel.address(&format!("{label}_{door}"));
        self.has_pushed |= mnemonic == Mnemonic::Push;
        self.compiled = Phase::Handler;
        let (call, back) = (at("call_by"), at("return_from"));
        if call.is_some_and(|call| step.rip < call) {
            return if self.has_pushed {
                Phase::Save
            } else {
                Phase::Stack
            };
        }
        if back.is_none_or(|back| step.rip < back) {
            return Phase::Dispatch;
        }
        // The first two instructions test for work; if there is some, the result is stored in the frame and
        // a call does the work.
        let is_test = back.is_some_and(|back| step.rip <= back + TEST_BYTES);
        let is_store = mnemonic == Mnemonic::Mov && instruction.op0_kind() == OpKind::Memory;
        if is_test || is_store || mnemonic == Mnemonic::Call {
            Phase::Work
        } else {
            Phase::Restore
        }
    }

    fn exception(&mut self, mnemonic: Mnemonic) -> Phase {
        if self.has_called {
            return Phase::Restore;
        }
        match mnemonic {
            Mnemonic::Test | Mnemonic::Je | Mnemonic::Jne | Mnemonic::Swapgs | Mnemonic::Cmp => {
                Phase::Stack
            }
            Mnemonic::Mov | Mnemonic::Call => Phase::Dispatch,
            _ => Phase::Save,
        }
    }

    fn linux(&mut self, name: &str, mnemonic: Mnemonic) -> Phase {
        const ASSEMBLY: [&str; 9] = [
            "entry_",
            "asm_",
            "error_",
            "syscall_return_via",
            "sysret32_from",
            "swapgs_restore_regs",
            "common_interrupt_return",
            "native_ir",
            "early_xen_iret",
        ];
        let is = |names: &[&str]| names.iter().any(|start| name.starts_with(start));
        // It copies the frame from the stack of the gate to the task's.
        if is(&["sync_regs"]) {
            return Phase::Stack;
        }
        if is(&ASSEMBLY) {
            self.has_pushed |= mnemonic == Mnemonic::Push;
            return match (self.has_called, self.has_pushed) {
                (true, _) => Phase::Restore,
                (_, true) => Phase::Save,
                _ => Phase::Stack,
            };
        }
        if is(&["__x64_sys_", "__ia32_sys_", "__do_sys_", "__se_sys_"]) {
            self.has_called = true;
            self.compiled = Phase::Handler;
        } else if is(&["syscall_exit_to", "exit_to_user", "syscall_exit_work"]) {
            self.has_called = true;
            self.compiled = Phase::Work;
        } else if is(&[
            "do_syscall_64",
            "x64_sys_call",
            "ia32_sys_call",
            "do_int80",
            "int80_emulation",
            "do_fast_syscall",
            "__do_fast_syscall",
            "do_SYSENTER",
            "syscall_enter_from",
            "enter_from_user",
        ]) {
            self.compiled = if self.has_called {
                Phase::Work
            } else {
                Phase::Dispatch
            };
        }
        self.compiled
    }
}
