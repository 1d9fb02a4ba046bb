#include "program.hpp"

namespace unrolled {
namespace {

bool possible(const StepLayer& layer) {
  if (layer.kind < 0 || layer.kind >= step_kind_count || layer.in < 1 || layer.out < 1) return false;
  if (layer.kind == step_cell) return layer.cell >= 0 && layer.cell < cell_count;
  const bool changes_size = layer.kind == step_linear || layer.kind == step_embedding;
  return changes_size || layer.in == layer.out;
}

}  // namespace

bool Program::add(StepLayer layer, const Weights& weights) {
  const bool first = layers_.empty();
  if (!possible(layer) || (!first && (layer.kind == step_embedding || layer.in != layers_.back().out))) return false;
  if (layer.kind == step_embedding) {
    layer.packed = const_cast<float*>(weights.ih);
  } else {
    memory_.emplace_back(static_cast<std::size_t>(entry_->steps.floats(layer)) * sizeof(float));
    layer.packed = static_cast<float*>(memory_.back().data());
    entry_->steps.pack(layer, weights);
  }
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
