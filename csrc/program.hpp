// Layers one over the other with their weights packed once, for many steps.
#pragma once

#include <cstdint>
#include <vector>

#include "dispatch.hpp"
#include "step_call.hpp"
#include "workspace.hpp"

namespace unrolled {

// Any number of threads may run one Program at the same time: a run changes the states it is handed and nothing else.
class Program {
 public:
  Program() : entry_(kernels().entry) {}
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Puts a layer on top and packs its weights; an embedding's table is not copied and must stay where it is. Returns
  // false when its sizes are not possible or do not fit the layer below.
  bool add(StepLayer layer, const Weights& weights);

  // Returns false, and has done nothing, when a row number of the embedding is out of range.
  bool run(StepCall call) const;

  int64_t size() const { return static_cast<int64_t>(layers_.size()); }

  // Multiplications of one step of one row.
  int64_t multiplications() const { return multiplications_; }

 private:
  const Entry* entry_;  // whose layout the weights have, whatever is in force later
  std::vector<StepLayer> layers_;
  std::vector<Memory> memory_;
  int64_t multiplications_ = 0;
};

}  // namespace unrolled
