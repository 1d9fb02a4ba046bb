// The products. Everything they read lies in panels:
//
//   activations [blocks of `width` features][rows][width]: a tile's rows stand side by side for each block of features,
//               so one address and constant displacements reach all of them;
//   weights     [panels][depth][vectors of the panel][width]: read from end to end.
//
// Both are filled up with zeros to whole blocks, so no loop inside has a tail.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

UNROLLED_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
UNROLLED_INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
UNROLLED_INLINE int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

// `count` things in the fewest groups of at most `largest`, as equal as they can be.
struct Groups {
  int64_t count, groups;

  static UNROLLED_INLINE Groups of(int64_t count, int64_t largest) { return {count, blocks(count, largest)}; }
  UNROLLED_INLINE int64_t start(int64_t group) const {
    return group * (count / groups) + least(group, count % groups);
  }
  UNROLLED_INLINE int64_t size(int64_t group) const { return count / groups + (group < count % groups); }
};

// out[R, V * width] (rows `out_stride` apart) = initial[V * width] + activations[R, depth] weights[depth, V * width].
// With an `initial_stride` each row has an initial of its own, so far apart, which is added last: a long sum that is
// made of several calls is a sum of short ones, and more exact.
// If it fetches, it brings [depth, width] of what is read next from `ahead` into the second level of cache meanwhile.
template <int R, int V, bool fetches>
UNROLLED_INLINE void multiply_tile(const float* activations, int64_t block_stride, int64_t depth, const float* weights,
                                   const float* initial, int64_t initial_stride, float* out, int64_t out_stride,
                                   const float* ahead) {
  // A sum waits 4 cycles for the one before; a small tile has too few of them and keeps several for each result.
  constexpr int parts = R * V >= 8 ? 1 : R * V >= 4 ? 2 : 4;
  Vector sums[parts][R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      sums[0][r][v] = initial_stride ? zero() : load(initial + v * width);
#pragma GCC unroll 4
      for (int part = 1; part < parts; ++part) sums[part][r][v] = zero();
    }
  }
  for (; depth >= width; depth -= width, activations += block_stride) {
#pragma GCC unroll 1
    for (int k = 0; k < width; k += 4) {
#pragma GCC unroll 4
      for (int step = 0; step < 4; ++step) {
        if constexpr (R >= V) {
          Vector w[V];
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) w[v] = load(weights + v * width);
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) {
            const Vector a = all(activations[r * width + k + step]);
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) sums[step % parts][r][v] = multiply_add(a, w[v], sums[step % parts][r][v]);
          }
        } else {
          Vector a[R];
#pragma GCC unroll 8
          for (int r = 0; r < R; ++r) a[r] = all(activations[r * width + k + step]);
#pragma GCC unroll 8
          for (int v = 0; v < V; ++v) {
            const Vector w = load(weights + v * width);
#pragma GCC unroll 8
            for (int r = 0; r < R; ++r) sums[step % parts][r][v] = multiply_add(a[r], w, sums[step % parts][r][v]);
          }
        }
        weights += V * width;
        if constexpr (fetches) {
          __builtin_prefetch(ahead, 0, 2);
          ahead += width;
        }
      }
    }
  }
#pragma GCC unroll 1
  for (int64_t k = 0; k < depth; ++k, weights += V * width) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vector a = all(activations[r * width + k]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[0][r][v] = multiply_add(a, load(weights + v * width), sums[0][r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      Vector sum = sums[0][r][v];
#pragma GCC unroll 4
      for (int part = 1; part < parts; ++part) sum = sum + sums[part][r][v];
      if (initial_stride) sum = sum + load(initial + r * initial_stride + v * width);
      store(out + r * out_stride + v * width, sum);
    }
  }
}

template <int R, int V>
void tile(const float* activations, int64_t block_stride, int64_t depth, const float* weights, const float* initial,
          int64_t initial_stride, float* out, int64_t out_stride) {
  multiply_tile<R, V, false>(activations, block_stride, depth, weights, initial, initial_stride, out, out_stride,
                             nullptr);
}

template <int R, int V>
void fetching_tile(const float* activations, int64_t block_stride, int64_t depth, const float* weights,
                   const float* initial, float* out, int64_t out_stride, const float* ahead) {
  multiply_tile<R, V, true>(activations, block_stride, depth, weights, initial, 0, out, out_stride, ahead);
}

using Tile = void (*)(const float*, int64_t, int64_t, const float*, const float*, int64_t, float*, int64_t);

// The tile of R rows and V vectors, at [V - 1][R - 1].
constexpr Tile tiles[4][8] = {
    {tile<1, 1>, tile<2, 1>, tile<3, 1>, tile<4, 1>, tile<5, 1>, tile<6, 1>, tile<7, 1>, tile<8, 1>},
    {tile<1, 2>, tile<2, 2>, tile<3, 2>, tile<4, 2>, tile<5, 2>, tile<6, 2>, tile<7, 2>, tile<8, 2>},
    {tile<1, 3>, tile<2, 3>, tile<3, 3>, tile<4, 3>, tile<5, 3>, tile<6, 3>, tile<7, 3>, tile<8, 3>},
    {tile<1, 4>, tile<2, 4>, tile<3, 4>, tile<4, 4>, tile<5, 4>, tile<6, 4>, nullptr, nullptr},
};

