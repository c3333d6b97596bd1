"""Trident in gdb: `make debug` and `make gdb` load this file, and `.vscode/launch.json` does.

The commands are listed by `help user-defined`. The unwinder continues backtraces in 32-bit programs, whose
registers gdb doesn't know: QEMU's target has the 64-bit ones.
"""

import bisect
import re
import shutil
import subprocess

import gdb
from gdb.FrameDecorator import FrameDecorator
from gdb.unwinder import Unwinder, register_unwinder

DOORS = ("entry_syscall_64", "entry_syscall_32", "entry_sysenter", "entry_int80")
WAYS_BACK = (
    "return_from_syscall",
    "return_from_syscall32",
    "return_from_sysenter",
    "return_from_int80",
    "iret_to_user",
)
# Where the kernel begins.
KERNEL = 0xFFFFFFFF80000000


def address(label):
    """The address of a label of the stubs, which is assembly and has no type."""
    symbol = gdb.execute("info address " + label, to_string=True)
    return int(re.search(r"0x[0-9a-f]+", symbol).group(), 16)


def at(place, name):
    """The value of the type `name` at an address."""
    return gdb.Value(place).cast(gdb.lookup_type(name).pointer()).dereference()


def per_cpu():
    """The per-CPU data."""
    before = gdb.parameter("language")
    gdb.execute("set language rust", to_string=True)
    try:
        data = gdb.parse_and_eval("&trident::arch::percpu::CPU0")
    finally:
        gdb.execute("set language " + before, to_string=True)
    return at(int(data), "trident::arch::percpu::PerCpu")


def is_user():
    """Whether the CPU is in ring 3."""
    return int(gdb.parse_and_eval("(long)$cs")) & 3 == 3


def frame():
    """The frame at the top of the running task's kernel stack."""
    name = "trident::abi::frame::Frame<u64>"
    return at(int(per_cpu()["kernel_rsp"]) - gdb.lookup_type(name).sizeof, name)


class Command(gdb.Command):
    """A command of ours."""

    def __init__(self, name):
        super().__init__(name, gdb.COMMAND_USER)


class Doors(Command):
    """Set a breakpoint at the entry stub of each door."""

    def invoke(self, _argument, _from_tty):
        for label in DOORS:
            gdb.execute(f"break *{address(label):#x}")


class WaysBack(Command):
    """Set a breakpoint at each place where a call returns to the program: SYSRET or IRET follows."""

    def invoke(self, _argument, _from_tty):
        for label in WAYS_BACK:
            gdb.execute(f"break *{address(label):#x}")


class SavedFrame(Command):
    """Print the program's registers, as the entry stub has saved them on the kernel's stack."""

    def invoke(self, _argument, _from_tty):
        saved = frame()
        for field in saved.type.fields():
            print(f"{field.name:9} {int(saved[field.name]) & 0xFFFFFFFFFFFFFFFF:#x}")


class StepIntoKernel(Command):
    """Execute the program's next instructions, up to the first one of the kernel."""

    def invoke(self, _argument, _from_tty):
        gdb.execute("stepi", to_string=True)
        while is_user():
            gdb.execute("stepi", to_string=True)
        gdb.execute("frame")


class Task(Command):
    """Print the running thread."""

    def invoke(self, _argument, _from_tty):
        thread = int(per_cpu()["current"])
        print(at(thread, "trident::sched::thread::Thread<trident::process::task::Member>"))


def readelf(option, path):
    """What readelf(1) prints, by line."""
    run = subprocess.run(["readelf", option, path], capture_output=True, text=True, check=False)
    return run.stdout.splitlines()


class Program32:
    """The call frame information of a 32-bit program, by readelf(1): gdb has no use for it in a 64-bit target."""

    def __init__(self, path):
        self.rows, self.starts, self.start, self.end = [], [], 0, 0
        if not shutil.which("readelf"):
            return
        columns = []
        for line in readelf("-wF", path):
            words = line.split()
            if words[:2] == ["LOC", "CFA"]:
                columns = words[1:]
            elif words and re.fullmatch(r"[0-9a-f]{8}", words[0]) and len(words) == len(columns) + 1:
                self.rows.append((int(words[0], 16), dict(zip(columns, words[1:]))))
        self.rows.sort(key=lambda row: row[0])
        self.starts = [start for start, _ in self.rows]
        loads = [line.split() for line in readelf("-lW", path) if line.split()[:1] == ["LOAD"]]
        ends = [(int(words[2], 16), int(words[2], 16) + int(words[5], 16)) for words in loads]
        self.start, self.end = min(ends)[0], max(ends)[1]

    def row(self, pc):
        """The rules at an address."""
        index = bisect.bisect_right(self.starts, pc) - 1 if self.rows else -1
        return self.rows[index][1] if index >= 0 else None


