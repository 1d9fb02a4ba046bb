#define UNROLLED_SET avx2
#include "engine.hpp"
#include "kernels_of.hpp"
#include "vector_avx2.hpp"
#include "workspace.hpp"
// after the vectors
#include "kernels.hpp"
