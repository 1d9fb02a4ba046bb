// What an affine map of many places is handed: y = W x + b, and its gradients. N places, I inputs, O outputs; a place's
// numbers lie side by side, the places `stride` apart.
#pragma once

#include <cstdint>

namespace unrolled {

template <class Float>
struct Places {
  Float* data;  // or null
  int64_t stride;
};

struct Affine {
  int64_t places, inputs, outputs;
  Places<const float> x;  // [I]
  const float* weight;    // [O, I]
  int threads;
};

struct AffineForward {
  Affine map;
  const float* bias;  // [O], or null
  Places<float> y;    // [O]
};

struct AffineBackward {
  Affine map;
  Places<const float> gy;  // [O]
  // What is wanted; null is not. Written, not added to.
  Places<float> gx;  // [I]
  float* gweight;    // [O, I]
  float* gbias;      // [O]
};

}  // namespace unrolled
