//! Access to a running machine through QEMU's gdb stub: reads and writes of registers and memory at
//! a breakpoint. It shows and causes what no program can: the flags at an entry stub's first
//! instruction, a frame that a tracer would have changed, an NMI at a chosen instruction.
//!
//! [`run`] boots a machine that is stopped until the script continues it. The wire format is in
//! [`packets`].

pub mod packets;
mod registers;

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

pub use registers::{Register, Registers};

use crate::paths;
use crate::vm::{Outcome, Vm};
use packets::Packets;

/// First address of the kernel's half of the address space.
const KERNEL: u64 = 1 << 63;

/// Time limit for QEMU to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A stopped machine, under a script's control.
#[derive(Debug)]
pub struct Gdb {
    packets: Packets,
    symbols: Vec<(String, u64)>,
}

/// Boots `vm` with `script` in control from its first instruction on. After the script the
/// machine continues without it; if the script fails, the machine is killed.
///
/// # Errors
/// The script's, with what the machine had printed.
pub fn run(
    vm: Vm,
    script: impl FnOnce(&mut Gdb) -> Result<()> + Send + 'static,
) -> Result<Outcome> {
    let kernel = if vm.is_checked() {
        paths::checked_kernel()
    } else {
        paths::kernel()
    };
    let outcome = run_with_symbols(vm, &kernel, script)?;
    match outcome.script {
        Ok(()) => Ok(outcome.machine),
        Err(error) => {
            let machine = &outcome.machine;
            Err(error.context(format!("{}{}", machine.verdict, machine.transcript())))
        }
    }
}

/// The two ends of a run under a script.
#[derive(Debug)]
pub struct Ends {
    /// How the machine ended.
    pub machine: Outcome,
    /// How the script ended. If the machine ended first, its end is the reason of the error here.
    pub script: Result<()>,
}

/// [`run`] with the symbols of any kernel, and with the machine's end even if the script fails.
///
/// # Errors
/// QEMU can't be started, or `kernel` has no symbols.
pub fn run_with_symbols(
    vm: Vm,
    kernel: &Path,
    script: impl FnOnce(&mut Gdb) -> Result<()> + Send + 'static,
) -> Result<Ends> {
    let directory = tempfile::Builder::new().prefix("trident-gdb-").tempdir()?;
    let socket = directory.path().join("gdb");
    let listener = UnixListener::bind(&socket)?;
    let symbols = symbols(kernel)?;
    let vm = vm.args([
        "-chardev",
        &format!("socket,id=gdb,path={}", socket.display()),
        "-gdb",
        "chardev:gdb",
        "-S",
    ]);
    let control = thread::spawn(move || -> Result<()> {
        let packets = Packets::new(accept(&listener)?)?;
        let mut gdb = Gdb { packets, symbols };
        let result = script(&mut gdb);
        // Detach, or kill; QEMU may have ended already.
        let _ = gdb.packets.send(if result.is_ok() { "D" } else { "k" });
        result
    });
    let machine = vm.run()?;
    let Ok(script) = control.join() else {
        bail!("the script panicked{}", machine.transcript());
    };
    Ok(Ends { machine, script })
}

