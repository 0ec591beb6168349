#!/bin/sh
# test_pages.sh - tests the workbook's pages, chapters/NN_topic/README.md, against the programs.
#
# usage: test_pages.sh [PAGE...]     default: all pages. BUILD: where the programs are (build)
#
# Of each page: the parts stand in their order; every C block is cut from the chapter's programs (or
# nn.h); every text block and every table that a program prints is printed so; every number with a
# decimal point is one that a program prints; figures are committed, small, described, and made by
# a program; links lead somewhere; the prose is spelled right (aspell, where it is installed).
# "A program prints" means its --worked, or a committed plots/figures/NN_topic/output.txt, which
# `make figures` writes. How long --quick takes is told, not judged.
# The last line counts: "N passed, N failed, N skipped".
set -u
cd "$(dirname -- "$0")/.." || exit 1
build=${BUILD:-build}
work=$(mktemp -d "${TMPDIR:-/tmp}/nn pages.XXXXXX") || exit 1 # the space is on purpose
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0
most_words=1900 most_bytes=98304
parts='The idea|The formula|By hand|In C|Run it|The figure|Change one number|Pitfalls|Exercises'
parts="$parts|In three lines"

# judge WHAT: counts a pass if the file "$work/wrong" is empty, else a failure with its first lines
judge() {
    if [ ! -s "$work/wrong" ]; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s: %s\n' "$page" "$1"
        head -n 8 "$work/wrong" | sed 's/^/    /'
    fi
}

# blocks LANGUAGE: writes the fenced blocks of that language to $work/block.1, .2, ...
blocks() {
    rm -f "$work"/block.*
    awk -v language="$1" -v stem="$work/block." '
        /^```/ { wanted = !fenced && $0 == "```" language
                 fenced = !fenced
                 if (wanted) file = stem (++n)
                 next }
        fenced && wanted { print > file }' "$page"
}

# contains FILE BLOCK: whether the lines of BLOCK stand in FILE, one after the other
contains() {
    awk 'NR == FNR { block = block $0 "\n"; next } { text = text $0 "\n" }
         END { exit !index("\n" text, "\n" block) }' "$2" "$1"
}

# Outside of a repository, everything counts as committed.
committed() { [ ! -e .git ] || git ls-files --error-unmatch "$1" >/dev/null 2>&1; }

# The page without code, mathematics, the targets of links, and words with a sign or digit inside:
# what is read as sentences.
# shellcheck disable=SC2016
prose() {
    awk '/^```/ { code = !code; next } code { next }
         /^\$\$/ { if ($0 !~ /^\$\$.*\$\$/) math = !math; next } math { next } { print }' "$page" |
        sed 's/`[^`]*`//g; s/\$[^$]*\$//g; s/](\([^)]*\))/]/g; s/<[^>]*>//g' |
        sed 's/[^ ]*[/=_0-9][^ ]*//g; s/[^ ]*[a-z]\.[a-z][^ ]*//g'
}

# Numbers with a decimal point, without sign, one a line; F4.3 and 1.2.3 are none.
decimals() {
    tr -c '0-9A-Za-z_.+-' '\n' | sed 's/\.$//; s/^[-+]*//' |
        grep -E '^[0-9]+\.[0-9]+(e[-+]?[0-9]+)?$' | sort -u
}

test_parts() {
    {
        head -n 1 "$page" | grep -q "^# ${chapter%%_*} .*[?:]" ||
            echo 'line 1 should be "# NN Topic: a question?"'
        sed -n 3p "$page" | grep -q '^!\[' || echo 'line 3 should be the picture'
        sed -n 's/^## //p' "$page" | grep -xE "$parts" >"$work/has"
        printf '%s\n' "$parts" | tr '|' '\n' >"$work/should"
        diff "$work/should" "$work/has" | sed -n 's/^< /missing or out of order: /p'
        words=$(wc -w <"$page")
        [ "$words" -le $most_words ] || echo "$words words; at most $most_words fit a page"
    } >"$work/wrong"
    judge 'its parts'
}

