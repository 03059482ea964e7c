#!/bin/sh
# Tests and measures a GPU with programs that were built elsewhere: builds nothing, needs no network, takes a few minutes.
#
#     make gpu-bundle              # once, where cargo is: the programs, in target/gpu-bundle and target/gpu-bundle.tar.gz
#     benches/gpu.sh [--programs FOLDER|FILE.tar.gz] [--device gpu|software] [--adapter A] [-o FOLDER]
#
# Runs from a copy of the repository. Writes into the output folder (default: gpu-results):
#
#     results.json    everything below; null where something could not be run, and why in `notes`
#     tests.txt       the GPU tests' own report
#     *.txt, *.svg    what -m benchmark prints and draws
#
# Exit codes: 0 done; 1 a test failed or a measurement is missing; 64 usage; 69 no such device.
set -u
cd "$(dirname "$0")/.." || exit 1

programs=target/gpu-bundle
device=gpu
adapter=
out=gpu-results
while [ $# -gt 0 ]; do
    [ $# -gt 1 ] || { echo "gpu.sh: found $1 without a value" >&2; exit 64; }
    case $1 in
        --programs) programs=$2 ;;
        --device) device=$2 ;;
        --adapter) adapter=$2 ;;
        -o) out=$2 ;;
        *) echo "gpu.sh: found $1, expected --programs, --device, --adapter or -o" >&2; exit 64 ;;
    esac
    shift 2
done

# A software adapter shows that everything runs; its chunks are small.
case $device in
    gpu) channels=5000 few=1000 samples=10000 rows=4096 most=100000000 ;;
    software) channels=100 few=50 samples=2000 rows=20 most=100000 ;;
    *) echo "gpu.sh: found --device $device, expected gpu or software" >&2; exit 64 ;;
esac
mkdir -p "$out"
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/gpu-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
if [ -f "$programs" ]; then
    tar -xzf "$programs" -C "$scratch" || exit 64
    programs=$scratch/gpu-bundle
fi
distpy_gpu=$programs/distpy-gpu
[ -x "$distpy_gpu" ] || { echo "gpu.sh: found no $distpy_gpu; make gpu-bundle builds it" >&2; exit 64; }
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/tmp}"
failed=0
started=$(date +%s)

note() {
    echo "gpu.sh: $1" >&2
    echo "$1" >>"$scratch/notes"
    failed=1
}

say() { echo "[$(($(date +%s) - started)) s] $1" >&2; }

# The contents of a JSON file, or null.
json() { if [ -s "$scratch/$1.json" ]; then cat "$scratch/$1.json"; else echo null; fi; }

# configure FLOW CHANNELS SECONDS: the configuration of what comes next.
configure() {
    cat >"$scratch/system.json" <<JSON
{
  "prf": $samples, "config": "benches/flows/$1.json", "in_directory": "$scratch/chunks", "out_directory": "$scratch/out",
  "distpy_gpu": { "synthesize": { "channels": $2, "prf": $samples, "seconds": $3 } }
}
JSON
}

# benchmark NAME FLOW CHANNELS SECONDS ARGS..: a benchmark of a flow, into NAME.json and NAME.txt.
benchmark() {
    name=$1
    say "$name"
    configure "$2" "$3" "$4"
    shift 4
    "$distpy_gpu" -m benchmark -c "$scratch/system.json" --device "$device" ${adapter:+--adapter "$adapter"} \
        --json "$scratch/$name.json" "$@" >"$out/$name.txt" 2>"$out/$name.log"
    code=$?
    [ $code -eq 0 ] || note "benchmark of $name: exit code $code"
}

"$distpy_gpu" -m devices --json "$scratch/devices.json" >"$out/devices.txt" 2>&1
benchmark noiselog noiselog $channels 4
[ $code -ne 69 ] || { cat "$out/noiselog.log" "$out/devices.txt" >&2; exit 69; }