/// Waits for QEMU's connection.
fn accept(listener: &UnixListener) -> Result<std::os::unix::net::UnixStream> {
    listener.set_nonblocking(true)?;
    let started = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        ensure!(started.elapsed() < CONNECT_TIMEOUT, "QEMU did not connect");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Gdb {
    /// The address of a kernel function, by its plain name.
    ///
    /// # Errors
    /// No symbol has that name, or more than one has.
    pub fn symbol(&self, name: &str) -> Result<u64> {
        // A mangled path ends in the last name with its length in front.
        self.symbol_by_ending(name, &format!("{}{name}", name.len()))
    }

    fn symbol_by_ending(&self, name: &str, ending: &str) -> Result<u64> {
        let mut found = self.symbols.iter();
        let mut found = found
            .by_ref()
            .filter(|(symbol, _)| symbol == name || symbol.ends_with(ending));
        match (found.next(), found.next()) {
            (Some((_, address)), None) => Ok(*address),
            (None, _) => bail!("no symbol {name} in the kernel"),
            _ => bail!("several symbols {name} in the kernel"),
        }
    }

    /// The address of a function of a module, by the last two names of its path.
    ///
    /// # Errors
    /// As [`Self::symbol`].
    pub fn symbol_in(&self, module: &str, name: &str) -> Result<u64> {
        let part = |name: &str| format!("{}{name}", name.len());
        self.symbol_by_ending(name, &(part(module) + &part(name)))
    }

    /// Lets the machine run to the next breakpoint.
    ///
    /// # Errors
    /// The machine ended instead.
    pub fn go(&mut self) -> Result<()> {
        self.stopped("c")
    }

    /// Lets the machine run to `address`: to the next visit, if it is stopped there.
    ///
    /// # Errors
    /// The machine stopped somewhere else, or ended.
    pub fn go_to(&mut self, address: u64) -> Result<()> {
        if self.rip()? == address {
            // A breakpoint here would stop the machine before the same instruction again.
            self.step()?;
        }
        if self.rip()? != address {
            self.break_at(address)?;
            self.go()?;
            self.unbreak(address)?;
        }
        let rip = self.rip()?;
        ensure!(rip == address, "stopped at {rip:#x}, not at {address:#x}");
        Ok(())
    }

    /// The address of the next instruction.
    ///
    /// # Errors
    /// QEMU's.
    pub fn rip(&mut self) -> Result<u64> {
        Ok(self.registers()?.get(Register::Rip))
    }

    /// Executes one instruction, with interrupts held back.
    ///
    /// # Errors
    /// The machine ended.
    pub fn step(&mut self) -> Result<()> {
        self.stopped("s")
    }

    /// Executes one instruction from the state that `before` has, and returns the registers after
    /// it. At its first access to a page QEMU sometimes stops before the instruction once more:
    /// that is no step.
    ///
    /// # Errors
    /// The machine ended.
    pub fn step_from(&mut self, before: &Registers) -> Result<Registers> {
        loop {
            self.step()?;
            let after = self.registers()?;
            if after != *before {
                return Ok(after);
            }
        }
    }

    /// Counts the instructions from the one that entered the kernel, whose first instruction is
    /// next, to the program's next one.
    ///
    /// # Errors
    /// The machine ended, or the program doesn't go on within `most` instructions.
    pub fn steps_to_user(&mut self, most: u32) -> Result<u32> {
        // The instruction that entered is the first.
        let mut steps = 1;
        let mut registers = self.registers()?;
        // ANCHOR: count-steps
        while registers.get(Register::Rip) >= KERNEL {
            ensure!(
                steps < most,
                "still in the kernel after {most} instructions"
            );
            registers = self.step_from(&registers)?;
            steps += 1;
        }
        // ANCHOR_END: count-steps
        Ok(steps)
    }

    /// Lets the machine run for this time, and stops it.
    ///
    /// # Errors
    /// The machine ended meanwhile.
    pub fn go_for(&mut self, time: Duration) -> Result<()> {
        let answer = self.packets.ask_within("c", time)?;
        ensure!(
            answer.starts_with('T') || answer.starts_with('S'),
            "the machine ended: {answer}"
        );
        Ok(())
    }

    /// The kernel's symbol at or below an address, and the distance from it.
    pub fn name_of(&self, address: u64) -> Option<(&str, u64)> {
        let below = self.symbols.iter().filter(|(name, at)| {
            // Empty names, and the assembler's own labels.
            *at <= address && *at >= KERNEL && !name.is_empty() && !name.starts_with(".L")
        });
        let (name, at) = below.max_by_key(|(_, at)| *at)?;
        Some((name, address - at))
    }

    fn stopped(&mut self, command: &str) -> Result<()> {
        let answer = self.packets.ask(command).context("the machine is gone")?;
        ensure!(
            answer.starts_with('T') || answer.starts_with('S'),
            "the machine ended: {answer}"
        );
        Ok(())
    }

    /// Sets a breakpoint.
    ///
    /// # Errors
    /// QEMU's.
    pub fn break_at(&mut self, address: u64) -> Result<()> {
        self.packets.ok(&format!("Z1,{address:x},1"))
    }

    /// Removes a breakpoint.
    ///
    /// # Errors
    /// QEMU's.
    pub fn unbreak(&mut self, address: u64) -> Result<()> {
        self.packets.ok(&format!("z1,{address:x},1"))
    }

    /// All registers.
    ///
    /// # Errors
    /// QEMU's.
    pub fn registers(&mut self) -> Result<Registers> {
        Registers::from_hex(&self.packets.ask("g")?)
    }

    /// Sets all registers.
    ///
    /// # Errors
    /// QEMU's.
    pub fn set_registers(&mut self, registers: &Registers) -> Result<()> {
        self.packets.ok(&format!("G{}", registers.to_hex()))
    }

    /// Memory at `address`, in the address space of the stopped code.
    ///
    /// # Errors
    /// Nothing is mapped there.
    pub fn read(&mut self, address: u64, len: usize) -> Result<Vec<u8>> {
        let answer = self.packets.ask(&format!("m{address:x},{len:x}"))?;
        packets::from_hex(&answer).with_context(|| format!("cannot read {address:#x}: {answer}"))
    }

    /// The 64-bit word at `address`.
    ///
    /// # Errors
    /// Nothing is mapped there.
    pub fn word(&mut self, address: u64) -> Result<u64> {
        let bytes = self.read(address, 8)?;
        Ok(u64::from_le_bytes(
            bytes.try_into().ok().context("a short answer")?,
        ))
    }

    /// Writes memory.
    ///
    /// # Errors
    /// Nothing is mapped there.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<()> {
        let hex = packets::to_hex(bytes);
        self.packets
            .ok(&format!("M{address:x},{:x}:{hex}", bytes.len()))
    }

    /// Sends a non-maskable interrupt, taken when the machine goes on.
    ///
    /// # Errors
    /// QEMU's.
    pub fn nmi(&mut self) -> Result<()> {
        self.packets
            .ok(&format!("qRcmd,{}", packets::to_hex(b"nmi")))
    }
}

