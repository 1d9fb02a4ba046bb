// The cross-entropy of softmax(W h + b) and its gradients, a block of rows after the other. Each worker has its own share
// of the vocabulary and goes through it in chunks, twice: first for the scores, their sums of exponentials and, where
// gradients are wanted, the exponentials themselves; then, with the sums of all workers, for the gradients.
//
// Scores stand with a lane for each row, [blocks of rows][tokens][width], so that sums over the vocabulary are sums of
// vectors, and so that both gradients' products read them as they are.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Rows of a block: what its gradients' products read stays in the second level of cache.
constexpr int64_t vocabulary_rows = 256;
// Floats of the exponentials of a block of rows, which has fewer rows where the vocabulary is large.
constexpr int64_t vocabulary_block = 1 << 21;
// Floats of a chunk's weights.
constexpr int64_t vocabulary_chunk = 3 << 14;
// Least tokens of a worker.
constexpr int64_t vocabulary_least_tokens = 64;
// Scores below are as good as minus infinity, and no score is better than the worst.
constexpr float worst_score = -3.402823466e38f;
// Probabilities of rows are no less: a product of two small ones would be denormal, which some processors are slow with.
constexpr float least_probability = 1e-30f;

UNROLLED_INLINE float sum_of(Vector values) {
  alignas(64) float lanes[width];
  store(lanes, values);
  float sum = 0.0f;
  for (int lane = 0; lane < width; ++lane) sum += lanes[lane];
  return sum;
}

// Of a row over some tokens, a lane for each row: the best score, the sum of exp(score - best), the sum of the scores.
struct Scores {
  float *best, *exponentials, *sums;

  Scores(Room& room, int64_t lanes) : best(room.take(lanes)), exponentials(room.take(lanes)), sums(room.take(lanes)) {}
};

// What the workers share of a block of `count` rows, of which `lanes` is the whole number of vectors.
struct VocabularyBlock {
  int64_t start, count, lanes;
  Panels transposed;   // depth E, columns the rows
  Panels rows;         // depth the rows, columns E
  // [lanes], of the whole vocabulary
  float* best;
  float* share;     // 1 / the sum of exp(score - best); this and the next 0 where there is no row
  float* smoothed;  // s / V
  float* target_scores;
};

struct VocabularyWorker {
  const VocabularyLoss& call;
  const int64_t first, tokens;  // its share of the vocabulary
  const int64_t lanes, most_tokens;
  const Groups chunks;
  Scores scores;             // of its share
  float* chunk_weights;      // [blocks of E][most_tokens spaced][width]
  float* panel_scores;       // one panel's, [most_tokens, vectors, width]
  float* references;         // [chunks, lanes]: the best score of each chunk
  float* exponentials;       // per chunk [lanes / width][tokens spaced][width]
  float* ghidden;            // [lanes, blocks of E * width], of its share

  VocabularyWorker(const VocabularyLoss& call, int64_t first, int64_t tokens, int64_t lanes, int64_t most_tokens,
                   Room& room)
      : call(call),
        first(first),
        tokens(tokens),
        lanes(lanes),
        most_tokens(most_tokens),
        chunks(Groups::of(tokens, most_tokens)),
        scores(room, lanes) {
    const int64_t features = blocks(call.features, width) * width;
    const bool gradients = wants_gradients();
    chunk_weights = room.take(features * spaced(most_tokens));
    panel_scores = room.take(most_tokens * tile_vectors * width);
    references = room.take(gradients ? chunks.groups * lanes : lanes);
    exponentials = room.take(gradients ? chunks.groups * lanes * spaced(most_tokens) : 0);
    ghidden = room.take(call.ghidden ? lanes * features : 0);
  }

  UNROLLED_INLINE bool wants_gradients() const { return call.ghidden || call.gweight || call.gbias; }
  UNROLLED_INLINE int64_t stride() const { return spaced(most_tokens) * width; }
  UNROLLED_INLINE float* chunk_exponentials(int64_t chunk) const {
    return exponentials + chunk * lanes * spaced(most_tokens);
  }

