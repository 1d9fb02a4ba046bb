#define UNROLLED_SET portable
#include "engine.hpp"
#include "kernels_of.hpp"
#include "vector_portable.hpp"
#include "workspace.hpp"
// after the vectors
#include "kernels.hpp"
