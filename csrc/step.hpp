// Steps with packed weights. Some rows at a time go through all layers, so that what one layer leaves is still in the
// cache for the next; workers share the rows.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// The most rows at a time.
constexpr int64_t step_rows = 64;

// A Linear's weights in panels.
struct LinearWeights {
  Groups columns;
  float *data, *bias;

  LinearWeights(Room& room, int64_t in, int64_t out) : columns(Groups::of(blocks(out, width), tile_vectors)) {
    data = room.take(columns.count * width * in);
    bias = room.take(columns.count * width);
  }
};

bool is_cell(const StepLayer& layer) { return layer.kind == step_cell || layer.kind == step_token_cell; }

// A cell's weights. Over tokens it has no matrix for its input, but the product with it of each of them, as ForwardPlan
// wants it.
struct StepCellWeights {
  float* table;
  CellWeights cell;

  StepCellWeights(Room& room, const StepLayer& layer)
      : table(layer.kind == step_cell
                  ? nullptr
                  : room.take(layer.in * gate_count(layer.cell) * blocks(layer.out, width) * width)),
        cell(room, layer.cell, layer.kind == step_cell ? layer.in : 0, layer.out) {}

  void pack(const Weights& from, const StepLayer* embedding) const {
    cell.pack_all_biases(from);
    cell.pack(from, 0, 1);
    if (embedding != nullptr) pack_table(from, *embedding);
  }

  void pack_table(const Weights& from, const StepLayer& embedding) const {
    const Groups& columns = cell.together;
    const int64_t I = embedding.out, line = columns.count * width, stride = spaced(step_rows) * width;
    const Workspace workspace(static_cast<size_t>(line * (I + step_rows) + blocks(I, width) * stride) * sizeof(float));
    float* weights = static_cast<float*>(workspace.data());
    float *products = weights + line * I, *x = products + line * step_rows;
    pack_units(weights, {from.ih, cell.hidden_size, I, 0, gate_count(cell.kind)}, columns, 0, 1);
    for (int64_t start = 0; start < embedding.in; start += step_rows) {
      const int64_t rows = least(step_rows, embedding.in - start);
      for (int64_t i = 0; i < rows; ++i) put_row(x + i * width, stride, embedding.packed + (start + i) * I, I);
      product(x, stride, rows, {weights, cell.biases, I, columns}, products);
      for (int64_t p = 0; p < columns.groups; ++p) {
        const int64_t first = columns.start(p) * width, floats = columns.size(p) * width;
        for (int64_t i = 0; i < rows; ++i) {
          __builtin_memcpy(table + (start + i) * line + first, products + first * rows + i * floats,
                           static_cast<size_t>(floats) * sizeof(float));
        }
      }
    }
  }
};

// A LayerNorm's scale and shift, whole vectors each.
struct NormWeights {
  float *scale, *shift;

  NormWeights(Room& room, int64_t size) {
    scale = room.take(blocks(size, width) * width);
    shift = room.take(blocks(size, width) * width);
  }
};

int64_t step_floats(const StepLayer& layer) {
  Room counted{nullptr};
  if (is_cell(layer)) StepCellWeights(counted, layer);
  if (layer.kind == step_linear) LinearWeights(counted, layer.in, layer.out);
  if (layer.kind == step_layer_norm) NormWeights(counted, layer.in);
  return counted.floats;
}

void pack_step(const StepLayer& layer, const StepLayer* embedding, const Weights& from) {
  Room room{layer.packed};
  if (is_cell(layer)) {
    StepCellWeights(room, layer).pack(from, embedding);
  } else if (layer.kind == step_linear) {
    const LinearWeights weights(room, layer.in, layer.out);
    pack_units(weights.data, {from.ih, layer.out, layer.in, 0, 1}, weights.columns, 0, 1);
    pack_biases(weights.bias, layer.out, 1, from.bias_ih, nullptr);
  } else if (layer.kind == step_layer_norm) {
    const NormWeights weights(room, layer.in);
    for (int64_t block = 0; block < blocks(layer.in, width); ++block) {
      const int64_t at = block * width, lanes = lanes_of(block, layer.in);
      store(weights.scale + at, from.ih ? load_lanes(from.ih + at, lanes) : all(1.0f));
      store(weights.shift + at, from.bias_ih ? load_lanes(from.bias_ih + at, lanes) : zero());
    }
  }
}

// A worker's memory: two buffers of features by turns, where a cell's rows and steps lie, and the layer's own.
struct StepRoom {
  float* features[2];
  int64_t *order, *x_row, *y_row, *batch_sizes, *x_time, *y_time, *offsets;
  Room rest;

  StepRoom(Room room, int64_t rows, int64_t steps, int64_t most_features) : rest(room) {
    for (float*& buffer : features) buffer = rest.take(rows * steps * most_features);
    order = rest.take<int64_t>(rows);
    x_row = rest.take<int64_t>(rows);
    y_row = rest.take<int64_t>(rows);
    batch_sizes = rest.take<int64_t>(steps);
    x_time = rest.take<int64_t>(steps);
    y_time = rest.take<int64_t>(steps);
    offsets = rest.take<int64_t>(steps + 1);
  }
};

