#!/bin/sh
# test_datasets.sh - tests what datasets/ promises: iris.csv, digits.c and fetch_mnist.sh.
#
# usage: test_datasets.sh        CC, CFLAGS: the compiler (cc, -O2)
#        MNIST_MIRROR: a folder with the real files; without it, what needs them is skipped and
#        said.
#
# Needs no network. Prints one line per failure, which names what was expected; exit 1 if any.

set -u
here=$(cd "$(dirname -- "$0")/../datasets" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/nn datasets.XXXXXX") || exit 1 # the space is on purpose
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
checks=0
skipped=0
real=${MNIST_MIRROR:-}
case $real in '' | /* | *://*) ;; *) real=$(pwd)/$real ;; esac
unset MNIST_MIRROR

# is WHAT EXPECTED GOT
is() {
    checks=$((checks + 1))
    [ "$2" = "$3" ] && return
    failed=$((failed + 1))
    printf 'FAILED %s: expected "%s", got "%s"\n' "$1" "$2" "$3"
}

# says WHAT EXIT WORDS COMMAND...: the exit code, and one line on stderr that has the words.
says() {
    what=$1 code=$2 words=$3
    shift 3
    "$@" >"$work/out" 2>"$work/err"
    is "$what, exit" "$code" $?
    if grep -q -e "$words" "$work/err"; then got=$words; else got=$(cat "$work/err"); fi
    is "$what, message" "$words" "$got"
}

sha() { if command -v sha256sum >/dev/null; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi; }
size() { wc -c <"$1" | tr -d ' '; }
numbers() { od -An -v -tu1 | tr -s ' ' '\n' | grep .; } # one byte a line
bytes() { od -An -v -tu1 "$@" | tr -s ' \n' ' ' | sed 's/^ //;s/ $//'; }

test_iris() {
    csv=$here/iris.csv
    is 'iris, lines' 151 "$(wc -l <"$csv" | tr -d ' ')"
    is 'iris, carriage returns' 0 "$(tr -cd '\r' <"$csv" | wc -c | tr -d ' ')"
    is 'iris, header' sepal_length,sepal_width,petal_length,petal_width,species \
        "$(head -n 1 "$csv")"
    is 'iris, row 35' 4.9,3.1,1.5,0.2,setosa "$(sed -n 36p "$csv")"
    is 'iris, row 38' 4.9,3.6,1.4,0.1,setosa "$(sed -n 39p "$csv")"
    is 'iris, species' '50 setosa 50 versicolor 50 virginica' \
        "$(tail -n +2 "$csv" | cut -d, -f5 | uniq -c | tr -s ' \n' ' ' | sed 's/^ //;s/ $//')"
    # The sums of Fisher's table: means 5.843, 3.057, 3.758, 1.199.
    is 'iris, sums' '876.5 458.6 563.7 179.9' "$(awk -F, '
        NR > 1 { for (i = 1; i < 5; i++) s[i] += $i }
        END { printf "%.1f %.1f %.1f %.1f", s[1], s[2], s[3], s[4] }' "$csv")"
    # shellcheck disable=SC2016
    documented=$(sed -n 's/.*iris\.csv.*`\([0-9a-f]\{64\}\)`.*/\1/p' "$here/README.md")
    is 'iris, checksum in README.md' "$(sha "$csv" | cut -d ' ' -f 1)" "$documented"
}

digits() { "$work/digits" "$@"; }

test_digits_files() {
    a=$work/made/a b=$work/made/b
    is 'digits, exit' 0 "$(digits --seed 5 --train 203 --test 50 --out "$a" >/dev/null; echo $?)"
    digits --seed 5 --train 203 --test 50 --out "$b" >/dev/null
    is 'digits, same seed same bytes' '' "$(diff -r "$a" "$b" 2>&1)"
    is 'digits, image header' '0 0 8 3 0 0 0 203 0 0 0 28 0 0 0 28' \
        "$(bytes -N16 "$a/train-images-idx3-ubyte")"
    is 'digits, label header' '0 0 8 1 0 0 0 50' "$(bytes -N8 "$a/t10k-labels-idx1-ubyte")"
    is 'digits, image bytes' $((16 + 203 * 784)) "$(size "$a/train-images-idx3-ubyte")"
    is 'digits, label bytes' $((8 + 203)) "$(size "$a/train-labels-idx1-ubyte")"
    is 'digits, balance' '5 5 5 5 5 5 5 5 5 5' "$(tail -c +9 "$a/t10k-labels-idx1-ubyte" |
        numbers | sort -n | uniq -c | awk '{ printf "%s%s", s, $1; s = " " }')"
    is 'digits, names' 4 "$(find "$a" -type f | wc -l | tr -d ' ')"
    digits --seed 6 --train 203 --test 203 --out "$b" >/dev/null
    is 'digits, another seed' 1 "$(cmp -s "$a/train-images-idx3-ubyte" \
        "$b/train-images-idx3-ubyte"; echo $?)"
    is 'digits, test differs from training' 1 "$(cmp -s "$b/t10k-images-idx3-ubyte" \
        "$b/train-images-idx3-ubyte"; echo $?)"
}

# Every image has a sensible amount of ink, its centre of mass within half a pixel of the middle.
test_digits_pixels() {
    is 'digits, centred and inked' '203 images, 0 bad' "$(tail -c +17 \
        "$work/made/a/train-images-idx3-ubyte" | numbers | awk '
        { i = (NR - 1) % 784
          m += $1; mx += $1 * (i % 28 - 13.5); my += $1 * (int(i / 28) - 13.5)
          if (i == 783) {
              n++
              if (m < 5000 || m > 80000 || mx * mx > m * m / 4 || my * my > m * m / 4) bad++
              m = mx = my = 0
          } }
        END { printf "%d images, %d bad", n, bad }')"
}

