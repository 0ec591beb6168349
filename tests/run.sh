#!/bin/sh
# Runs the test programs given as arguments and sums up what cmocka says. The last line counts:
# "N passed, N failed, N skipped". A program that ends without cmocka's own count is a failure.
passed=0 failed=0 skipped=0
for program in "$@"; do
    out=$($program 2>&1)
    status=$?
    sum=$(printf '%s\n' "$out" | tail -n 1 | grep -E '^[0-9]+ passed, [0-9]+ failed' || true)
    p=$(printf '%s\n' "$out" | sed -n 's/.*\[  PASSED  \] \([0-9][0-9]*\) test(s)\..*/\1/p' | tail -n 1)
    f=$(printf '%s\n' "$out" | sed -n 's/.*\[  FAILED  \] .* \([0-9][0-9]*\) test(s).*/\1/p' | tail -n 1)
    s=$(printf '%s\n' "$out" | sed -n 's/.*\[  SKIPPED \] \([0-9][0-9]*\) test(s).*/\1/p' | tail -n 1)
    if [ -n "$sum" ]; then # a test script counts in its last line
        p=$(echo "$sum" | sed 's/ passed.*//')
        f=$(echo "$sum" | sed 's/.*passed, \([0-9]*\) failed.*/\1/')
        s=$(echo "$sum" | sed -n 's/.*failed, \([0-9]*\) skipped.*/\1/p')
    fi
    [ -n "$f" ] || f=0
    [ -n "$s" ] || s=0
    if [ -z "$p" ] || { [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; }; then
        p=${p:-0} f=$((f + 1))
        printf '%s: ended with status %s\n' "$program" "$status"
    fi
    if [ "$f" -gt 0 ]; then printf '%s\n' "$out"; fi
    printf '%-48s %s passed, %s failed, %s skipped\n' "$program" "$p" "$f" "$s"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
