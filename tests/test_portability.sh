#!/bin/sh
# The drop-in rules of nn.h: compilers, standards, options, linking, symbols, macros, other
# machines, locales, and the form of the header. Run from anywhere:
#     tests/test_portability.sh [-q | --quick] [WORDS]
# --quick leaves the slow half out; WORDS choose the checks whose line holds them. A line for each
# check; the last line is "N passed, N failed, N skipped". The status is 1 where one failed. CC is
# the compiler of the README's programs (default: cc).
cd "$(dirname "$0")/.." || exit 1
quick=
case $1 in -q | --quick) quick=1 && shift ;; esac
words=$*

tmp=$(mktemp -d) || exit 1
workers=
stop() {
    [ -z "$workers" ] || kill $workers 2>/dev/null
    rm -rf "$tmp"
}
trap 'stop; exit 130' INT TERM HUP
trap stop EXIT
unset NN_CPU OMP_NUM_THREADS
export LC_ALL=C

here=tests/portability
strict='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I.'
with='-DNN_IMPLEMENTATION'
printf '#define NN_IMPLEMENTATION\n#include "nn.h"\n' >"$tmp/impl.c"
printf '#include "nn.h"\nint main(void) { return 0; }\n' >"$tmp/header.c"
cat "$tmp/header.c" "$tmp/impl.c" >"$tmp/twice.c"

# ---- what the checks share. A check is a function that runs in a subshell, with a folder of its
# own ($dir): status 0 is ok, 77 is skipped with the words of skip, all else is a failure, and what
# the check printed is shown.

skip() {
    echo "$*"
    exit 77
}

need() {
    for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || skip "$tool not installed"; done
}

# run COMMAND...: shows the command when it fails.
run() {
    "$@" && return
    echo "failed: $*"
    return 1
}

# syntax COMPILER FLAGS FILE: not one warning.
syntax() {
    need "$1"
    run $1 $2 $strict -fsyntax-only "$3"
}

# object COMPILER FLAGS FILE: not one warning, also from the optimizer.
object() {
    need "$1"
    run $1 $2 $strict -c "$3" -o "$dir/object.o"
}

# builds COMPILER FLAGS FILE...: not one warning, and the program runs and is content.
builds() {
    need "$1"
    compiler=$1 flags=$2
    shift 2
    run $compiler $flags $strict "$@" -o "$dir/program" -lm && run "$dir/program"
}

# ---- linking

two_files() {
    need gcc
    run gcc -O0 $strict -c "$tmp/impl.c" -o "$dir/impl.o" &&
        run gcc -O0 $strict -c $here/train.c -o "$dir/train.o" &&
        run gcc "$dir/impl.o" "$dir/train.o" -o "$dir/program" -lm && run "$dir/program"
}

c_from_cpp() { # c_from_cpp C-COMPILER C++-COMPILER
    need "$1" "$2"
    run $1 -O0 $strict -c "$tmp/impl.c" -o "$dir/impl.o" &&
        run $2 -std=c++20 -O0 $strict -Wno-missing-field-initializers -c $here/named.cpp \
            -o "$dir/named.o" &&
        run $2 "$dir/impl.o" "$dir/named.o" -o "$dir/program" -lm && run "$dir/program"
}