// One layer's part of some rows.
struct StepPart {
  const StepLayer& layer;
  const float* x;         // [rows, steps, in]
  const int64_t* tokens;  // [rows, steps], which a cell over tokens reads instead
  float* y;               // [rows, steps, out]
  int64_t rows, steps;
  const float *h, *c;  // of these rows
  float *h_after, *c_after;
};

template <int kind>
void step_cell_rows(const StepPart& part, const StepRoom& room) {
  Room packed{part.layer.packed};
  const StepCellWeights weights(packed, part.layer);
  const int64_t I = weights.cell.input_size, H = part.layer.out, rows = part.rows, steps = part.steps;
  for (int64_t i = 0; i < rows; ++i) {
    room.order[i] = i;
    room.x_row[i] = i * steps * I;
    room.y_row[i] = i * steps * H;
  }
  for (int64_t t = 0; t < steps; ++t) {
    room.batch_sizes[t] = rows;
    room.x_time[t] = t * I;
    room.y_time[t] = t * H;
    room.offsets[t] = t * rows;
  }
  room.offsets[steps] = steps * rows;
  const Forward call{{kind, I, H, rows, steps, room.batch_sizes, room.order},
                     {part.x, room.x_row, room.x_time},
                     {nullptr, nullptr, nullptr, nullptr},
                     part.h,
                     part.c,
                     {part.y, room.y_row, room.y_time},
                     part.h_after,
                     part.c_after,
                     nullptr,
                     nullptr,
                     1};
  ForwardPlan plan = weights.cell.plan(call, room.offsets, weights.cell.most_rows(rows, steps), true);
  plan.table = weights.table;
  plan.tokens = part.tokens;
  forward_rows<kind>(plan, Rows{call.layout, 0, 1}, room.rest);
}

// What a Linear needs for some rows at a time.
struct LinearRoom {
  float *sums, *x;

  LinearRoom(Room& room, int64_t in) {
    sums = room.take(8 * tile_vectors * width);
    x = room.take(blocks(in, width) * spaced(step_rows) * width);
  }
};

void step_linear_rows(const StepPart& part, Room memory) {
  const int64_t I = part.layer.in, O = part.layer.out, count = part.rows * part.steps;
  Room packed{part.layer.packed};
  const LinearWeights weights(packed, I, O);
  const Panels panels{weights.data, weights.bias, I, weights.columns, true};
  const LinearRoom room(memory, I);
  for (int64_t start = 0; start < count; start += step_rows) {
    const int64_t rows = least(step_rows, count - start);
    const float* from = part.x + start * I;
    const float* activations = from;  // one row is its own panel
    const int64_t spacing = rows == 1 ? 1 : spaced(rows);
    if (rows > 1) {
      for (int64_t i = 0; i < rows; ++i) put_row(room.x + i * width, spacing * width, from + i * I, I);
      activations = room.x;
    }
    step_product(activations, spacing, rows, panels, room.sums,
                 [&](int64_t first, int64_t vectors, int64_t i, const float* row) {
                   float* y = part.y + (start + i) * O;
                   for (int64_t v = 0; v < vectors; ++v) {
                     store_lanes(y + (first + v) * width, load(row + v * width), lanes_of(first + v, O));
                   }
                 });
  }
}

UNROLLED_INLINE float total(Vector values) {
  float lanes[width];
  store(lanes, values);
  float sum = 0.0f;
  for (float lane : lanes) sum += lane;
  return sum;
}

void step_norm_rows(const StepPart& part) {
  const int64_t size = part.layer.in, whole = size / width * width, last = size - whole;
  Room packed{part.layer.packed};
  const NormWeights weights(packed, size);
  for (int64_t row = 0; row < part.rows * part.steps; ++row) {
    const float* x = part.x + row * size;
    float* y = part.y + row * size;
    Vector sums = last ? load_first(x + whole, last) : zero();
    for (int64_t k = 0; k < whole; k += width) sums = sums + load(x + k);
    const float mean = total(sums) / static_cast<float>(size);
    Vector squares = zero();
    for (int64_t k = 0; k < whole; k += width) {
      const Vector from_mean = load(x + k) - all(mean);
      squares = multiply_add(from_mean, from_mean, squares);
    }
    float square = total(squares);
    for (int64_t k = whole; k < size; ++k) square += (x[k] - mean) * (x[k] - mean);
    const Vector scale = all(1.0f / __builtin_sqrtf(square / static_cast<float>(size) + part.layer.epsilon));
    for (int64_t block = 0; block < blocks(size, width); ++block) {
      const int64_t at = block * width, lanes = lanes_of(block, size);
      const Vector normed = (load_lanes(x + at, lanes) - all(mean)) * scale;
      store_lanes(y + at, multiply_add(normed, load(weights.scale + at), load(weights.shift + at)), lanes);
    }
  }
}