say "tests"
tests=null
if [ -x "$programs/tests" ]; then
    # Unless told so, tests take a software adapter where there is one.
    CARGO_MANIFEST_DIR=$PWD DISTPY_GPU_TESTS=require DISTPY_GPU_TEST_DEVICE=$device \
        "$programs/tests" golden:: commands:: families gpu_ >"$out/tests.txt" 2>&1 || note "GPU tests failed: see tests.txt"
    tests=$(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed;.*/{ "passed": \1, "failed": \2 }/p' "$out/tests.txt" | tail -1)
    [ -n "$tests" ] || { tests=null; note "GPU tests gave no result"; }
else
    note "found no $programs/tests"
fi

# The processor takes long for these: one chunk, and for the two-dimensional transforms a smaller one.
benchmark events events $channels 1
benchmark fk fk $few 1
benchmark commands noiselog $few 1 --measure commands
benchmark sizes noiselog $few 1 --measure sizes --max-samples "$most" --plot "$out/sizes.svg"

# From files in the page cache to files: the whole program, and how fast the same files can be read.
say "files"
whole=null
configure noiselog $channels 20
"$distpy_gpu" -m synthesize -c "$scratch/system.json" -o "$scratch/chunks" >"$out/files.log" 2>&1 || note "synthesize: exit code $?"
nanoseconds() { date +%s%N; }
if [ -d "$scratch/chunks" ]; then
    bytes=$(cat "$scratch"/chunks/*.npy | wc -c)
    start=$(nanoseconds)
    for file in "$scratch"/chunks/*.npy; do dd if="$file" of=/dev/null bs=4M 2>/dev/null; done
    read_ns=$(($(nanoseconds) - start))
    times=
    for where in cpu "$device"; do
        for run in 1 2 3; do
            rm -rf "$scratch/out"
            start=$(nanoseconds)
            "$distpy_gpu" -m strainrate2summary -c "$scratch/system.json" --device $where >>"$out/files.log" 2>&1 \
                || note "strainrate2summary on $where: exit code $?"
            times="$times${times:+, }{ \"device\": \"$where\", \"run\": $run, \"nanoseconds\": $(($(nanoseconds) - start)) }"
        done
    done
    whole="{ \"bytes\": $bytes, \"read_nanoseconds\": $read_ns, \"runs\": [ $times ] }"
fi

# From the start of the program to the end of one small chunk: without shaders kept, when they are kept, and with those. Drivers
# that keep shaders of their own are told not to.
say "start"
starts=
configure noiselog 10 1
"$distpy_gpu" -m synthesize -c "$scratch/system.json" -o "$scratch/small" >>"$out/files.log" 2>&1 || note "synthesize: exit code $?"
first=$(ls "$scratch"/small/*.npy 2>/dev/null | head -1)
for cache in "" "$scratch/cache" "$scratch/cache"; do
    rm -rf "$scratch/out"
    start=$(nanoseconds)
    DISTPY_GPU_CACHE=$cache __GL_SHADER_DISK_CACHE=0 MESA_SHADER_CACHE_DISABLE=true "$distpy_gpu" -m strainrate2summary \
        -c "$scratch/system.json" -f "$first" --device "$device" >>"$out/files.log" 2>&1 || note "start: exit code $?"
    starts="$starts${starts:+, }$(($(nanoseconds) - start))"
done

# The same work by others on the same card, in this run: in turns with ours.
say "torch"
for turn in 1 2; do
    if [ "$device" = gpu ]; then
        python3 benches/torch_bands.py $channels $samples >"$scratch/torch_$turn.json" 2>"$out/torch.log" \
            || { : >"$scratch/torch_$turn.json"; note "torch: $(tail -1 "$out/torch.log")"; }
    fi
    benchmark "bands_$turn" noiselog $channels 4
done

say "wgsl-fft"
if [ -x "$programs/compare-wgsl-fft" ]; then
    "$programs/compare-wgsl-fft" "$device" $rows ${adapter:+"$adapter"} >"$scratch/wgsl_fft.json" 2>"$out/wgsl_fft.log" \
        || { : >"$scratch/wgsl_fft.json"; note "wgsl-fft: $(tail -1 "$out/wgsl_fft.log")"; }
else
    note "found no $programs/compare-wgsl-fft"
fi

driver=$(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2>/dev/null | head -1)
{
    echo "{"
    echo "\"date\": \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\", \"seconds\": $(($(date +%s) - started)),"
    echo "\"card_and_driver\": \"${driver:-unknown}\", \"processors\": $(nproc),"
    echo "\"notes\": [$(sed 's/[\\"]//g; s/.*/"&"/' "$scratch/notes" 2>/dev/null | paste -sd, -)],"
    echo "\"tests\": $tests,"
    for name in devices noiselog events fk commands sizes torch_1 bands_1 torch_2 bands_2 wgsl_fft; do
        echo "\"$name\": $(json $name),"
    done
    echo "\"start_nanoseconds\": [$starts],"
    echo "\"files\": $whole"
    echo "}"
} >"$out/results.json.tmp" && mv "$out/results.json.tmp" "$out/results.json"
say "done: $out/results.json"
exit $failed
