#include "plain.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace unrolled::plain {
namespace {

using Vector = std::vector<float>;

float sigmoid(float a) { return 1.0f / (1.0f + std::exp(-a)); }

// out[rows] += matrix[rows, columns] vector[columns]
void add_product(float* out, const float* matrix, const float* vector, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i) {
    float sum = 0;
    for (int64_t j = 0; j < columns; ++j) sum += matrix[i * columns + j] * vector[j];
    out[i] += sum;
  }
}

// out[columns] += matrix[rows, columns]^T vector[rows]
void add_transposed(float* out, const float* matrix, const float* vector, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) out[j] += matrix[i * columns + j] * vector[i];
}

// matrix[rows, columns] += left[rows] right[columns]^T
void add_outer(float* matrix, const float* left, const float* right, int64_t rows, int64_t columns) {
  if (matrix == nullptr) return;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) matrix[i * columns + j] += left[i] * right[j];
}

void add(float* out, const float* values, int64_t count) {
  if (out == nullptr || values == nullptr) return;
  for (int64_t i = 0; i < count; ++i) out[i] += values[i];
}

void begin(Vector& state, const float* given, int64_t row) {
  const int64_t size = static_cast<int64_t>(state.size());
  for (int64_t j = 0; j < size; ++j) state[j] = given ? given[row * size + j] : 0.0f;
}

void clear(float* out, int64_t count) {
  if (out != nullptr) std::fill_n(out, count, 0.0f);
}

// Steps of row s, and where step t's rows begin among all live steps.
int64_t length(const Layout& layout, int64_t s) {
  int64_t t = 0;
  while (t < layout.steps && layout.batch_sizes[t] > s) ++t;
  return t;
}

}  // namespace

void forward(const Forward& call) {
  const Layout& layout = call.layout;
  const int64_t I = layout.input_size, H = layout.hidden_size, G = gate_count(layout.cell);
  const int width = saved_width(layout.cell);
  Vector h(H), c(H), from_x(G * H), from_h(G * H), scaled(H);
  for (int64_t s = 0; s < layout.batch; ++s) {
    const int64_t row = layout.order[s], steps = length(layout, s);
    begin(h, call.h0, row);
    begin(c, call.c0, row);
    int64_t offset = 0;
    for (int64_t t = 0; t < steps; offset += layout.batch_sizes[t++]) {
      std::fill(from_x.begin(), from_x.end(), 0.0f);
      std::fill(from_h.begin(), from_h.end(), 0.0f);
      add(from_x.data(), call.weights.bias_ih, G * H);
      add(from_h.data(), call.weights.bias_hh, G * H);
      add_product(from_x.data(), call.weights.ih, call.x.at(s, t), G * H, I);
      const bool before = layout.cell == gru_reset_before;
      add_product(from_h.data(), call.weights.hh, h.data(), (before ? 2 : G) * H, H);
      float* saved = call.saved ? call.saved + (offset + s) * width * H : nullptr;
      if (before) {
        for (int64_t j = 0; j < H; ++j) scaled[j] = sigmoid(from_x[j] + from_h[j]) * h[j];
        add_product(from_h.data() + 2 * H, call.weights.hh + 2 * H * H, scaled.data(), H, H);
      }
      for (int64_t j = 0; j < H; ++j) {
        auto sum = [&](int64_t g) { return from_x[g * H + j] + from_h[g * H + j]; };
        float kept[5] = {};
        if (layout.cell == lstm) {
          const float i = sigmoid(sum(0)), f = sigmoid(sum(1)), g = std::tanh(sum(2)), o = sigmoid(sum(3));
          c[j] = f * c[j] + i * g;
          h[j] = o * std::tanh(c[j]);
          kept[0] = i, kept[1] = f, kept[2] = g, kept[3] = o, kept[4] = c[j];
        } else if (layout.cell == rnn_tanh) {
          h[j] = std::tanh(sum(0));
        } else if (layout.cell == rnn_relu) {
          h[j] = sum(0) < 0 ? 0 : sum(0);
        } else {
          const float r = sigmoid(sum(0)), z = sigmoid(sum(1)), q = from_h[2 * H + j];
          const float n = std::tanh(from_x[2 * H + j] + (before ? q : r * q));
          h[j] = n + z * (h[j] - n);
          kept[0] = r, kept[1] = z, kept[2] = n, kept[3] = q;
        }
        for (int k = 0; saved && k < width; ++k) saved[k * H + j] = kept[k];
      }
      std::copy(h.begin(), h.end(), call.y.at(s, t));
      if (call.states) {
        const int64_t count = layout.cell == lstm ? 2 : 1;
        float* states = call.states + (offset + s) * count * H;
        std::copy(h.begin(), h.end(), states);
        if (count == 2) std::copy(c.begin(), c.end(), states + H);
      }
    }
    if (call.hn) std::copy(h.begin(), h.end(), call.hn + row * H);
    if (call.cn) std::copy(c.begin(), c.end(), call.cn + row * H);
  }
}

