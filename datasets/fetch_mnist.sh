#!/bin/sh
# fetch_mnist.sh - fetches the four MNIST files, as raw IDX, and verifies them. Behind `make mnist`.
#
# usage: fetch_mnist.sh [folder]        (default: the folder mnist beside this script)
#
# MNIST_MIRROR   a URL or a folder that has the files, with or without .gz; then only that is asked.
#
# What is there and right is not fetched again. A file is written under a temporary name and takes
# its own name only when its checksum is right, so whatever has the right name can be used. Exit: 0
# when all four files are there and right, 1 when not, 2 for a wrong command line.

set -u

mirrors='https://ossci-datasets.s3.amazonaws.com/mnist
https://storage.googleapis.com/cvdf-datasets/mnist
http://yann.lecun.com/exdb/mnist'

names='train-images-idx3-ubyte train-labels-idx1-ubyte
t10k-images-idx3-ubyte t10k-labels-idx1-ubyte'

connect=10    # seconds for a mirror to answer
stall=20      # seconds without progress
longest=600   # seconds for one file, whatever happens

say()  { printf 'mnist: %s\n' "$*"; }
warn() { printf 'mnist: %s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

hint="'make digits' draws made digits, with which every program runs until then"
fail() { warn "$*"; exit 1; }

# Of the raw file: mirrors compress differently, and then the .gz has another checksum.
sha_of_name() {
    case $1 in
    train-images-*) echo ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db ;;
    train-labels-*) echo 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5 ;;
    t10k-images-*)  echo 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7 ;;
    t10k-labels-*)  echo ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2 ;;
    esac
}

size_of_name() {
    case $1 in
    train-images-*) echo 47040016 ;;
    train-labels-*) echo 60008 ;;
    t10k-images-*)  echo 7840016 ;;
    t10k-labels-*)  echo 10008 ;;
    esac
}

# From standard input: with a name on the command line, odd names would be printed escaped.
sha_of_file() {
    if have sha256sum; then sha256sum <"$1"; else shasum -a 256 <"$1"; fi | cut -d ' ' -f 1
}

size_of_file() { wc -c <"$1" | tr -d ' '; }

is_right() { [ -f "$1" ] && [ "$(sha_of_file "$1")" = "$(sha_of_name "$2")" ]; }

is_gzip() { [ "$(dd if="$1" bs=2 count=1 2>/dev/null | od -An -tx1 | tr -d ' \n')" = 1f8b ]; }

# download URL FILE: 0 there it is, 1 the mirror answers but has no such file, 2 it does not answer
# (or answers badly), 3 FILE cannot be written.
download() {
    if have curl; then
        curl -fsSL --connect-timeout "$connect" --speed-limit 1 --speed-time "$stall" \
            --max-time "$longest" -o "$2" "$1" 2>/dev/null
        case $? in 0) return 0 ;; 22 | 37 | 78) return 1 ;; 23) return 3 ;; *) return 2 ;; esac
    fi
    # wget has no limit for the whole; timeout, where there is one, provides it.
    if have timeout; then set -- "$1" "$2" timeout "$longest"; else set -- "$1" "$2" env; fi
    url=$1 file=$2
    shift 2
    "$@" wget -q -t 1 -T "$stall" -O "$file" "$url" 2>/dev/null
    case $? in 0) return 0 ;; 1 | 8) return 1 ;; 3) return 3 ;; *) return 2 ;; esac
}

# obtain MIRROR NAME SUFFIX FILE: the same four answers, for a folder too.
obtain() {
    case $1 in
    *://*) download "$1/$2$3" "$4" ;;
    *)  [ -f "$1/$2$3" ] || return 1
        cat "$1/$2$3" 2>/dev/null >"$4" && return 0
        # Which side failed? Reading alone tells.
        if cat "$1/$2$3" >/dev/null 2>&1; then return 3; else return 2; fi ;;
    esac
}

# unpack FROM TO: 0 done, 1 FROM is damaged, 3 TO cannot be written. Some servers unpack on the way
# whatever the name says, so the file's first two bytes decide.
unpack() {
    if is_gzip "$1"; then
        gunzip -t <"$1" 2>/dev/null || return 1
        gunzip -c <"$1" 2>/dev/null >"$2" || return 3
    else
        mv -f "$1" "$2" || return 3
    fi
}

