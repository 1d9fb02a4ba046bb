// Unrolls a cell: the input's product for many steps at once, then step after step the state's product with the gates'
// pointwise work at its end. A worker takes its rows through the whole sequence and waits for nobody.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Floats of a worker's block of steps: input panels and their products stay in the second level of cache.
constexpr int64_t forward_block = 1 << 17;
constexpr int64_t forward_least_rows = 64;

// What the workers share. Panels as pack_units makes them; U blocks of units.
struct ForwardPlan {
  const Forward& call;
  const int64_t* offsets;  // [T + 1]: live steps before step t
  int64_t unit_blocks, input_blocks, most_rows;
  Panels input;      // depth I, columns U * G
  Panels recurrent;  // depth H, columns U * G; of the GRU that resets before: its r and z, U * 2
  Panels candidate;  // that GRU's n: depth H, columns U
  // Where x is tokens [B, T]: the input's product of each of them, [tokens, U * G, width].
  const float* table = nullptr;
  const int64_t* tokens = nullptr;
};

// A worker's memory.
struct ForwardRoom {
  int64_t spacing;  // rows between blocks of a state
  float* state[2];  // [U, spacing, width]: h before and after a step, by turns
  float* cell;      // [U, spacing, width]: LSTM c
  float* update;    // [U, spacing, width]: z of the GRU that resets before
  float* reset;     // [U, spacing, width]: r * h of the same
  float* x;         // [I blocks, spaced(most_rows), width] for the n live steps of a block of steps
  float* from_x;    // per panel [n, vectors, width]
  float* sums;      // one tile

  ForwardRoom(Room& room, int cell_kind, int64_t unit_blocks, int64_t input_blocks, int64_t rows, int64_t most_rows)
      : spacing(spaced(rows)) {
    const int64_t states = unit_blocks * spacing * width;
    for (float*& buffer : state) buffer = room.take(states);
    cell = cell_kind == lstm ? room.take(states) : nullptr;
    update = cell_kind == gru_reset_before ? room.take(states) : nullptr;
    reset = cell_kind == gru_reset_before ? room.take(states) : nullptr;
    x = room.take(input_blocks * spaced(most_rows) * width);
    from_x = room.take(gate_count(cell_kind) * unit_blocks * most_rows * width);
    sums = room.take(8 * 4 * width);
  }
};

// The products of the input of n live steps, from their tokens' lines of the table. The steps follow each other at `next`.
template <class Next>
UNROLLED_INLINE void read_table(const ForwardPlan& plan, int64_t n, float* from_x, const Next& next) {
  const Groups& columns = plan.input.columns;
  const int64_t line = columns.count * width;
  for (int64_t row = 0; row < n; ++row) {
    const float* from = plan.table + next() * line;
    for (int64_t p = 0; p < columns.groups; ++p) {
      const int64_t first = columns.start(p), floats = columns.size(p) * width;
      float* to = from_x + first * width * n + row * floats;
      for (int64_t k = 0; k < floats; k += width) store(to + k, load(from + first * width + k));
    }
  }
}

// One row at one step: where its numbers come from and go to.
struct ForwardRow {
  float* y;
  float* saved;   // of the step, or null
  float* states;  // of the row, or null
  int64_t hidden_size, s, rows;
  int fields;

  UNROLLED_INLINE ForwardRow(const ForwardPlan& plan, int kind, int64_t s, int64_t t) : s(s) {
    const Forward& call = plan.call;
    const int64_t before = plan.offsets[t];
    hidden_size = call.layout.hidden_size;
    fields = saved_width(kind);
    rows = call.layout.batch_sizes[t];
    y = call.y.at(s, t);
    saved = call.saved ? call.saved + before * fields * hidden_size : nullptr;
    states = call.states ? call.states + (before + s) * (kind == lstm ? 2 : 1) * hidden_size : nullptr;
  }
  UNROLLED_INLINE void save(int field, int64_t block, Vector values) const {
    if (saved != nullptr) {
      store_lanes(saved + Saved{rows, hidden_size, fields}.at(s, block, field), values, lanes_of(block, hidden_size));
    }
  }
  UNROLLED_INLINE void output(int64_t block, Vector h) const {
    const int64_t lanes = lanes_of(block, hidden_size);
    store_lanes(y + block * width, h, lanes);
    if (states != nullptr) store_lanes(states + block * width, h, lanes);
  }
  UNROLLED_INLINE void output_cell(int64_t block, Vector c) const {
    if (states != nullptr) store_lanes(states + hidden_size + block * width, c, lanes_of(block, hidden_size));
  }
};