void backward(const Backward& call) {
  const Layout& layout = call.layout;
  const int64_t I = layout.input_size, H = layout.hidden_size, G = gate_count(layout.cell);
  const int width = saved_width(layout.cell);
  clear(call.gw_ih, G * H * I);
  clear(call.gw_hh, G * H * H);
  clear(call.gb_ih, G * H);
  clear(call.gb_hh, G * H);
  std::vector<int64_t> offsets(layout.steps + 1);
  for (int64_t t = 0; t < layout.steps; ++t) offsets[t + 1] = offsets[t] + layout.batch_sizes[t];
  Vector dh(H), dc(H), carried(H), before_h(H), before_c(H), dx(G * H), dq(G * H), scaled(H), dscaled(H);
  for (int64_t s = 0; s < layout.batch; ++s) {
    const int64_t row = layout.order[s];
    begin(dh, call.ghn, row);
    begin(dc, call.gcn, row);
    for (int64_t t = length(layout, s) - 1; t >= 0; --t) {
      const float* saved = call.saved + (offsets[t] + s) * width * H;
      const float* y = call.y.at(s, t);
      if (t > 0) {
        std::copy_n(call.y.at(s, t - 1), H, before_h.begin());
        if (layout.cell == lstm)
          std::copy_n(call.saved + (offsets[t - 1] + s) * width * H + 4 * H, H, before_c.begin());
      } else {
        begin(before_h, call.h0, row);
        begin(before_c, call.c0, row);
      }
      if (call.gy) add(dh.data(), call.gy.at(s, t), H);
      for (int64_t j = 0; j < H; ++j) {
        carried[j] = 0;
        if (layout.cell == lstm) {
          const float i = saved[j], f = saved[H + j], g = saved[2 * H + j], o = saved[3 * H + j];
          const float tanh_c = std::tanh(saved[4 * H + j]);
          dc[j] += dh[j] * o * (1 - tanh_c * tanh_c);
          dx[j] = dc[j] * g * i * (1 - i);
          dx[H + j] = dc[j] * before_c[j] * f * (1 - f);
          dx[2 * H + j] = dc[j] * i * (1 - g * g);
          dx[3 * H + j] = dh[j] * tanh_c * o * (1 - o);
          dc[j] *= f;
        } else if (layout.cell == rnn_tanh) {
          dx[j] = dh[j] * (1 - y[j] * y[j]);
        } else if (layout.cell == rnn_relu) {
          dx[j] = y[j] > 0 ? dh[j] : 0;
        } else {
          const float r = saved[j], z = saved[H + j], n = saved[2 * H + j];
          dx[H + j] = dh[j] * (before_h[j] - n) * z * (1 - z);
          dx[2 * H + j] = dh[j] * (1 - z) * (1 - n * n);
          if (layout.cell == gru_reset_after) dx[j] = dx[2 * H + j] * saved[3 * H + j] * r * (1 - r);
          carried[j] = dh[j] * z;
        }
      }
      const float* weights = call.weights.hh;
      const int64_t first = layout.cell == gru_reset_before ? 2 : G;
      if (layout.cell == gru_reset_before) {
        std::fill(dscaled.begin(), dscaled.end(), 0.0f);
        add_transposed(dscaled.data(), weights + 2 * H * H, dx.data() + 2 * H, H, H);
        for (int64_t j = 0; j < H; ++j) {
          const float r = saved[j];
          dx[j] = dscaled[j] * before_h[j] * r * (1 - r);
          carried[j] += dscaled[j] * r;
          scaled[j] = r * before_h[j];
        }
      }
      dq = dx;
      if (layout.cell == gru_reset_after)
        for (int64_t j = 0; j < H; ++j) dq[2 * H + j] *= saved[j];
      std::copy(carried.begin(), carried.end(), dh.begin());
      add_transposed(dh.data(), weights, dq.data(), first * H, H);
      if (call.gx) {
        clear(call.gx.at(s, t), I);
        add_transposed(call.gx.at(s, t), call.weights.ih, dx.data(), G * H, I);
      }
      add_outer(call.gw_ih, dx.data(), call.x.at(s, t), G * H, I);
      add_outer(call.gw_hh, dq.data(), before_h.data(), first * H, H);
      if (first < G && call.gw_hh) add_outer(call.gw_hh + 2 * H * H, dq.data() + 2 * H, scaled.data(), H, H);
      add(call.gb_ih, dx.data(), G * H);
      add(call.gb_hh, dq.data(), G * H);
    }
    if (call.gh0) std::copy(dh.begin(), dh.end(), call.gh0 + row * H);
    if (call.gc0) std::copy(dc.begin(), dc.end(), call.gc0 + row * H);
  }
}

}  // namespace unrolled::plain