cannot_write() {
    fail "cannot write in '$folder': make room there or give another folder to $0; $hint"
}

# fetch MIRROR NAME: 0 verified and in its place, 1 not from this mirror, 2 the mirror is of no use.
# Leaves the reason in $why.
fetch() {
    target=$folder/$2
    for suffix in .gz ''; do
        obtain "$1" "$2" "$suffix" "$part.in"
        got=$?
        case $got in 0) break ;; 2) why="no answer from $1"; return 2 ;; 3) cannot_write ;; esac
    done
    if [ "$got" -ne 0 ]; then why="$1 has no $2, nor its .gz"; return 1; fi
    unpack "$part.in" "$part.out"
    case $? in
    1) why="$2.gz from $1 is cut short or damaged"; return 1 ;;
    3) cannot_write ;;
    esac
    if ! is_right "$part.out" "$2"; then
        size=$(size_of_file "$part.out")
        why="$2 from $1 has a wrong checksum ($size bytes, $(size_of_name "$2") are right)"
        return 1
    fi
    mv -f "$part.out" "$target" || cannot_write
    say "$2: verified, from $1"
}

# fetch_missing MIRROR: takes from it what is missing; what is still missing stays in $missing.
fetch_missing() {
    left=
    useless=0
    for name in $missing; do
        [ "$useless" -ne 0 ] || { fetch "$1" "$name"; status=$?; }
        [ "$status" -eq 0 ] && continue
        left="$left $name"
        [ "$useless" -ne 0 ] || warn "$why"
        [ "$status" -ne 2 ] || useless=1
    done
    missing=$left
}

check_tools() {
    have sha256sum || have shasum ||
        fail "neither sha256sum nor shasum is here to verify with: install one; $hint"
    have gunzip || fail "gunzip is not here to unpack with: install gzip; $hint"
    case $mirrors in
    *://*) have curl || have wget || fail "neither curl nor wget is here: install one," \
        "or set MNIST_MIRROR to a folder that has the files; $hint" ;;
    esac
}

# A mirror of one's own replaces the list. A folder may have spaces; the list is split at newlines.
choose_mirrors() {
    [ -n "${MNIST_MIRROR:-}" ] || return 0
    mirrors=${MNIST_MIRROR#file://}
    while [ "$mirrors" != / ] && [ "${mirrors%/}" != "$mirrors" ]; do mirrors=${mirrors%/}; done
    case $mirrors in
    *://*) ;;
    *) [ -d "$mirrors" ] || fail "MNIST_MIRROR is '$MNIST_MIRROR', which is neither a folder that" \
        "exists nor a URL: correct it, or leave it out to use the public mirrors; $hint" ;;
    esac
}

find_missing() {
    missing=
    for name in $names; do
        if is_right "$folder/$name" "$name"; then continue; fi
        [ ! -d "$folder/$name" ] ||
            fail "'$folder/$name' is a folder where a file should be: remove it and try again"
        [ ! -e "$folder/$name" ] || warn "$name is there but its checksum is wrong: fetching anew"
        missing="$missing $name"
    done
}

prepare_folder() {
    mkdir -p "$folder" 2>/dev/null || cannot_write
    part=$folder/.part.$$
    trap 'rm -f "$part.in" "$part.out"' EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    (: >"$part.in") 2>/dev/null || cannot_write
}

main() {
    case ${1:-} in
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; return 0 ;;
    -*) warn "there is no option '$1'; try --help"; return 2 ;;
    esac
    [ $# -le 1 ] || { warn "one folder at most, not $#; try --help"; return 2; }
    folder=${1:-$(dirname -- "$0")/mnist}
    have sha256sum || have shasum || check_tools
    find_missing
    if [ -z "$missing" ]; then say "all four files are in $folder, verified"; return 0; fi
    choose_mirrors
    check_tools
    prepare_folder
    why='no mirror was asked'
    newline='
'
    rest=$mirrors$newline
    while [ -n "$rest" ] && [ -n "$missing" ]; do
        fetch_missing "${rest%%"$newline"*}"
        rest=${rest#*"$newline"}
    done
    [ -z "$missing" ] || fail "still missing in $folder:$missing ($why): try again later, or set" \
        "MNIST_MIRROR to a URL or folder that has them; $hint"
    say "all four files are in $folder, verified"
}

main "$@"
