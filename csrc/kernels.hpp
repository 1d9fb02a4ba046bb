// The kernels for one instruction set. Its file defines UNROLLED_SET (the namespace), includes the vectors, then this.
// clang-format off: each builds on those before it
#include "activations.hpp"
#include "tiles.hpp"
#include "pack.hpp"
#include "forward.hpp"
#include "gates.hpp"
#include "backward.hpp"
#include "gradients.hpp"
#include "step.hpp"
#include "scan.hpp"
#include "affine.hpp"
#include "vocabulary_worker.hpp"
#include "vocabulary.hpp"
// clang-format on

namespace unrolled::UNROLLED_SET {
namespace {

double multiply_add_loop(int64_t rounds) {
  constexpr int chains = 12;  // enough to hide the latency, few enough for 16 registers
  Vector sums[chains];
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) sums[i] = all(1.0f + static_cast<float>(i));
  const Vector factor = all(0.999f), term = all(0.001f);
#pragma GCC unroll 1
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < chains; ++i) sums[i] = multiply_add(sums[i], factor, term);
  }
  Vector total = zero();
#pragma GCC unroll 12
  for (int i = 0; i < chains; ++i) total = total + sums[i];
  float out[width];
  store(out, total);
  volatile float kept = out[0];
  (void)kept;
  return 2.0 * width * chains * static_cast<double>(rounds);
}

}  // namespace

extern const Entry entry;
const Entry entry{forward,
                  backward,
                  {step_floats, pack_step, run_steps},
                  scan_forward,
                  scan_backward,
                  affine_forward,
                  affine_backward,
                  vocabulary_loss,
                  multiply_add_loop};

}  // namespace unrolled::UNROLLED_SET
