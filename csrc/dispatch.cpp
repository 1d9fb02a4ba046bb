#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "instruction_set.hpp"
#include "plain.hpp"

namespace unrolled {
namespace {

bool always() noexcept { return true; }

const Entry plain_entry{plain::forward,
                        plain::backward,
                        portable::entry.steps,
                        portable::entry.scan_forward,
                        portable::entry.scan_backward,
                        portable::entry.affine_forward,
                        portable::entry.affine_backward,
                        portable::entry.vocabulary_loss,
                        portable::entry.multiply_add};

// The widest first.
const Kernels choices[] = {
#ifdef UNROLLED_X86
    {"avx512", has_avx512, &avx512::entry},
    {"avx2", has_avx2, &avx2::entry},
#endif
#ifdef UNROLLED_NEON
    {"neon", always, &neon::entry},
#endif
    {"portable", always, &portable::entry},
    {"plain", always, &plain_entry},
};

std::atomic<const Kernels*> in_force{nullptr};
std::atomic<double> thread_worth{1e6};

const Kernels* find(const char* name) noexcept {
  for (const Kernels& choice : choices) {
    if (choice.supported() && (name == nullptr || std::strcmp(name, choice.name) == 0)) return &choice;
  }
  return nullptr;
}

}  // namespace

double work_per_thread() noexcept { return thread_worth.load(std::memory_order_relaxed); }

void set_work_per_thread(double operations) noexcept {
  thread_worth.store(operations < 1.0 ? 1.0 : operations, std::memory_order_relaxed);
}

const Kernels& kernels() noexcept {
  const Kernels* chosen = in_force.load(std::memory_order_relaxed);
  if (chosen == nullptr) {
    const char* name = std::getenv("UNROLLED_INSTRUCTION_SET");
    chosen = name != nullptr && *name != '\0' ? find(name) : nullptr;
    // A name that this machine cannot run is no reason to fail an import: instruction_set_in_force() tells.
    if (chosen == nullptr) chosen = find(nullptr);
    in_force.store(chosen, std::memory_order_relaxed);
  }
  return *chosen;
}

bool force_kernels(const char* name) noexcept {
  const Kernels* chosen = find(name);
  if (chosen != nullptr) in_force.store(chosen, std::memory_order_relaxed);
  return chosen != nullptr;
}

}  // namespace unrolled