# Names that the header declares (1) or defines (2), from the lines that begin with NN_API.
api_names() {
    awk -v part="$1" '/^#endif \/\* NN_H \*\// { now = 1 }
        /^NN_API/ && match($0, /nn_[a-z0-9_]+\(/) && now + 1 == part {
            print substr($0, RSTART, RLENGTH - 1) }' nn.h | sort
}

exported() { # exported COMPILER: functions nn_*, exactly those that the header declares
    need "$1" nm
    run $1 -O0 -I. -c "$tmp/impl.c" -o "$dir/impl.o" || return 1
    nm -P -g "$dir/impl.o" | awk '$2 != "U" && $2 != "w" && $2 != "v"' >"$dir/all"
    if awk '$2 != "T"' "$dir/all" | grep .; then echo "not a function"; return 1; fi
    awk '{ print $1 }' "$dir/all" | sort >"$dir/defined"
    if grep -v '^nn_[a-z0-9]' "$dir/defined"; then echo "not a public name"; return 1; fi
    api_names 1 | uniq >"$dir/declared"
    run diff "$dir/declared" "$dir/defined"
}

exported_static() {
    need "$1" nm
    run $1 -O0 -DNN_STATIC $with -I. -c $here/train.c -o "$dir/train.o" || return 1
    ! nm -P -g "$dir/train.o" | awk '$2 != "U" && $2 != "w" && $1 != "main"' | grep .
}

# The library does not end the program, nor touch what belongs to all of it.
imports() {
    need gcc nm
    run gcc -O0 -I. -c "$tmp/impl.c" -o "$dir/impl.o" || return 1
    ! nm -P -g "$dir/impl.o" | grep -E -w \
        '^(exit|_exit|abort|rand|srand|random|setlocale|signal|system|gets|strtok|sprintf) U'
}

macros() { # macros COMPILER: what nn.h itself defines begins with NN_ or nn_
    need "$1"
    run $1 -dD -E -I. "$tmp/impl.c" >"$dir/all" || return 1
    awk '/^# [0-9]/ { ours = $3 ~ /nn\.h"$/ }
        ours && /^#(define|undef) / { sub(/\(.*/, "", $2); print $2 }' "$dir/all" >"$dir/names"
    [ "$(wc -l <"$dir/names")" -gt 50 ] || { echo "found no macros"; return 1; }
    ! grep -E -v '^(NN_|nn_)' "$dir/names"
}

# ---- floating point

fast_math_refused() { # fast_math_refused COMPILER FLAG
    need "$1"
    if $1 -O2 $2 -I. -c "$tmp/impl.c" -o "$dir/impl.o" 2>"$dir/errors"; then
        echo "$2 was accepted"
        return 1
    fi
    run grep -q 'error.*NN_ALLOW_FAST_MATH' "$dir/errors"
}

threads() { # threads COMPILER FLAGS: the same bits for every number of threads
    need "$1"
    run $1 $2 $strict $with $here/train.c -o "$dir/one" -lm || return 1
    if ! $1 $2 -fopenmp $strict $with $here/train.c -o "$dir/many" -lm 2>"$dir/errors"; then
        if grep -q 'omp' "$dir/errors"; then skip "$1's OpenMP is not installed"; fi
        cat "$dir/errors"
        return 1
    fi
    run "$dir/one" wide >"$dir/expected" || return 1
    for n in 1 2 3; do
        OMP_WAIT_POLICY=passive OMP_NUM_THREADS=$n "$dir/many" wide >"$dir/$n"
        run diff "$dir/expected" "$dir/$n" || return 1
    done
}

memory() { # memory CODE-PATH
    need gcc valgrind
    run gcc -O1 -g $strict $with $here/train.c -o "$dir/program" -lm || return 1
    NN_CPU=$1 run valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=all \
        --errors-for-leak-kinds=all "$dir/program"
}

# ---- other machines

# The compiler's own name, or the one with a version that Debian can install beside gcc-multilib.
find_version() {
    for version in '' -15 -14 -13 -12 -11; do
        command -v "$1$version" && return
    done
}

machine() { # machine NAME TRIPLET LEVEL: under qemu's user mode
    compiler=$(find_version "$2-gcc")
    [ -n "$compiler" ] || skip "$2-gcc not installed"
    emulator=$(command -v "qemu-$1" || command -v "qemu-$1-static")
    [ -n "$emulator" ] || skip "qemu-$1 not installed"
    run "$compiler" $3 $strict $with $here/train.c -o "$dir/program" -static -lm &&
        run "$emulator" "$dir/program"
}

bits32() { # bits32 LEVEL
    need gcc
    printf '#include <errno.h>\nint main(void) { return EINVAL == 0; }\n' >"$dir/try.c"
    for flags in -m32 "-m32 -idirafter /usr/include/$(gcc -print-multiarch)"; do
        gcc $flags "$dir/try.c" -o "$dir/try" 2>/dev/null && "$dir/try" || continue
        builds gcc "$flags $1" $with $here/train.c
        return
    done
    skip "gcc -m32 (gcc-multilib) not installed"
}

# ---- locales: one that is installed, or one that localedef makes

comma() { # comma LOCALE: its decimal mark is not a point
    need gcc
    run gcc -O0 $strict $with $here/locale.c -o "$dir/program" -lm || return 1
    if [ -f "/usr/share/i18n/locales/$1" ] && command -v localedef >/dev/null; then
        localedef -i "$1" -f UTF-8 "$dir/$1.UTF-8" 2>/dev/null
        LOCPATH=$dir LC_ALL=$1.UTF-8 "$dir/program"
    else
        LC_ALL=$1.UTF-8 "$dir/program"
    fi
    status=$?
    [ $status != 77 ] || skip "locale $1.UTF-8 not installed"
    return $status
}

# ---- the programs that the text shows

extract_quick_start() {
    awk '/^   CONTENTS/ { exit }
        on { sub(/^         /, ""); print }
        /^   QUICK START/ { on = 1 }' nn.h
}

extract_readme() {
    awk '/^```c$/ { on = 1; text = ""; next }
        /^```/ { if (on && text ~ /int main/) { printf "%s", text; exit } on = 0 }
        on { text = text $0 "\n" }' README.md
}

shown() { # shown EXTRACT: at most 25 lines, built with no other flag, an accuracy of at least 0.9
    need "${CC:-cc}"
    [ "$1" != extract_readme ] || [ -f README.md ] || skip "there is no README.md"
    $1 >"$dir/main.c"
    cp nn.h "$dir"
    lines=$(grep -c '[^ ]' "$dir/main.c")
    grep -q 'int main' "$dir/main.c" || { echo "no program found"; return 1; }
    [ "$lines" -le 25 ] || { echo "the program has $lines lines"; return 1; }
    (cd "$dir" && run ${CC:-cc} -O2 main.c -lm -o main) || return 1
    run "$dir/main" >"$dir/out" || { tail -n 3 "$dir/out"; return 1; }
    sed -n 's/.*accuracy[^0-9]*\([01]\.[0-9]*\).*/\1/p' "$dir/out" | tail -n 1 >"$dir/accuracy"
    awk '{ accuracy = $1 } END { exit !(NR == 1 && accuracy >= 0.9) }' "$dir/accuracy" && return
    tail -n 3 "$dir/out"
    return 1
}

# ---- the form of the header

declared() { # what is declared is defined, once, and what is defined is declared
    api_names 1 >"$dir/declared"
    api_names 2 >"$dir/defined"
    [ "$(wc -l <"$dir/declared")" -gt 50 ] || { echo "found no declarations"; return 1; }
    run diff "$dir/declared" "$dir/defined"
}

# A declaration, or the group of lines around it without a blank one, begins with a comment.
commented() {
    awk '/^#endif \/\* NN_H \*\// { exit }
        !inside && /^$/ { comment = 0 }
        /^[ \t]*\/\*/ { inside = 1; if ($0 !~ />>[a-z]|clang-format/) comment = 1 }
        /\*\// { inside = 0 }
        /^NN_API/ && !comment { print FILENAME ":" FNR ": no comment above: " $0; bad = 1 }
        END { exit bad }' nn.h
}

# The sections of the table of contents, in the order of the design, above declarations and code.
tags() {
    order='config error random simd matmul kernels data graph train inspect files'
    sed -n 's/^     >>\([a-z]*\)  *.*/\1/p' nn.h >"$dir/contents"
    for tag in $order; do grep -x "$tag" "$dir/contents"; done >"$dir/expected"
    run diff "$dir/expected" "$dir/contents" || return 1
    [ "$(wc -l <"$dir/contents")" -ge 10 ] || { echo "too few tags"; return 1; }
    for part in 1 2; do
        awk -v part=$part '/^#endif \/\* NN_H \*\// { now = 1 }
            now + 1 == part && match($0, /^\/\* =+ >>[a-z]+ /) { print }' nn.h |
            sed 's/.*>>\([a-z]*\).*/\1/' >"$dir/$part"
        echo "part $part of the header against its table of contents:"
        run diff "$dir/contents" "$dir/$part" || return 1
    done
}

# Characters, not bytes: the bytes that continue a character of UTF-8 are not counted.
line_length() {
    tr -d '\200-\277' <nn.h |
        awk 'length > 100 { print "nn.h:" NR ": " length " characters"; bad = 1 } END { exit bad }'
}

sizes() {
    need ctags
    ctags --version | grep -q Universal || skip "universal-ctags not installed"
    ctags -f - --language-force=C --kinds-C=f --fields=+ne -I 'NN_API,NN__PRINTF+' nn.h |
        awk -F '\t' '{ for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) first = substr($i, 6)
                if ($i ~ /^end:/) print substr($i, 5) - first + 1, $1 } }' | sort -n >"$dir/sizes"
    awk '{ size[NR] = $1 }
        $1 > 80 { print $2 " has " $1 " lines"; bad = 1 }
        END { half = size[int((NR + 1) / 2)]; most = size[int(0.9 * NR + 0.999)]
            print NR " functions: median " half ", 90th percentile " most
            exit bad || NR < 100 || half > 12 || most > 40 }' "$dir/sizes"
}

prefixes() { # types, enum constants and private functions; and what stb_image.h wants defined
    need ctags
    ctags --version | grep -q Universal || skip "universal-ctags not installed"
    ctags -f - --language-force=C --kinds-C=defgpstuv --fields=+k -I 'NN_API,NN__PRINTF+' nn.h |
        awk -F '\t' '$1 !~ /^(nn_|NN_|__anon|STB|stbi_)/ { print $1; bad = 1 } END { exit bad || NR < 200 }'
}

# ---- the list

jobs=0
job() { # job DESCRIPTION COMMAND
    case $1 in *"$words"*) ;; *) return ;; esac
    jobs=$((jobs + 1))
    mkdir "$tmp/$jobs"
    printf '%s\n' "$1" >"$tmp/$jobs/what"
    printf '%s\n' "$2" >"$tmp/$jobs/command"
}

job 'declared functions are defined, and the reverse' declared
job 'a comment above every declaration' commented
job 'tags: declarations and code in the order of the contents' tags
job 'no line over 100 characters' line_length
job 'length of functions' sizes
job 'every name begins with nn_ or NN_' prefixes

job "the README's first program" 'shown extract_readme'
job 'the quick start of nn.h' 'shown extract_quick_start'

standards='c99 c11 c17' levels="-O0|-O2|-O3 -march=native"
[ -z "$quick" ] || standards=c99 levels='-O0|-O2'
for compiler in gcc clang; do
    for standard in $standards; do
        IFS='|'
        for level in $levels; do
            job "$compiler -std=$standard $level" \
                "builds $compiler '-std=$standard $level' $with \$here/train.c"
        done
        unset IFS
        job "$compiler -std=$standard, header alone" \
            "syntax $compiler '-std=$standard' \$tmp/header.c"
    done
    job "$compiler, declarations first, code later in the same file" \
        "syntax $compiler -std=c99 \$tmp/twice.c"
    level=-O2
    [ -z "$quick" ] || level=-O0
    job "$compiler -DNN_STATIC" \
        "builds $compiler '-std=c99 $level -DNN_STATIC' $with \$here/train.c"
    job "$compiler -DNN_STATIC, nothing used" \
        "object $compiler '-std=c99 -O1 -DNN_STATIC' \$tmp/impl.c"
    job "$compiler -DNN_DOUBLE" \
        "builds $compiler '-std=c99 $level -DNN_DOUBLE' $with \$here/train.c"
    job "$compiler -DNN_NO_SIMD" \
        "builds $compiler '-std=c99 $level -DNN_NO_SIMD' $with \$here/train.c"
    job "$compiler refuses -ffast-math" "fast_math_refused $compiler -ffast-math"
    job "$compiler refuses -ffinite-math-only" "fast_math_refused $compiler -ffinite-math-only"
    job "$compiler -ffast-math -DNN_ALLOW_FAST_MATH finds NaN" \
        "builds $compiler '-std=c99 -O2 -ffast-math -DNN_ALLOW_FAST_MATH' $with \$here/fast_math.c"
    job "$compiler: the same bits with -fopenmp, for 1, 2 and 3 threads" "threads $compiler $level"
    job "$compiler exports what the header declares, and functions only" "exported $compiler"
    job "$compiler -DNN_STATIC exports nothing" "exported_static $compiler"
    job "$compiler: macros begin with NN_ or nn_" "macros $compiler"
done
level=-O2
[ -z "$quick" ] || level=-O0
for compiler in g++ clang++; do
    named=
    [ "$compiler" != g++ ] || named=-Wno-missing-field-initializers
    job "$compiler -std=c++17, header alone" "syntax $compiler '-std=c++17 -x c++' \$tmp/header.c"
    job "$compiler -std=c++17 $level" \
        "builds $compiler '-std=c++17 $level' $with \$here/fields.cpp"
    job "$compiler -std=c++20 $level, named arguments $named" \
        "builds $compiler '-std=c++20 $level $named' $with \$here/named.cpp"
done
job 'tcc' "builds tcc '-Wall' $with \$here/train.c"
job 'two files, one with the code' two_files
job 'code built by gcc, used from C++ built by g++' 'c_from_cpp gcc g++'
job 'code built by clang, used from C++ built by clang++' 'c_from_cpp clang clang++'
job 'no exit, rand, setlocale and the like' imports
job 'gcc -m32' "bits32 $level"
job 'AArch64 under qemu' "machine aarch64 aarch64-linux-gnu $level"
job 's390x (big-endian) under qemu' "machine s390x s390x-linux-gnu $level"
job 'RISC-V under qemu' "machine riscv64 riscv64-linux-gnu $level"
job 'valgrind, scalar code' 'memory scalar'
job 'valgrind, AVX2 code' 'memory avx2'
job 'a locale with a decimal comma (de_DE)' 'comma de_DE'
job 'a locale whose decimal mark has two bytes (ps_AF)' 'comma ps_AF'

# ---- two workers take the checks in order; the results are printed in order

work() {
    trap - EXIT
    i=0
    while [ $((i += 1)) -le $jobs ]; do
        mkdir "$tmp/$i/taken" 2>/dev/null || continue
        (
            dir=$tmp/$i
            eval "$(cat "$tmp/$i/command")"
        ) >"$tmp/$i/output" 2>&1
        echo $? >"$tmp/$i/status.part"
        mv "$tmp/$i/status.part" "$tmp/$i/status"
    done
}
work &
workers=$!
work &
workers="$workers $!"

passed=0 failed=0 skipped=0 i=0
while [ $((i += 1)) -le $jobs ]; do
    while [ ! -f "$tmp/$i/status" ]; do sleep 1; done
    read -r status <"$tmp/$i/status"
    read -r what <"$tmp/$i/what"
    case $status in
    0) result=ok passed=$((passed + 1)) ;;
    77) result="skipped: $(tail -n 1 "$tmp/$i/output")" skipped=$((skipped + 1)) ;;
    *) result=FAILED failed=$((failed + 1)) ;;
    esac
    printf '%-66s %s\n' "$what" "$result"
    [ "$result" != FAILED ] || head -n 40 "$tmp/$i/output" | sed 's/^/    /'
done
printf '%s passed, %s failed, %s skipped\n' $passed $failed $skipped
[ $failed -eq 0 ] && [ $passed -gt 0 ]
