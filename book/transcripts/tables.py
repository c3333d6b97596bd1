"""Commands of gdb for the book's transcripts: `gdt`, `idt VECTOR...`, `break-stub NAME`.

The addresses of the descriptor tables are in registers that gdb doesn't know, and QEMU's monitor prints.
"""

import re
import struct
import subprocess

import gdb


def table(register):
    """The bytes of the table to which GDTR or IDTR points."""
    text = gdb.execute("monitor info registers", to_string=True)
    base, limit = re.search(register + r"= *([0-9a-f]+) +([0-9a-f]+)", text).groups()
    memory = gdb.selected_inferior().read_memory(int(base, 16), int(limit, 16) + 1)
    return memory.tobytes()


class Gdt(gdb.Command):
    """Print the rows of the global descriptor table."""

    def __init__(self):
        super().__init__("gdt", gdb.COMMAND_USER)

    def invoke(self, _argument, _from_tty):
        for row, (descriptor,) in enumerate(struct.iter_unpack("<Q", table("GDT"))):
            print(f"row {row:2}  selector {8 * row:#04x}  {descriptor:#018x}")


class Idt(gdb.Command):
    """Print gates of the interrupt descriptor table: `idt VECTOR...`."""

    def __init__(self):
        super().__init__("idt", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        gates = list(struct.iter_unpack("<HHHHII", table("IDT")))
        for vector in map(int, argument.split()):
            _, selector, bits, *_ = gates[vector]
            print(
                f"vector {vector:3}  selector {selector:#04x}  ist {bits & 7}  "
                f"type {bits >> 8 & 15:#x}  dpl {bits >> 13 & 3}  present {bits >> 15}"
            )


class BreakStub(gdb.Command):
    """Set a breakpoint at the stub of an exception: `break-stub nmi`."""

    def __init__(self):
        super().__init__("break-stub", gdb.COMMAND_USER)

    def invoke(self, argument, _from_tty):
        # The stubs are assembly: gdb knows their names, but doesn't find them by a part of one.
        kernel = gdb.objfiles()[0].filename
        names = subprocess.run(["readelf", "-sW", kernel], capture_output=True, text=True).stdout
        mangled = f"10exceptions{len(argument)}{argument}$"
        found = re.search(rf"([0-9a-f]{{16}}) .*{mangled}", names, re.MULTILINE)
        gdb.execute("break *0x" + found.group(1))


Gdt()
Idt()
BreakStub()
