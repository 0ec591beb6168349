#!/bin/sh
# test_programs.sh PROGRAM...: runs every chapter program with --quick, with gnuplot (where it is
# installed) and without, and looks at what it leaves: exit status, seed in the output, tables,
# figures. The last line counts: "N passed, N failed, N skipped".
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/nn programs.XXXXXX") || exit 1 # the space is on purpose
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0

# check WHAT COMMAND...: counts whether the command succeeds
check() {
    what=$1
    shift
    if "$@"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s\n' "$what"
        tail -n 5 "$work/out" 2>/dev/null
    fi
}

# not_empty PATTERN: at least one such file in the program's folder, and none of them empty
not_empty() {
    find "$out" -name "$1" >"$work/found"
    [ -s "$work/found" ] && [ -z "$(find "$out" -name "$1" -size 0)" ]
}

run() { "$program" --quick --seed 3 --out "$out" >"$work/out" 2>&1; }
run_bare() { PATH="$work/bin" "$program" --quick --out "$out" >"$work/out" 2>&1; }
# In a terminal; NN_PLOT=none leaves no other drawing.
run_live() {
    NN_PLOT=none script -qec "'$program' --quick --live --out '$out'" /dev/null >"$work/out" 2>&1
}
says() { grep -q -e "$1" "$work/out"; }
rejects() { "$program" --no-such-option >"$work/out" 2>&1; [ $? -eq 2 ]; }

# A PATH with what the plot helper may use, but no gnuplot.
mkdir "$work/bin"
for tool in sh mkdir rm mv cat; do ln -s "$(command -v $tool)" "$work/bin/$tool"; done

for program in "$@"; do
    name=$(basename "$program")
    out=$work/$name
    check "$name --quick ends well" run
    check "$name prints its seed" says 'seed 3'
    check "$name writes its tables" not_empty '*.txt'
    if command -v gnuplot >/dev/null; then
        check "$name draws svg" not_empty '*.svg'
        check "$name draws png" not_empty '*.png'
    else
        skipped=$((skipped + 2))
    fi
    out=$work/$name-bare
    check "$name works without gnuplot" run_bare
    check "$name says what is missing" says 'gnuplot'
    check "$name refuses an unknown option" rejects
    if "$program" --help | grep -q -e --live; then
        if command -v script >/dev/null; then
            out=$work/$name-live
            check "$name --live draws" run_live
            check "$name --live draws the loss" says 'Loss so far'
        else
            skipped=$((skipped + 2))
        fi
    fi
done
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
