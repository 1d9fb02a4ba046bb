#include "dispatch.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "plain.hpp"

namespace unrolled {
namespace {

bool always() noexcept { return true; }

const Kernels choices[] = {
    {"plain", always, plain::forward, plain::backward, nullptr},
};

std::atomic<const Kernels*> in_force{nullptr};

const Kernels* find(const char* name) noexcept {
  for (const Kernels& choice : choices) {
    if (choice.supported() && (name == nullptr || std::strcmp(name, choice.name) == 0)) return &choice;
  }
  return nullptr;
}

}  // namespace

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