test_code() {
    blocks c
    cat "chapters/$chapter"/*.c nn.h >"$work/sources"
    for block in "$work"/block.*; do
        [ -e "$block" ] || { echo 'no C on this page'; break; }
        contains "$work/sources" "$block" ||
            { echo 'not found in the program, from:'; head -n 2 "$block"; }
    done >"$work/wrong"
    judge 'C that the program does not have'
}

# Runs the chapter's programs: what they print with --worked, and the figures of --quick.
run_programs() {
    : >"$work/printed"
    mkdir -p "$work/figures"
    for program in "$build/$chapter" "$build/$chapter"_*; do
        [ -x "$program" ] || continue
        start=$(date +%s)
        NN_PLOT=svg,png "$program" --quick --out "$work/figures" >/dev/null 2>&1 ||
            printf '%s --quick fails\n' "$program"
        seconds=$(($(date +%s) - start))
        [ $seconds -lt 5 ] || printf 'note: %s --quick took %s seconds\n' "$program" $seconds >&2
        if "$program" --help | grep -q -e --worked; then
            "$program" --worked >>"$work/printed" || printf '%s --worked fails\n' "$program"
        fi
    done >"$work/wrong"
    kept=plots/figures/$chapter/output.txt
    if [ -e "$kept" ] && committed "$kept"; then cat "$kept" >>"$work/printed"; fi
    [ -s "$work/printed" ] || echo 'no program prints worked numbers' >>"$work/wrong"
    judge 'its programs'
}

test_printed() {
    blocks text
    for block in "$work"/block.*; do
        [ ! -e "$block" ] || contains "$work/printed" "$block" ||
            { echo 'no program prints this, from:'; head -n 2 "$block"; }
    done >"$work/wrong"
    judge 'output'
    # A table whose first row a program prints is printed as a whole.
    rm -f "$work"/block.*
    awk -v stem="$work/block." '
        /^\|/ { if (!inside) file = stem (++n); inside = 1; print > file; next }
        { inside = 0 }' "$page"
    tables=0
    : >"$work/wrong"
    for block in "$work"/block.*; do
        head -n 1 "$block" >"$work/first"
        contains "$work/printed" "$work/first" || continue
        tables=$((tables + 1))
        contains "$work/printed" "$block" ||
            { echo 'a program prints this table otherwise:'; cat "$block"; } >>"$work/wrong"
    done
    [ $tables -gt 0 ] || echo 'no table that a program prints' >>"$work/wrong"
    judge 'tables'
    decimals <"$work/printed" >"$work/known"
    awk '/^```/ { code = !code } !code' "$page" | sed 's/](\([^)]*\))/]/g' | decimals |
        comm -23 - "$work/known" | sed 's/$/ is printed by no program/' >"$work/wrong"
    judge 'numbers'
}

test_figures() {
    sed -n 's/.*!\[\([^]]*\)\](\([^)]*\)).*/\2 \1/p' "$page" >"$work/pictures"
    while read -r target words; do
        file=$(dirname "$page")/$target
        name=$(basename "$target")
        [ -n "$words" ] || echo "$target has no words for those who cannot see it"
        [ -s "$file" ] || { echo "$target does not exist; make figures, git add -f"; continue; }
        [ "$(wc -c <"$file")" -le $most_bytes ] || echo "$target has more than $most_bytes bytes"
        committed "$file" ||
            echo "$target is not committed; git add -f"
        ! command -v gnuplot >/dev/null || [ -s "$work/figures/$name" ] ||
            echo "$target is made by no program"
    done <"$work/pictures" >"$work/wrong"
    [ -s "$work/pictures" ] || echo 'no figure' >"$work/wrong"
    judge 'figures'
}

# The anchor that a heading gets: lower case, no punctuation, hyphens for blanks.
anchors() {
    sed -n 's/^##* //p' "$1" | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9_\n-'
}

test_links() {
    awk '/^```/ { code = !code } !code' "$page" | grep -o '](\([^)]*\))' | sed 's/^](//; s/)$//' |
        while read -r target; do
            case $target in http://* | https://*) continue ;; esac
            file=${target%%#*}
            if [ -n "$file" ]; then file=$(dirname "$page")/$file; else file=$page; fi
            [ -e "$file" ] || { echo "$target leads nowhere"; continue; }
            case $target in
            *#*) anchors "$file" | grep -qx "${target#*#}" || echo "$target: no such heading" ;;
            esac
        done >"$work/wrong"
    judge 'links'
}

test_spelling() {
    if ! echo word | aspell --lang=en_GB --variety=ise list >/dev/null 2>&1; then
        skipped=$((skipped + 1))
        return
    fi
    prose | aspell --lang=en_GB --variety=ise --encoding=utf-8 --home-dir=/nonexistent list |
        sort -u | grep -vixFf tests/words.txt >"$work/wrong"
    judge 'words that aspell and tests/words.txt do not know'
}

# The book: pandoc understands all of it, nothing is fetched from elsewhere, links inside land.
test_book() {
    page='make book'
    if ! command -v pandoc >/dev/null; then
        skipped=$((skipped + 1))
        return
    fi
    book=$build/book.html
    {
        make --no-print-directory -B BUILD="$build" "$book" 2>&1 >/dev/null | head -n 5
        grep -o 'src="[^"]\{1,40\}' "$book" | grep -v 'src="data:' | sed 's/^/not inside: /'
        grep -o ' id="[^"]*"' "$book" | sed 's/^ id="/#/; s/"$//' | sort -u >"$work/ids"
        grep -o 'href="#[^"]*"' "$book" | sed 's/^href="//; s/"$//' | sort -u |
            comm -23 - "$work/ids" | sed 's/$/ lands nowhere/'
        grep -o 'href="\.\./[^"#]*' "$book" | sed 's/^href="..\///' | sort -u |
            while read -r file; do [ -e "$file" ] || echo "$file does not exist"; done
        for chapter in chapters/[0-9]*/README.md; do
            number=${chapter#chapters/}
            grep -q "id=\"chapter-${number%%_*}\"" "$book" || echo "$chapter is not in it"
        done
    } >"$work/wrong" 2>&1
    judge 'it reads offline'
}

book=
if [ $# -eq 0 ]; then
    book=1
    set -- README.md chapters/README.md
    for page in chapters/[0-9]*/README.md; do set -- "$@" "$page"; done
fi
for page in "$@"; do
    chapter=$(basename "$(dirname "$page")")
    case $chapter in
    [0-9]*)
        rm -rf "$work/figures"
        test_parts
        test_code
        run_programs
        test_printed
        test_figures
        ;;
    esac
    test_links
    test_spelling
done
test -z "$book" || test_book
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
