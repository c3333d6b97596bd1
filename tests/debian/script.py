"""python3-minimal: threads, processes, signals, files."""
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque

print(sys.version_info[:2], sys.platform, os.name)

# Threads: a lock, a condition, an event, a barrier, values of their own.
total = 0
lock = threading.Lock()


def add(times):
    global total
    for _ in range(times):
        with lock:
            total += 1


threads = [threading.Thread(target=add, args=(2000,)) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("total", total)

items, ready = deque(), threading.Condition()


def produce():
    for number in range(100):
        with ready:
            items.append(number)
            ready.notify()


def consume(result):
    while len(result) < 100:
        with ready:
            while not items:
                ready.wait()
            result.append(items.popleft())


result = []
pair = [threading.Thread(target=consume, args=(result,)), threading.Thread(target=produce)]
[thread.start() for thread in pair]
[thread.join() for thread in pair]
print("consumed", len(result), sum(result))

event, local, seen = threading.Event(), threading.local(), []
barrier = threading.Barrier(3)


def meet(number):
    local.value = number
    barrier.wait()
    event.wait()
    with lock:
        seen.append(local.value)


three = [threading.Thread(target=meet, args=(n,)) for n in range(3)]
[thread.start() for thread in three]
event.set()
[thread.join() for thread in three]
print("met", sorted(seen), threading.active_count())
print("lock times out:", lock.acquire() and not lock.acquire(timeout=0.01))
lock.release()

# Processes.
done = subprocess.run(["sort"], input=b"b\na\nc\n", stdout=subprocess.PIPE)
print(done.stdout, done.returncode)
done = subprocess.run("echo out; echo err >&2; exit 7", shell=True, capture_output=True, text=True)
print(done)
first = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
second = subprocess.Popen(["wc", "-l"], stdin=first.stdout, stdout=subprocess.PIPE)
first.stdout.close()
print(second.communicate()[0], first.wait())
try:
    subprocess.run(["sleep", "10"], timeout=0.1)
except subprocess.TimeoutExpired as error:
    print("timed out:", error.cmd)
sleeper = subprocess.Popen(["sleep", "10"])
sleeper.send_signal(signal.SIGTERM)
print("signalled:", sleeper.wait())
try:
    subprocess.run(["/no/such/program"])
except FileNotFoundError as error:
    print("not found:", error.filename)
many = [subprocess.Popen(["true"]) for _ in range(10)]
print("many:", Counter(process.wait() for process in many))

# fork, pipe, wait.
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(reader)
    os.write(writer, b"from the child")
    os._exit(3)
os.close(writer)
print(os.read(reader, 100), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

# Signals.
caught = []
signal.signal(signal.SIGUSR1, lambda number, frame: caught.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
signal.signal(signal.SIGALRM, lambda number, frame: caught.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.02)
time.sleep(0.2)
print("caught", [signal.Signals(number).name for number in caught])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
os.kill(os.getpid(), signal.SIGUSR2)
print("pending", signal.sigpending(), signal.sigwait([signal.SIGUSR2]))

# Sockets and polls.
left, right = socket.socketpair()
left.sendall(b"hello")
print(select.select([right], [], [], 1)[0] == [right], right.recv(10))
poll = select.poll()
poll.register(right, select.POLLIN)
print("poll", poll.poll(10))
with select.epoll() as epoll:
    epoll.register(right, select.EPOLLIN)
    left.close()
    print("epoll", [event for _, event in epoll.poll(1)])

# Files.
with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "file")
    with open(path, "w") as file:
        file.writelines(f"{n}\n" for n in range(5000))
    os.symlink("file", os.path.join(directory, "link"))
    print(os.path.getsize(path), sorted(os.listdir(directory)), os.readlink(path[:-4] + "link"))
    os.truncate(path, 10)
    print(open(path).read().split(), [entry.is_symlink() for entry in sorted(os.scandir(directory), key=lambda e: e.name)])
print(os.path.exists(directory), os.stat("/tmp").st_mode & 0o7777 == 0o1777, os.getcwd())
print(sum(x * x for x in range(100000)), f"{2**200:x}")


def dig(depth):
    return 0 if depth == 0 else 1 + dig(depth - 1)


print(dig(900))
raise SystemExit(4)