// The states of one block of units and one row.
struct Unit {
  const float* before;
  float* after;
  float* cell;
};

template <int kind>
UNROLLED_INLINE void finish(const ForwardRow& row, int64_t block, const float* from_x, const float* from_h,
                            const Unit& unit) {
  const auto sum = [&](int gate) { return load(from_x + gate * width) + load(from_h + gate * width); };
  Vector h;
  if constexpr (kind == rnn_tanh) {
    h = tanh(sum(0));
  } else if constexpr (kind == rnn_relu) {
    h = larger(zero(), sum(0));
  } else if constexpr (kind == lstm) {
    const Vector i = sigmoid(sum(0)), f = sigmoid(sum(1)), g = tanh(sum(2)), o = sigmoid(sum(3));
    const Vector c = multiply_add(f, load(unit.cell), i * g);
    h = o * tanh(c);
    store(unit.cell, c);
    row.save(0, block, i);
    row.save(1, block, f);
    row.save(2, block, g);
    row.save(3, block, o);
    row.save(4, block, c);
    row.output_cell(block, c);
  } else {
    const Vector r = sigmoid(sum(0)), z = sigmoid(sum(1)), q = load(from_h + 2 * width);
    const Vector n = tanh(multiply_add(r, q, load(from_x + 2 * width)));
    h = multiply_add(z, load(unit.before) - n, n);
    row.save(0, block, r);
    row.save(1, block, z);
    row.save(2, block, n);
    row.save(3, block, q);
  }
  store(unit.after, h);
  row.output(block, h);
}

// A product of a step and what is done to each of its rows: at(panel, row, vectors, sums of that row).
template <class Finish>
UNROLLED_INLINE void step_product(const float* activations, int64_t spacing, int64_t live, const Panels& weights,
                                  float* sums, const Finish& at) {
  for (int64_t p = 0; p < weights.columns.groups; ++p) {
    const int64_t vectors = weights.columns.size(p), first = weights.columns.start(p);
    const Groups parts = Groups::of(live, tile_rows(static_cast<int>(vectors)));
    for (int64_t part = 0; part < parts.groups; ++part) {
      const int64_t start = parts.start(part), count = parts.size(part);
      weights.multiply(activations + start * width, spacing * width, p, first, vectors, part, count, sums);
      for (int64_t r = 0; r < count; ++r) at(first, vectors, start + r, sums + r * vectors * width);
    }
  }
}

// What one step reads: n live steps of the block, of which this step's begin at `start`.
struct StepInput {
  const float* from_x;  // per panel [n, vectors, width]
  int64_t n, start;

  UNROLLED_INLINE const float* at(int64_t first, int64_t vectors, int64_t row) const {
    return from_x + (first * n + (start + row) * vectors) * width;
  }
};

template <int kind>
void forward_step(const ForwardPlan& plan, const Rows& rows, const ForwardRoom& room, int64_t t,
                  const StepInput& input) {
  const int64_t spacing = room.spacing, live = rows.live(t);
  const float* before = room.state[t & 1];
  float* after = room.state[(t + 1) & 1];
  const auto place = [&](int64_t block, int64_t row) { return (block * spacing + row) * width; };
  if constexpr (kind == gru_reset_before) {
    step_product(before, spacing, live, plan.recurrent, room.sums,
                 [&](int64_t first, int64_t, int64_t i, const float* sums) {
                   const int64_t block = first / 2, at = place(block, i);
                   const float* from_x = input.at(block * 3, 3, i);
                   const Vector r = sigmoid(load(from_x) + load(sums));
                   const Vector z = sigmoid(load(from_x + width) + load(sums + width));
                   store(room.reset + at, r * load(before + at));
                   store(room.update + at, z);
                   const ForwardRow row(plan, kind, rows.row(i), t);
                   row.save(0, block, r);
                   row.save(1, block, z);
                 });
    step_product(room.reset, spacing, live, plan.candidate, room.sums,
                 [&](int64_t first, int64_t vectors, int64_t i, const float* sums) {
                   const ForwardRow row(plan, kind, rows.row(i), t);
                   for (int64_t v = 0; v < vectors; ++v) {
                     const int64_t block = first + v, at = place(block, i);
                     const Vector n = tanh(load(input.at(block * 3, 3, i) + 2 * width) + load(sums + v * width));
                     const Vector h = multiply_add(load(room.update + at), load(before + at) - n, n);
                     row.save(2, block, n);
                     store(after + at, h);
                     row.output(block, h);
                   }
                 });
  } else {
    constexpr int64_t gates = gate_count(kind);
    step_product(before, spacing, live, plan.recurrent, room.sums,
                 [&](int64_t first, int64_t vectors, int64_t i, const float* sums) {
                   const ForwardRow row(plan, kind, rows.row(i), t);
                   const float* from_x = input.at(first, vectors, i);
                   for (int64_t v = 0; v < vectors; v += gates) {
                     const int64_t block = (first + v) / gates, at = place(block, i);
                     finish<kind>(row, block, from_x + v * width, sums + v * width,
                                  {before + at, after + at, kind == lstm ? room.cell + at : nullptr});
                   }
                 });
  }
}