template <class Function>
UNROLLED_INLINE void step_each(const StepPart& part, const Function& function) {
  const int64_t count = part.rows * part.steps * part.layer.in;
  for (int64_t block = 0; block < blocks(count, width); ++block) {
    const int64_t lanes = lanes_of(block, count);
    store_lanes(part.y + block * width, function(load_lanes(part.x + block * width, lanes)), lanes);
  }
}

void step_layer(const StepPart& part, const StepRoom& room) {
  switch (part.layer.kind) {
    case step_linear: return step_linear_rows(part, room.rest);
    case step_layer_norm: return step_norm_rows(part);
    case step_tanh: return step_each(part, [](Vector a) { return tanh(a); });
    case step_sigmoid: return step_each(part, [](Vector a) { return sigmoid(a); });
    case step_relu: return step_each(part, [](Vector a) { return larger(zero(), a); });
    default: break;
  }
  switch (part.layer.cell) {
    case rnn_tanh: return step_cell_rows<rnn_tanh>(part, room);
    case rnn_relu: return step_cell_rows<rnn_relu>(part, room);
    case lstm: return step_cell_rows<lstm>(part, room);
    case gru_reset_after: return step_cell_rows<gru_reset_after>(part, room);
    default: return step_cell_rows<gru_reset_before>(part, room);
  }
}

// Rows `first` and after of a call through all of its layers.
void step_through(const StepCall& call, const StepRoom& room, int64_t first, int64_t rows) {
  const int64_t begin = first * call.steps, count = rows * call.steps;
  const int64_t* tokens = static_cast<const int64_t*>(call.x) + begin;
  const float* x = static_cast<const float*>(call.x) + begin * call.layers[0].in;
  for (int64_t i = 0; i < call.count; ++i) {
    const StepLayer& layer = call.layers[i];
    float* y = i + 1 == call.count ? call.y + begin * layer.out : room.features[i & 1];
    if (i + 1 < call.count && call.layers[i + 1].kind == step_token_cell) continue;
    if (layer.kind == step_embedding) {
      for (int64_t n = 0; n < count; ++n) {
        __builtin_memcpy(y + n * layer.out, layer.packed + tokens[n] * layer.out,
                         static_cast<size_t>(layer.out) * sizeof(float));
      }
    } else {
      const auto of = [&](auto* const* states, int64_t which) {
        auto* state = states[2 * i + which];
        return state == nullptr ? nullptr : state + first * layer.out;
      };
      step_layer({layer, x, tokens, y, rows, call.steps, of(call.before, 0), of(call.before, 1), of(call.after, 0),
                  of(call.after, 1)},
                 room);
    }
    x = y;
  }
}

int64_t step_workers(const StepCall& call) {
  double work = 0.0;
  for (int64_t i = 0; i < call.count; ++i) {
    const StepLayer& layer = call.layers[i];
    const double in = static_cast<double>(layer.in), out = static_cast<double>(layer.out);
    if (layer.kind == step_cell) work += 2.0 * gate_count(layer.cell) * out * (in + out);
    if (layer.kind == step_token_cell) work += 2.0 * gate_count(layer.cell) * out * out;
    if (layer.kind == step_linear) work += 2.0 * in * out;
  }
  const double worth = work * static_cast<double>(call.batch * call.steps) / work_per_thread();
  const int64_t useful = worth < call.threads ? 1 + static_cast<int64_t>(worth) : call.threads;
  return most(1, least(least(call.threads, call.batch), useful));
}

// Floats that a layer needs besides its weights, for so many rows at a time.
int64_t step_scratch(const StepLayer& layer, int64_t rows, int64_t steps) {
  Room counted{nullptr};
  if (is_cell(layer)) {
    Room packed{nullptr};
    const CellWeights cell = StepCellWeights(packed, layer).cell;
    const int64_t inputs = blocks(cell.input_size, width);
    ForwardRoom(counted, layer.cell, cell.unit_blocks, inputs, rows, cell.most_rows(rows, steps));
  } else if (layer.kind == step_linear) {
    LinearRoom(counted, layer.in);
  }
  return counted.floats;
}

void run_steps(const StepCall& call) {
  const int64_t workers = call.threads > 1 ? step_workers(call) : 1, steps = call.steps;
  const int64_t rows = least(step_rows, blocks(call.batch, workers)), parts = blocks(call.batch, rows);
  int64_t most_features = 0, scratch = 0;
  for (int64_t i = 0; i < call.count; ++i) {
    most_features = most(most_features, call.layers[i].out);
    scratch = most(scratch, step_scratch(call.layers[i], rows, steps));
  }
  const StepRoom counted(Room{nullptr}, rows, steps, most_features);
  const int64_t floats = counted.rest.floats + scratch;
  const Workspace workspace(static_cast<size_t>(workers * floats) * sizeof(float));
  in_parallel(workers, [&](int64_t worker) {
    const StepRoom room(Room{static_cast<float*>(workspace.data()) + worker * floats}, rows, steps, most_features);
    for (int64_t part = worker; part < parts; part += workers) {
      const int64_t first = part * rows;
      step_through(call, room, first, least(rows, call.batch - first));
    }
  });
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
