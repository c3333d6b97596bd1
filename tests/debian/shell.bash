# What bash can do beyond a POSIX shell, and what it asks of a kernel for it.
set -u
section() { echo "--- $*"; }

section variables
name=trident
echo "${name^} ${name^^} ${name:0:3} ${#name} ${name/i/I} ${name//[aeiou]/_} ${name%dent}"
echo "${unset_one:-default} ${name:+set} ${name#tri}"
declare -i number=6*7
number+=1
readonly constant=fixed
echo "$number $constant"
declare -n alias=name
alias=neptune
echo "$name"
printf -v formatted '%03d|%-6s|%x|%q' 7 left 255 "two words"
echo "$formatted"

section arrays
words=(three doors one kernel)
words+=(here)
words[7]=sparse
echo "${#words[@]} ${!words[*]} ${words[-1]} ${words[@]:1:2}"
unset 'words[1]'
for index in "${!words[@]}"; do printf '%s=%s ' "$index" "${words[$index]}"; done
echo
declare -A ages=([ann]=31 [bob]=27)
ages[cyd]=45
for key in $(printf '%s\n' "${!ages[@]}" | sort); do echo "$key is ${ages[$key]}"; done
[[ -v ages[bob] ]] && echo "bob is known"
mapfile -t lines < <(printf 'first\nsecond\nthird\n')
echo "${#lines[@]} lines, the last is ${lines[2]}"
IFS=: read -ra fields <<<"a:b:c d"
echo "${fields[2]}"

section arithmetic
echo $((2 ** 10)) $((17 % 5)) $((-7 / 2)) $((1 << 20 | 3)) $((16#ff + 2#101))
((x = 5, y = x > 3 ? x * 2 : 0))
echo "$x $y $((x++ + ++y)) $x $y"
for ((i = 0; i < 3; i++)); do printf '%d ' $((i * i)); done
echo

section conditions
text="2024-02-29 leap"
if [[ $text =~ ^([0-9]{4})-([0-9]{2})-([0-9]{2}) ]]; then
    echo "${BASH_REMATCH[1]}/${BASH_REMATCH[2]}/${BASH_REMATCH[3]}"
fi
[[ $text == *leap* && ! -e /no/such/file ]] && echo "matches"
case $text in
    19*) echo old ;;
    20[0-9][0-9]-*) echo recent ;;&
    *leap) echo "a leap year" ;;
