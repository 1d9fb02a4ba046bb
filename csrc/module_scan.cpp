// The scans of unrolled._kernels, and the product of all steps before them; see csrc/scan_call.hpp, csrc/affine_call.hpp.
#include "module_scan.hpp"

#include <cstdint>

#include "affine_call.hpp"
#include "dispatch.hpp"
#include "scan_call.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace {

using Address = std::uintptr_t;

template <class Float = float>
Float* at(Address address) noexcept {
  return reinterpret_cast<Float*>(address);
}

struct Part {
  Address data;
  int64_t stride;
};

// Pairs (address, stride) of every part.
void read_parts(const nb::tuple& given, Part* parts) {
  if (given.size() > unrolled::most_scan_parts) throw nb::value_error("too many parts");
  for (size_t i = 0; i < given.size(); ++i) {
    const auto pair = nb::cast<nb::tuple>(given[i]);
    parts[i] = {nb::cast<Address>(pair[0]), nb::cast<int64_t>(pair[1])};
  }
}

unrolled::ScanLayout layout(int form, int64_t batch, int64_t steps, int64_t size, Address lengths, Address order,
                            Address starts, const nb::tuple& given, Address h0, int threads) {
  if (form < 0 || form >= unrolled::scan_count) throw nb::value_error("no such scan");
  if (batch < 0 || steps < 0 || size < 0) throw nb::value_error("a size is out of range");
  unrolled::ScanLayout all{form, batch, steps, size, at<const int64_t>(lengths), at<const int64_t>(order),
                           at<const int64_t>(starts), {}, {}, at<>(h0), threads};
  Part parts[unrolled::most_scan_parts]{};
  read_parts(given, parts);
  for (int i = 0; i < unrolled::most_scan_parts; ++i) {
    all.parts[i] = at<>(parts[i].data);
    all.strides[i] = parts[i].stride;
  }
  return all;
}

void scan_forward(int form, int64_t batch, int64_t steps, int64_t size, Address lengths, Address order, Address starts,
                  const nb::tuple& parts, Address h0, Address hs, Address hn, int threads) {
  const unrolled::ScanForward call{
      layout(form, batch, steps, size, lengths, order, starts, parts, h0, threads), at<>(hs), at<>(hn)};
  const nb::gil_scoped_release release;
  unrolled::kernels().entry->scan_forward(call);
}

void scan_backward(int form, int64_t batch, int64_t steps, int64_t size, Address lengths, Address order, Address starts,
                   const nb::tuple& parts, Address h0, Address hs, Address ghs, int64_t ghs_row, int64_t ghs_time,
                   Address ghn, const nb::tuple& grads, Address gh0, int threads) {
  unrolled::ScanBackward call{
      layout(form, batch, steps, size, lengths, order, starts, parts, h0, threads),
      at<>(hs),
      at<>(ghs),
      ghs_row,
      ghs_time,
      at<>(ghn),
      {},
      {},
      at<>(gh0)};
  Part wanted[unrolled::most_scan_parts]{};
  read_parts(grads, wanted);
  for (int i = 0; i < unrolled::most_scan_parts; ++i) {
    call.grads[i] = at<>(wanted[i].data);
    call.grad_strides[i] = wanted[i].stride;
  }
  const nb::gil_scoped_release release;
  unrolled::kernels().entry->scan_backward(call);
}

void affine_forward(int64_t places, int64_t inputs, int64_t outputs, Address x, int64_t x_stride, Address weight,
                    Address bias, Address y, int threads) {
  if (places < 0 || inputs < 1 || outputs < 1) throw nb::value_error("a size is out of range");
  const unrolled::AffineForward call{
      {places, inputs, outputs, {at<const float>(x), x_stride}, at<>(weight), threads}, at<>(bias), {at<>(y), outputs}};
  const nb::gil_scoped_release release;
  unrolled::kernels().entry->affine_forward(call);
}

void affine_backward(int64_t places, int64_t inputs, int64_t outputs, Address x, int64_t x_stride, Address weight,
                     Address gy, int64_t gy_stride, Address gx, Address gweight, Address gbias, int threads) {
  if (places < 0 || inputs < 1 || outputs < 1) throw nb::value_error("a size is out of range");
  const unrolled::AffineBackward call{
      {places, inputs, outputs, {at<const float>(x), x_stride}, at<>(weight), threads},
      {at<const float>(gy), gy_stride},
      {at<>(gx), inputs},
      at<>(gweight),
      at<>(gbias)};
  const nb::gil_scoped_release release;
  unrolled::kernels().entry->affine_backward(call);
}

}  // namespace

void bind_scan(nb::module_& module) {
  module.def("scan_forward", &scan_forward, "form"_a, "batch"_a, "steps"_a, "size"_a, "lengths"_a, "order"_a,
             "starts"_a, "parts"_a, "h0"_a, "hs"_a, "hn"_a, "threads"_a,
             "Run a recurrence that is linear in its state; see csrc/scan_call.hpp.");
  module.def("scan_backward", &scan_backward, "form"_a, "batch"_a, "steps"_a, "size"_a, "lengths"_a, "order"_a,
             "starts"_a, "parts"_a, "h0"_a, "hs"_a, "ghs"_a, "ghs_row"_a, "ghs_time"_a, "ghn"_a, "grads"_a, "gh0"_a,
             "threads"_a, "Carry gradients back through what scan_forward ran; see csrc/scan_call.hpp.");
  module.def("affine_forward", &affine_forward, "places"_a, "inputs"_a, "outputs"_a, "x"_a, "x_stride"_a, "weight"_a,
             "bias"_a, "y"_a, "threads"_a, "Compute W x + b of many places; see csrc/affine_call.hpp.");
  module.def("affine_backward", &affine_backward, "places"_a, "inputs"_a, "outputs"_a, "x"_a, "x_stride"_a,
             "weight"_a, "gy"_a, "gy_stride"_a, "gx"_a, "gweight"_a, "gbias"_a, "threads"_a,
             "Return the gradients of W x + b; see csrc/affine_call.hpp.");
}
