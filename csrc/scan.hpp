// h_t = a_t * h_{t-1} + b_t. Time runs outside, units inside: every array is read and written once, from its beginning to
// its end, and h_{t-1} is still in the cache where the step before has put it. That is all the blocking over time it needs.
// Steps are not shared out between threads: cut in two, a sequence would take twice the work.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// exp(a) for a <= 0; 2^-126 below.
UNROLLED_INLINE Vector exp_falling(Vector a) {
  constexpr float log2_e = 1.44269504f, log2_high = 0.693145752f, log2_low = 1.42860677e-6f;
  const Vector whole = nearest(larger(all(-126.0f), a * all(log2_e)));
  // e^f for f in [-log(2) / 2, log(2) / 2], by Taylor
  const Vector bounded = larger(all(-87.336544f), a);
  const Vector f = subtract_product(whole, all(log2_low), subtract_product(whole, all(log2_high), bounded));
  Vector p = all(1.0f / 5040.0f);
  p = multiply_add(p, f, all(1.0f / 720.0f));
  p = multiply_add(p, f, all(1.0f / 120.0f));
  p = multiply_add(p, f, all(1.0f / 24.0f));
  p = multiply_add(p, f, all(1.0f / 6.0f));
  p = multiply_add(p, f, all(0.5f));
  p = multiply_add(p, f, all(1.0f));
  p = multiply_add(p, f, all(1.0f));
  return scale(p, whole);
}

UNROLLED_INLINE Vector choose(Vector test, Vector positive, Vector other) {
  return other + where_positive(test, positive - other);
}


// What a candidate is of its part u, and its derivative.
struct Positive {
  static UNROLLED_INLINE Vector value(Vector u) {
    return where_positive(u, u) + smaller(all(0.5f), sigmoid(u));
  }
  static UNROLLED_INLINE Vector slope(Vector u) {
    const Vector s = sigmoid(u);
    return choose(u, all(1.0f), s * (all(1.0f) - s));
  }
};

struct Identity {
  static UNROLLED_INLINE Vector value(Vector u) { return u; }
  static UNROLLED_INLINE Vector slope(Vector) { return all(1.0f); }
};

struct Linear {
  static constexpr int parts = 2;
  // h_t of h_{t-1}.
  static UNROLLED_INLINE Vector next(const Vector* part, Vector before) {
    return multiply_add(part[0], before, part[1]);
  }
  // From g, the gradient of h_t, those of the parts; returns that of h_{t-1}.
  static UNROLLED_INLINE Vector back(const Vector* part, Vector before, Vector g, Vector* gradient) {
    gradient[0] = g * before;
    gradient[1] = g;
    return g * part[0];
  }
};

// Of complex numbers, as pairs of lanes; a gradient meets the conjugates of what was multiplied.
struct LinearComplex {
  static constexpr int parts = 2;
  static UNROLLED_INLINE Vector signs() {
    alignas(64) static constexpr float values[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
    return load(values);
  }
  static UNROLLED_INLINE Vector next(const Vector* part, Vector before) {
    const Vector turned = signs() * (second_of_pairs(part[0]) * swap_pairs(before));
    return multiply_add(first_of_pairs(part[0]), before, part[1]) + turned;
  }
  static UNROLLED_INLINE Vector times_conjugate(Vector g, Vector a) {
    const Vector turned = signs() * (second_of_pairs(a) * swap_pairs(g));
    return first_of_pairs(a) * g - turned;
  }
  static UNROLLED_INLINE Vector back(const Vector* part, Vector before, Vector g, Vector* gradient) {
    gradient[0] = times_conjugate(g, before);
    gradient[1] = g;
    return times_conjugate(g, part[0]);
  }
};

template <class Candidate>
struct MinGRU {
  static constexpr int parts = 2;
  static UNROLLED_INLINE Vector next(const Vector* part, Vector before) {
    const Vector z = sigmoid(part[0]);
    return multiply_add(all(1.0f) - z, before, z * Candidate::value(part[1]));
  }
  static UNROLLED_INLINE Vector back(const Vector* part, Vector before, Vector g, Vector* gradient) {
    const Vector z = sigmoid(part[0]), keep = all(1.0f) - z;
    gradient[0] = g * (Candidate::value(part[1]) - before) * (z * keep);
    gradient[1] = g * z * Candidate::slope(part[1]);
    return g * keep;
  }
};

// With M = max(-i, -f, 0) and x = e^-M (1 + e^-i), y = e^-M (1 + e^-f): w = y / (x + y), and nothing overflows.
template <class Candidate>
struct MinLSTM {
  static constexpr int parts = 3;

