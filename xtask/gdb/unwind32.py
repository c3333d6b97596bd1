"""Backtraces in 32-bit programs, whose registers gdb doesn't know: QEMU's target has the 64-bit ones."""

import bisect
import re
import shutil
import subprocess

import gdb
from gdb.unwinder import Unwinder, register_unwinder


def readelf(option, path):
    """What readelf(1) prints, by line."""
    run = subprocess.run(["readelf", option, path], capture_output=True, text=True, check=False)
    return run.stdout.splitlines()


class Module:
    """A program or a library: its place, and its call frame information by readelf(1)."""

    def __init__(self, path, bias):
        self.path, self.bias, self.rows = path, bias, None
        loads = [line.split() for line in readelf("-lW", path) if line.split()[:1] == ["LOAD"]]
        ends = [(int(words[2], 16), int(words[2], 16) + int(words[5], 16)) for words in loads]
        self.start, self.end = (bias + min(ends)[0], bias + max(ends)[1]) if ends else (0, 0)

    def read(self):
        """Reads the information, which takes a second for a C library."""
        self.rows, columns = [], []
        for line in readelf("-wF", self.path):
            words = line.split()
            if words[:2] == ["LOC", "CFA"]:
                columns = words[1:]
            elif words and re.fullmatch(r"[0-9a-f]{8}", words[0]) and len(words) == len(columns) + 1:
                self.rows.append((int(words[0], 16), dict(zip(columns, words[1:]))))
        self.rows.sort(key=lambda row: row[0])

    def row(self, pc):
        """The rules at an address."""
        if self.rows is None:
            self.read()
        index = bisect.bisect_right(self.rows, pc - self.bias, key=lambda row: row[0]) - 1
        return self.rows[index][1] if index >= 0 else None


class Unwinder32(Unwinder):
    """Frames of 32-bit modules, and of the landing pad in the vDSO."""

    def __init__(self):
        super().__init__("trident-32")
        self.modules = []

    def __call__(self, pending):
        pc = int(pending.read_register("rip")) & 0xFFFFFFFFFFFFFFFF
        if pc >= 1 << 32 or not self.modules:
            return None
        sp = int(pending.read_register("rsp")) & 0xFFFFFFFF
        bp = int(pending.read_register("rbp")) & 0xFFFFFFFF
        word = lambda at: int(gdb.parse_and_eval(f"*(unsigned int *){at & 0xFFFFFFFF:#x}"))
        module = next((module for module in self.modules if module.start <= pc < module.end), None)
        if module:
            rules = module.row(pc)
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


UNWINDER = Unwinder32()
register_unwinder(None, UNWINDER, replace=True)


def add(path, bias):
    """Continue backtraces in this 32-bit file, which is loaded there."""
    if shutil.which("readelf"):
        UNWINDER.modules.append(Module(path, bias))


def forget(path):
    """The file is elsewhere now."""
    UNWINDER.modules = [module for module in UNWINDER.modules if module.path != path]
