// The weights' gradients of a block of steps, shared out by tiles of the result; and the pass backward as a whole.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// gradient [gates * H, size] of one weight matrix: gate gradients^T times what the weights were multiplied with.
struct WeightGradient {
  float* out;          // or null
  const float* right;  // panels [blocks][most_rows][width]
  int64_t size;
};

template <int kind>
UNROLLED_INLINE int64_t panel_of(int64_t gate, bool of_state) {
  return of_state && kind == gru_reset_after && gate == 2 ? 3 : gate;
}

// Worker's tiles of both gradients over `n` live steps; added to what is there unless these are the first.
template <int kind>
void weight_gradients(const BackwardPlan& plan, int64_t worker, int64_t workers, int64_t n, bool add) {
  const Backward& call = plan.call;
  const int64_t U = plan.unit_blocks, H = call.layout.hidden_size, stride = plan.most_rows * width;
  const WeightGradient both[2] = {{call.gw_ih, plan.x, call.layout.input_size}, {call.gw_hh, plan.before, H}};
  for (int of_state = 0; of_state < 2; ++of_state) {
    const WeightGradient& gradient = both[of_state];
    if (gradient.out == nullptr) continue;
    const Groups columns = Groups::of(blocks(gradient.size, width), gradient_vectors);
    const int64_t lefts = gate_count(kind) * U, tasks = columns.groups * lefts;
    const int64_t last = tasks * (worker + 1) / workers;
    for (int64_t task = tasks * worker / workers; task < last;) {
      const int64_t group = task / lefts, first = task % lefts, end = least(lefts, first + last - task);
      const int64_t column = columns.start(group), vectors = columns.size(group);
      for (int64_t from = 0; from < n; from += gradient_depth) {
        const int64_t depth = least(gradient_depth, n - from);
        for (int64_t left = first; left < end; ++left) {
          const int64_t gate = left / U, block = left % U, lanes = lanes_of(block, H);
          const float* gates = plan.gates + (panel_of<kind>(gate, of_state) * U + block) * stride + from * width;
          const bool reset = of_state && kind == gru_reset_before && gate == 2;
          const float* right = (reset ? plan.reset : gradient.right) + column * stride + from * width;
          for (int64_t lane = 0; lane < lanes; lane += gradient_rows) {
            const int64_t height = least(gradient_rows, lanes - lane);
            gradient_tiles[vectors - 1][height - 1](
                gates + lane, right, stride, depth,
                gradient.out + (gate * H + block * width + lane) * gradient.size + column * width, gradient.size,
                gradient.size - column * width, add || from > 0);
          }
        }
      }
      task += end - first;
    }
  }
}

// Worker's share of the biases' gradients: sums over the live steps.
template <int kind>
void bias_gradients(const BackwardPlan& plan, int64_t worker, int64_t workers, int64_t n, bool add) {
  const int64_t U = plan.unit_blocks, H = plan.call.layout.hidden_size;
  float* const both[2] = {plan.call.gb_ih, plan.call.gb_hh};
  for (int of_state = 0; of_state < 2; ++of_state) {
    if (both[of_state] == nullptr) continue;
    for (int64_t left = worker; left < gate_count(kind) * U; left += workers) {
      const int64_t gate = left / U, block = left % U, lanes = lanes_of(block, H);
      const float* gates = plan.gates + (panel_of<kind>(gate, of_state) * U + block) * plan.most_rows * width;
      float* out = both[of_state] + gate * H + block * width;
      Vector even = add ? load_lanes(out, lanes) : zero(), odd = zero();
      for (int64_t i = 0; i < n; ++i) {
        if (i % 2 == 0) {
          even = even + load(gates + i * width);
        } else {
          odd = odd + load(gates + i * width);
        }
      }
      store_lanes(out, even + odd, lanes);
    }
  }
}

