//! Processes and threads: creation and exit, switches, signals.

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

use programs::measure::{Cost, long_cost};
use sys::Env;
use sys::numbers;
use sys::os::{self, MAP_ANONYMOUS, PROT_READ, PROT_WRITE};

use crate::calls::{self, PAGE, must, row};

const BATCHES: usize = 15;

/// All rows.
pub fn measure(env: &Env) {
    row("fork_exit", fork_exit());
    // The same with 1,000 more pages in the parent.
    let size = 1000 * PAGE;
    let heap = calls::map(size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, usize::MAX);
    for at in (heap..heap + size).step_by(PAGE) {
        // SAFETY: just mapped.
        unsafe { (at as *mut u8).write_volatile(1) };
    }
    row("fork_exit_1000_pages", fork_exit());
    calls::unmap(heap, size);
    row("vfork_exit", vfork_exit());
    row("fork_exec", fork_exec(env));
    row("vfork_exec", vfork_exec(env));
    if let Some(cost) = thread() {
        row("thread_join", cost);
    }
    row("yield_switch", yield_switch());
    row("pipe_ping_pong", pipe_ping_pong());
    // In a child: a kernel without signal handlers kills it.
    let child = calls::fork(|| row("signal", signal()));
    calls::wait(child);
}

/// fork, exit in the child, wait.
pub fn fork_exit() -> Cost {
    long_cost(BATCHES, 10, || calls::wait(calls::fork(|| {})))
}

/// vfork, exit in the child, wait.
fn vfork_exit() -> Cost {
    long_cost(BATCHES, 10, || {
        let pid: usize;
        // SAFETY: the child runs on this stack, but ends within this block without touching it.
        unsafe {
            asm!("syscall", "test rax, rax", "jnz 2f",
                 "mov eax, 231", "xor edi, edi", "syscall", "2:",
                 inlateout("rax") numbers::VFORK.x86_64 => pid,
                 out("rdi") _, out("rcx") _, out("r11") _);
        }
        calls::wait(pid);
    })
}

/// argv of this program that makes it exit at once.
fn exit_argv() -> [usize; 3] {
    [c"/init".as_ptr() as usize, c"exit".as_ptr() as usize, 0]
}

/// fork, exec of this program, which exits at once, wait.
fn fork_exec(env: &Env) -> Cost {
    let argv = exit_argv();
    long_cost(BATCHES, 5, || {
        let pid = calls::fork(|| {
            // SAFETY: both arrays are null-terminated and hold strings.
            let _ = unsafe { os::execve(c"/init", argv.as_ptr(), env.envp()) };
        });
        calls::wait(pid);
    })
}

/// vfork, exec of this program, which exits at once, wait.
fn vfork_exec(env: &Env) -> Cost {
    let argv = exit_argv();
    long_cost(BATCHES, 5, || {
        let pid: usize;
        // SAFETY: as in `vfork_exit`; the strings and arrays are valid while the child reads them.
        unsafe {
            asm!("syscall", "test rax, rax", "jnz 2f",
                 "mov eax, 59", "syscall", "mov eax, 231", "syscall", "2:",
                 inlateout("rax") numbers::VFORK.x86_64 => pid,
                 inout("rdi") c"/init".as_ptr() => _,
                 in("rsi") argv.as_ptr(), in("rdx") env.envp(),
                 out("rcx") _, out("r11") _);
        }
        calls::wait(pid);
    })
}

/// Creation and join of a thread that exits at once, as in pthread_create and pthread_join.
fn thread() -> Option<Cost> {
    // CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | PARENT_SETTID | CHILD_CLEARTID.
    const FLAGS: usize = 0x35_0f00;
    const FUTEX_WAIT: usize = 0;
    static TID: AtomicU32 = AtomicU32::new(0);
    let stack = calls::map(PAGE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, usize::MAX);
    let mut made = true;
    let cost = long_cost(BATCHES, 10, || {
        let result: isize;
        // SAFETY: the thread has its own stack and ends within this block.
        unsafe {
            asm!("syscall", "test rax, rax", "jnz 2f",
                 "mov eax, 60", "xor edi, edi", "syscall", "2:",
                 inlateout("rax") numbers::CLONE.x86_64 => result,
                 inout("rdi") FLAGS => _, in("rsi") stack + PAGE, in("rdx") TID.as_ptr(),
                 in("r10") TID.as_ptr(), in("r8") 0, out("rcx") _, out("r11") _);
        }
        made &= result > 0;
        loop {
            let tid = TID.load(Ordering::Acquire);
            if tid == 0 || !made {
                break;
            }
            let args = [TID.as_ptr() as usize, FUTEX_WAIT, tid as usize, 0, 0, 0];
            // SAFETY: the kernel only reads the word. The call fails if it has changed.
            let _ = unsafe { os::native(numbers::FUTEX, args) };
        }
    });
    calls::unmap(stack, PAGE);
    made.then_some(cost)
}

/// One switch to another process by sched_yield(2), verified by a shared word.
fn yield_switch() -> Cost {
    const ROUNDS: usize = 100;
    let shared = must(
        numbers::MMAP,
        [0, PAGE, PROT_READ | PROT_WRITE, 0x21, usize::MAX, 0],
    );
    // SAFETY: the page stays mapped until the program ends; it is shared, hence an atomic.
    let turn = unsafe { AtomicU32::from_ptr(shared as *mut u32) };
    let pass_turn = |mine: u32, other: u32| {
        while turn.load(Ordering::Relaxed) != mine {
            must(numbers::SCHED_YIELD, [0; 6]);
        }
        turn.store(other, Ordering::Relaxed);
    };
    let child = calls::fork(|| {
        for _ in 0..BATCHES * ROUNDS {
            pass_turn(1, 0);
        }
    });
    let Cost(round) = long_cost(BATCHES, ROUNDS, || pass_turn(0, 1));
    calls::wait(child);
    Cost(round / 2)
}

/// One byte to another process and one byte back.
fn pipe_ping_pong() -> Cost {
    const ROUNDS: usize = 100;
    let (there, back) = (calls::pipe(), calls::pipe());
    let child = calls::fork(|| {
        for _ in 0..BATCHES * ROUNDS {
            calls::read_byte(there.0);
            calls::write_byte(back.1);
        }
    });
    let cost = long_cost(BATCHES, ROUNDS, || {
        calls::write_byte(there.1);
        calls::read_byte(back.0);
    });
    calls::wait(child);
    for fd in [there.0, there.1, back.0, back.1] {
        calls::close(fd);
    }
    cost
}

extern "C" fn handler() {}

/// kill(2) of the caller, the handler, and the return from it.
fn signal() -> Cost {
    const SIGUSR1: usize = 10;
    calls::handle(SIGUSR1, handler);
    let me = os::getpid();
    long_cost(BATCHES, 100, || {
        must(numbers::KILL, [me, SIGUSR1, 0, 0, 0, 0]);
    })
}
