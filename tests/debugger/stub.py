"""Steps through an entry stub, and asks at each instruction who called (the case `debugger::`).

The variables are set before: `ENTRY` and `BACK`, labels of the stub; `NUMBER`, of write(2).
"""

import gdb

KERNEL = 1 << 63


def label(name):
    """The address of a label in the stubs."""
    import re
    return int(re.search(r"0x[0-9a-f]+", gdb.execute("info address " + name, to_string=True)).group(), 16)


def chain():
    """The frames, from the newest one: address and name of each."""
    frames, frame = [], gdb.newest_frame()
    while frame is not None and frame.is_valid():
        frames.append((frame.pc() & (2 * KERNEL - 1), frame.name() or "?"))
        if frames[-1][1] == "main":
            break
        frame = frame.older()
    return frames


def check(place):
    """`main` has called `write`, which has called the kernel."""
    frames = chain()
    names = [name for pc, name in frames if pc < KERNEL]
    caller = next((at for at, name in enumerate(names) if "write" in name), None)
    if caller is None or names[caller + 1 : caller + 2] != ["main"]:
        raise gdb.GdbError(f"{place}: {[(hex(pc), name) for pc, name in frames]}")


def instruction(pc):
    """Its text."""
    return gdb.selected_frame().architecture().disassemble(pc)[0]["asm"]


def main():
    """Runs to the call, and steps through the stub until the CPU is back in the program."""
    gdb.execute("set pagination off")
    gdb.execute(f"break *{label(ENTRY):#x} if $eax == {NUMBER}", to_string=True)
    gdb.execute("continue", to_string=True)
    gdb.execute("delete", to_string=True)
    steps, handler = 0, None
    while gdb.newest_frame().pc() & KERNEL:
        pc = gdb.newest_frame().pc()
        check(f"{ENTRY}, step {steps}, {pc:#x}: {instruction(pc)}")
        line = gdb.find_pc_line(pc)
        if not (line.symtab and "kernel/src/entry/" in line.symtab.filename):
            raise gdb.GdbError(f"{ENTRY}, step {steps}, {pc:#x}: no source line")
        is_call = instruction(pc).startswith("call")
        gdb.execute("stepi", to_string=True)
        steps += 1
        if is_call:
            handler = gdb.newest_frame().name()
            check(f"{handler}, its first instruction")
            gdb.execute(f"tbreak *{label(BACK):#x}", to_string=True)
            gdb.execute("continue", to_string=True)
    print(f"{steps} steps through {ENTRY} around {handler}")
    gdb.execute("kill")


main()
