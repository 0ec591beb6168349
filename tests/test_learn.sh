#!/bin/sh
# test_learn.sh: the exercises as a learner uses them, in a copy of the repository: states and exit
# codes, what hostile or clumsy code can do, hints, reset, edited graders. The last line counts.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/nn learn.XXXXXX") || exit 1 # the space is on purpose
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
CC=${CC:-cc}
export CC
unset ASAN_OPTIONS UBSAN_OPTIONS
LC_ALL=C
export LC_ALL
passed=0 failed=0 skipped=0

# is WHAT CODE WORDS COMMAND...: the exit code, and words that the output has ("!x": has not)
is() {
    what=$1 code=$2 words=$3
    shift 3
    timeout 300 "$@" >"$work/out" 2>&1 </dev/null
    got=$?
    if [ "$got" -eq "$code" ] && has "$words"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED %s: exit code %s, expected %s with "%s":\n' "$what" "$got" "$code" "$words"
        head -n 20 "$work/out"
    fi
}
has() {
    case $1 in
    !*) ! grep -q -F -e "${1#!}" "$work/out" ;;
    *) grep -q -F -e "$1" "$work/out" ;;
    esac
}
learn() { build/learn "$@"; }

mkdir -p "$work/copy"
mkdir "$work/copy/datasets"
cp -R "$root/exercises" "$root/Makefile" "$root/nn.h" "$work/copy"
cp "$root/datasets/iris.csv" "$work/copy/datasets" # exercise 19
rm -rf "$work/copy/exercises/mine"
cd "$work/copy" || exit 1

# ---- a new learner
is "make learn shows the first exercise" 0 "not written yet: TODO 1 of 1" make -s learn CC="$CC"
is "an untouched exercise is a state of its own" 6 "That is how it starts" ./learn run 02
is "so are its points" 6 "(0/5 points)" build/learn run 02
is "editors know how to compile it" 0 "exercises/mine/02_dot_bias.c" cat compile_commands.json
is "the list" 0 "0 of" build/learn list
is "no such exercise" 2 "there is no exercise or command" build/learn run nonsense
is "an unknown option" 2 "exit codes" build/learn run --nonsense
is "the page" 0 "F1.1" build/learn explain 02
is "the solution is closed" 1 "3 hints and 3 tries" build/learn solution 02

# mine TEXT: what dot_bias does
mine() {
    printf '#include "exercise.h"\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n' \
        >exercises/mine/02_dot_bias.c
    printf '#include <unistd.h>\n%s\ndouble dot_bias(const double *w, const double *x, double b, int n)\n{\n%s\n}\n' \
        "${2-}" "$1" >>exercises/mine/02_dot_bias.c
}
right='double z = b; for (int i = 0; i < n; i++) z += w[i] * x[i]; return z;'
silent='(void)w, (void)x, (void)b, (void)n;'

mine "$right"
is "a right one passes" 0 "(5/5 points)" build/learn run 02
is "it draws something of the learner's own" 0 "Your neuron divides the plane" build/learn run 02
is "a first pass opens a milestone" 0 "see it: ./learn milestone 1957" sh -c \
    'sed -i.orig "s/passed 1/passed 0/" exercises/mine/progress && build/learn run 02'
is "which is said once" 0 "!see it" build/learn run 02
is "the list has it" 0 "open: ./learn milestone 1957" build/learn list
is "what a milestone still needs" 6 "needs a pass of 04_mlp_forward" build/learn milestone 1969
is "no such milestone" 2 "milestone 1957" build/learn milestone 1900
is "the milestone runs on the learner's function" 0 "reached: this was computed" build/learn milestone 1957
is "the solution is open now" 0 "no special case" build/learn solution 02
is "the same seed is the same run" 0 "seed 0x2a" build/learn run 02 --seed 42
mine "// TODO(1/1): I left the mark here
$right"
is "a mark that was left does not matter" 0 "passed" build/learn run 02
mine "double z = b; for (int i = 1; i < n; i++) z += w[i] * x[i]; return z;"
is "a wrong one is named" 1 "the first input is left out" build/learn run 02
is "with its formula" 1 "formula F1.1" build/learn run 02
is "a milestone does not believe an old pass" 1 "not reached" build/learn milestone 1957
mine "$silent exit(0);"
is "nor an exit(0)" 4 "your code ended the program" build/learn milestone 1957
mine "return b + ;"
is "nor a file that does not compile" 3 "the compiler says" build/learn milestone 1957
mine "double z = b; for (int i = 1; i < n; i++) z += w[i] * x[i]; return z;"
is "in JSON" 1 '"state": "wrong", "code": 1' build/learn run 02 --json
mine "return b + ;"
is "does not compile" 3 "the compiler says" build/learn run 02

