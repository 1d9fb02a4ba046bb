// Which family of kernels this machine can run.
#pragma once

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define UNROLLED_X86
#endif
#if defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define UNROLLED_NEON  // every such processor has it
#endif

namespace unrolled {

// Whether both the processor and the operating system support it.
bool has_avx512() noexcept;  // F, BW, DQ and VL
bool has_avx2() noexcept;    // with FMA

// Returns "avx512", "avx2", "neon" or "portable": the widest set that both the processor and the operating system
// support.
const char* instruction_set() noexcept;

}  // namespace unrolled
