#define UNROLLED_SET neon
#include "engine.hpp"
#include "kernels_of.hpp"
#include "vector_neon.hpp"
#include "workspace.hpp"
// after the vectors
#include "kernels.hpp"
