#!/bin/sh
# Installs the compilers, the sandbox and the profilers that Loopwright can use, as Debian packages, when
# this user may install them. Otherwise says what is missing. Never fails: `loopwright doctor` tells what
# each missing tool would enable. With `bench` as argument also what only the bench compares with: OpenBLAS,
# and an older clang whose Polly makes parallel code of loops that the newer one leaves serial. With `hip` also
# hipcc, for the target hip: it compiles for AMD GPUs and brings a clang of its own (clang-15), about 350 MB.
set -u

needed=""
have() { command -v "$1" >/dev/null 2>&1; }
want() { # command, package
    have "$1" || needed="$needed $2"
}
want gcc gcc
want g++ g++
want make make
want cmake cmake
want git git
want bwrap bubblewrap
want perf linux-perf
want valgrind valgrind
if ! have clang-19; then
    needed="$needed clang-19"
fi
if [ "${1:-}" = bench ]; then
    want clang-14 clang-14
    probe=$(mktemp)
    printf '#include <cblas.h>\nint main(void) { return 0; }\n' \
        | gcc -x c - -lopenblas -o "$probe" 2>/dev/null || needed="$needed libopenblas-dev"
    rm -f "$probe"
fi
if [ "${1:-}" = hip ]; then
    want hipcc hipcc
fi
# clang without these compiles, but has no OpenMP, no sanitizers, no llvm-symbolizer and no offload packager.
if have dpkg-query; then
    for package in llvm-19 libomp-19-dev libclang-rt-19-dev clang-tools-19; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok" || needed="$needed $package"
    done
fi
python3 -c 'import ensurepip' >/dev/null 2>&1 || needed="$needed python3-venv"

[ -n "$needed" ] || exit 0
sudo=""
if [ "$(id -u)" != 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then sudo="sudo -n"; else sudo=no; fi
fi
if ! have apt-get || [ "$sudo" = no ]; then
    echo "Not installed:$needed"
    echo "Loopwright works without most of them; 'loopwright doctor' says what each would add."
    exit 0
fi
echo "Installing:$needed"
log=$(mktemp)
$sudo apt-get update -qq >"$log" 2>&1

if ! DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $needed >>"$log" 2>&1; then
    # One package that this release lacks must not keep the others away.
    for package in $needed; do
        DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$package" \
            >>"$log" 2>&1 || echo "Not installed: $package (see $log)"
    done
fi
exit 0