  struct Gates {
    Vector from_i, from_f, x, y, keep, write;
    UNROLLED_INLINE explicit Gates(const Vector* part) {
      const Vector i = zero() - part[0], f = zero() - part[1];
      const Vector most = larger(larger(i, zero()), f);
      const Vector one = exp_falling(zero() - most);
      from_i = exp_falling(i - most), from_f = exp_falling(f - most);
      x = one + from_i, y = one + from_f;
      keep = divide(x, x + y), write = divide(y, x + y);
    }
  };

  static UNROLLED_INLINE Vector next(const Vector* part, Vector before) {
    const Gates gates(part);
    return multiply_add(gates.keep, before, gates.write * Candidate::value(part[2]));
  }
  static UNROLLED_INLINE Vector back(const Vector* part, Vector before, Vector g, Vector* gradient) {
    const Gates gates(part);
    const Vector slope = g * (Candidate::value(part[2]) - before) * (gates.write * gates.keep);
    gradient[0] = slope * divide(gates.from_i, gates.x);
    gradient[1] = zero() - slope * divide(gates.from_f, gates.y);
    gradient[2] = g * gates.write * Candidate::slope(part[2]);
    return g * gates.keep;
  }
};

// The first `count` lanes of a vector, or all of them.
struct AllLanes {
  UNROLLED_INLINE Vector from(const float* data) const { return load(data); }
  UNROLLED_INLINE void to(float* data, Vector values) const { store(data, values); }
};
struct FirstLanes {
  int64_t count;
  UNROLLED_INLINE Vector from(const float* data) const { return load_first(data, count); }
  UNROLLED_INLINE void to(float* data, Vector values) const { store_first(data, values, count); }
};

template <class Work>
UNROLLED_INLINE void each_vector(int64_t begin, int64_t end, const Work& work) {
  int64_t unit = begin;
  for (; unit + width <= end; unit += width) work(unit, AllLanes{});
  if (unit < end) work(unit, FirstLanes{end - unit});
}

UNROLLED_INLINE void copy_units(float* to, const float* from, int64_t begin, int64_t end) {
  each_vector(begin, end, [&](int64_t unit, auto lanes) { lanes.to(to + unit, lanes.from(from + unit)); });
}

// The units begin ... end - 1 of one row, through all its steps.
template <class Form>
void scan_units(const ScanForward& call, int64_t row, int64_t begin, int64_t end) {
  const ScanLayout& layout = call.layout;
  const int64_t size = layout.size, length = layout.lengths[row];
  const float* before = layout.h0 + row * size;
  for (int64_t t = 0; t < length; ++t) {
    const float* parts[Form::parts];
    for (int i = 0; i < Form::parts; ++i) parts[i] = layout.parts[i] + (layout.starts[row] + t) * layout.strides[i];
    float* h = call.hs + (row * layout.steps + t) * size;
    each_vector(begin, end, [&](int64_t unit, auto lanes) {
      Vector part[Form::parts];
      for (int i = 0; i < Form::parts; ++i) part[i] = lanes.from(parts[i] + unit);
      lanes.to(h + unit, Form::next(part, lanes.from(before + unit)));
    });
    before = h;
  }
  copy_units(call.hn + row * size, before, begin, end);
}

// gh0 holds the gradient that is carried from step to step.
template <class Form>
void scan_units_back(const ScanBackward& call, int64_t row, int64_t begin, int64_t end) {
  const ScanLayout& layout = call.layout;
  const int64_t size = layout.size;
  float* carried = call.gh0 + row * size;
  each_vector(begin, end, [&](int64_t unit, auto lanes) {
    lanes.to(carried + unit, call.ghn ? lanes.from(call.ghn + row * size + unit) : zero());
  });
  for (int64_t t = layout.lengths[row] - 1; t >= 0; --t) {
    const int64_t position = layout.starts[row] + t;
    const float* before = t ? call.hs + (row * layout.steps + t - 1) * size : layout.h0 + row * size;
    const float* from_output = call.ghs ? call.ghs + row * call.ghs_row + t * call.ghs_time : nullptr;
    const float* parts[Form::parts];
    float* grads[Form::parts];
    for (int i = 0; i < Form::parts; ++i) {
      parts[i] = layout.parts[i] + position * layout.strides[i];
      grads[i] = call.grads[i] + position * call.grad_strides[i];
    }
    each_vector(begin, end, [&](int64_t unit, auto lanes) {
      Vector part[Form::parts], gradient[Form::parts];
      for (int i = 0; i < Form::parts; ++i) part[i] = lanes.from(parts[i] + unit);
      Vector g = lanes.from(carried + unit);
      if (from_output) g = g + lanes.from(from_output + unit);
      const Vector back = Form::back(part, lanes.from(before + unit), g, gradient);
      for (int i = 0; i < Form::parts; ++i) lanes.to(grads[i] + unit, gradient[i]);
      lanes.to(carried + unit, back);
    });
  }
}

// Rows are shared out between the threads, longest first, and their units too where there are few rows or many units.
template <class Work>
UNROLLED_INLINE void each_block(const ScanLayout& layout, const Work& work) {
  constexpr int64_t most_units = 2048, whole = 16;
  const int64_t threads = most(layout.threads, 1);
  const int64_t wanted = layout.batch >= 2 * threads ? layout.size : blocks(layout.size, threads);
  const int64_t units = least(blocks(most(wanted, 1), whole) * whole, most_units);
  const int64_t pieces = blocks(layout.size, units), tasks = layout.batch * pieces;
  const int64_t workers = most(least(threads, tasks), 1);
  in_parallel(workers, [&](int64_t worker) {
    for (int64_t task = worker; task < tasks; task += workers) {
      const int64_t begin = task % pieces * units;
      work(layout.order[task / pieces], begin, least(begin + units, layout.size));
    }
  });
}

template <class Form>
void scan_forward_of(const ScanForward& call) {
  each_block(call.layout, [&](int64_t row, int64_t begin, int64_t end) { scan_units<Form>(call, row, begin, end); });
}

template <class Form>
void scan_backward_of(const ScanBackward& call) {
  each_block(call.layout, [&](int64_t row, int64_t begin, int64_t end) { scan_units_back<Form>(call, row, begin, end); });
}

void scan_forward(const ScanForward& call) {
  switch (call.layout.form) {
    case linear_complex: return scan_forward_of<LinearComplex>(call);
    case min_gru_positive: return scan_forward_of<MinGRU<Positive>>(call);
    case min_gru_identity: return scan_forward_of<MinGRU<Identity>>(call);
    case min_lstm_positive: return scan_forward_of<MinLSTM<Positive>>(call);
    case min_lstm_identity: return scan_forward_of<MinLSTM<Identity>>(call);
    default: return scan_forward_of<Linear>(call);
  }
}

void scan_backward(const ScanBackward& call) {
  switch (call.layout.form) {
    case linear_complex: return scan_backward_of<LinearComplex>(call);
    case min_gru_positive: return scan_backward_of<MinGRU<Positive>>(call);
    case min_gru_identity: return scan_backward_of<MinGRU<Identity>>(call);
    case min_lstm_positive: return scan_backward_of<MinLSTM<Positive>>(call);
    case min_lstm_identity: return scan_backward_of<MinLSTM<Identity>>(call);
    default: return scan_backward_of<Linear>(call);
  }
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
