"""The symbols of a program and of its libraries, where the kernel and the dynamic linker have loaded them.

A relocatable program has its symbols at the usual place first, so that `break main` works before it runs. The stack of a new program says where it is (AT_PHDR), and its dynamic linker (AT_BASE). At the
program's entry point (AT_ENTRY) the dynamic linker's list has the libraries.
"""

import os
import struct

import gdb
import unwind32

AT_PHDR, AT_PHNUM, AT_BASE, AT_ENTRY = 3, 5, 7, 9
PT_DYNAMIC, PT_INTERP, PT_PHDR = 2, 3, 6
DT_DEBUG = 21
ET_DYN = 3
# Where a relocatable program goes that has a dynamic linker (PIE_BASE in kernel/src/mm/layout.rs).
USUAL, USUAL_32BIT = 0x555555554000, 0x56555000


class Elf:
    """What the headers of an ELF file say."""

    def __init__(self, path):
        with open(path, "rb") as file:
            header = file.read(64)
            self.path, self.is_32bit = path, header[4] == 1
            form = "<HHIIIIIHHH" if self.is_32bit else "<HHIQQQIHHH"
            kind, _, _, self.entry, table, _, _, _, size, self.phnum = struct.unpack_from(form, header, 16)
            self.is_relocatable = kind == ET_DYN
            file.seek(table)
            self.segments = [self.segment(file.read(size)) for _ in range(self.phnum)]
            self.interpreter, self.phdr = None, None
            for kind, offset, at, length in self.segments:
                if kind == PT_INTERP:
                    file.seek(offset)
                    self.interpreter = file.read(length).rstrip(b"\0").decode()
                if offset <= table < offset + length and self.phdr is None:
                    self.phdr = at + table - offset

    def segment(self, header):
        """Type, offset in the file, address and size in the file."""
        if self.is_32bit:
            kind, offset, at, _, length = struct.unpack_from("<IIIII", header)
        else:
            kind, _, offset, at, _, length = struct.unpack_from("<IIQQQQ", header)
        return kind, offset, at, length

    def dynamic(self):
        """The address of the dynamic section."""
        return next((at for kind, _, at, _ in self.segments if kind == PT_DYNAMIC), None)


def words(at, count, is_32bit):
    """Words of the program's memory."""
    size, letter = (4, "I") if is_32bit else (8, "Q")
    return struct.unpack(f"<{count}{letter}", gdb.selected_inferior().read_memory(at, count * size).tobytes())


def text(at):
    """A string of the program's memory."""
    found = b""
    while not found.endswith(b"\0"):
        found += gdb.selected_inferior().read_memory(at + len(found), 1).tobytes()
    return found[:-1].decode()


def pairs(at, is_32bit):
    """Pairs of words up to one that begins with 0: an auxiliary vector, a dynamic section."""
    size = 4 if is_32bit else 8
    found = {}
    while True:
        name, value = words(at, 2, is_32bit)
        if not name:
            return found
        found[name] = value
        at += 2 * size


def auxiliary_vector(is_32bit):
    """The vector on a new program's stack, behind argc, argv and envp."""
    size = 4 if is_32bit else 8
    at = int(gdb.parse_and_eval("(unsigned long)$rsp"))
    at += (words(at, 1, is_32bit)[0] + 2) * size
    while words(at, 1, is_32bit)[0]:
        at += size
    return pairs(at + size, is_32bit)


def add_symbols(elf, bias):
    """Load the symbols of a file that is loaded there."""
    gdb.execute(f"add-symbol-file '{elf.path}' -o {bias:#x}", to_string=True)
    if elf.is_32bit:
        unwind32.add(elf.path, bias)


class At(gdb.Breakpoint):
    """Does something at a place of the program's, once. QEMU needs no page there for a breakpoint."""

    def __init__(self, address, do):
        super().__init__(f"*{address:#x}", internal=True)
        self.silent = True
        self.do = do

    def stop(self):
        """Never."""
        self.enabled = False
        self.do()
        return False


class Program:
    """The user's program."""

    def __init__(self, elf):
        usual = USUAL_32BIT if elf.is_32bit else USUAL
        self.elf, self.loaded = elf, {elf.path: usual if elf.is_relocatable else 0}
        add_symbols(elf, self.loaded[elf.path])

    def is_at(self, vector):
        """Whether a new program is this one, by its auxiliary vector."""
        elf, entry, table = self.elf, vector.get(AT_ENTRY, 0), vector.get(AT_PHDR, 0)
        return (
            vector.get(AT_PHNUM) == elf.phnum
            and entry - table == elf.entry - elf.phdr
            and (entry - elf.entry) % 4096 == 0
        )

    def begins(self):
        """A program's first instruction, in the dynamic linker where there is one."""
        is_32bit = int(gdb.parse_and_eval("(int)$cs")) == 0x23
        if is_32bit != self.elf.is_32bit:
            return
        vector = auxiliary_vector(is_32bit)
        if not self.is_at(vector):
            return
        bias = vector[AT_ENTRY] - self.elf.entry
        self.move(bias)
        if self.elf.interpreter and vector.get(AT_BASE):
            self.add_library(self.elf.interpreter, vector[AT_BASE])
            At(vector[AT_ENTRY], lambda: self.add_libraries(bias))

    def move(self, bias):
        """The program is there."""
        before = self.loaded[self.elf.path]
        if bias == before:
            return
        unwind32.forget(self.elf.path)
        # In this order: breakpoints are never without a place.
        add_symbols(self.elf, bias)
        gdb.execute(f"remove-symbol-file -a {before + self.elf.entry:#x}", to_string=True)
        self.loaded[self.elf.path] = bias

    def add_library(self, path, bias, dynamic=None):
        """A library is there. One of another build than this host's gets no symbols."""
        if self.loaded.get(path) == bias or not os.path.isfile(path):
            return
        elf = Elf(path)
        if dynamic is None or dynamic - bias == elf.dynamic():
            add_symbols(elf, bias)
            self.loaded[path] = bias

    def add_libraries(self, bias):
        """All that the dynamic linker has loaded, by its list (`struct r_debug` in <link.h>)."""
        is_32bit = self.elf.is_32bit
        debug = pairs(bias + self.elf.dynamic(), is_32bit).get(DT_DEBUG)
        at = debug and words(debug, 2, is_32bit)[1]
        while at:
            where, name, dynamic, at = words(at, 4, is_32bit)
            if text(name).startswith("/"):
                self.add_library(text(name), where, dynamic)


class Exec(gdb.Breakpoint):
    """The kernel has loaded a program, and gives it to a task."""

    def __init__(self, found):
        super().__init__("trident::process::exec::install", internal=True)
        self.silent = True
        self.found = found

    def stop(self):
        """Never."""
        loaded = gdb.newest_frame().read_var("loaded")
        At(int(loaded["frame"]["rip"]), self.found.begins)
        return False


def program(path):
    """Load the symbols of the program at `path`, and follow it to where it is loaded."""
    elf = Elf(os.path.abspath(path))
    found = Program(elf)
    if elf.is_relocatable or elf.interpreter:
        Exec(found)
