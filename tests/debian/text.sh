# sed, grep, mawk, diff: the text tools.
work=$(mktemp -d) && cd "$work" || exit 1
seq 1 2000 | awk '{ printf "line %d: %s %x\n", $1, ($1 % 15 == 0 ? "fizzbuzz" : $1 % 5 == 0 ? "buzz" : $1 % 3 == 0 ? "fizz" : "-"), $1 * 7919 }' >log
wc log; sha256sum log

echo "--- sed"
sed -n '5p;10,12p;/fizzbuzz/{p;q}' log
sed -e 's/line \([0-9]*\)/\1:/' -e '3!d' log
sed -E 's/([a-z]+) ([0-9]+)/\2 \1/;t;d' log | head -n 2
sed '$!N;s/\n/ + /;P;D' log | head -n 2
sed -n '$=' log; sed '1~500!d' log; sed 'y/abc/xyz/;1i\inserted' log | head -n 2
printf 'one\ntwo\n' >edit; sed -i.bak '1s/^/new /;2r edit' edit; cat edit edit.bak
sed --posix 's/x*/-/g' edit; sed -s -n '$p' edit edit.bak; sed '/two/w written' edit >/dev/null; cat written
sed ':a;s/^\(.\{1,12\}\)$/ \1/;ta' edit; sed -z 's/\n/,/g' edit; echo

echo "--- grep"
grep -c fizz log; grep -vc fizz log; grep -n 'buzz.*7$' log | head -n 3; grep -Eo '[0-9a-f]{6}$' log | tail -n 1
grep -A 1 -B 1 'line 100:' log; grep -w -m 2 buzz log; grep -F -e 'line 7:' -e 'line 8:' log; grep -q nothing log || echo "none: $?"
grep -P '(?<=line )\d{4}(?=: fizzbuzz)' log | head -n 2; mkdir d; cp log d/a; cp edit d/b; grep -rlZ new d | tr '\0' '\n'; grep -L new d/*
grep -i LINE -c log; grep -x 'two' edit; printf 'a\0b\n' | grep -c b; grep -bo two edit; grep x /no/such 2>&1; echo $?

echo "--- awk"
awk '{ n[$3]++ } END { for (w in n) print w, n[w] | "sort"; close("sort"); print NR }' log
awk -F'[: ]+' -v limit=3 '$3 == "fizz" && ++c <= limit { print $2 * 2, length($0), substr($4, 2) }' log
awk 'BEGIN { x["a"] = 1; delete x["a"]; print length(x); while (i++ < 3) s = s i; print s; printf "%5.2f|%-4d|%s\n", 3.14159, 42, toupper("abc") }'
awk 'function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) } BEGIN { print f(15); print match("foobar", /o+/), RSTART, RLENGTH; gsub(/o/, "0", s); print sqrt(2) }'
awk 'BEGIN { "echo from a command" | getline line; print line; print "to cat" | "cat"; close("cat"); print "x" > "out.awk"; close("out.awk"); getline y < "out.awk"; print y; exit 4 }'; echo $?
awk 'NR == FNR { seen[$1] = 1; next } !($1 in seen)' edit edit.bak; awk 'END { print ENVIRON["HOME"], ARGC, FILENAME }' edit; echo "a,b;c" | awk '{ n = split($0, p, /[,;]/); print n, p[3] }'

echo "--- diff, cmp"
sed 's/line 1000:/changed:/' log >log2; diff log log2; diff -u --label a --label b log log2 | head -n 8; cmp log log2; diff -q d/a log && echo alike
diff -y -W 40 edit edit.bak; sdiff -s edit edit.bak; diff3 edit edit.bak edit >/dev/null; echo $?; diff -r d d && echo "same tree"
rm -r "$work"
