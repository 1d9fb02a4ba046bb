// Carries gradients back through time, a block of steps after the other. In a block each worker goes back over its own
// rows: the product of a step's gate gradients with the state's weights ends in the gate gradients of the step before,
// and the input's gradient follows. Then the workers share out the weights' gradients, products over all live steps of
// the block.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Bytes of what the pass forward left from which on it is asked for in advance.
constexpr int64_t far_bytes = 1 << 23;
// Floats of a block of steps for each worker: half of a second level of cache.
constexpr int64_t backward_block = 1 << 17;
// Live steps that a gradient's tiles take at once: the right operand stays in the first level of cache.
constexpr int64_t gradient_depth = 192;

// What the workers share. U blocks of units.
struct BackwardPlan {
  const Backward& call;
  const int64_t* offsets;  // [T + 1]: live steps before step t
  int64_t unit_blocks, input_blocks, most_rows;
  bool far;          // what the pass forward left is not in a near cache any more
  Panels recurrent;  // as pack_inputs makes them: depth gates * U * width, columns U; for the GRU that resets before r, z
  Panels candidate;  // of that GRU's n
  Panels input;      // depth gates * U * width, columns I blocks
  // Panels [blocks][most_rows][width] of the live steps of a block of steps.
  float* gates;   // gradient_panels * U blocks
  float* x;       // I blocks
  float* before;  // U blocks: h before the step
  float* reset;   // U blocks: r * h of the GRU that resets before
};

// A worker's memory.
struct BackwardRoom {
  int64_t spacing;  // rows between blocks of a state
  float* carried;   // [U, spacing, width]: what reaches h besides the state's product
  float* cell;      // [U, spacing, width]: gradient of LSTM's c
  float* gates[2];  // [gates * U, spacing, width]: those that the state's product takes, of a step and the step after
  float* sums;      // one tile
  float** gx;       // where the input's gradient of each live step of a block goes

  BackwardRoom(Room& room, int kind, int64_t unit_blocks, int64_t rows, int64_t most_rows)
      : spacing(spaced(rows)) {
    const int64_t states = unit_blocks * spacing * width;
    carried = room.take(states);
    cell = kind == lstm ? room.take(states) : nullptr;
    for (float*& buffer : gates) buffer = room.take(gate_count(kind) * states);
    sums = room.take(8 * 4 * width);
    gx = room.take<float*>(most_rows);
  }
};

// A block of steps [begin, end): the worker's live steps lie from `start` on in the shared panels, `n` of them, first
// those of step `begin`.
struct Span {
  int64_t begin, end, start, n;
};

template <int kind>
struct BackwardWorker {
  const BackwardPlan& plan;
  const Rows rows;
  BackwardRoom room;
  int64_t count, spacing, H, U;

  BackwardWorker(const BackwardPlan& plan, const Rows& rows, Room memory)
      : plan(plan),
        rows(rows),
        room(memory, kind, plan.unit_blocks, rows.count(), plan.most_rows),
        count(rows.count()),
        spacing(room.spacing),
        H(plan.call.layout.hidden_size),
        U(plan.unit_blocks) {}

  UNROLLED_INLINE int64_t place(int64_t block, int64_t i) const { return (block * spacing + i) * width; }