esac
shopt -s extglob nullglob
case foobar in foo+(bar|baz)) echo extended ;; esac
none=(/no/such/*.file)
echo "${#none[@]} files"

section functions
sum() {
    local total=0 value
    for value in "$@"; do ((total += value)); done
    echo "$total"
    return $((total % 256))
}
sum 100 200 300
echo "status $?"
factorial() { (($1 < 2)) && echo 1 || echo $(($1 * $(factorial $(($1 - 1))))); }
factorial 6
caller_name() { echo "${FUNCNAME[0]} from ${FUNCNAME[1]}"; }
outer() { caller_name; }
outer

section here-documents
cat <<END
$name and $((1 + 1)) and $(echo substituted)
END
cat <<'END'
$name stays
END
cat <<-END
	tabs go
	END
cat <<<"a here-string"

section redirections
directory=$(mktemp -d)
cd "$directory" || exit 1
echo out >file
echo more >>file
{ echo stdout; echo stderr >&2; } >both 2>&1
exec 5>numbered
echo "by five" >&5
exec 5>&-
exec 6<file
read -r first <&6
read -ru 6 second
exec 6<&-
echo "$first $second $(wc -l <both) $(<numbered)"
echo clobber >|file
set -o noclobber
(echo again >file) 2>/dev/null || echo "noclobber holds"
set +o noclobber
ls /no/such/file 2>/dev/null || echo "status $?"

section pipes
printf '%s\n' pear apple fig | sort | tee sorted | head -n 1
set -o pipefail
false | true
echo "pipefail $? ${PIPESTATUS[*]}"
set +o pipefail
true | false | (exit 3)
echo "${PIPESTATUS[*]}"
seq 1 20000 | wc -l
yes | head -n 1000 | tail -n 1

section "process substitution"
diff <(printf 'a\nb\n') <(printf 'a\nc\n')
paste <(seq 3) <(seq 4 6)
tee >(wc -c >counted) <<<"twelve bytes" >/dev/null
until [ -s counted ]; do sleep 0.05; done
cat counted

section subshells
variable=outside
(variable=inside; echo "$variable")
echo "$variable $BASH_SUBSHELL $(echo $BASH_SUBSHELL)"
(exit 42)
echo "status $?"
{ cd /; pwd; }
cd "$directory" || exit 1

section "background jobs"
sleep 0.05 &
pid=$!
[[ -d /proc/$pid ]] && echo "it runs"
wait "$pid"
echo "waited: $?"
(exit 7) &
wait $!
echo "waited: $?"
for i in 1 2 3; do (sleep 0.0$i; exit "$i") & pids[i]=$!; done
for i in 3 2 1; do wait "${pids[i]}"; printf '%d ' $?; done
echo
sleep 100 &
kill $!
wait $! 2>/dev/null
echo "killed: $?"
(exit 5) & wait -n
echo "wait -n: $?"

section traps
trap 'echo "got USR1"' USR1
kill -USR1 $$
trap 'echo "got USR2"; caught=yes' USR2
(kill -USR2 $$)
echo "caught: ${caught:-no}"
trap '' TERM
kill -TERM $$ && echo "TERM is ignored"
trap - TERM
trap 'echo "line fails"' ERR
false
trap - ERR
(trap 'echo "subshell ends"' EXIT; exit 0)
trap 'echo debug: $BASH_COMMAND' DEBUG
: one command
trap - DEBUG
trap -p USR1
bash -c 'trap "echo TERM in child; exit 9" TERM; kill -TERM $$; sleep 5'
echo "status $?"
{ bash -c 'kill -SEGV $$'; } 2>/dev/null
echo "status $?"

section coprocess
coproc UPPER { while read -r line; do echo "${line^^}"; done; }
# Gone with the coprocess, whenever that is.
upper=$UPPER_PID
echo "to the coprocess" >&"${UPPER[1]}"
read -r answer <&"${UPPER[0]}"
echo "$answer"
eval "exec ${UPPER[1]}>&-"
wait "$upper"
echo "coprocess ended with $?"

section "reading"
read -r -n 3 three <<<"abcdef"
read -r -d : until <<<"up to:here"
echo "$three $until"
read -r -t 0.05 nothing </dev/zero && echo read || echo "time is up or nothing"
printf 'k1=v1\nk2=v2\n' | while IFS== read -r key value; do echo "$key -> $value"; done
select choice in alpha beta; do echo "chose $choice"; break; done <<<2 2>/dev/null

section "job control"
set -m
sleep 1000 &
sleeper=$!
jobs | sed 's/  */ /g'
kill -STOP %1
wait_for_stop() { while [[ $(awk '/^State/ { print $2 }' "/proc/$1/status") != T ]]; do sleep 0.01; done; }
wait_for_stop $sleeper
jobs | sed 's/  */ /g'
{ while [[ $(awk '/^State/ { print $2 }' "/proc/$sleeper/status") == T ]]; do sleep 0.01; done; kill $sleeper; } &
fg %1 >/dev/null 2>&1
echo "fg: $?"
wait
set +m

section limits
ulimit -n 64
ulimit -n
(ulimit -S -c 0; ulimit -c)
umask 027
touch private && stat -c %a private
umask

section end
echo "$((SECONDS >= 0)) $LINENO $# ${BASH_VERSINFO[0]}"
cd / && rm -r "$directory"
exit 3