template <int kind>
void forward_rows(const ForwardPlan& plan, const Rows& rows, Room memory) {
  const Forward& call = plan.call;
  const Layout& layout = call.layout;
  const int64_t count = rows.count(), H = layout.hidden_size, I = layout.input_size;
  const ForwardRoom room(memory, kind, plan.unit_blocks, plan.input_blocks, count, plan.most_rows);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = layout.order[rows.row(i)] * H;
    for (int64_t block = 0; block < plan.unit_blocks; ++block) {
      const int64_t to = (block * room.spacing + i) * width, lanes = lanes_of(block, H);
      store(room.state[0] + to, call.h0 ? load_lanes(call.h0 + from + block * width, lanes) : zero());
      if (kind == lstm) store(room.cell + to, call.c0 ? load_lanes(call.c0 + from + block * width, lanes) : zero());
    }
  }
  const int64_t stride = spaced(plan.most_rows) * width;
  int64_t end = 0;
  for (int64_t begin = 0; begin < layout.steps && rows.live(begin) > 0; begin = end) {
    int64_t n = rows.live(begin);
    for (end = begin + 1; end < layout.steps && n + rows.live(end) <= plan.most_rows; ++end) n += rows.live(end);
    if (plan.table != nullptr) {
      int64_t i = 0, t = begin;
      read_table(plan, n, room.from_x, [&] {
        if (i == rows.live(t)) i = 0, ++t;
        return plan.tokens[rows.row(i++) * layout.steps + t];
      });
    } else {
      float* x = room.x;
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t i = 0; i < rows.live(t); ++i, x += width) put_row(x, stride, call.x.at(rows.row(i), t), I);
      }
      product(room.x, stride, n, plan.input, room.from_x);
    }
    StepInput input{room.from_x, n, 0};
    for (int64_t t = begin; t < end; input.start += rows.live(t++)) forward_step<kind>(plan, rows, room, t, input);
  }
  // A row's last h is its last output; its c was left alone since.
  int64_t length = layout.steps;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t s = rows.row(i), to = layout.order[s] * H;
    while (length > 0 && layout.batch_sizes[length - 1] <= s) --length;
    const float* last = length > 0 ? call.y.at(s, length - 1) : call.h0 ? call.h0 + to : nullptr;
    for (int64_t block = 0; block < plan.unit_blocks; ++block) {
      const int64_t lanes = lanes_of(block, H), at = to + block * width;
      if (call.hn) store_lanes(call.hn + at, last ? load_lanes(last + block * width, lanes) : zero(), lanes);
      if (kind == lstm && call.cn) store_lanes(call.cn + at, load(room.cell + (block * room.spacing + i) * width), lanes);
    }
  }
}

// A cell's weights in panels, laid out in a room: in a call's own workspace, or kept for many calls.
struct CellWeights {
  int kind;
  int64_t input_size, hidden_size, unit_blocks;
  Groups together, gated, single;  // the columns of the three products
  float *input, *recurrent, *candidate, *biases, *later;

  CellWeights(Room& room, int kind, int64_t input_size, int64_t hidden_size)
      : kind(kind), input_size(input_size), hidden_size(hidden_size), unit_blocks(blocks(hidden_size, width)) {
    const int64_t gates = gate_count(kind), U = unit_blocks;
    const bool before = kind == gru_reset_before;
    together = Groups::of(U * gates, gates == 1 ? tile_vectors : gates);
    gated = before ? Groups::of(U * 2, 2) : together;
    single = Groups::of(U, tile_vectors);
    input = room.take(U * gates * input_size * width);
    recurrent = room.take(gated.count * hidden_size * width);
    candidate = room.take(before ? U * hidden_size * width : 0);
    biases = room.take(U * gates * width);
    later = room.take(U * gates * width);
  }

