# Runs each line of the table $1 with the busybox $2, in a fresh copy of the same files. Before each comes a
# line `=== LINE`, after it `status N`.
B=$2
table=$1
export B LC_ALL=C TZ=UTC
umask 022

# The files that the table's lines work on.
$B rm -rf /tmp/files /tmp/work
$B mkdir -p /tmp/files/dir/sub /tmp/files/other /tmp/files/scripts
cd /tmp/files
cat >text <<EOF
the quick brown fox
jumps over the lazy dog

one of the doors leads in
EOF
cat >text2 <<EOF
the quick brown cat
jumps over the lazy dog

two of the doors lead out
EOF
cat >table <<EOF
root:x:0:zero
mail:x:8:eight
user:x:1000:thousand
EOF
cat >change.diff <<EOF
--- text
+++ text
@@ -1,2 +1,2 @@
-the quick brown fox
+the slow brown fox
 jumps over the lazy dog
EOF
printf 'b\na\nd\nc\n' >letters
printf '10\n9\n-3\n2.5\n100\n' >numbers
printf 'text\ntable\ndir/a.txt\n' >list
printf 'first' >dir/a.txt
printf 'second, with a needle' >dir/b.txt
printf 'third' >dir/sub/c.dat
printf '\177ELF\001\001plain words\000\001more of them\000' >bytes.elf
printf '#!/bin/sh\necho script one\n' >scripts/one
printf '#!/bin/sh\necho script two\n' >scripts/two
chmod 755 scripts/one scripts/two
i=0
while [ $i -lt 512 ]; do
    printf "\\$(printf %o $((i * 7 % 256)))"
    i=$((i + 1))
done >bytes
$B dd if=/dev/zero of=disk bs=1k count=256 2>/dev/null
$B md5sum text table >sums
$B gzip -c text >text.gz
$B bzip2 -c text >text.bz2
$B uuencode text <text >text.uu
$B tar -cf t2.tar dir
# What busybox only reads: xz, lzma, zip, ar.
$B base64 -d >text.xz <<EOF
/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAFaGVsbG8KAAAApWCX8ZT2/eAAAR4GwS+kHR+2830BAAAAAARZWg==
EOF
$B base64 -d >text.lzma <<EOF
XQAAgAD//////////wA0GUnujd09Ot///90SAAA=
EOF
$B base64 -d >t.zip <<EOF
UEsDBBQAAAAAAAAAIQCGphA2BQAAAAUAAAAEAAAAdGV4dGhlbGxvUEsBAhQDFAAAAAAAAAAhAIamEDYFAAAABQAAAAQAAAAAAAAAAAAAAIABAAAAAHRleHRQSwUGAAAAAAEAAQAyAAAAJwAAAAAA
EOF
printf '!<arch>\nhello.txt/      0           0     0     100644  6         `\nhello\n' >lib.a

while IFS= read -r line; do
    case $line in '' | '#'*) continue ;; esac
    case $line in
        *' <<< '*) command=${line%% <<< *} input=${line#* <<< } ;;
        *) command=$line input= ;;
    esac
    $B rm -rf /tmp/work
    $B cp -a /tmp/files /tmp/work
    echo "=== $line"
    (
        cd /tmp/work
        printf "$input" | eval "\$B $command"
    ) 2>&1
    echo "status $?"
done <"$table"
echo "=== end"
