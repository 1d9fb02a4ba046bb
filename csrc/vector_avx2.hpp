// Vectors of 8 floats: AVX2 and FMA.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "inline.hpp"

namespace unrolled::avx2 {
namespace {

using Vector = __m256;
constexpr int width = 8;

// Rows of a tile of so many vectors a row: with the operands of one product they fit 16 registers.
constexpr int tile_rows(int vectors) { return vectors == 1 ? 8 : vectors == 2 ? 6 : vectors == 3 ? 4 : 3; }
constexpr int tile_vectors = 4;
constexpr int gradient_rows = 4;
constexpr int gradient_vectors = 3;

UNROLLED_INLINE Vector zero() { return _mm256_setzero_ps(); }
UNROLLED_INLINE Vector all(float value) { return _mm256_set1_ps(value); }
UNROLLED_INLINE Vector load(const float* from) { return _mm256_loadu_ps(from); }
UNROLLED_INLINE void store(float* to, Vector values) { _mm256_storeu_ps(to, values); }

UNROLLED_INLINE __m256i first_lanes(int64_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first `count` < width lanes; the others are 0, and are not touched in memory.
UNROLLED_INLINE Vector load_first(const float* from, int64_t count) {
  return _mm256_maskload_ps(from, first_lanes(count));
}
UNROLLED_INLINE void store_first(float* to, Vector values, int64_t count) {
  _mm256_maskstore_ps(to, first_lanes(count), values);
}

// a * b + c and c - a * b
UNROLLED_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
UNROLLED_INLINE Vector subtract_product(Vector a, Vector b, Vector c) { return _mm256_fnmadd_ps(a, b, c); }

// The second where either is NaN.
UNROLLED_INLINE Vector larger(Vector a, Vector b) { return _mm256_max_ps(a, b); }
UNROLLED_INLINE Vector smaller(Vector a, Vector b) { return _mm256_min_ps(a, b); }
// values where test > 0, else 0
UNROLLED_INLINE Vector where_positive(Vector test, Vector values) {
  return _mm256_and_ps(_mm256_cmp_ps(test, _mm256_setzero_ps(), _CMP_GT_OQ), values);
}

UNROLLED_INLINE Vector divide(Vector a, Vector b) { return a / b; }

// Of each pair of lanes the first twice, the second twice, and the two in turn.
UNROLLED_INLINE Vector first_of_pairs(Vector a) { return _mm256_moveldup_ps(a); }
UNROLLED_INLINE Vector second_of_pairs(Vector a) { return _mm256_movehdup_ps(a); }
UNROLLED_INLINE Vector swap_pairs(Vector a) { return _mm256_permute_ps(a, 0xB1); }

UNROLLED_INLINE Vector nearest(Vector a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// a * 2^n for whole n from -126 to 127
UNROLLED_INLINE Vector scale(Vector a, Vector n) {
  const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return a * _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

}  // namespace
}  // namespace unrolled::avx2
