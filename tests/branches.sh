#!/bin/sh
# Branches that the tests of data and files take, by section of nn.h, as gcov counts them: builds the
# tests given as arguments into build/branches, runs them, and prints a table. A branch counts as
# taken where any of them takes it. build/branches/missed.txt has the lines with one that is not.
#     tests/branches.sh data files images
cd "$(dirname "$0")/.." || exit 1
out=build/branches
rm -rf $out && mkdir -p $out && ln -s ../../nn.h ../../tests $out || exit 1 # where gcov looks
for test in "$@"; do
    ${CC:-gcc} -std=c99 -O0 --coverage -Itests tests/test_$test.c -o $out/$test -lcmocka -lm || exit 1
    KILLS=0 $out/$test >$out/$test.log 2>&1 || { tail -n 5 $out/$test.log; exit 1; }
    (cd $out && gcov -b -c $test-test_$test.gcda >/dev/null 2>&1 && mv nn.h.gcov $test.nn) || exit 1
done
awk -v missed=$out/missed.txt '
    /^ *([0-9]+[*]?|-|#####|=====): *[0-9]+:/ {
        split($0, part, ":")
        line = part[2] + 0
        text[line] = substr($0, length(part[1]) + length(part[2]) + 3)
        if (text[line] ~ /=====+ >>[a-z]+ /) { tag = text[line]; sub(/.*>>/, "", tag); sub(/ .*/, "", tag) }
        if (!(line in section)) section[line] = tag
        branch = 0
    }
    /^branch/ {
        branch++
        key = line " " branch
        at[key] = line
        if ($0 ~ /taken [1-9]/) taken[key] = 1
    }
    END {
        for (key in at) {
            all[section[at[key]]]++
            if (key in taken) done[section[at[key]]]++
            else never[at[key]]++
        }
        for (line in never) printf "%s %d: %d missed: %s\n", section[line], line, never[line], text[line] >missed
        for (tag in all) if (tag ~ /^(data|files)$/) printf "%-10s %5d branches, %5d taken, %5.1f %%\n", tag, all[tag], done[tag], 100 * done[tag] / all[tag]
    }' $out/*.nn | sort
sort -k2n -o $out/missed.txt $out/missed.txt
