// The kernels on random calls, without Python: every tensor and every workspace lies in memory of exactly its size and is
// not initialised before a kernel writes it, so that a sanitizer or valgrind sees each step beyond. What comes out is
// compared with the plain loops of csrc/plain.cpp, which tests/kernels/test_native.py compares with float64.
//
//   driver SET CASES [FIRST]   cases FIRST ... FIRST + CASES - 1 for the instruction set SET; a failure names its case
//
// tests/sanitize.sh builds and runs it.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <vector>

#include "dispatch.hpp"
#include "workspace.hpp"

namespace unrolled {

// Instead of csrc/workspace.cpp, which rounds up and lends blocks again.
Workspace::Workspace(std::size_t bytes) : data_(::operator new(bytes, std::align_val_t{64})), bytes_(bytes) {}
Workspace::~Workspace() { ::operator delete(data_, bytes_, std::align_val_t{64}); }

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float untouched = 12345.0f;
const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 47, 48, 49, 63, 64, 65, 70, 100};

struct Draw {
  std::mt19937_64 random;

  int64_t below(int64_t count) { return static_cast<int64_t>(random() % static_cast<uint64_t>(count)); }
  bool chance(double share) { return std::uniform_real_distribution<>(0, 1)(random) < share; }
  float number(float scale) { return std::uniform_real_distribution<float>(-scale, scale)(random); }
};

// `count` floats, not initialised, as far from an aligned address as `shift` says.
struct Floats {
  std::unique_ptr<float[]> room;
  float* data = nullptr;
  int64_t count = 0;

  Floats() = default;
  Floats(int64_t count, int64_t shift) : room(new float[count + shift]), data(room.get() + shift), count(count) {}
  void fill(Draw& draw, float scale) {
    for (int64_t i = 0; i < count; ++i) data[i] = draw.number(scale);
  }
};

// A sequence [B, T, size] somewhere: rows outermost, steps outermost, packed, or rows or steps that are all the same.
enum Order { rows_outside, steps_outside, packed, same_row, same_step };

struct Sequence {
  Floats floats;
  std::vector<int64_t> row, time;
  std::vector<char> live;
  int64_t size = 0;

  Sequence() = default;
  Sequence(const Layout& layout, int64_t size, Order order, int64_t shift)
      : row(layout.batch), time(layout.steps), size(size) {
    const int64_t B = layout.batch, T = layout.steps;
    int64_t packed_before = 0;
    for (int64_t t = 0; t < T; ++t) {
      time[t] = order == rows_outside || order == same_row ? t * size
                : order == steps_outside                  ? t * B * size
                : order == packed                         ? packed_before * size
                                                          : 0;
      packed_before += layout.batch_sizes[t];
    }
    for (int64_t s = 0; s < B; ++s) {
      const int64_t stride = order == rows_outside ? T * size : order == same_row ? 0 : size;
      row[s] = (order == packed ? s : layout.order[s]) * stride;
    }
    const int64_t places = order == packed      ? packed_before
                           : order == same_row  ? T * (B > 0)
                           : order == same_step ? B * (T > 0)
                                                : B * T;
    floats = Floats(places * size, shift);
    live.assign(places * size, 0);
    for (int64_t t = 0; t < T; ++t)
      for (int64_t s = 0; s < layout.batch_sizes[t]; ++s) std::fill_n(live.begin() + row[s] + time[t], size, 1);
  }

  // Padding is `padding`, the rest random (where `draw`) or as it was.
  void fill(Draw* draw, float padding) {
    for (int64_t i = 0; i < floats.count; ++i) {
      if (!live[i]) floats.data[i] = padding;
      if (live[i] && draw) floats.data[i] = draw->number(1.0f);
    }
  }
  template <class Float>
  Steps<Float> steps() {
    return {floats.data, row.data(), time.data()};
  }
};

// What one call computes.
struct Results {
  Sequence y, gx;
  Floats hn, cn, saved, states, gw_ih, gw_hh, gb_ih, gb_hh, gh0, gc0;
};

struct Call {
  Draw draw;
  Layout layout{};
  int64_t live = 0;
  std::vector<int64_t> batch_sizes, order;
  Sequence x, gy;
  Floats w_ih, w_hh, b_ih, b_hh, h0, c0, ghn, gcn;
  Order output_order, gradient_order;
  int64_t shift;
  int threads;
  bool with_ih, with_hh, with_h0, with_c0, with_gy, with_ghn, with_gcn, with_states;
  bool wants[7];