class Unwinder32(Unwinder):
    """Frames of a 32-bit program, and of the landing pad in its vDSO."""

    def __init__(self, program):
        super().__init__("trident-32")
        self.rules = Program32(program)

    def __call__(self, pending):
        pc = int(pending.read_register("rip")) & 0xFFFFFFFFFFFFFFFF
        if pc >= 1 << 32:
            return None
        sp = int(pending.read_register("rsp")) & 0xFFFFFFFF
        bp = int(pending.read_register("rbp")) & 0xFFFFFFFF
        word = lambda at: int(gdb.parse_and_eval(f"*(unsigned int *){at & 0xFFFFFFFF:#x}"))
        if self.rules.start <= pc < self.rules.end:
            rules = self.rules.row(pc)
            known = rules and re.match(r"(esp|ebp)\+(\d+)", rules["CFA"])
            if known:
                cfa = (sp if known.group(1) == "esp" else bp) + int(known.group(2))
                caller = word(cfa - 4)
                saved = re.match(r"c(-\d+)", rules.get("ebp", ""))
                bp = word(cfa + int(saved.group(1))) if saved else bp
            else:
                # By a register that is unknown here, as in a main() that aligns its stack: the last frame.
                cfa, caller = sp, 0
        else:
            # The landing pad: pop ebp, pop edx, pop ecx, ret.
            cfa, caller, bp = sp + 16, word(sp + 12), word(sp)
        info = pending.create_unwind_info(Id(cfa, pc))
        for name, value in (("rip", caller), ("rsp", cfa), ("rbp", bp)):
            info.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        return info


class Id:
    """What tells a frame from others."""

    def __init__(self, sp, pc):
        self.sp, self.pc = gdb.Value(sp), gdb.Value(pc)


class Stub(FrameDecorator):
    """A stub in a backtrace: by its name, which gdb hides as that of a signal's frame."""

    def function(self):
        """The name without crate, modules and parameters."""
        frame = self.inferior_frame()
        if frame.type() != gdb.SIGTRAMP_FRAME or not frame.name():
            return super().function()
        return re.sub(r"^.*::(?=\w)", "", re.sub(r"::<.*$", "", frame.name()))


class Stubs:
    """Gives the stubs of a backtrace their names."""

    def __init__(self):
        self.name, self.priority, self.enabled = "trident-stubs", 100, True
        gdb.frame_filters[self.name] = self

    def filter(self, frames):
        """All frames."""
        return map(Stub, frames)


class Bias(gdb.FinishBreakpoint):
    """Adds the symbols of a relocatable program once the kernel has chosen its place."""

    def __init__(self, found, path):
        super().__init__(gdb.newest_frame(), internal=True)
        self.silent = True
        self.found, self.path = found, path

    def stop(self):
        """Never."""
        bias = re.search(r"Ok\((\d+)\)", str(self.return_value))
        if bias and int(bias.group(1)) and self.found.is_valid():
            self.found.enabled = False
            offset = int(bias.group(1))
            gdb.post_event(lambda: add_symbols(self.path, f"-o {offset:#x}"))
        return False


class Place(gdb.Breakpoint):
    """The kernel chooses a place for an image."""

    def __init__(self, path):
        super().__init__("trident::vm::randomize::load_bias", internal=True)
        self.silent = True
        self.path = path

    def stop(self):
        """Never."""
        Bias(self, self.path)
        return False


def add_symbols(path, where=""):
    """Load the symbols of a file."""
    gdb.execute(f"add-symbol-file {path} {where}", to_string=True)


def program(path):
    """Load the program's symbols, and continue backtraces in it if it is a 32-bit one."""
    with open(path, "rb") as file:
        header = file.read(18)
    if header[16:18] == b"\x03\0":
        Place(path)
    else:
        add_symbols(path)
    if header[:5] == b"\x7fELF\x01":
        register_unwinder(None, Unwinder32(path), replace=True)


gdb.execute("set language c", to_string=True)
Stubs()
for command in (
    (Doors, "doors"),
    (WaysBack, "ways-back"),
    (SavedFrame, "saved-frame"),
    (StepIntoKernel, "step-into-kernel"),
    (Task, "task"),
):
    command[0](command[1])
