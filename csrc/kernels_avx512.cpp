#define UNROLLED_SET avx512
#include "engine.hpp"
#include "kernels_of.hpp"
#include "vector_avx512.hpp"
#include "workspace.hpp"
// after the vectors
#include "kernels.hpp"