using FetchingTile = void (*)(const float*, int64_t, int64_t, const float*, const float*, float*, int64_t,
                              const float*);

// The same, of tiles that compute for long enough to fetch something meanwhile.
constexpr FetchingTile fetching_tiles[4][8] = {
    {},
    {nullptr, nullptr, nullptr, nullptr, nullptr, fetching_tile<6, 2>, fetching_tile<7, 2>, fetching_tile<8, 2>},
    {nullptr, nullptr, nullptr, fetching_tile<4, 3>, fetching_tile<5, 3>, fetching_tile<6, 3>, fetching_tile<7, 3>,
     fetching_tile<8, 3>},
    {nullptr, nullptr, fetching_tile<3, 4>, fetching_tile<4, 4>, fetching_tile<5, 4>, fetching_tile<6, 4>},
};

// A matrix of weights in panels, its columns counted in vectors.
struct Panels {
  const float* data;
  const float* initial;  // [columns, width] that the sums begin with
  int64_t depth;
  Groups columns;
  bool far = false;  // not in the cache: read once, and then not before much else is

  UNROLLED_INLINE const float* panel(int64_t p) const { return data + columns.start(p) * depth * width; }

  // out [count, vectors * width] of some rows, the `part`-th of them, and of panel p, whose `vectors` columns begin at
  // `first`. Where the weights are far every part fetches its share of the next panel, for which the first part of the
  // rows would else have to wait.
  UNROLLED_INLINE void multiply(const float* activations, int64_t block_stride, int64_t p, int64_t first,
                                int64_t vectors, int64_t part, int64_t count, float* out) const {
    const float* from = data + first * depth * width;
    const FetchingTile fetching = far ? fetching_tiles[vectors - 1][count - 1] : nullptr;
    if (fetching) {
      const bool is_there = p + 1 < columns.groups && part < vectors;
      fetching(activations, block_stride, depth, from, initial + first * width, out, vectors * width,
               is_there ? from + (vectors + part) * depth * width : from);
    } else {
      tiles[vectors - 1][count - 1](activations, block_stride, depth, from, initial + first * width, 0, out,
                                    vectors * width);
    }
  }
};

// out, per panel [rows, vectors, width] = initial + activations [rows, depth] times the weights
void product(const float* activations, int64_t block_stride, int64_t rows, const Panels& weights, float* out) {
  for (int64_t p = 0; p < weights.columns.groups; ++p) {
    const int64_t vectors = weights.columns.size(p), first = weights.columns.start(p);
    const Groups parts = Groups::of(rows, tile_rows(static_cast<int>(vectors)));
    for (int64_t part = 0; part < parts.groups; ++part) {
      const int64_t row = parts.start(part);
      weights.multiply(activations + row * width, block_stride, p, first, vectors, part, parts.size(part),
                       out + (first * rows + row * vectors) * width);
    }
  }
}

// sums[R, columns] of left[rows, R]^T right[rows, V * width] over the rows. `left` is one block of features, the V of
// `right` lie `right_stride` apart; `columns` may end inside the last vector. Added to out, or written.
template <int R, int V>
void gradient_tile(const float* left, const float* right, int64_t right_stride, int64_t rows, float* out,
                   int64_t out_stride, int64_t columns, bool add) {
  Vector sums[R][V];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sums[r][v] = zero();
  }
#pragma GCC unroll 2
  for (int64_t n = 0; n < rows; ++n) {
    Vector b[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) b[v] = load(right + v * right_stride + n * width);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vector a = all(left[n * width + r]);
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) sums[r][v] = multiply_add(a, b[v], sums[r][v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) {
      float* to = out + r * out_stride + v * width;
      const int64_t lanes = columns - v * width;
      if (lanes >= width) {
        store(to, add ? load(to) + sums[r][v] : sums[r][v]);
      } else {
        store_first(to, add ? load_first(to, lanes) + sums[r][v] : sums[r][v], lanes);
      }
    }
  }
}

using GradientTile = void (*)(const float*, const float*, int64_t, int64_t, float*, int64_t, int64_t, bool);

// The gradient tile of R rows and V vectors, at [V - 1][R - 1].
constexpr GradientTile gradient_tiles[3][8] = {
    {gradient_tile<1, 1>, gradient_tile<2, 1>, gradient_tile<3, 1>, gradient_tile<4, 1>, gradient_tile<5, 1>,
     gradient_tile<6, 1>, gradient_tile<7, 1>, gradient_tile<8, 1>},
    {gradient_tile<1, 2>, gradient_tile<2, 2>, gradient_tile<3, 2>, gradient_tile<4, 2>, gradient_tile<5, 2>,
     gradient_tile<6, 2>, gradient_tile<7, 2>, gradient_tile<8, 2>},
    {gradient_tile<1, 3>, gradient_tile<2, 3>, gradient_tile<3, 3>, gradient_tile<4, 3>, gradient_tile<5, 3>,
     gradient_tile<6, 3>, gradient_tile<7, 3>, gradient_tile<8, 3>},
};

}  // namespace
}  // namespace unrolled::UNROLLED_SET
