# A round trip of 2,000 files through tar and gzip.
work=$(mktemp -d) && cd "$work" || exit 1
mkdir tree && cd tree || exit 1
i=0
while [ $i -lt 20 ]; do mkdir -p dir$i/sub; i=$((i + 1)); done
# 1,960 files by one process, with content that differs; then what is not a plain file.
awk 'BEGIN { for (i = 0; i < 1960; i++) { f = "dir" (i % 20) "/" (i % 2 ? "sub/" : "") "file" i; s = "";
    for (j = 0; j <= i % 40; j++) s = s "content of file " i " line " j "\n"; printf "%s", s > f; close(f) } }'
for i in 0 1 2 3 4 5 6 7 8 9; do
    ln -s ../dir$i/file$((i * 20)) dir$i/symbolic$i; ln dir$i/file$i dir$i/hard$i 2>/dev/null || ln dir$i/sub/file$i dir$i/hard$i
    mkfifo dir$i/fifo$i; : >"dir$i/a name with blanks $i"
done
chmod 4755 dir0/file0; chmod 600 dir2/file2; touch -d '2001-02-03 04:05:06' dir4/file4; chown 1:2 dir6/file6
cd ..
find tree | wc -l
(cd tree && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >before
tar -cf tree.tar tree && tar -tf tree.tar | wc -l
gzip -k tree.tar && gzip -t tree.tar.gz && gzip -dc tree.tar.gz | cmp - tree.tar && echo "gzip: same"
mkdir out && tar -xpzf tree.tar.gz -C out
(cd out/tree && find . -type f | LC_ALL=C sort | xargs -d '\n' sha256sum) >after
cmp before after && wc -l <after && sha256sum after
diff -r --no-dereference tree out/tree 2>&1 | grep -v FIFO\|fifo | head -n 3
for f in dir0/file0 dir2/file2 dir4/file4 dir6/file6 dir3/fifo3 dir3/symbolic3; do stat -c '%n %A %u %g %h %Y %F' out/tree/$f | sed 's/ 1[67][0-9]* / now /'; done
[ out/tree/dir1/hard1 -ef out/tree/dir1/sub/file1 ] && echo "hard links kept"
tar --diff -f tree.tar && echo "tar: no difference"
tar -cf - -C tree dir5 | tar -xf - -C out --transform 's/^dir5/renamed/' && ls out | tr '\n' ' '
tar --delete -f tree.tar tree/dir7 && tar -tf tree.tar | grep -c dir7
tar -czf - tree | gzip -l | awk 'NR == 2 { print ($2 != 0) }' 2>/dev/null
rm -rf "$work" && echo removed
