// What the object file of each instruction set offers.
#pragma once

#include "affine_call.hpp"
#include "engine.hpp"
#include "scan_call.hpp"
#include "step_call.hpp"
#include "vocabulary_call.hpp"

namespace unrolled {

struct Entry {
  void (*forward)(const Forward& call);
  void (*backward)(const Backward& call);
  StepKernels steps;
  void (*scan_forward)(const ScanForward& call);
  void (*scan_backward)(const ScanBackward& call);
  void (*affine_forward)(const AffineForward& call);
  void (*affine_backward)(const AffineBackward& call);
  double (*vocabulary_loss)(const VocabularyLoss& call);
  // Runs a loop of multiply-adds between registers and returns the floating point operations done.
  double (*multiply_add)(int64_t rounds);
};

// Floating point operations that are worth another thread: to wake one costs a few microseconds. Tests lower it.
double work_per_thread() noexcept;
void set_work_per_thread(double operations) noexcept;

namespace avx512 {
extern const Entry entry;
}
namespace avx2 {
extern const Entry entry;
}
namespace neon {
extern const Entry entry;
}
namespace portable {
extern const Entry entry;
}

}  // namespace unrolled