  explicit Call(uint64_t seed) : draw{std::mt19937_64(seed)} {
    layout.cell = static_cast<int>(draw.below(cell_count));
    layout.input_size = sizes[draw.below(std::size(sizes))];
    layout.hidden_size = sizes[draw.below(std::size(sizes))];
    layout.batch = draw.chance(0.1) ? 0 : 1 + draw.below(draw.chance(0.5) ? 4 : 30);
    layout.steps = draw.chance(0.1) ? 0 : 1 + draw.below(draw.chance(0.5) ? 3 : 20);
    rows();
    const int64_t I = layout.input_size, H = layout.hidden_size, B = layout.batch, G = gate_count(layout.cell);
    shift = draw.below(4);
    threads = 1 + static_cast<int>(draw.below(3));
    x = Sequence(layout, I, static_cast<Order>(draw.below(5)), shift);
    x.fill(&draw, nan);
    gy = Sequence(layout, H, static_cast<Order>(draw.below(5)), shift);
    gy.fill(&draw, nan);
    output_order = static_cast<Order>(draw.below(3));
    gradient_order = static_cast<Order>(draw.below(3));
    given(w_ih, G * H * I, 1.0f / std::sqrt(static_cast<float>(I)));
    given(w_hh, G * H * H, 1.0f / std::sqrt(static_cast<float>(H)));
    given(b_ih, G * H, 0.5f);
    given(b_hh, G * H, 0.5f);
    for (Floats* state : {&h0, &c0, &ghn, &gcn}) given(*state, B * H, 1.0f);
    for (bool* option : {&with_ih, &with_hh, &with_h0, &with_c0, &with_gy, &with_ghn, &with_gcn}) *option = draw.chance(0.8);
    for (bool& want : wants) want = draw.chance(0.8);
    with_states = draw.chance(0.3);
  }

  void rows() {
    const int64_t B = layout.batch, T = layout.steps;
    std::vector<int64_t> lengths(B);
    const bool full = draw.chance(0.3);
    for (int64_t& length : lengths) length = full || draw.chance(0.2) ? T : draw.below(T + 1);
    order.resize(B);
    for (int64_t s = 0; s < B; ++s) order[s] = s;
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });
    batch_sizes.assign(T, 0);
    for (int64_t length : lengths) {
      live += length;
      for (int64_t t = 0; t < length; ++t) ++batch_sizes[t];
    }
    layout.batch_sizes = batch_sizes.data();
    layout.order = order.data();
  }

  void given(Floats& floats, int64_t count, float scale) {
    floats = Floats(count, shift);
    floats.fill(draw, scale);
  }

  Results run(const Entry& entry) {
    const int64_t I = layout.input_size, H = layout.hidden_size, B = layout.batch, G = gate_count(layout.cell);
    const bool is_lstm = layout.cell == lstm;
    Results out;
    out.y = Sequence(layout, H, output_order, shift);
    out.y.fill(nullptr, untouched);
    out.gx = Sequence(layout, I, gradient_order, shift);
    out.gx.fill(nullptr, untouched);
    out.saved = Floats(live * saved_width(layout.cell) * H, shift);
    if (with_states) out.states = Floats(live * (is_lstm ? 2 : 1) * H, shift);
    out.hn = Floats(B * H, shift);
    if (is_lstm) out.cn = Floats(B * H, shift);
    const Weights weights{w_ih.data, w_hh.data, with_ih ? b_ih.data : nullptr, with_hh ? b_hh.data : nullptr};
    const float* h = with_h0 ? h0.data : nullptr;
    const float* c = with_c0 && is_lstm ? c0.data : nullptr;
    entry.forward({layout, x.steps<const float>(), weights, h, c, out.y.steps<float>(), out.hn.data, out.cn.data,
                   out.saved.data, out.states.data, threads});
    Floats* const wanted[] = {&out.gw_ih, &out.gw_hh, &out.gb_ih, &out.gb_hh, &out.gh0, &out.gc0};
    const int64_t counts[] = {G * H * I, G * H * H, G * H, G * H, B * H, is_lstm ? B * H : 0};
    for (int i = 0; i < 6; ++i)
      if (wants[i] && counts[i] > 0) *wanted[i] = Floats(counts[i], shift);
    entry.backward({layout, x.steps<const float>(), weights, h, c, out.y.steps<const float>(), out.saved.data,
                    with_gy ? gy.steps<const float>() : Steps<const float>{}, with_ghn ? ghn.data : nullptr,
                    with_gcn && is_lstm ? gcn.data : nullptr, wants[6] ? out.gx.steps<float>() : Steps<float>{},
                    out.gw_ih.data, out.gw_hh.data, out.gb_ih.data, out.gb_hh.data, out.gh0.data, out.gc0.data, threads});
    return out;
  }
};

