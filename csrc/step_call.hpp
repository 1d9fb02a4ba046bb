// What the kernels are handed for steps with weights that were packed beforehand: layers one over the other, each
// computing (B rows, T steps) of features from those of the layer below. B and T are small against what
// Forward takes: T is 1, or a short chunk.
#pragma once

#include <cstdint>

#include "engine.hpp"

namespace unrolled {

enum StepKind : int {
  step_cell,
  step_linear,
  step_layer_norm,
  step_embedding,  // the first layer only: it reads int64
  step_tanh,
  step_sigmoid,
  step_relu,
  step_token_cell,  // what becomes of a cell over an embedding: its input's product of every token stands in a table
  step_kind_count
};

struct StepLayer {
  int kind;
  int cell;         // of step_cell and step_token_cell
  int64_t in, out;  // features; `in` of an embedding, and of a cell over its tokens, is its number of rows
  float epsilon;    // of step_layer_norm
  // What pack_step wrote: the instruction set's own layout. Of an embedding its table [in, out], where it lies.
  float* packed;
};

struct StepCall {
  const StepLayer* layers;
  int64_t count;
  const void* x;  // [B, T, in of the first layer], or int64 [B, T] below its `in` where that is an embedding
  float* y;       // [B, T, out of the last layer]
  int64_t batch, steps;
  // h and c [B, H] of each layer, 2 * count addresses, null where there is none; `after` may be `before`, and null is
  // not wanted.
  const float* const* before;
  float* const* after;
  int threads;
};

struct StepKernels {
  // Floats of a layer's packed weights.
  int64_t (*floats)(const StepLayer& layer);
  // Packs them. A Linear has [out, in] in `ih` and its bias in `bias_ih`; a LayerNorm the same of size [in], or null.
  // A cell over tokens is given the embedding below it.
  void (*pack)(const StepLayer& layer, const StepLayer* embedding, const Weights& weights);
  void (*run)(const StepCall& call);
};

}  // namespace unrolled
