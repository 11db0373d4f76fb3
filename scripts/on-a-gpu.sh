#!/bin/sh
# Everything that needs a GPU, in one go of less than ten minutes on a machine that has one:
#
#     scripts/on-a-gpu.sh [FOLDER]        default: gpu-results
#
# The expert versions of examples/offload are compiled for the GPU by clang (see docs/gpu.md), checked against the
# serial originals and timed in turn with them, whole executions; nsys, ncu and compute-sanitizer (on the controls
# of the gates: planted faults and their clean twins) run where they are installed. Built-in versions are taken from
# docs/data/offload-without-gpu.json. All outputs stay in FOLDER as the tools printed them. Nothing is installed.
# Ends with 2 where there is no GPU that works, with 1 when a step that was tried failed.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
out=${1:-gpu-results}
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3

fail() { printf '%s\n' "on-a-gpu.sh: $1" >&2; exit 2; }
name=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
[ -n "$name" ] || fail "no NVIDIA GPU that nvidia-smi can name: nothing was run"
clang=$(command -v clang-19) || fail "clang-19 is missing: apt-get install clang-19 clang-tools-19 libomp-19-dev"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
library=/usr/lib/llvm-19/lib
mkdir -p "$out" || fail "cannot write to $out"
out=$(cd "$out" && pwd)
failed=0
limit=120
step() { printf '%s\n' "== $*" >&2; }
tried() { # name, command...: what it printed is kept, and whether it ended well
    label=$1; shift
    if timeout "$limit" "$@" >"$out/$label.txt" 2>&1; then
        echo "$label: ok" >>"$out/steps.txt"
    else
        echo "$label: status $?" >>"$out/steps.txt"; failed=1
    fi
}
export LD_LIBRARY_PATH="$library" OMP_TARGET_OFFLOAD=MANDATORY
: >"$out/steps.txt"

step "what is here: $name, sm_$capability"
nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem,power.draw,ecc.mode.current --format=csv >"$out/gpu.csv"
for tool in clang-19 nvcc nsys ncu compute-sanitizer; do
    { echo "$tool:"; "$tool" --version 2>&1 || true; } >>"$out/versions.txt"
done
[ -x "$root/.venv/bin/loopwright" ] && tried doctor env -u LD_LIBRARY_PATH -u OMP_TARGET_OFFLOAD "$root/.venv/bin/loopwright" doctor

step "examples: serial original, built-in and expert version, timed in turn"
offload="--offload-arch=sm_$capability --cuda-path=${CUDA_HOME:-/usr/local/cuda}"
offload="$offload --libomptarget-nvptx-bc-path=$library/libomptarget-nvptx-sm_$capability.bc"
"$python" "$root/scripts/gpu_examples.py" lay "$out/src" || fail "the sources could not be laid out"
for folder in "$out"/src/*/; do
    example=$(basename "$folder")
    for version in original builtin expert; do
        [ -d "$folder/$version" ] || continue
        flags=""; [ "$version" = original ] || flags=$offload
        # shellcheck disable=SC2086  # several words
        tried "build-$example-$version" sh -c "cd '$folder/$version' && '$clang' -O3 -march=native -gline-tables-only \
            -fopenmp $flags -L$library -Wl,-rpath,$library *.c -lm -o prog"
    done
    "$python" "$root/scripts/gpu_examples.py" time "${folder%/}" "$out/times.jsonl" || failed=1
done

if command -v nsys >/dev/null; then
    step "nsys"
    for folder in "$out"/src/*/; do
        example=$(basename "$folder")
        for version in builtin expert; do
            [ -x "$folder/$version/prog" ] || continue
            report=$out/nsys-$example-$version
            # shellcheck disable=SC2046  # several words
            tried "nsys-$example-$version-run" sh -c "cd '$folder/$version' && nsys profile -f true -o '$report' ./prog \
                $(cat "$folder/arguments.txt")"
            tried "nsys-$example-$version" nsys stats --force-export=true --format csv \
                --report cuda_gpu_kern_sum,cuda_gpu_mem_time_sum,cuda_gpu_mem_size_sum "$report.nsys-rep"
        done
    done
fi

if command -v ncu >/dev/null; then
    step "ncu"
    for folder in "$out"/src/*/; do
        [ -x "$folder/expert/prog" ] || continue
        # shellcheck disable=SC2046  # several words
        tried "ncu-$(basename "$folder")-expert" sh -c "cd '$folder/expert' && ncu --csv --page details --print-units base \
            --section SpeedOfLight --section LaunchStats --section Occupancy --launch-count 10 ./prog \
            $(cat "$folder/arguments.txt")"
    done
fi

if command -v nvcc >/dev/null; then
    step "floors of the device: bytes and operations per second"
    tried floors-build nvcc -O3 -arch="sm_$capability" "$root/src/loopwright/system/floors/device.cu" -o "$out/floors"
    [ -x "$out/floors" ] && tried floors "$out/floors" 268435456
fi

if command -v compute-sanitizer >/dev/null && command -v nvcc >/dev/null; then
    step "compute-sanitizer: planted faults and their clean twins"
    for control in gpu-memory_faulty gpu-memory_clean gpu-races_faulty gpu-races_clean; do
        cp "$root/src/loopwright/gates/controls/$control.cu" "$out/"
        tried "control-$control-build" nvcc -arch="sm_$capability" -lineinfo "$out/$control.cu" -o "$out/$control"
        for tool in memcheck racecheck; do
            # A planted fault ends with the status of the tool: what it said is what is wanted.
            (timeout 120 compute-sanitizer --tool "$tool" --error-exitcode 9 "$out/$control"; echo "status $?") \
                >"$out/sanitizer-$tool-$control.txt" 2>&1
        done
    done
fi

if [ -x "$root/.venv/bin/loopwright" ]; then
    step "loopwright itself: candidates timed and searched on the GPU"
    limit=240
    for example in matmul cg; do
        tried "optimize-$example" env -u LD_LIBRARY_PATH -u OMP_TARGET_OFFLOAD "$root/.venv/bin/loopwright" optimize \
            "$root/examples/offload/$example" --target offload --budget 60s --json
    done
fi

step "done: $out"
cat "$out/steps.txt"
exit "$failed"
