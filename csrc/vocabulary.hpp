// The vocabulary's loss as a whole: blocks of rows, and the workers' scores put together.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Puts the workers' scores together, and returns the block's loss.
template <class WorkerOf>
double finish_scores(const VocabularyLoss& call, const VocabularyBlock& block, int64_t workers,
                     const WorkerOf& worker_of) {
  const double tokens = static_cast<double>(call.tokens), smoothing = call.smoothing;
  alignas(64) float totals[width], sums[width];
  double loss = 0.0;
  for (int64_t lane = 0; lane < block.lanes; lane += width) {
    Vector best = all(worst_score), total = zero(), sum = zero();
    for (int64_t w = 0; w < workers; ++w) best = larger(best, load(worker_of(w).scores.best + lane));
    for (int64_t w = 0; w < workers; ++w) {
      const Scores scores = worker_of(w).scores;
      const Vector scale = exponential(load(scores.best + lane) - best);
      total = multiply_add(load(scores.exponentials + lane), scale, total);
      sum = sum + load(scores.sums + lane);
    }
    store(block.best + lane, best);
    store(totals, total);
    store(sums, sum);
    for (int64_t row = lane; row < lane + width; ++row) {
      const bool live = row < block.count;
      block.share[row] = live ? 1.0f / totals[row - lane] : 0.0f;
      block.smoothed[row] = live ? static_cast<float>(smoothing / tokens) : 0.0f;
      if (!live) continue;
      const double most = block.best[row];
      loss += __builtin_log(static_cast<double>(totals[row - lane]));
      loss += (1.0 - smoothing) * (most - block.target_scores[row]);
      // A score of minus infinity counts only where labels are smoothed.
      if (smoothing > 0.0) loss += smoothing * (most - sums[row - lane] / tokens);
    }
  }
  return loss;
}

double vocabulary_loss(const VocabularyLoss& call) {
  const int64_t N = call.rows, E = call.features, V = call.tokens, inputs = blocks(E, width);
  if (N == 0) {
    clear(call.gweight, V * E);
    clear(call.gbias, V);
    return 0.0;
  }
  const bool gradients = call.ghidden || call.gweight || call.gbias;
  const double work = (gradients ? 6.0 : 2.0) * N * E * V / work_per_thread();
  const int64_t useful = work < call.threads ? 1 + static_cast<int64_t>(work) : call.threads;
  const int64_t workers = most(1, least(useful, blocks(V, vocabulary_least_tokens)));
  // Where processors are busy with others, threads wait for each other longer than these small parts take.
  const int64_t helpers = workers > 4 ? workers : 1;
  const Groups tokens = Groups::of(V, workers == 1 ? V : blocks(V, workers));
  const int64_t fitting = most(4 * width, least(vocabulary_rows, vocabulary_block / V));
  const Groups shares = Groups::of(blocks(N, width), fitting / width), features = Groups::of(inputs, tile_vectors);
  const int64_t lanes = shares.size(0) * width;
  const int64_t chunk = most(16, least(gradient_depth, vocabulary_chunk / (inputs * width)));
  const int64_t most_tokens = Groups::of(tokens.size(0), chunk).size(0);

  VocabularyBlock block{};
  float *transposed = nullptr, *rows = nullptr, *none = nullptr;
  const auto lay_out = [&](Room& room) {
    transposed = room.take(E * lanes);
    rows = room.take(call.gweight ? lanes * inputs * width : 0);
    none = room.take(most(tile_vectors, inputs) * width);
    block.best = room.take(lanes);
    block.share = room.take(lanes);
    block.smoothed = room.take(lanes);
    block.target_scores = room.take(lanes);
  };
  const auto worker_in = [&](int64_t worker, Room& room) {
    return VocabularyWorker(call, tokens.start(worker), tokens.size(worker), lanes, most_tokens, room);
  };
  Room shared{nullptr}, counted{nullptr};
  lay_out(shared);
  worker_in(0, counted);
  const Workspace workspace(static_cast<size_t>(shared.floats + workers * counted.floats) * sizeof(float));
  Room room{static_cast<float*>(workspace.data())};
  lay_out(room);
  clear(none, most(tile_vectors, inputs) * width);
  const auto worker_of = [&](int64_t worker) {
    Room own{room.next + worker * counted.floats};
    return worker_in(worker, own);
  };

  double loss = 0.0;
  for (int64_t share = 0; share < shares.groups; ++share) {
    block.start = shares.start(share) * width;
    block.lanes = shares.size(share) * width;
    block.count = least(block.lanes, N - block.start);
    const Groups columns = Groups::of(block.lanes / width, tile_vectors);
    const GateRows hidden{call.hidden + block.start * E, block.count, E, 0, 1};
    block.transposed = {transposed, none, E, columns};
    block.rows = {rows, none, block.lanes, features};
    in_parallel(helpers, [&](int64_t helper) {
      pack_units(transposed, hidden, columns, helper, helpers);
      if (call.gweight) pack_inputs(rows, hidden, features, helper, helpers);
    });
    in_parallel(workers, [&](int64_t worker) { worker_of(worker).add_up(block); });
    loss += finish_scores(call, block, workers, worker_of);
    if (!gradients) continue;
    in_parallel(workers, [&](int64_t worker) { worker_of(worker).carry_back(block, share > 0); });
    if (!call.ghidden) continue;
    in_parallel(helpers, [&](int64_t helper) {
      for (int64_t row = block.count * helper / helpers; row < block.count * (helper + 1) / helpers; ++row) {
        float* out = call.ghidden + (block.start + row) * E;
        for (int64_t other = 0; other < workers; ++other) {
          const float* part = worker_of(other).ghidden + row * inputs * width;
          for (int64_t column = 0; column < inputs; ++column, part += width, out += width) {
            const int64_t columns_left = lanes_of(column, E);
            const Vector sum = load(part);
            store_lanes(out, other > 0 ? load_lanes(out, columns_left) + sum : sum, columns_left);
          }
          out -= inputs * width;
        }
      }
    });
  }
  return loss;
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
