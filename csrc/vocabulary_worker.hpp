// A worker of the cross-entropy of softmax(W h + b). It has its own share of the vocabulary and goes through it in
// chunks, twice for each block of rows: first for the scores, their sums of exponentials and, where gradients are
// wanted, the exponentials themselves; then, with the sums of all workers, for the gradients.
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
// Features of a score that are added up at once: a sum of many is as exact as those of torch, which adds up short sums.
constexpr int64_t score_depth = 64;
// Least tokens of a worker.
constexpr int64_t vocabulary_least_tokens = 64;
// The best of no scores: finite, so that a score of minus infinity is still less.
constexpr float worst_score = -3.402823466e38f;
// Probabilities of rows are no less: a product of two small numbers would be denormal, which slows some processors.
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
        panel_product(block, p, count);
        for (int64_t v = 0; v < vectors; ++v) {
          take_scores(block, chunk, panels.start(p) + v, panel_scores + v * width, line);
        }
      }
    }
  }

  // The scores, without their biases, of the chunk's tokens for the rows of a panel.
  void panel_product(const VocabularyBlock& block, int64_t p, int64_t count) const {
    const Panels& panels = block.transposed;
    const int64_t vectors = panels.columns.size(p), line = vectors * width;
    const Groups parts = Groups::of(count, tile_rows(static_cast<int>(vectors)));
    for (int64_t from = 0; from < panels.depth; from += score_depth) {
      const int64_t depth = least(score_depth, panels.depth - from);
      for (int64_t part = 0; part < parts.groups; ++part) {
        const float* weights = chunk_weights + from / width * stride() + parts.start(part) * width;
        float* sums = panel_scores + parts.start(part) * line;
        tiles[vectors - 1][parts.size(part) - 1](weights, stride(), depth, panels.panel(p) + from * line,
                                                 from > 0 ? sums : panels.initial, from > 0 ? line : 0, sums, line);
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
    for (int64_t chunk = 0; chunk < chunks.groups; ++chunk) {
      const int64_t token = first + chunks.start(chunk), count = chunks.size(chunk);
      float* gradients = chunk_exponentials(chunk);
      score_gradients(block, chunk, gradients);
      if (call.gbias) bias_gradients(block, gradients, call.gbias + token, count, add);
      if (call.gweight) {
        product_rows(gradients, stride(), count, block.rows, call.gweight + token * call.features, call.features,
                     call.features, add);
      }
      if (call.ghidden) {
        put_weights(token, count);
        hidden_gradients(block, gradients, count, chunk > 0);
      }
    }
  }

  void bias_gradients(const VocabularyBlock& block, const float* gradients, float* out, int64_t count, bool add) const {
    for (int64_t i = 0; i < count; ++i) {
      Vector sum = zero();
      for (int64_t lane = 0; lane < block.lanes; lane += width) {
        sum = sum + load(gradients + lane / width * stride() + i * width);
      }
      out[i] = sum_of(sum) + (add ? out[i] : 0.0f);
    }
  }

  void hidden_gradients(const VocabularyBlock& block, const float* gradients, int64_t count, bool add) const {
    const int64_t inputs = blocks(call.features, width);
    const Groups columns = Groups::of(inputs, gradient_vectors);
    for (int64_t group = 0; group < columns.groups; ++group) {
      const int64_t column = columns.start(group);
      for (int64_t lane = 0; lane < block.lanes; lane += gradient_rows) {
        const int64_t height = least(gradient_rows, block.lanes - lane);
        gradient_tiles[columns.size(group) - 1][height - 1](
            gradients + lane / width * stride() + lane % width, chunk_weights + column * stride(), stride(), count,
            ghidden + (lane * inputs + column) * width, inputs * width, inputs * width, add);
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

}  // namespace
}  // namespace unrolled::UNROLLED_SET
