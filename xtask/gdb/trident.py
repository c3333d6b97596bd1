"""Trident in gdb: `make debug` and `make gdb` load this file, and `.vscode/launch.json` does.

The commands are listed by `help user-defined`. `program(path)`, of `program.py`, loads the symbols of a program.
"""

import os
import re
import sys

import gdb
from gdb.FrameDecorator import FrameDecorator

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from program import program  # for the command line: `python program('a.out')`

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


def inside(value):
    """What a lock or an atomic protects."""
    while value.type.code == gdb.TYPE_CODE_STRUCT:
        names = {field.name for field in value.type.fields()}
        value = value[next(name for name in ("value", "v", "__0") if name in names)]
    return value


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
    """Print the program's registers, once the entry stub has saved them on the kernel's stack."""

    def invoke(self, _argument, _from_tty):
        saved = frame()
        for field in saved.type.fields():
            print(f"{field.name:9} {int(saved[field.name]) & 0xFFFFFFFFFFFFFFFF:#x}")


class StepIntoKernel(Command):
    """Execute the program's next instructions, up to the first one of the kernel."""

    def invoke(self, _argument, _from_tty):
        with gdb.with_parameter("suppress-cli-notifications", True):
            gdb.execute("stepi", to_string=True)
            while is_user():
                gdb.execute("stepi", to_string=True)
        # Not `frame`: the names of stubs are those of backtraces.
        gdb.execute("backtrace 1")


class Task(Command):
    """Print the running thread's name and numbers, and set $task: `print $task.owner.comm`."""

    def invoke(self, _argument, _from_tty):
        thread = at(int(per_cpu()["current"]), "trident::sched::thread::Thread<trident::process::task::Member>")
        gdb.set_convenience_variable("task", thread)
        owner = thread["owner"]
        name = inside(owner["comm"]).string().split("\0")[0]
        print(f"{name}: thread {inside(owner['tid'])} of process {owner['pid']}; print $task shows all of it")


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