# ---- what code can do: none of it may pass, hang, or end anything but its own check
mine "$silent for (;;) {}"
is "an endless loop" 5 "a loop that never ends" build/learn run 02
mine "$silent sleep(100); return 0;"
is "waiting" 5 "a loop that never ends" build/learn run 02
mine "$silent exit(0);"
is "exit(0)" 4 "your code ended the program" build/learn run 02
mine "$silent _exit(0);"
is "_exit(0)" 4 "your code ended the program" build/learn run 02
constructors() { # tcc has none, and takes two functions main
    printf '#include <stdlib.h>\n__attribute__((constructor)) static void f(void) { exit(7); }\nint main(void) { return 0; }\n' >"$work/f.c"
    $CC "$work/f.c" -o "$work/f" 2>/dev/null && "$work/f"
    [ $? -eq 7 ]
}
if constructors; then
mine "$right" "int main(void) { return 0; }"
is "a main of the learner's" 3 "leave main()" build/learn run 02
mine "$right" '__attribute__((constructor)) static void early(void) { exit(0); }'
is "exit(0) before main" 4 "before any check could run" build/learn run 02
mine "$right" '__attribute__((constructor)) static void early(void) { _exit(0); }'
is "_exit(0) before main" 4 "before any check could run" build/learn run 02
mine "return b;" 'static void late(void) { _exit(0); }
__attribute__((constructor)) static void early(void) { atexit(late); }'
is "an atexit function" 1 "!passed" build/learn run 02
mine "$right" '__attribute__((constructor)) static void early(void) { for (;;) {} }'
is "a loop before main" 5 "(0/5 points)" build/learn run 02
else
    skipped=$((skipped + 5))
fi
mine "$silent abort();"
is "abort" 4 "your code crashed" build/learn run 02
mine "$silent return *(volatile double *)8;"
is "a wild pointer" 4 "crashed" build/learn run 02
mine "$silent for (;;) puts(\"spam\");"
is "endless output" 4 "it printed more than" build/learn run 02
mine "$silent for (;;) memset(malloc(1 << 20), 1, 1 << 20);"
is "endless memory" 4 "crashed" build/learn run 02
mine "$silent for (;;) fork();"
is "a fork bomb" 5 "an exercise never calls fork()" build/learn run 02
mine "printf(\"end\\tvalue\\tpass\\ndone\\t3\\n\"); $silent return 0;"
is "printing a pass" 1 "your code printed" build/learn run 02
mine "for (int fd = 3; fd < 20; fd++) dprintf(fd, \"verdict\\tpass\\nend\\tvalue\\tpass\\ndone\\t3\\n\"); $silent return 0;"
is "writing a pass to every file" 1 "(1/5 points)" build/learn run 02
mine "double z = b; for (int i = 0; i < n; i++) z += w[i] * x[i]; ((double *)(size_t)w)[n] = 1; return z;"
if [ "$(cat build/exercises/*-O1/sanitizers)" = 1 ]; then
    is "a write past the end" 4 "your code wrote w[5], but w has 5 numbers" build/learn run 02
    is "with the sanitizer's line" 4 "02_dot_bias.c:" build/learn run 02
    mine "int k = 2147483647 + n; $silent return k;"
    is "signed overflow" 4 "runtime error: signed" build/learn run 02
else
    is "a write past the end" 1 "wrote past the end of w" build/learn run 02
    skipped=$((skipped + 2))
fi
is "three tries and three hints open the solution: 1" 0 "hint 1 of 3" build/learn hint 02
is "hints are counted" 0 "1 hints" build/learn list
mine "return 7 * b + 0 * (w[0] + x[0] + n);"
is "another exercise is not opened by this one's" 1 "0 hints" build/learn solution 10
is "reset keeps a backup" 0 "02_dot_bias.c.1" build/learn reset 02
is "the backup has what was there" 0 "7 * b" cat exercises/mine/02_dot_bias.c.1
is "and the stub is back" 0 "TODO(1/1)" cat exercises/mine/02_dot_bias.c

# ---- a runner that is killed leaves nothing behind: the code writes down its process
# left_behind WHAT SIGNAL COMMAND...
left_behind() {
    what=$1 signal=$2 process=
    shift 2
    rm -f pid
    "$@" >/dev/null 2>&1 </dev/null &
    runner=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -s pid ] && break
        sleep 0.5
    done
    process=$(cat pid 2>/dev/null)
    kill -"$signal" "$runner"
    wait "$runner" 2>/dev/null
    for _ in 1 2 3 4 5 6; do
        alive "$process" || break
        sleep 0.5
    done
    if [ -n "$process" ] && ! alive "$process"; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        echo "FAILED $what: process '$process' goes on after its runner was killed"
        [ -n "$process" ] && kill -9 "$process"
    fi
}
alive() {
    case $(ps -o stat= -p "$1" 2>/dev/null) in
    "" | Z*) false ;;
    esac
}
if ps -o stat= -p $$ >/dev/null 2>&1; then
    forever='FILE *f = fopen("pid", "w"); fprintf(f, "%ld", (long)getpid()); fclose(f); for (;;) {}'
    asleep='FILE *f = fopen("pid", "w"); fprintf(f, "%ld", (long)getpid()); fclose(f); pause();'
    mine "$silent $asleep return 0;"
    left_behind "a check that waits, its runner killed" KILL build/learn run 02
    left_behind "a check that waits, its runner ended" TERM build/learn run 02
    if constructors; then
        mine "$right" "__attribute__((constructor)) static void early(void) { $forever }"
        left_behind "a loop before main, its runner killed" KILL build/learn run 02
        left_behind "a loop before main, its runner ended" TERM build/learn run 02
        cp exercises/02_dot_bias/solution.c "$work/solution.c"
        cp exercises/mine/02_dot_bias.c exercises/02_dot_bias/solution.c
        left_behind "a loop in selfcheck, which is killed" KILL build/learn selfcheck 02 --quick
        left_behind "a loop in selfcheck, which is ended" TERM build/learn selfcheck 02 --quick
        cp "$work/solution.c" exercises/02_dot_bias/solution.c
    else
        skipped=$((skipped + 4))
    fi
