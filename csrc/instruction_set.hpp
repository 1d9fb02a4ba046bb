// Which family of kernels this machine can run.
#pragma once

namespace unrolled {

// Returns "avx512", "avx2" or "portable": the widest set that both the processor and the operating system support.
const char* instruction_set() noexcept;

}  // namespace unrolled
