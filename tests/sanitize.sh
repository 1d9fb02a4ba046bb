#!/usr/bin/env bash
# The compiled kernels under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind (`make sanitize`: the first three).
#
#   tests/sanitize.sh [driver] [valgrind] [python] [neon]
#
#   driver     the kernels without Python (tests/kernels/driver.cpp), under both sanitizers
#   valgrind   the same without sanitizers; valgrind knows no AVX-512
#   python     the extension under both sanitizers, through the tests of tests/kernels that are not slow
#   neon       the same without sanitizers, cross-compiled and emulated: AARCH64_CXX (aarch64-linux-gnu-g++, or
#              "zig c++ -target aarch64-linux-musl -fno-sanitize=all"), run by QEMU (qemu-aarch64)
#
# CXX, PYTHON and CASES (random calls of the driver for each instruction set) may be set. Leaves all in build/sanitize.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
CXX=${CXX:-g++}
PYTHON=${PYTHON:-.venv/bin/python}
FOLDER=build/sanitize
SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
case $(uname -m) in
  x86_64 | amd64) SETS="portable avx2 avx512" ;;
  aarch64 | arm64) SETS="portable neon" ;;
  *) SETS=portable ;;
esac
export OMP_NUM_THREADS=3

flags_of() {
  case $1 in
    avx2) echo -mavx2 -mfma ;;
    avx512) echo -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -Wno-maybe-uninitialized ;;
  esac
}

# build FOLDER FLAGS...: FOLDER/driver of all instruction sets
build() {
  local to=$1 name
  shift
  mkdir -p "$to"
  local common=(-std=c++17 -g -fopenmp -Wall -Wextra -Icsrc "$@")
  for name in $SETS; do
    # shellcheck disable=SC2046
    $CXX "${common[@]}" $(flags_of "$name") -c "csrc/kernels_$name.cpp" -o "$to/$name.o"
  done
  $CXX "${common[@]}" tests/kernels/driver.cpp csrc/{dispatch,instruction_set,plain}.cpp "$to"/*.o -o "$to/driver"
}

# run SET COMMAND...: a machine without the set is no failure
run() {
  local status=0
  "${@:2}" "$1" "$cases" || status=$?
  [ $status -eq 0 ] || [ $status -eq 77 ] || exit $status
}

driver() {
  local cases=${CASES:-2000} name
  # shellcheck disable=SC2086
  build $FOLDER/asan -O1 $SANITIZE
  for name in plain $SETS; do run "$name" $FOLDER/asan/driver; done
}

valgrind_() {
  local cases=${CASES:-300} name
  build $FOLDER/valgrind -O2
  for name in plain portable avx2 neon; do
    case " plain $SETS " in *" $name "*) ;; *) continue ;; esac
    # libgomp keeps its threads to the end: only what nothing points to is a leak.
    run "$name" valgrind --quiet --error-exitcode=9 --leak-check=full --show-leak-kinds=definite \
      --errors-for-leak-kinds=definite $FOLDER/valgrind/driver
  done
}

python_() {
  rm -rf $FOLDER/*.whl $FOLDER/wheel
  $PYTHON -m pip wheel --quiet --no-deps --wheel-dir $FOLDER --config-settings build-dir=$FOLDER/python \
    --config-settings install.strip=false --config-settings cmake.define.UNROLLED_SANITIZE=ON .
  $PYTHON -m zipfile --extract $FOLDER/unrolled-*.whl $FOLDER/wheel
  # Python keeps memory to the end: leaks are valgrind's and the driver's to find.
  local tests=(native cpu cpu_operators exactness fuzz memory threads packed reversed step streams scan scan_operators affine vocabulary)
  LD_PRELOAD="$($CXX -print-file-name=libasan.so) $($CXX -print-file-name=libstdc++.so)" \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 UNROLLED_TEST_BUDGETS=report \
    UNROLLED_TESTED_EXTENSION="$(ls $FOLDER/wheel/unrolled/_kernels*.so)" \
    $PYTHON -m pytest -q -m "not slow" -p tests.kernels.sanitized \
    $(printf 'tests/kernels/test_%s.py ' "${tests[@]}")
}

neon() {
  local cases=${CASES:-1000} name
  mkdir -p $FOLDER
  ${AARCH64_CXX:-aarch64-linux-gnu-g++} -std=c++17 -O2 -static -Wall -Wextra -Icsrc tests/kernels/driver.cpp \
    csrc/{kernels_neon,kernels_portable,dispatch,instruction_set,plain}.cpp -o $FOLDER/neon
  for name in neon portable; do run "$name" "${QEMU:-qemu-aarch64}" $FOLDER/neon; done
}

[ $# -gt 0 ] || set -- driver valgrind python
for part in "$@"; do
  case $part in
    driver) driver ;;
    valgrind) valgrind_ ;;
    python) python_ ;;
    neon) neon ;;
    *) echo "no such part: $part; there are driver, valgrind, python and neon" >&2; exit 2 ;;
  esac
done
