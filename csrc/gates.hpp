// The pointwise work of the way back: from the gradient of h after a step to the gradients of its gates.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Panels of gate gradients of a live step: the gates in order and, of the GRU that resets after the product, the
// gradient of W_hn h + b_hn, which takes the place of n's wherever the state's weights are concerned.
constexpr int64_t gradient_panels(int kind) { return kind == gru_reset_after ? 4 : gate_count(kind); }

// One row at one step: where its numbers come from.
struct BackwardRow {
  const float* y;
  const float* gy;        // or null
  const float* h_before;  // or null: zeros
  const float* c0;        // LSTM's c before the first step; or null: zeros
  const float* saved;     // of the step
  const float* saved_before;
  Saved place, place_before;
  int64_t s, t;

  UNROLLED_INLINE Vector read(const float* from, int64_t block) const {
    return from == nullptr ? zero() : load_lanes(from + block * width, lanes_of(block, place.hidden_size));
  }
  UNROLLED_INLINE Vector field(int index, int64_t block) const {
    return load_lanes(saved + place.at(s, block, index), lanes_of(block, place.hidden_size));
  }
  UNROLLED_INLINE Vector c_before(int64_t block) const {
    if (t == 0) return read(c0, block);
    return load_lanes(saved_before + place_before.at(s, block, 4), lanes_of(block, place.hidden_size));
  }
};

// Gradients of one block of units and one row: `h` reaches h after the step, `carried` (and `c`) go on to the step
// before beside what the state's product gives.
template <int kind>
UNROLLED_INLINE void gate_gradients(const BackwardRow& row, int64_t block, Vector h, Vector before, float* c,
                                    Vector (&gates)[4], Vector& carried) {
  const Vector one = all(1.0f);
  carried = zero();
  if constexpr (kind == rnn_tanh) {
    const Vector y = row.read(row.y, block);
    gates[0] = h * subtract_product(y, y, one);
  } else if constexpr (kind == rnn_relu) {
    gates[0] = where_positive(row.read(row.y, block), h);
  } else if constexpr (kind == lstm) {
    const Vector i = row.field(0, block), f = row.field(1, block), g = row.field(2, block), o = row.field(3, block);
    const Vector tanh_c = tanh(row.field(4, block));
    const Vector h_o = h * o;
    const Vector total = multiply_add(h_o, subtract_product(tanh_c, tanh_c, one), load(c));
    const Vector total_i = total * i, total_f = total * f;
    gates[0] = total_i * g * (one - i);
    gates[1] = total_f * row.c_before(block) * (one - f);
    gates[2] = total_i * subtract_product(g, g, one);
    gates[3] = h_o * tanh_c * (one - o);
    store(c, total_f);
  } else {
    const Vector r = row.field(0, block), z = row.field(1, block), n = row.field(2, block);
    const Vector kept = h * (one - z);
    gates[2] = kept * subtract_product(n, n, one);
    gates[1] = kept * z * (before - n);
    carried = h * z;
    if constexpr (kind == gru_reset_after) {
      gates[3] = gates[2] * r;
      gates[0] = gates[3] * row.field(3, block) * (one - r);
    }
  }
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
