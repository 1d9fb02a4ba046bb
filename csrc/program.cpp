#include "program.hpp"

namespace unrolled {
namespace {

// Of a table of the input's products of all tokens: with more of them it takes long to make, and much room.
constexpr int64_t most_table_floats = 1 << 24;

bool possible(const StepLayer& layer) {
  if (layer.kind < 0 || layer.kind >= step_kind_count || layer.in < 1 || layer.out < 1) return false;
  if (layer.kind == step_token_cell) return false;
  if (layer.kind == step_cell) return layer.cell >= 0 && layer.cell < cell_count;
  const bool changes_size = layer.kind == step_linear || layer.kind == step_embedding;
  return changes_size || layer.in == layer.out;
}

}  // namespace

bool Program::add(StepLayer layer, const Weights& weights) {
  const bool first = layers_.empty();
  if (!possible(layer) || (!first && (layer.kind == step_embedding || layer.in != layers_.back().out))) return false;
  const StepLayer* embedding = nullptr;
  if (layer.kind == step_cell && layers_.size() == 1 && layers_[0].kind == step_embedding &&
      layers_[0].in * gate_count(layer.cell) * layer.out <= most_table_floats) {
    embedding = &layers_[0];
    layer.kind = step_token_cell;
    layer.in = embedding->in;
  }
  if (layer.kind == step_embedding) {
    layer.packed = const_cast<float*>(weights.ih);
  } else {
    memory_.emplace_back(static_cast<std::size_t>(entry_->steps.floats(layer)) * sizeof(float));
    layer.packed = static_cast<float*>(memory_.back().data());
    entry_->steps.pack(layer, embedding, weights);
  }
  if (layer.kind == step_token_cell) multiplications_ += gate_count(layer.cell) * layer.out * layer.out;
  if (layer.kind == step_cell) multiplications_ += gate_count(layer.cell) * layer.out * (layer.in + layer.out);
  if (layer.kind == step_linear) multiplications_ += layer.in * layer.out;
  layers_.push_back(layer);
  return true;
}

bool Program::run(StepCall call) const {
  if (call.batch < 1 || call.steps < 1 || layers_.empty()) return true;
  if (layers_[0].kind == step_embedding) {
    const int64_t* ids = static_cast<const int64_t*>(call.x);
    for (int64_t n = 0; n < call.batch * call.steps; ++n) {
      if (ids[n] < 0 || ids[n] >= layers_[0].in) return false;
    }
  }
  call.layers = layers_.data();
  call.count = size();
  entry_->steps.run(call);
  return true;
}

}  // namespace unrolled
