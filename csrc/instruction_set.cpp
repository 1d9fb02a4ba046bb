#include "instruction_set.hpp"

namespace unrolled {

// The builtins ask cpuid, and xgetbv too: a processor's registers are of no use when the system does not save them.

bool has_avx512() noexcept {
#ifdef UNROLLED_X86
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && has_avx2();
#else
  return false;
#endif
}

bool has_avx2() noexcept {
#ifdef UNROLLED_X86
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

const char* instruction_set() noexcept {
#ifdef UNROLLED_NEON
  return "neon";
#else
  return has_avx512() ? "avx512" : has_avx2() ? "avx2" : "portable";
#endif
}

}  // namespace unrolled
