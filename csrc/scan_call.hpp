// What a scan is handed: h_t = a_t * h_{t-1} + b_t of each unit, forward, and its gradients backward.
//
// The operands are a and b themselves, or what a cell computes them from (`Scan`). Sizes in the comments: S units, B rows,
// T steps. Position p of an operand, its S units side by side, begins at data + p * stride; step t of row r is position
// starts[r] + t, so that rows may be padded or lie end to end.
#pragma once

#include <cstdint>

namespace unrolled {

// Parts and what they make, sigma the logistic function, g(u) = u + 1/2 where u > 0, else sigma(u):
//   linear            a, b
//   linear_complex    a, b, each complex: S / 2 units of a real and an imaginary part
//   min_gru           k, u      z = sigma(k);  a = 1 - z, b = z * g(u), or z * u (identity)
//   min_lstm          i, f, u   w = sigma(i) / (sigma(i) + sigma(f));  a = 1 - w, b = w * g(u), or w * u (identity)
enum Scan : int {
  linear,
  linear_complex,
  min_gru_positive,
  min_gru_identity,
  min_lstm_positive,
  min_lstm_identity,
  scan_count
};

static constexpr int most_scan_parts = 3;

struct ScanLayout {
  int form;
  int64_t batch, steps, size;
  const int64_t* lengths;  // [B]
  const int64_t* order;    // [B], the longest row first
  const int64_t* starts;   // [B]
  const float* parts[most_scan_parts];
  int64_t strides[most_scan_parts];
  const float* h0;  // [B, S]
  int threads;
};

struct ScanForward {
  ScanLayout layout;
  float* hs;  // [B, T, S]; padding is not written
  float* hn;  // [B, S]
};

struct ScanBackward {
  ScanLayout layout;
  const float* hs;   // as the pass forward left it
  const float* ghs;  // [S] at row r and step t: ghs + r * ghs_row + t * ghs_time; or null
  int64_t ghs_row, ghs_time;
  const float* ghn;               // [B, S], or null
  float* grads[most_scan_parts];  // as the parts; padding is not written
  int64_t grad_strides[most_scan_parts];
  float* gh0;  // [B, S]
};

}  // namespace unrolled