/// The symbols of an ELF64 file: name and address.
///
/// # Errors
/// The file can't be read, or has no symbol table.
pub fn symbols(path: &Path) -> Result<Vec<(String, u64)>> {
    let file = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let word = |at: usize, size: usize| -> Option<usize> {
        let mut bytes = [0; 8];
        bytes[..size].copy_from_slice(file.get(at..at + size)?);
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    let parse = || {
        // e_shoff and e_shnum; each section header is 64 bytes (System V ABI, chapter 4).
        let (table, count) = (word(40, 8)?, word(60, 2)?);
        let header = |index: usize| table + 64 * index;
        const SHT_SYMTAB: usize = 2;
        let symtab = (0..count)
            .map(header)
            .find(|at| word(at + 4, 4) == Some(SHT_SYMTAB))?;
        let strings = word(header(word(symtab + 40, 4)?) + 24, 8)?;
        let (start, size) = (word(symtab + 24, 8)?, word(symtab + 32, 8)?);
        let symbol = |at: usize| {
            let name = file.get(strings + word(at, 4)?..)?;
            let name = name.split(|byte| *byte == 0).next()?;
            Some((
                String::from_utf8_lossy(name).into_owned(),
                word(at + 8, 8)? as u64,
            ))
        };
        (start..start + size)
            .step_by(24)
            .map(symbol)
            .collect::<Option<Vec<_>>>()
    };
    parse().with_context(|| format!("{} has no symbols", path.display()))
}
