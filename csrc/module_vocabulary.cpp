// The vocabulary loss of unrolled._kernels; see csrc/vocabulary_call.hpp.
#include "module_vocabulary.hpp"

#include <cstdint>

#include "dispatch.hpp"
#include "vocabulary_call.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;

template <class Number = float>
Number* at(Address address) noexcept {
  return reinterpret_cast<Number*>(address);
}

double vocabulary_loss(int64_t rows, int64_t features, int64_t tokens, Address hidden, Address weight, Address bias,
                       Address targets, double smoothing, Address ghidden, Address gweight, Address gbias,
                       int threads) {
  if (rows < 0 || features < 1 || tokens < 1) throw nb::value_error("a size is out of range");
  const unrolled::VocabularyLoss call{rows,         features,     tokens,      at<>(hidden),
                                      at<>(weight), at<>(bias),   at<const int64_t>(targets),
                                      smoothing,    at<>(ghidden), at<>(gweight), at<>(gbias), threads};
  const nb::gil_scoped_release release;
  return unrolled::kernels().entry->vocabulary_loss(call);
}

}  // namespace

void bind_vocabulary(nb::module_& module) {
  module.def("vocabulary_loss", &vocabulary_loss, "rows"_a, "features"_a, "tokens"_a, "hidden"_a, "weight"_a, "bias"_a,
             "targets"_a, "smoothing"_a, "ghidden"_a, "gweight"_a, "gbias"_a, "threads"_a,
             "Return the cross-entropy of softmax(W h + b), and write its gradients; see csrc/vocabulary_call.hpp.");
}
