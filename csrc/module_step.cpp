#include "module_step.hpp"

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "program.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;
using unrolled::Program;

// Multiplications from which other threads of Python may run meanwhile; a shorter run ends before one would wake.
constexpr int64_t worth_releasing = 1 << 18;

template <class Pointer>
Pointer at(Address address) noexcept {
  return reinterpret_cast<Pointer>(address);
}

// As os.environ.get("UNROLLED_KERNELS") == "off", at a tenth of its price.
bool switched_off() noexcept {
  const char* value = std::getenv("UNROLLED_KERNELS");
  return value != nullptr && std::strcmp(value, "off") == 0;
}

bool run(const Program& program, const unrolled::StepCall& call) {
  if (call.batch < 0 || call.steps < 0) throw nb::value_error("a size is out of range");
  if (switched_off()) return false;
  if (program.multiplications() * call.batch * call.steps < worth_releasing) return program.run(call);
  const nb::gil_scoped_release release;
  return program.run(call);
}

void add(Program& program, int kind, int cell, int64_t in, int64_t out, float epsilon, Address w_ih, Address w_hh,
         Address b_ih, Address b_hh) {
  const unrolled::Weights weights{at<const float*>(w_ih), at<const float*>(w_hh), at<const float*>(b_ih),
                                  at<const float*>(b_hh)};
  if (!program.add({kind, cell, in, out, epsilon, nullptr}, weights)) {
    throw nb::value_error("no such layer, or it does not fit the one below");
  }
}

bool run_layers(const Program& program, Address x, int64_t batch, int64_t steps, Address y, Address states,
                int threads) {
  return run(program, {nullptr, 0, at<const void*>(x), at<float*>(y), batch, steps, at<const float* const*>(states),
                       at<float* const*>(states), threads});
}

bool step(const Program& program, Address x, int64_t batch, Address h, Address c, Address y, Address c_after,
          int threads) {
  if (program.size() != 1) throw nb::value_error("a step is of one cell");
  const float* before[] = {at<const float*>(h), at<const float*>(c)};
  float* after[] = {nullptr, at<float*>(c_after)};
  return run(program, {nullptr, 0, at<const void*>(x), at<float*>(y), batch, 1, before, after, threads});
}

double seconds(const Program& program, Address x, int64_t batch, int64_t steps, Address y, Address states, int threads,
               int64_t times) {
  using clock = std::chrono::steady_clock;
  const nb::gil_scoped_release release;
  const auto start = clock::now();
  for (int64_t i = 0; i < times; ++i) {
    program.run({nullptr, 0, at<const void*>(x), at<float*>(y), batch, steps, at<const float* const*>(states),
                 at<float* const*>(states), threads});
  }
  return std::chrono::duration<double>(clock::now() - start).count();
}

}  // namespace

void bind_step(nb::module_& module) {
  nb::class_<Program>(module, "Program", "Layers with packed weights; csrc/step_call.hpp says what each is given.")
      .def(nb::init<>())
      .def("add", &add, "kind"_a, "cell"_a, "input_size"_a, "output_size"_a, "epsilon"_a, "w_ih"_a, "w_hh"_a, "b_ih"_a,
           "b_hh"_a, "Put a layer on top and pack its weights.")
      .def("run", &run_layers, "x"_a, "batch"_a, "steps"_a, "y"_a, "states"_a, "threads"_a,
           "Run (batch, steps) and put the states after in the place of those before: at `states` lie their addresses, "
           "2 a layer. Returns False, with nothing done, for UNROLLED_KERNELS=off and for a row that the embedding "
           "does not have.")
      .def("step", &step, "x"_a, "batch"_a, "h"_a, "c"_a, "y"_a, "c_after"_a, "threads"_a,
           "Run one step of a single cell; its h after is y. Returns False, with nothing done, for "
           "UNROLLED_KERNELS=off.")
      .def("seconds", &seconds, "x"_a, "batch"_a, "steps"_a, "y"_a, "states"_a, "threads"_a, "times"_a,
           "Return the seconds that so many runs take, measured from inside.")
      .def_prop_ro("multiplications", &Program::multiplications, "Multiplications of one step of one row.");
}
