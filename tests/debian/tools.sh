# procps, util-linux, strace's options, mount: what looks at the system.
work=$(mktemp -d) && cd "$work" || exit 1
echo "--- procps"
sleep 1000 & sleeper=$!; until grep -q 'State:.S' /proc/$sleeper/status; do sleep 0.05; done
ps -o stat=,tty=,nlwp=,ni=,args= -p $sleeper; ps -C sleep -o comm=; ps -eo pid,ppid,comm | head -n 1 | xargs; ps aux | head -n 1 | xargs; ps -ef | grep -c '[s]leep 1000'
pgrep -x sleep | grep -c "^$sleeper$"; pgrep -a -f 'sleep 10[0-9]+' | cut -d' ' -f2-
pwdx $sleeper | sed "s/^$sleeper//;s|$work|work|"; pmap $sleeper | grep -c '\[ stack \]'; pkill -x sleep; wait $sleeper; echo "status $?"
free | awk '{ print $1, NF }'; vmstat | awk 'NR == 2'; uptime -p | cut -c1-3; w -h | wc -l; top -b -n 1 | sed -n '7p' | xargs; sysctl -n kernel.ostype
slabtop -o 2>/dev/null | wc -l >/dev/null; kill -l 9; tload --version | cut -c1-5; watch --version | cut -c1-5; hostname; hostname -s
echo "--- util-linux"
flock lock echo locked; flock -n lock sh -c 'flock -n lock echo twice || echo "held: $?"'; setsid -w sh -c 'exit 6'; echo "status $?"
taskset 1 taskset -p $$ | sed 's/pid [0-9]*/pid/' >/dev/null; taskset -c 0 nproc; prlimit --nofile=100:200 sh -c 'ulimit -n; ulimit -Hn'; prlimit -n -o SOFT,RESOURCE --noheadings -p $$ | awk '{ print NF }'
getopt -o ab: -l long: -- -b 1 -a --long x rest; namei -m "$work" | tail -n 1 | awk '{ print $1 }'; mcookie | wc -c; chrt -p $$ | sed 's/pid [0-9]*/pid/'; ionice -p $$; nice -n 3 nice
whereis -b bash; findmnt -n -o FSTYPE /proc; mountpoint -q /proc && echo "a mount point"; mountpoint -q /etc || echo "none"; mkdir m; mount -t tmpfs -o size=1M tmpfs m && mountpoint m | sed "s|$work||"
dd if=/dev/zero of=m/big bs=64k count=32 2>&1 | head -n 1 | sed "s|$work||"; df --output=size,avail m | tail -n 1; umount m && ls m; mount | grep -c "$work"; lsns --version | cut -c1-4; setarch -R uname -m; linux32 uname -m
unshare --fork --pid true 2>/dev/null; lscpu >/dev/null 2>&1; last -n 1 >/dev/null 2>&1; ipcs >/dev/null 2>&1; lsipc --version | cut -c1-5
echo "--- strace"
strace -o trace -e trace=write,exit_group echo hi; cat trace; strace -f -o trace sh -c 'echo in a child | cat' && grep -c 'exited with 0' trace; grep -c 'clone(' trace; grep -q -- '--- SIGCHLD' trace && echo told
strace -c -o summary true; awk '$NF == "execve" { print $4 }' summary; strace -tt -o trace true; grep -cE '^[0-9:]{8}\.[0-9]{6} exit_group' trace; strace -e inject=getpid:retval=7 -e trace=none -o /dev/null sh -c 'echo $?'
rm trace; sleep 1000 & sleeper=$!; strace -q -o trace -p $sleeper & tracer=$!; until [ -s trace ]; do sleep 0.05; done; kill $sleeper; wait $tracer 2>/dev/null; grep -c 'SIGTERM' trace; tail -n 1 trace
strace -y -e trace=read -o trace head -n 1 /etc/hostname; grep -c '</etc/hostname>' trace; strace -k true >/dev/null 2>&1; strace -o trace /no/such; echo "status $?"; { strace -qq -e trace=none -e signal=all -o trace sh -c 'kill -USR1 $$'; } 2>/dev/null; echo "status $?"; cat trace | sed 's/si_pid=[0-9]*/si_pid/'
cd / && rm -r "$work"
