#!/usr/bin/env bash
# Fuzzes a target with AFL++: instruments the assemblies by SharpFuzz, writes the target's seeds, and starts afl-fuzz.
#
#   bash tests/Fuzz/afl.sh seq              until Ctrl-C; findings in artifacts/afl/seq
#   bash tests/Fuzz/afl.sh onnx -V 60       what follows the target goes to afl-fuzz: here a minute
#
# Needs afl-fuzz (Debian: afl++) and SharpFuzz's command (dotnet tool install --global SharpFuzz.CommandLine).
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:?"which target? seq, onnx, h5, keras, npz, safetensors, json or decoding"}
shift
for need in afl-fuzz sharpfuzz; do
    command -v $need > /dev/null || { echo "$need is not installed; see the head of this script" >&2; exit 1; }
done
out=$PWD/artifacts/afl/$target
rm -rf "$out/bin" "$out/seeds"
dotnet build -c Release tests/Fuzz -o "$out/bin" -v q -p:RunAnalyzers=false
"$out/bin/Fuzz" seeds "$target" "$out/seeds"
for assembly in SeqRuntime seqconvert; do sharpfuzz "$out/bin/$assembly.dll"; done
# The .NET runtime reserves far more memory than it uses, and takes a while to start.
AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 DOTNET_TieredPGO=0 \
    afl-fuzz -i "$out/seeds" -o "$out/findings" -m none -t 10000 "$@" -- "$out/bin/Fuzz" afl "$target"