  void put_weights(int64_t token, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      put_row(chunk_weights + i * width, stride(), call.weight + (token + i) * call.features, call.features);
    }
  }

  // The first way through.
  void add_up(const VocabularyBlock& block) const {
    for (int64_t lane = 0; lane < block.lanes; lane += width) {
      store(scores.best + lane, all(worst_score));
      store(scores.exponentials + lane, zero());
      store(scores.sums + lane, zero());
    }
    const Groups& panels = block.transposed.columns;
    for (int64_t chunk = 0; chunk < chunks.groups; ++chunk) {
      const int64_t token = first + chunks.start(chunk), count = chunks.size(chunk);
      put_weights(token, count);
      for (int64_t p = 0; p < panels.groups; ++p) {
        const int64_t vectors = panels.size(p), line = vectors * width;
        const Groups parts = Groups::of(count, tile_rows(static_cast<int>(vectors)));
        for (int64_t part = 0; part < parts.groups; ++part) {
          const int64_t row = parts.start(part);
          tiles[vectors - 1][parts.size(part) - 1](chunk_weights + row * width, stride(), call.features,
                                                   block.transposed.panel(p), block.transposed.initial, 0,
                                                   panel_scores + row * line, line);
        }
        for (int64_t v = 0; v < vectors; ++v) {
          take_scores(block, chunk, panels.start(p) + v, panel_scores + v * width, line);
        }
      }
    }
  }

  // The scores of a chunk's tokens for one vector of rows.
  UNROLLED_INLINE void take_scores(const VocabularyBlock& block, int64_t chunk, int64_t vector, float* from,
                                   int64_t line) const {
    const int64_t token = first + chunks.start(chunk), count = chunks.size(chunk), lane = vector * width;
    Vector best = all(worst_score), sums = zero();
    for (int64_t i = 0; i < count; ++i) {
      Vector score = load(from + i * line);
      if (call.bias != nullptr) {
        score = score + all(call.bias[token + i]);
        store(from + i * line, score);
      }
      best = larger(best, score);
      sums = sums + score;
    }
    for (int64_t row = lane; row < least(lane + width, block.count); ++row) {
      const int64_t target = call.targets[block.start + row] - token;
      if (target >= 0 && target < count) block.target_scores[row] = from[target * line + row - lane];
    }
    Vector total = zero();
    if (wants_gradients()) {
      float* kept = chunk_exponentials(chunk) + vector * stride();
      for (int64_t i = 0; i < count; ++i) {
        const Vector value = exponential(load(from + i * line) - best);
        store(kept + i * width, value);
        total = total + value;
      }
      store(references + chunk * lanes + lane, best);
    } else {
      for (int64_t i = 0; i < count; ++i) total = total + exponential(load(from + i * line) - best);
    }
    const Vector before = load(scores.best + lane), after = larger(before, best);
    const Vector earlier = load(scores.exponentials + lane) * exponential(before - after);
    store(scores.best + lane, after);
    store(scores.exponentials + lane, multiply_add(total, exponential(best - after), earlier));
    store(scores.sums + lane, load(scores.sums + lane) + sums);
  }

  // The second way through.
  void carry_back(const VocabularyBlock& block, bool add) const {
    const int64_t inputs = blocks(call.features, width);
    for (int64_t chunk = 0; chunk < chunks.groups; ++chunk) {
      const int64_t token = first + chunks.start(chunk), count = chunks.size(chunk);
      float* gradients = chunk_exponentials(chunk);
      score_gradients(block, chunk, gradients);
      if (call.gbias) {
        for (int64_t i = 0; i < count; ++i) {
          Vector sum = zero();
          for (int64_t vector = 0; vector < block.lanes / width; ++vector) {
            sum = sum + load(gradients + vector * stride() + i * width);
          }
          call.gbias[token + i] = sum_of(sum) + (add ? call.gbias[token + i] : 0.0f);
        }
      }
      if (call.gweight) {
        product_rows(gradients, stride(), count, block.rows, call.gweight + token * call.features, call.features,
                     call.features, add);
      }
      if (!call.ghidden) continue;
      put_weights(token, count);
      const Groups columns = Groups::of(inputs, gradient_vectors);
      for (int64_t group = 0; group < columns.groups; ++group) {
        const int64_t column = columns.start(group);
        for (int64_t lane = 0; lane < block.lanes; lane += gradient_rows) {
          const int64_t height = least(gradient_rows, block.lanes - lane);
          gradient_tiles[columns.size(group) - 1][height - 1](
              gradients + lane / width * stride() + lane % width, chunk_weights + column * stride(), stride(), count,
              ghidden + (lane * inputs + column) * width, inputs * width, inputs * width, chunk > 0);
        }
      }
    }
  }

  // From the exponentials of a chunk to p - (1 - s) [token = target] - s / V.
  UNROLLED_INLINE void score_gradients(const VocabularyBlock& block, int64_t chunk, float* values) const {
    const int64_t token = first + chunks.start(chunk), count = chunks.size(chunk);
    for (int64_t lane = 0; lane < block.lanes; lane += width) {
      float* from = values + lane / width * stride();
      const Vector whole = load(block.share + lane), smoothed = load(block.smoothed + lane);
      const Vector share = whole * exponential(load(references + chunk * lanes + lane) - load(block.best + lane));
      const Vector least_of_row = smaller(all(least_probability), whole);
      for (int64_t i = 0; i < count; ++i) {
        const Vector probability = larger(least_of_row, load(from + i * width) * share);
        store(from + i * width, probability - smoothed);
      }
      for (int64_t row = lane; row < least(lane + width, block.count); ++row) {
        const int64_t target = call.targets[block.start + row] - token;
        if (target >= 0 && target < count) {
          from[target * width + row - lane] -= static_cast<float>(1.0 - call.smoothing);
        }
      }
    }
  }
};

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
      loss += __builtin_log(static_cast<double>(totals[row - lane])) + (1.0 - smoothing) * (most - block.target_scores[row]);
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
  const Groups tokens = Groups::of(V, workers == 1 ? V : blocks(V, workers));
  const int64_t fitting = most(4 * width, least(vocabulary_rows, vocabulary_block / V));
  const Groups shares = Groups::of(blocks(N, width), fitting / width), features = Groups::of(inputs, tile_vectors);
  const int64_t lanes = shares.size(0) * width;
  const int64_t most_tokens = most(16, least(gradient_depth, vocabulary_chunk / (inputs * width)));

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
    in_parallel(workers, [&](int64_t worker) {
      pack_units(transposed, hidden, columns, worker, workers);
      if (call.gweight) pack_inputs(rows, hidden, features, worker, workers);
    });
    in_parallel(workers, [&](int64_t worker) { worker_of(worker).add_up(block); });
    loss += finish_scores(call, block, workers, worker_of);
    if (!gradients) continue;
    in_parallel(workers, [&](int64_t worker) { worker_of(worker).carry_back(block, share > 0); });
    if (!call.ghidden) continue;
    in_parallel(workers, [&](int64_t worker) {
      for (int64_t row = block.count * worker / workers; row < block.count * (worker + 1) / workers; ++row) {
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