// Whether all numbers are the same to `bound` of the largest; says which are not.
bool near(const char* name, const float* found, const float* expected, int64_t count, float bound) {
  float largest = 0.0f, worst = 0.0f;
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::fabs(expected[i]));
    const float error = std::fabs(found[i] - expected[i]);
    worst = error <= worst ? worst : error;  // NaN counts
  }
  // Sums of numbers about 1 may cancel: the error stays.
  if (worst <= bound * std::max(largest, 0.1f)) return true;
  std::fprintf(stderr, "%s is off by %g, its largest value is %g\n", name, worst, largest);
  return false;
}

bool near(const char* name, const Floats& found, const Floats& expected, float bound) {
  return near(name, found.data, expected.data, found.count, bound);
}

bool near(const char* name, const Sequence& found, const Sequence& expected, float bound) {
  for (int64_t i = 0; i < found.floats.count; ++i) {
    if (!found.live[i] && found.floats.data[i] != untouched) {
      std::fprintf(stderr, "padding of %s was written\n", name);
      return false;
    }
  }
  return near(name, found.floats, expected.floats, bound);
}

// Whether a relu is positive in one and 0 in the other, as the last bit of its argument would have it: then gradients
// differ rightly.
bool at_a_kink(const Layout& layout, const Sequence& found, const Sequence& expected) {
  bool differ = false;
  for (int64_t i = 0; i < found.floats.count; ++i) {
    differ |= found.live[i] && (found.floats.data[i] > 0) != (expected.floats.data[i] > 0);
  }
  return layout.cell == rnn_relu && differ;
}

bool check(uint64_t seed, const Entry& entry, const Entry& plain) {
  Call call(seed);
  const Results found = call.run(entry), expected = call.run(plain);
  bool right = true;
  const auto compare = [&](const char* name, const auto& one, const auto& other, float bound) {
    right = near(name, one, other, bound) && right;
  };
  compare("y", found.y, expected.y, 1e-5f);
  compare("hn", found.hn, expected.hn, 1e-5f);
  compare("cn", found.cn, expected.cn, 1e-5f);
  compare("states", found.states, expected.states, 1e-5f);
  if (!at_a_kink(call.layout, found.y, expected.y)) {
    if (call.wants[6]) compare("gx", found.gx, expected.gx, 1e-4f);
    compare("gw_ih", found.gw_ih, expected.gw_ih, 1e-4f);
    compare("gw_hh", found.gw_hh, expected.gw_hh, 1e-4f);
    compare("gb_ih", found.gb_ih, expected.gb_ih, 1e-4f);
    compare("gb_hh", found.gb_hh, expected.gb_hh, 1e-4f);
    compare("gh0", found.gh0, expected.gh0, 1e-4f);
    compare("gc0", found.gc0, expected.gc0, 1e-4f);
  }
  if (!right) {
    const Layout& layout = call.layout;
    std::fprintf(stderr, "case %llu: cell %d, I %lld, H %lld, B %lld, T %lld, live %lld, %d threads\n",
                 static_cast<unsigned long long>(seed), layout.cell, static_cast<long long>(layout.input_size),
                 static_cast<long long>(layout.hidden_size), static_cast<long long>(layout.batch),
                 static_cast<long long>(layout.steps), static_cast<long long>(call.live), call.threads);
  }
  return right;
}

}  // namespace
}  // namespace unrolled

int main(int count, char** arguments) {
  using namespace unrolled;
  if (count < 3) {
    std::fprintf(stderr, "usage: driver SET CASES [FIRST]\n");
    return 2;
  }
  set_work_per_thread(1);  // any work is worth a thread
  force_kernels("plain");
  const Entry& plain = *kernels().entry;
  if (!force_kernels(arguments[1])) {
    std::printf("%s: this machine cannot run it\n", arguments[1]);
    return 77;
  }
  const uint64_t first = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 0;
  const uint64_t cases = std::strtoull(arguments[2], nullptr, 10);
  for (uint64_t seed = first; seed < first + cases; ++seed) {
    if (!check(seed, *kernels().entry, plain)) return 1;
  }
  std::printf("%s: %llu cases right\n", arguments[1], static_cast<unsigned long long>(cases));
  return 0;
}