  void begin() const {
    const Backward& call = plan.call;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t from = call.layout.order[rows.row(i)] * H;
      for (int64_t block = 0; block < U; ++block) {
        const int64_t lanes = lanes_of(block, H), at = from + block * width;
        store(room.carried + place(block, i), call.ghn ? load_lanes(call.ghn + at, lanes) : zero());
        if (kind == lstm) store(room.cell + place(block, i), call.gcn ? load_lanes(call.gcn + at, lanes) : zero());
      }
    }
  }

  UNROLLED_INLINE BackwardRow row_at(int64_t i, int64_t t) const {
    const Backward& call = plan.call;
    const int64_t s = rows.row(i), initial = call.layout.order[s] * H;
    constexpr int64_t fields = saved_width(kind);
    const int64_t* sizes = call.layout.batch_sizes;
    return {call.y.at(s, t),
            call.gy ? call.gy.at(s, t) : nullptr,
            t > 0 ? call.y.at(s, t - 1) : call.h0 ? call.h0 + initial : nullptr,
            call.c0 ? call.c0 + initial : nullptr,
            call.saved + plan.offsets[t] * fields * H,
            t > 0 ? call.saved + plan.offsets[t - 1] * fields * H : nullptr,
            {sizes[t], H, fields},
            {t > 0 ? sizes[t - 1] : 0, H, fields},
            s,
            t};
  }

  // Asks for what the step before will read: rows lie far apart, and no processor guesses that.
  UNROLLED_INLINE void prefetch(const BackwardRow& row, int64_t i, int64_t block, int64_t t) const {
    const Backward& call = plan.call;
    const int64_t s = rows.row(i);
    __builtin_prefetch(call.y.at(s, t - 2) + block * width, 0, 2);
    if (call.gy) __builtin_prefetch(call.gy.at(s, t - 1) + block * width, 0, 2);
    for (int64_t field = 0; field < saved_width(kind); ++field) {
      __builtin_prefetch(row.saved_before + row.place_before.at(s, block, field), 0, 2);
    }
  }

  // What reaches h after step t - 1 from step t on, for all rows: at(first block, vectors, row, sums or null). Rows that
  // end there have no sums.
  template <class Finish>
  UNROLLED_INLINE void through_state(int64_t live, int64_t t, const Finish& at) const {
    const int64_t after = rows.live(t);
    step_product(room.gates[t & 1], spacing, after, plan.recurrent, room.sums,
                 [&](int64_t first, int64_t vectors, int64_t i, const float* sums) { at(first, vectors, i, sums); });
    for (int64_t i = after; i < live; ++i) at(0, U, i, nullptr);
  }

  void step(int64_t t, int64_t n) const {
    float* own = room.gates[t & 1];
    const int64_t stride = plan.most_rows * width;
    through_state(rows.live(t), t + 1, [&](int64_t first, int64_t vectors, int64_t i, const float* sums) {
      const BackwardRow row = row_at(i, t);
      for (int64_t v = 0; v < vectors; ++v) {
        const int64_t block = first + v, at = place(block, i);
        if (plan.far && t > 1) prefetch(row, i, block, t);
        Vector h = row.read(row.gy, block);
        // Where a row ends, `carried` is the gradient of its last h; elsewhere only a GRU's h goes on past the gates.
        if (sums == nullptr || gate_count(kind) == 3) h = h + load(room.carried + at);
        if (sums != nullptr) h = h + load(sums + v * width);
        const Vector before = row.read(row.h_before, block);
        Vector gates[4], carried;
        gate_gradients<kind>(row, block, h, before, kind == lstm ? room.cell + at : nullptr, gates, carried);
        if (gate_count(kind) == 3) store(room.carried + at, carried);
        float* shared = plan.gates + (n + i) * width + block * stride;
        for (int64_t gate = kind == gru_reset_before ? 1 : 0; gate < gradient_panels(kind); ++gate) {
          store(shared + gate * U * stride, gates[gate]);
        }
        for (int64_t gate = kind == gru_reset_before ? 1 : 0; gate < gate_count(kind); ++gate) {
          const int64_t from = kind == gru_reset_after && gate == 2 ? 3 : gate;
          store(own + gate * U * spacing * width + at, gates[from]);
        }
        if (plan.before != nullptr) store(plan.before + (n + i) * width + block * stride, before);
      }
    });
    if constexpr (kind == gru_reset_before) {
      step_product(own + 2 * U * spacing * width, spacing, rows.live(t), plan.candidate, room.sums,
                   [&](int64_t first, int64_t vectors, int64_t i, const float* sums) {
                     const BackwardRow row = row_at(i, t);
                     for (int64_t v = 0; v < vectors; ++v) {
                       const int64_t block = first + v, at = place(block, i);
                       const Vector r = row.field(0, block), scaled = load(sums + v * width);
                       const Vector before = row.read(row.h_before, block), scaled_r = scaled * r;
                       const Vector gate = scaled_r * before * (all(1.0f) - r);
                       store(room.carried + at, load(room.carried + at) + scaled_r);
                       store(own + at, gate);
                       const int64_t shared = (n + i) * width + block * stride;
                       store(plan.gates + shared, gate);
                       if (plan.reset != nullptr) store(plan.reset + shared, r * before);
                     }
                   });
    }
  }

  // Gate gradients, h before each step and the input into the shared panels; the input's gradient.
  void run(const Span& span) const {
    const Backward& call = plan.call;
    int64_t n = span.start + span.n;
    for (int64_t t = span.end - 1; t >= span.begin; --t) {
      n -= rows.live(t);
      step(t, n);
    }
    if (plan.x != nullptr) {
      for (int64_t t = span.begin; t < span.end; ++t) {
        for (int64_t i = 0; i < rows.live(t); ++i, ++n) {
          put_row(plan.x + n * width, plan.most_rows * width, call.x.at(rows.row(i), t), call.layout.input_size);
        }
      }
    }
    if (call.gx) input_gradient(span);
  }

  void input_gradient(const Span& span) const {
    const Backward& call = plan.call;
    float** to = room.gx;
    for (int64_t t = span.begin; t < span.end; ++t) {
      for (int64_t i = 0; i < rows.live(t); ++i) *to++ = call.gx.at(rows.row(i), t);
    }
    step_product(plan.gates + span.start * width, plan.most_rows, span.n, plan.input, room.sums,
                 [&](int64_t first, int64_t vectors, int64_t i, const float* sums) {
                   for (int64_t v = 0; v < vectors; ++v) {
                     const int64_t block = first + v;
                     store_lanes(room.gx[i] + block * width, load(sums + v * width),
                                 lanes_of(block, call.layout.input_size));
                   }
                 });
  }

  // The initial state's gradients, after the first step.
  void end() const {
    const Backward& call = plan.call;
    if (call.gh0 != nullptr) {
      through_state(count, 0, [&](int64_t first, int64_t vectors, int64_t i, const float* sums) {
        float* to = call.gh0 + call.layout.order[rows.row(i)] * H;
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t block = first + v;
          Vector h = sums != nullptr ? load(sums + v * width) : zero();
          if (sums == nullptr || gate_count(kind) == 3) h = h + load(room.carried + place(block, i));
          store_lanes(to + block * width, h, lanes_of(block, H));
        }
      });
    }
    if (kind != lstm || call.gc0 == nullptr) return;
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t block = 0; block < U; ++block) {
        store_lanes(call.gc0 + call.layout.order[rows.row(i)] * H + block * width, load(room.cell + place(block, i)),
                    lanes_of(block, H));
      }
    }
  }
};

}  // namespace
}  // namespace unrolled::UNROLLED_SET