test_digits_errors() {
    says 'digits, unknown option' 2 "no option '--sed'" digits --sed 1
    says 'digits, no value' 2 'needs a value' digits --seed
    says 'digits, negative' 2 "not '-1'" digits --train -1
    says 'digits, negative seed' 2 "not '-1'" digits --seed -1
    says 'digits, zero' 2 "not '0'" digits --test 0
    says 'digits, not a number' 2 "not '5x'" digits --seed 5x
    says 'digits, too large' 2 'whole number' digits --seed 18446744073709551616
    says 'digits, no folder name' 2 'name of a folder' digits --out ''
    : >"$work/file"
    says 'digits, a file in the way' 1 'cannot open' digits --out "$work/file/made"
    cp "$work/made/a/t10k-labels-idx1-ubyte" "$work/before"
    says 'digits, no room' 1 'cannot' sh -c 'trap "" XFSZ; ulimit -f 20; exec "$@"' sh \
        "$work/digits" --seed 9 --out "$work/made/a"
    is 'digits, no room: the old files stay' 0 "$(cmp -s "$work/before" \
        "$work/made/a/t10k-labels-idx1-ubyte"; echo $?)"
    is 'digits, no room: nothing left over' 4 "$(find "$work/made/a" -type f | wc -l | tr -d ' ')"
}

fetch() { MNIST_MIRROR=$mirror "$here/fetch_mnist.sh" "$@"; }

# With files of the right names and wrong contents, no real MNIST is needed.
test_fetch_errors() {
    mirror=$work/nowhere
    says 'fetch, no such mirror' 1 'neither a folder that exists nor a URL' fetch "$work/m"
    mirror=$work/made/a
    says 'fetch, wrong contents' 1 'wrong checksum' fetch "$work/m 1"
    is 'fetch, wrong contents: nothing kept' 0 "$(find "$work/m 1" -type f | wc -l | tr -d ' ')"
    mkdir "$work/empty"
    mirror=$work/empty
    says 'fetch, empty mirror' 1 'has no train-images' fetch "$work/m 1"
    mirror=http://127.0.0.1:9
    if command -v curl >/dev/null || command -v wget >/dev/null; then
        says 'fetch, no answer' 1 'no answer from' fetch "$work/m 1"
        says 'fetch, unwritable' 1 'cannot write' fetch "$work/file/m"
    else
        says 'fetch, no client' 1 'neither curl nor wget' fetch "$work/m 1"
        skipped=$((skipped + 4))
    fi
    says 'fetch, unknown option' 2 'no option' fetch --help-me
    says 'fetch, two folders' 2 'at most' fetch a b
}

put_gz() { gzip -c "$1" >"$2"; }

# A copy of the script whose list of mirrors is ours: what one mirror lacks comes from the next.
test_fetch_next_mirror() {
    list="$work/empty
$work/flip
$work/raw"
    LIST=$list awk '/^mirrors=/ { printf "mirrors=%c%s%c\n", 39, ENVIRON["LIST"], 39; skip = 1 }
        !skip { print } /exdb/ { skip = 0 }' "$here/fetch_mnist.sh" >"$work/fetch.sh"
    says 'fetch, goes on to the next mirror' 0 'wrong checksum' sh "$work/fetch.sh" "$work/m 2"
    is 'fetch, all four from the last mirror' 4 "$(find "$work/m 2" -type f | wc -l | tr -d ' ')"
}

test_fetch_real() {
    m=$work/real
    mirror=$real
    is 'fetch, exit' 0 "$(fetch "$m" >/dev/null 2>&1; echo $?)"
    mirror=$work/nowhere
    is 'fetch, right files are not fetched again' 0 "$(fetch "$m" >/dev/null 2>&1; echo $?)"
    is 'fetch, nothing left over' 4 "$(find "$m" -type f | wc -l | tr -d ' ')"
    label=t10k-labels-idx1-ubyte
    mkdir "$work/cut" "$work/raw" "$work/flip"
    cp "$m"/* "$work/raw"
    put_gz "$m/$label" "$work/whole.gz"
    head -c 3000 "$work/whole.gz" >"$work/cut/$label.gz"
    (head -c 5000 "$m/$label"; printf '\377'; tail -c +5002 "$m/$label") >"$work/flip/$label"
    cp "$m/$label" "$work/kept"
    printf x >"$m/$label"
    mirror=$work/cut
    says 'fetch, a .gz cut short' 1 'cut short or damaged' fetch "$m"
    mirror=$work/flip
    says 'fetch, one byte changed' 1 'wrong checksum (10008 bytes' fetch "$m"
    is 'fetch, the old file stays until a right one is there' x "$(cat "$m/$label")"
    mirror=$work/raw/
    says 'fetch, a raw mirror, a slash at its end' 0 'fetching anew' fetch "$m"
    is 'fetch, replaced' 0 "$(cmp -s "$work/kept" "$m/$label"; echo $?)"
}

test_iris
# shellcheck disable=SC2086
${CC:-cc} ${CFLAGS:--O2} -o "$work/digits" "$here/digits.c" -lm || exit 1
test_digits_files
test_digits_pixels
test_digits_errors
test_fetch_errors
if [ -n "$real" ]; then
    test_fetch_real
    test_fetch_next_mirror
else
    echo 'skipped: fetching the real MNIST (set MNIST_MIRROR to a folder that has it)'
fi
printf "%d passed, %d failed, %d skipped\n" $((checks - failed)) "$failed" "$skipped"
[ "$failed" -eq 0 ]
