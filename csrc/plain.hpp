// The equations in plain loops, one row after the other: what the fast kernels are compared with.
#pragma once

#include "engine.hpp"

namespace unrolled::plain {

void forward(const Forward& call);
void backward(const Backward& call);

}  // namespace unrolled::plain
