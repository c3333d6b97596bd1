# inotify by those who use it: tail -f, Python.
work=$(mktemp -d) && cd "$work" || exit 1
until_in() { until grep -q "$1" "$2" 2>/dev/null; do sleep 0.05; done; }
echo "--- tail"
echo one >log
tail -n +1 -f log >out & tail=$!
until_in one out
ls -l /proc/$tail/fd | grep -c 'anon_inode:inotify'
grep -c '^inotify wd:1 ino:.* sdev:.* mask:.* ignored_mask:0 fhandle-bytes:' /proc/$tail/fdinfo/* | grep -c ':1$'
echo two >>log; until_in two out
printf 'three\nfour\n' >>log; until_in four out
cat out; kill $tail; wait $tail; echo "status $?"
tail -n +1 -F log >again 2>errors & tail=$!
until_in four again
mv log log.1; until_in inaccessible errors; echo five >log; until_in five again
rm log; until [ "$(grep -c inaccessible errors)" = 2 ]; do sleep 0.05; done
echo six >log; until_in six again
cat again errors; kill $tail; wait $tail 2>/dev/null
echo "--- python"
python3 - <<'P'
import ctypes, os, select, struct
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.inotify_init1(os.O_CLOEXEC)
wd = libc.inotify_add_watch(fd, b".", 0xfff & ~0x31)
os.mkdir("dir")
with open("file", "w") as file:
    file.write("text")
os.rename("file", "dir/file")
os.remove("dir/file")
os.rmdir("dir")
poll = select.epoll()
poll.register(fd, select.EPOLLIN)
while poll.poll(0):
    data = os.read(fd, 4096)
    at = 0
    while at < len(data):
        wd, mask, cookie, size = struct.unpack_from("iIII", data, at)
        name = data[at + 16:at + 16 + size].rstrip(b"\0").decode()
        print(wd, hex(mask), bool(cookie), size, name)
        at += 16 + size
P
cd / && rm -r "$work"