template <int kind>
void backward_cell(const Backward& call) {
  constexpr int64_t gates = gate_count(kind), state_gates = kind == gru_reset_before ? 2 : gates;
  const Layout& layout = call.layout;
  const int64_t H = layout.hidden_size, I = layout.input_size, T = layout.steps;
  const int64_t U = blocks(H, width), inputs = blocks(I, width);
  int64_t live = 0;
  for (int64_t t = 0; t < T; ++t) live += layout.batch_sizes[t];
  const int64_t workers = workers_for(layout, live, call.threads), rows = blocks(layout.batch, workers);
  const bool wants_ih = call.gw_ih != nullptr, wants_hh = call.gw_hh != nullptr;
  const int64_t panels = gradient_panels(kind) * U + (wants_ih ? inputs : 0) +
                         (wants_hh ? U * (kind == gru_reset_before ? 2 : 1) : 0);
  const int64_t fitting = most(gradient_depth, workers * backward_block / (panels * width));
  const int64_t most_rows = spaced(least(live, most(layout.batch, fitting)));

  Room counted{nullptr};
  BackwardRoom(counted, kind, U, rows, most_rows);
  BackwardPlan plan{call, nullptr, U, inputs, most_rows, false, {}, {}, {}, nullptr, nullptr, nullptr, nullptr};
  plan.far = live * (saved_width(kind) + 2) * H * static_cast<int64_t>(sizeof(float)) > far_bytes;
  float *recurrent = nullptr, *candidate = nullptr, *input = nullptr, *none = nullptr;
  int64_t* offsets = nullptr;
  const auto lay_out = [&](Room& room) {
    recurrent = room.take(state_gates * U * width * U * width);
    candidate = room.take(kind == gru_reset_before ? U * width * U * width : 0);
    input = room.take(call.gx ? gates * U * width * inputs * width : 0);
    none = room.take(most(U, inputs) * width);
    offsets = room.take<int64_t>(T + 1);
    plan.gates = room.take(gradient_panels(kind) * U * most_rows * width);
    if (wants_ih) plan.x = room.take(inputs * most_rows * width);
    if (wants_hh) plan.before = room.take(U * most_rows * width);
    if (wants_hh && kind == gru_reset_before) plan.reset = room.take(U * most_rows * width);
  };
  Room shared{nullptr};
  lay_out(shared);
  const Workspace workspace(static_cast<size_t>(shared.floats + workers * counted.floats) * sizeof(float));
  Room room{static_cast<float*>(workspace.data())};
  lay_out(room);

  offsets[0] = 0;
  for (int64_t t = 0; t < T; ++t) offsets[t + 1] = offsets[t] + layout.batch_sizes[t];
  clear(none, most(U, inputs) * width);
  const Groups units = Groups::of(U, tile_vectors), features = Groups::of(inputs, tile_vectors);
  plan.offsets = offsets;
  plan.recurrent = {recurrent, none, state_gates * U * width, units};
  plan.candidate = {candidate, none, U * width, units};
  plan.input = {input, none, gates * U * width, features};
  in_parallel(workers, [&](int64_t worker) {
    pack_inputs(recurrent, {call.weights.hh, H, H, 0, state_gates}, units, worker, workers);
    if (kind == gru_reset_before) pack_inputs(candidate, {call.weights.hh, H, H, 2, 1}, units, worker, workers);
    if (call.gx) pack_inputs(input, {call.weights.ih, H, I, 0, gates}, features, worker, workers);
  });
  const auto worker_of = [&](int64_t worker) {
    return BackwardWorker<kind>(plan, Rows{layout, worker, workers}, Room{room.next + worker * counted.floats});
  };
  if (live == 0) {
    clear(call.gw_ih, gates * H * I);
    clear(call.gw_hh, gates * H * H);
    clear(call.gb_ih, gates * H);
    clear(call.gb_hh, gates * H);
  }
  int64_t end = T, begin = T;
  while (end > 0 && layout.batch_sizes[end - 1] == 0) --end;
  const int64_t last = end;
  for (; end > 0; end = begin) {
    begin = end - 1;
    while (begin > 0 && offsets[end] - offsets[begin - 1] <= most_rows) --begin;
    in_parallel(workers, [&](int64_t worker) {
      Span span{begin, end, 0, 0};
      for (int64_t other = 0; other <= worker; ++other) {
        span.start += span.n;
        span.n = 0;
        for (int64_t t = begin; t < end; ++t) span.n += Rows{layout, other, workers}.live(t);
      }
      const BackwardWorker<kind> own = worker_of(worker);
      if (end == last) own.begin();
      own.run(span);
      if (begin == 0) own.end();
    });
    in_parallel(workers, [&](int64_t worker) {
      weight_gradients<kind>(plan, worker, workers, offsets[end] - offsets[begin], end < last);
      bias_gradients<kind>(plan, worker, workers, offsets[end] - offsets[begin], end < last);
    });
  }
  if (last == 0) {
    in_parallel(workers, [&](int64_t worker) {
      const BackwardWorker<kind> own = worker_of(worker);
      own.begin();
      own.end();
    });
  }
}

void backward(const Backward& call) {
  switch (call.layout.cell) {
    case rnn_tanh: return backward_cell<rnn_tanh>(call);
    case rnn_relu: return backward_cell<rnn_relu>(call);
    case lstm: return backward_cell<lstm>(call);
    case gru_reset_after: return backward_cell<gru_reset_after>(call);
    default: return backward_cell<gru_reset_before>(call);
  }
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
