// Vectors of 16 floats: AVX-512 F, BW, DQ and VL.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "inline.hpp"

namespace unrolled::avx512 {
namespace {

using Vector = __m512;
constexpr int width = 16;

// Rows of a tile of so many vectors a row: rows * vectors sums, the vectors and one factor fit 32 registers.
constexpr int tile_rows(int vectors) { return vectors <= 3 ? 8 : 6; }
// The most vectors a row.
constexpr int tile_vectors = 4;
// The tile of the weights' gradients.
constexpr int gradient_rows = 8;
constexpr int gradient_vectors = 3;

UNROLLED_INLINE Vector zero() { return _mm512_setzero_ps(); }
UNROLLED_INLINE Vector all(float value) { return _mm512_set1_ps(value); }
UNROLLED_INLINE Vector load(const float* from) { return _mm512_loadu_ps(from); }
UNROLLED_INLINE void store(float* to, Vector values) { _mm512_storeu_ps(to, values); }

UNROLLED_INLINE __mmask16 first_lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }
// The first `count` < width lanes; the others are 0, and are not touched in memory.
UNROLLED_INLINE Vector load_first(const float* from, int64_t count) {
  return _mm512_maskz_loadu_ps(first_lanes(count), from);
}
UNROLLED_INLINE void store_first(float* to, Vector values, int64_t count) {
  _mm512_mask_storeu_ps(to, first_lanes(count), values);
}

// a * b + c and c - a * b
UNROLLED_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
UNROLLED_INLINE Vector subtract_product(Vector a, Vector b, Vector c) { return _mm512_fnmadd_ps(a, b, c); }

// The second where either is NaN.
UNROLLED_INLINE Vector larger(Vector a, Vector b) { return _mm512_max_ps(a, b); }
UNROLLED_INLINE Vector smaller(Vector a, Vector b) { return _mm512_min_ps(a, b); }
// values where test > 0, else 0
UNROLLED_INLINE Vector where_positive(Vector test, Vector values) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(test, _mm512_setzero_ps(), _CMP_GT_OQ), values);
}

// a / b by an estimate and one step of Newton's, then one of the quotient's: the division itself is slower.
UNROLLED_INLINE Vector divide(Vector a, Vector b) {
  Vector inverse = _mm512_rcp14_ps(b);
  inverse = multiply_add(subtract_product(inverse, b, all(1.0f)), inverse, inverse);
  const Vector quotient = a * inverse;
  return multiply_add(subtract_product(quotient, b, a), inverse, quotient);
}

// Of each pair of lanes the first twice, the second twice, and the two in turn.
UNROLLED_INLINE Vector first_of_pairs(Vector a) { return _mm512_moveldup_ps(a); }
UNROLLED_INLINE Vector second_of_pairs(Vector a) { return _mm512_movehdup_ps(a); }
UNROLLED_INLINE Vector swap_pairs(Vector a) { return _mm512_permute_ps(a, 0xB1); }

UNROLLED_INLINE Vector nearest(Vector a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
// a * 2^n for whole n
UNROLLED_INLINE Vector scale(Vector a, Vector n) { return _mm512_scalef_ps(a, n); }

}  // namespace
}  // namespace unrolled::avx512
