// The Python module unrolled._kernels. It links no torch; src/unrolled/kernels/extension.py loads it after torch.
#include <nanobind/nanobind.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "instruction_set.hpp"

namespace {

int openmp_threads() noexcept {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 0;
#endif
}

}  // namespace

NB_MODULE(_kernels, module) {
  module.doc() = "The compiled part of unrolled.";
  module.def("instruction_set", &unrolled::instruction_set,
             "Return the widest instruction set that this machine supports: 'avx512', 'avx2' or 'portable'.");
  module.def("openmp_threads", &openmp_threads,
             "Return the threads that a parallel region started now would have (torch's own setting, whose runtime is "
             "shared); 0 when built without OpenMP.");
}
