// The Python module unrolled._kernels. It links no torch; src/unrolled/kernels/extension.py loads it after torch.
//
// Tensors come as addresses (`tensor.data_ptr()`, 0 for one that is absent): as nanobind's arrays seven of them would
// cost 14 us a call. What they must hold stands in engine.hpp; checking it is the caller's work.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "dispatch.hpp"
#include "engine.hpp"
#include "instruction_set.hpp"
#include "module_scan.hpp"
#include "module_step.hpp"
#include "module_vocabulary.hpp"
#include "workspace.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;

template <class Float = float>
Float* at(Address address) noexcept {
  return reinterpret_cast<Float*>(address);
}

template <class Float>
unrolled::Steps<Float> steps(Address data, Address row, Address time) noexcept {
  return {at<Float>(data), at<const int64_t>(row), at<const int64_t>(time)};
}

void check(int cell, int64_t input_size, int64_t hidden_size, int64_t batch, int64_t steps) {
  if (cell < 0 || cell >= unrolled::cell_count) throw nb::value_error("no such cell");
  if (input_size < 1 || hidden_size < 1 || batch < 0 || steps < 0) throw nb::value_error("a size is out of range");
}

void forward(int cell, int64_t input_size, int64_t hidden_size, int64_t batch, int64_t step_count, Address batch_sizes,
             Address order, Address x, Address x_row, Address x_time, Address w_ih, Address w_hh, Address b_ih,
             Address b_hh, Address h0, Address c0, Address y, Address y_row, Address y_time, Address hn, Address cn,
             Address saved, Address states, int threads) {
  check(cell, input_size, hidden_size, batch, step_count);
  const unrolled::Forward call{
      {cell, input_size, hidden_size, batch, step_count, at<const int64_t>(batch_sizes), at<const int64_t>(order)},
      steps<const float>(x, x_row, x_time),
      {at<>(w_ih), at<>(w_hh), at<>(b_ih), at<>(b_hh)},
      at<>(h0),
      at<>(c0),
      steps<float>(y, y_row, y_time),
      at<>(hn),
      at<>(cn),
      at<>(saved),
      at<>(states),
      threads};
  const nb::gil_scoped_release release;
  unrolled::kernels().entry->forward(call);
}

void backward(int cell, int64_t input_size, int64_t hidden_size, int64_t batch, int64_t step_count, Address batch_sizes,
              Address order, Address x, Address x_row, Address x_time, Address w_ih, Address w_hh, Address b_ih,
              Address b_hh, Address h0, Address c0, Address y, Address y_row, Address y_time, Address saved, Address gy,
              Address gy_row, Address gy_time, Address ghn, Address gcn, Address gx, Address gx_row, Address gx_time,
              Address gw_ih, Address gw_hh, Address gb_ih, Address gb_hh, Address gh0, Address gc0, int threads) {
  check(cell, input_size, hidden_size, batch, step_count);
  const unrolled::Backward call{
      {cell, input_size, hidden_size, batch, step_count, at<const int64_t>(batch_sizes), at<const int64_t>(order)},
      steps<const float>(x, x_row, x_time),
      {at<>(w_ih), at<>(w_hh), at<>(b_ih), at<>(b_hh)},
      at<>(h0),
      at<>(c0),
      steps<const float>(y, y_row, y_time),
      at<>(saved),
      steps<const float>(gy, gy_row, gy_time),
      at<>(ghn),
      at<>(gcn),
      steps<float>(gx, gx_row, gx_time),
      at<>(gw_ih),
      at<>(gw_hh),
      at<>(gb_ih),
      at<>(gb_hh),
      at<>(gh0),
      at<>(gc0),
      threads};
  const nb::gil_scoped_release release;
  unrolled::kernels().entry->backward(call);
}

int width_of_saved(int cell) {
  check(cell, 1, 1, 0, 0);
  return unrolled::saved_width(cell);
}

void force_instruction_set(std::optional<std::string> name) {
  if (!unrolled::force_kernels(name ? name->c_str() : nullptr)) {
    throw nb::value_error(("this machine has no kernels called " + name.value_or("")).c_str());
  }
}

