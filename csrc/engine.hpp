// What a recurrent kernel is handed: one struct for a pass forward, one for the pass backward through time.
//
// Rows are sorted by length, longest first: row s of the kernel is row order[s] of the caller, and step t has the rows
// 0 ... batch_sizes[t] - 1. Sizes in the comments: I input features, H hidden units, G gates, B rows, T steps, N live
// steps of all rows (the sum of batch_sizes). A null pointer is an absent tensor.
#pragma once

#include <cstdint>

#include "inline.hpp"

namespace unrolled {

enum Cell : int { rnn_tanh, rnn_relu, lstm, gru_reset_after, gru_reset_before, cell_count };

// G, the gates in torch's order: LSTM i f g o, GRU r z n.
static constexpr int gate_count(int cell) { return cell == lstm ? 4 : cell >= gru_reset_after ? 3 : 1; }

// Units of H that the pass backward needs of each live step: LSTM i f g o c; GRU r z n, and W_hn h + b_hn where the
// reset gate acts on it. The vanilla RNN needs its output alone.
static constexpr int saved_width(int cell) {
  return cell == lstm ? 5 : cell == gru_reset_after ? 4 : cell == gru_reset_before ? 3 : 0;
}

// Where (row s, step t) of a sequence lies: at data + row[s] + time[t], its features side by side.
template <class Float>
struct Steps {
  Float* data;
  const int64_t* row;   // [B], elements
  const int64_t* time;  // [T], elements

  UNROLLED_INLINE Float* at(int64_t s, int64_t t) const { return data + row[s] + time[t]; }
  UNROLLED_INLINE explicit operator bool() const { return data != nullptr; }
};

struct Layout {
  int cell;
  int64_t input_size, hidden_size, batch, steps;
  const int64_t* batch_sizes;  // [T], not rising
  const int64_t* order;        // [B]
};

struct Weights {
  const float* ih;       // [G*H, I]
  const float* hh;       // [G*H, H]
  const float* bias_ih;  // [G*H] or null
  const float* bias_hh;  // [G*H] or null
};

struct Forward {
  Layout layout;
  Steps<const float> x;  // [I]
  Weights weights;
  const float* h0;  // [B, H] in the caller's order; null is zeros
  const float* c0;
  Steps<float> y;  // [H]; padding is not written
  float* hn;       // [B, H] in the caller's order
  float* cn;
  float* saved;   // saved_width * H for each of the N live steps, step after step, or null in inference
  float* states;  // [N, H], LSTM [N, 2, H] (h, c), or null
  int threads;
};

struct Backward {
  Layout layout;
  Steps<const float> x;
  Weights weights;
  const float* h0;
  const float* c0;
  Steps<const float> y;
  const float* saved;      // as the pass forward left it
  Steps<const float> gy;   // [H], or null
  const float* ghn;        // [B, H] in the caller's order, or null
  const float* gcn;
  // What is wanted; null is not. Written, not added to.
  Steps<float> gx;  // [I]; padding is not written
  float* gw_ih;     // as Weights
  float* gw_hh;
  float* gb_ih;
  float* gb_hh;
  float* gh0;  // [B, H] in the caller's order
  float* gc0;
  int threads;
};

}  // namespace unrolled
