# gdb on a static program: breakpoints, single steps, a watchpoint, a signal, the program's end.
export HOME=/root TERM=dumb LC_ALL=C
cat > /tmp/commands <<'END'
set confirm off
set startup-with-shell off
break children
run
print $pc
print/x $cs
print/x $ss
backtrace 1
stepi
stepi
x/1i $pc
tbreak ending
continue
watch -l watched
continue
continue
print watched
delete
handle SIGUSR1 stop print pass
continue
END
gdb -nx -q -batch -x /tmp/commands /case/program 2>&1 | sed 's/process [0-9]*/process N/g; s/0x[0-9a-f]* in __kernel_vsyscall/in the vDSO/'
echo "status $?"
