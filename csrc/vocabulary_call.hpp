// What the loss of a vocabulary's scores is handed: the cross-entropy of softmax(W h + b), and its gradients. N rows,
// E features, V tokens.
#pragma once

#include <cstdint>

namespace unrolled {

struct VocabularyLoss {
  int64_t rows, features, tokens;
  const float* hidden;     // [N, E]
  const float* weight;     // [V, E]
  const float* bias;       // [V], or null
  const int64_t* targets;  // [N], each from 0 to V - 1
  double smoothing;
  // What is wanted; null is not. Written, not added to.
  float* ghidden;  // [N, E]
  float* gweight;  // [V, E]
  float* gbias;    // [V]
  int threads;
};

}  // namespace unrolled
