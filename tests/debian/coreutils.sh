# Debian's coreutils and findutils.
work=$(mktemp -d) && cd "$work" || exit 1
mkdir -p tree/a/b tree/c
for i in 1 2 3 4 5 6 7 8 9; do seq $((i * 100)) >tree/a/$i.txt; done
cp tree/a/1.txt tree/a/b/copy.txt
ln -s ../a/1.txt tree/c/link
ln tree/a/2.txt tree/c/hard
printf 'needle\n' >>tree/a/5.txt

echo "--- sort"
printf '%s\n' 10 9 2 1 33 | sort -n | tr '\n' ' '; echo
printf 'b 2\na 10\nc 1\n' | sort -k2,2nr
sort -u tree/a/1.txt tree/a/b/copy.txt | wc -l
seq 50000 | sort -R --random-source=/dev/zero | sort -n --parallel=2 -S 1M | sha256sum
ls tree/a | sort -V | paste -sd,

echo "--- find and xargs"
find tree -type f | sort | xargs wc -l | tail -n 3
find tree -name '*.txt' -size +1k -print0 | sort -z | xargs -0 -n 2 sha256sum
find tree -type l -printf '%p -> %l\n'
find tree -samefile tree/a/2.txt | sort
find tree -type f -exec grep -l needle {} +
seq 5 | xargs -P 3 -I{} echo item {} | sort
find tree -maxdepth 1 -mindepth 1 -type d -printf '%f %m\n' | sort

echo "--- tee, head, tail, cut"
seq 10 | tee one two | tail -n 1
cmp one two && echo same
head -c 10 one; tail -c +15 one; cut -c 1 one | uniq -c | tail -n 2
seq 100 | split -l 30 - part. && wc -l part.* | awk '{ print $1, $2 }'
seq 5 >l; seq 3 8 >r; comm -12 l r
printf '1 a\n2 b\n' >j1; printf '1 x\n2 y\n' >j2; join j1 j2
paste j1 j2 | expand -t 8 | fold -w 8
nl -ba j1; tac j1; od -An -tx1 j1; fmt -w 20 <<END
many words in one long line that fmt is to break
END
tr -cs '[:alpha:]' '\n' <j1; shuf -e only; numfmt --to=iec 1048576; factor 1001; seq -f %04g 3
printf '%s\n' 'a b' | tsort; ptx -G /dev/null; expr 3 \* 4

echo "--- checksums"
seq 100000 >numbers
md5sum numbers; sha1sum numbers; sha256sum numbers; sha512sum numbers; b2sum numbers; cksum numbers; sum numbers
sha256sum numbers >sums && sha256sum -c sums
base64 -w 20 j1; base32 j1; basenc --base16 j1

echo "--- dd"
dd if=/dev/zero of=zeros bs=4k count=25 2>&1 | head -n 2
dd if=numbers bs=1000 skip=2 count=3 status=none | md5sum
dd if=numbers of=zeros conv=notrunc,fsync bs=512 seek=4 count=2 status=none && md5sum zeros
dd if=/dev/zero of=sparse bs=1 count=0 seek=1M status=none && stat -c '%s %b' sparse
truncate -s 3 zeros; wc -c <zeros; fallocate -l 4096 filled 2>/dev/null; stat -c %s filled

echo "--- timeout"
timeout 100 echo in time
timeout 0.1 sleep 10; echo "status $?"
timeout -s KILL 0.1 sleep 10; echo "status $?"
timeout --preserve-status -s INT 0.1 sleep 10; echo "status $?"

echo "--- stat and date"
chmod 2751 tree/c; touch -d '2021-03-04 05:06:07.123456789' tree/c
stat -c '%A %a %u %g %F %s' tree/a/1.txt; stat -c '%A %y %X' tree/c; stat -L -c %F tree/c/link; stat -c %F tree/c/link
stat -f -c %l tree >/dev/null && echo file system
date -u -d @1700000000 '+%F %T %A %j %V'; date -u -d '2000-02-28 + 2 days' +%F; date -u -r tree/c +%s
date -u -d 'last day of february' >/dev/null 2>&1 || echo "no such date"

echo "--- files"
cp -a tree copy && diff -r tree copy && echo copied
mv copy moved && rm -r moved/a && ls -R moved
install -m 640 -D j1 deep/er/file && stat -c %a deep/er/file
mkfifo fifo && stat -c %F fifo; mknod node c 1 3 2>/dev/null; rm -f node
readlink -f tree/c/link | sed "s|$work||"; realpath --relative-to=tree tree/c/../a/1.txt; basename a/b.c .c; dirname a/b
ls -l tree/a/b | awk '{ print $1, $2, $5 }'; ls -1 -F tree/c; du -a --apparent-size -b tree/c | sort -k2 | tail -n 1
rmdir tree/c 2>/dev/null || echo "not empty"; rm tree/c/link && unlink tree/c/hard && rmdir tree/c && echo gone
chmod 000 j2; test -r j2; echo "root reads: $?"; touch -r j1 j2; test j1 -nt j2 || echo "not newer"
mktemp -p . XXXXX.tmp | wc -c; sync; df --output=fstype / >/dev/null; echo "df: $?"; pathchk /tmp/x && echo "good path"

echo "--- processes"
nice -n 5 nice; nohup echo through 2>/dev/null; env -i A=1 env; printenv HOME; id; whoami; groups
sleep 0.01; true; false; echo $?; test 1 -eq 1; [ a = b ]; echo $?; nproc --all >/dev/null; arch; uname -sm; tty; hostname
stdbuf -oL echo buffered; kill -l 15; env VAR=x sh -c 'echo $VAR'; pwd -P | sed "s|$work|work|"; logname 2>/dev/null; yes | head -n 2
chroot / /bin/echo in a chroot; echo a | tee /dev/full >/dev/null 2>&1; echo $?; cat /dev/null; head -c 5 /dev/zero | od -An -tx1
rm -rf "$work"