// The best of many short loops on each thread, added up: on a busy machine the average would tell how busy it is.
double peak_flops(int threads, double seconds) {
  using clock = std::chrono::steady_clock;
  const auto loop = unrolled::kernels().entry->multiply_add;
  const nb::gil_scoped_release release;
  const auto since = [](clock::time_point from) { return std::chrono::duration<double>(clock::now() - from).count(); };
  const auto begin = clock::now();
  double total = 0.0;
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel num_threads(threads < 1 ? 1 : threads) reduction(+ : total)
#endif
  {
    double best = 0.0;
    do {
      const auto start = clock::now();
      const double done = loop(20000);
      const double rate = done / since(start);
      best = rate > best ? rate : best;
    } while (since(begin) < seconds);
    total += best;
  }
  return total;
}

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
  // Raised with every change of what stands below: unrolled.kernels.extension refuses a build of another one.
  module.attr("interface") = 1;
  module.def("instruction_set", &unrolled::instruction_set,
             "Return the widest instruction set that this machine supports: 'avx512', 'avx2', 'neon' or 'portable'.");
  module.def(
      "instruction_set_in_force", [] { return unrolled::kernels().name; },
      "Return the instruction set of the kernels that run: the widest, or what UNROLLED_INSTRUCTION_SET or "
      "force_instruction_set named.");
  module.def("force_instruction_set", &force_instruction_set, "name"_a.none(),
             "Put the kernels of another instruction set in force; None is the widest again.");
  module.def("openmp_threads", &openmp_threads,
             "Return the threads that a parallel region started now would have (torch's own setting, whose runtime is "
             "shared); 0 when built without OpenMP.");
  module.def("saved_width", &width_of_saved, "cell"_a,
             "Return how many times hidden_size floats of each live step the pass backward needs.");
  module.def("forward", &forward, "cell"_a, "input_size"_a, "hidden_size"_a, "batch"_a, "steps"_a, "batch_sizes"_a,
             "order"_a, "x"_a, "x_row"_a, "x_time"_a, "w_ih"_a, "w_hh"_a, "b_ih"_a, "b_hh"_a, "h0"_a, "c0"_a, "y"_a,
             "y_row"_a, "y_time"_a, "hn"_a, "cn"_a, "saved"_a, "states"_a, "threads"_a,
             "Unroll a cell over rows sorted by length; see csrc/engine.hpp.");
  module.def("backward", &backward, "cell"_a, "input_size"_a, "hidden_size"_a, "batch"_a, "steps"_a, "batch_sizes"_a,
             "order"_a, "x"_a, "x_row"_a, "x_time"_a, "w_ih"_a, "w_hh"_a, "b_ih"_a, "b_hh"_a, "h0"_a, "c0"_a, "y"_a,
             "y_row"_a, "y_time"_a, "saved"_a, "gy"_a, "gy_row"_a, "gy_time"_a, "ghn"_a, "gcn"_a, "gx"_a, "gx_row"_a,
             "gx_time"_a, "gw_ih"_a, "gw_hh"_a, "gb_ih"_a, "gb_hh"_a, "gh0"_a, "gc0"_a, "threads"_a,
             "Carry gradients back through what forward unrolled; see csrc/engine.hpp.");
  bind_step(module);
  bind_scan(module);
  bind_vocabulary(module);
  module.def("set_work_per_thread", &unrolled::set_work_per_thread, "operations"_a,
             "Set the floating point operations that are worth another thread (at first 1e6).");
  module.def("free_workspaces", &unrolled::free_workspaces, "Free the memory that is kept for later calls.");
  module.def("workspace_bytes", &unrolled::workspace_bytes, "Return the bytes that are kept for later calls.");
  module.def("set_workspace_limit", &unrolled::set_workspace_limit, "bytes"_a,
             "Set the most bytes that may be kept for later calls.");
  module.def("peak_flops", &peak_flops, "threads"_a, "seconds"_a,
             "Measure the floating point operations a second of fused multiply-adds between registers.");
}
