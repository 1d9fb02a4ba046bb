// Which build of the kernels runs: chosen by what the processor can do, or by name.
#pragma once

#include "kernels_of.hpp"

namespace unrolled {

struct Kernels {
  const char* name;
  bool (*supported)() noexcept;
  const Entry* entry;
};

// The kernels in force. Read at load from UNROLLED_INSTRUCTION_SET, else the widest that runs here.
const Kernels& kernels() noexcept;

// Puts the named kernels in force (null: the widest that runs here again). Returns false when there are none of that
// name or this machine cannot run them.
bool force_kernels(const char* name) noexcept;

}  // namespace unrolled
