# Sourced by ci/quickstart, ci/test and .ci/run: where the tree is, and how preset cpu is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# How far the build is and for how long it has run, at the head of each of Ninja's lines.
export NINJA_STATUS="[%f of %t, %es] "

# Usage: build_preset PRESET [TARGET...]   Configures only once: Ninja itself configures again when a CMake file changes.
build_preset() {
  local preset="$1"
  shift
  if [[ ! -f "build/$preset/build.ninja" ]]; then cmake --preset "$preset"; fi
  local targets=()
  if (($#)); then targets=(--target "$@"); fi
  cmake --build --preset "$preset" -j "$(nproc)" "${targets[@]}"
}