else
    skipped=$((skipped + 6))
fi

# ---- parts, and all of them
mkdir -p exercises/mine
cp exercises/15_backprop_2layer/exercise.c exercises/mine/15_backprop_2layer.c
sed -i.orig 's/(void)t; \/\/ delete this line/t->z1[0] = 1;/;' exercises/mine/15_backprop_2layer.c
awk '/TODO\(2/ { part = 2 } { if (part == 2) sub(/t->z1\[0\] = 1;/, "(void)t; // delete this line"); print }' \
    exercises/mine/15_backprop_2layer.c >"$work/part.c"
cp "$work/part.c" exercises/mine/15_backprop_2layer.c
is "a part that is begun is graded, the others wait" 1 "output    not written yet" build/learn run 15
is "a stub without marks, untouched" 6 "not begun yet" build/learn run 17
echo '// a comment' >>exercises/mine/17_three_bugs.c
is "it is graded once something in it differs" 1 "bug 1 still stands" build/learn run 17
for e in exercises/[0-9]*; do cp "$e/solution.c" "exercises/mine/$(basename "$e").c"; done
is "make grade with all right" 0 "all " make -s grade CC="$CC"
is "all milestones are open" 0 "open: ./learn milestone 1998" build/learn milestone
is "two layers do XOR" 0 "reached: this was computed" build/learn milestone 1969
is "backpropagation learns XOR and Iris" 0 "reached: this was computed" build/learn milestone 1986
is "no digits" 1 "make digits" build/learn milestone 1998
cp "$root/datasets/digits.c" datasets
is "made digits" 0 "10000 for training" make -s digits CC="$CC"
is "a network reads them" 0 "reached: this was computed" build/learn milestone 1998
sed 's/static void softmax/void apply(void);void apply(void) {}static void softmax/' \
    exercises/16_backprop_layers/solution.c >exercises/mine/16_backprop_layers.c
is "two files with one name" 3 "write static before" build/learn milestone 1986
cp exercises/16_backprop_layers/solution.c exercises/mine/16_backprop_layers.c
cp exercises/10_softmax_ce/mutants/dz_sign.c exercises/mine/10_softmax_ce.c
is "grade with one wrong" 1 "10_softmax_ce            wrong" build/learn grade
mkdir "$work/anna"
cp exercises/mine/02_dot_bias.c "$work/anna"
is "another person's folder" 1 '"id": "02_dot_bias", "state": "passed"' \
    build/learn grade --json --mine "$work/anna"

# ---- a grader that the learner edited
mine "return b;" # wrong
sed -i.orig 's/kit_rung(name.*/kit_rung(name, \&z, 0, 0, z_formula, \&p, 1e9);/' exercises/02_dot_bias/check.c
is "an edited grader, without git" 7 "is not the published one" build/learn run 02
cp exercises/02_dot_bias/check.c "$work/edited.c"
mv exercises/02_dot_bias/check.c.orig exercises/02_dot_bias/check.c
if command -v git >/dev/null; then
    printf 'build\nexercises/mine\n' >.gitignore
    git init -q . && git add -A && git -c user.name=t -c user.email=t@t commit -q -m t
    cp "$work/edited.c" exercises/02_dot_bias/check.c
    is "an edited grader, with git: the committed one grades" 1 "published one is used" build/learn run 02
    mine "$right"
    is "and a right one passes" 0 "published one is used" build/learn run 02
    rm exercises/02_dot_bias/check.c
    is "a deleted grader" 0 "published one is used" build/learn run 02
    printf 'points 1 checks 1 rungs 1\n0 0\n' >exercises/02_dot_bias/pinned
    is "edited pins" 0 "(5/5 points)" build/learn run 02
    sed -i.orig 's/c->verdict > 0 ? "pass" : "fail"/"pass"/' exercises/kit/kit.c
    mine "return b;"
    is "an edited kit" 1 "published one is used" build/learn run 02
else
    skipped=$((skipped + 5))
fi
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