  void pack_all_biases(const Weights& from) const {
    const int64_t gates = gate_count(kind), H = hidden_size;
    pack_biases(biases, H, gates, from.bias_ih, from.bias_hh);
    clear(later, unit_blocks * gates * width);
    if (kind != gru_reset_after) return;
    // The reset gate acts on W_hn h + b_hn: that bias goes with the state's product.
    for (int64_t block = 0; block < unit_blocks; ++block) {
      const int64_t at = 2 * H + block * width, to = (block * 3 + 2) * width, lanes = lanes_of(block, H);
      const Vector none = zero();
      store(biases + to, from.bias_ih ? load_lanes(from.bias_ih + at, lanes) : none);
      store(later + to, from.bias_hh ? load_lanes(from.bias_hh + at, lanes) : none);
    }
  }

  // Worker's share.
  void pack(const Weights& from, int64_t worker, int64_t workers) const {
    const int64_t gates = gate_count(kind), I = input_size, H = hidden_size;
    const bool before = kind == gru_reset_before;
    pack_units(input, {from.ih, H, I, 0, gates}, together, worker, workers);
    pack_units(recurrent, {from.hh, H, H, 0, before ? 2 : gates}, gated, worker, workers);
    if (before) pack_units(candidate, {from.hh, H, H, 2, 1}, single, worker, workers);
  }

  // Rows of a worker's block of steps, of which each step has so many.
  int64_t most_rows(int64_t rows, int64_t steps) const {
    const int64_t floats = (gate_count(kind) * unit_blocks + blocks(input_size, width)) * width;
    return least(rows * steps, most(rows, most(forward_least_rows, forward_block / floats)));
  }

  // Weights that are kept are far: between two steps others are read.
  ForwardPlan plan(const Forward& call, const int64_t* offsets, int64_t most_rows, bool far) const {
    return {call,
            offsets,
            unit_blocks,
            blocks(input_size, width),
            most_rows,
            {input, biases, input_size, together, far},
            {recurrent, later, hidden_size, gated, far},
            {candidate, later, hidden_size, single, far}};
  }
};

template <int kind>
void forward_cell(const Forward& call) {
  const Layout& layout = call.layout;
  int64_t live = 0;
  for (int64_t t = 0; t < layout.steps; ++t) live += layout.batch_sizes[t];
  const int64_t workers = workers_for(layout, live, call.threads);
  const int64_t rows = blocks(layout.batch, workers);

  Room shared{nullptr};
  const CellWeights counted_weights(shared, kind, layout.input_size, layout.hidden_size);
  shared.take<int64_t>(layout.steps + 1);
  const int64_t most_rows = counted_weights.most_rows(rows, layout.steps);
  Room counted{nullptr};
  ForwardRoom(counted, kind, counted_weights.unit_blocks, blocks(layout.input_size, width), rows, most_rows);
  const Workspace workspace(static_cast<size_t>(shared.floats + workers * counted.floats) * sizeof(float));
  Room room{static_cast<float*>(workspace.data())};
  const CellWeights weights(room, kind, layout.input_size, layout.hidden_size);
  int64_t* offsets = room.take<int64_t>(layout.steps + 1);

  offsets[0] = 0;
  for (int64_t t = 0; t < layout.steps; ++t) offsets[t + 1] = offsets[t] + layout.batch_sizes[t];
  weights.pack_all_biases(call.weights);
  in_parallel(workers, [&](int64_t worker) { weights.pack(call.weights, worker, workers); });
  const ForwardPlan plan = weights.plan(call, offsets, most_rows, false);
  in_parallel(workers, [&](int64_t worker) {
    forward_rows<kind>(plan, Rows{layout, worker, workers}, Room{room.next + worker * counted.floats});
  });
}

void forward(const Forward& call) {
  switch (call.layout.cell) {
    case rnn_tanh: return forward_cell<rnn_tanh>(call);
    case rnn_relu: return forward_cell<rnn_relu>(call);
    case lstm: return forward_cell<lstm>(call);
    case gru_reset_after: return forward_cell<gru_reset_after>(call);
    default: return forward_cell<gru_reset_before>(call);
  }
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
