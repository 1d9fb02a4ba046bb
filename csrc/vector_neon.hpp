// Vectors of 4 floats: NEON of AArch64.
#pragma once

#include <arm_neon.h>

#include <cstdint>

#include "inline.hpp"

namespace unrolled::neon {
namespace {

using Vector = float32x4_t;
constexpr int width = 4;

// Rows of a tile of so many vectors a row: with the operands of one product they fit 32 registers.
constexpr int tile_rows(int vectors) { return vectors <= 3 ? 8 : 6; }
constexpr int tile_vectors = 4;
constexpr int gradient_rows = 4;
constexpr int gradient_vectors = 3;

UNROLLED_INLINE Vector all(float value) { return vdupq_n_f32(value); }
UNROLLED_INLINE Vector zero() { return all(0.0f); }
UNROLLED_INLINE Vector load(const float* from) { return vld1q_f32(from); }
UNROLLED_INLINE void store(float* to, Vector values) { vst1q_f32(to, values); }

// The first `count` < width lanes; the others are 0, and are not touched in memory.
UNROLLED_INLINE Vector load_first(const float* from, int64_t count) {
  Vector values = zero();
  if (count > 0) values = vld1q_lane_f32(from, values, 0);
  if (count > 1) values = vld1q_lane_f32(from + 1, values, 1);
  if (count > 2) values = vld1q_lane_f32(from + 2, values, 2);
  return values;
}
UNROLLED_INLINE void store_first(float* to, Vector values, int64_t count) {
  if (count > 0) vst1q_lane_f32(to, values, 0);
  if (count > 1) vst1q_lane_f32(to + 1, values, 1);
  if (count > 2) vst1q_lane_f32(to + 2, values, 2);
}

// a * b + c and c - a * b
UNROLLED_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return vfmaq_f32(c, a, b); }
UNROLLED_INLINE Vector subtract_product(Vector a, Vector b, Vector c) { return vfmsq_f32(c, a, b); }

// The second where either is NaN; the processor's own maximum would be NaN where one of them is.
UNROLLED_INLINE Vector larger(Vector a, Vector b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
UNROLLED_INLINE Vector smaller(Vector a, Vector b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
// values where test > 0, else 0
UNROLLED_INLINE Vector where_positive(Vector test, Vector values) {
  return vreinterpretq_f32_u32(vandq_u32(vcgtzq_f32(test), vreinterpretq_u32_f32(values)));
}

// Of each pair of lanes the first twice, the second twice, and the two in turn.
UNROLLED_INLINE Vector first_of_pairs(Vector a) { return vtrn1q_f32(a, a); }
UNROLLED_INLINE Vector second_of_pairs(Vector a) { return vtrn2q_f32(a, a); }
UNROLLED_INLINE Vector swap_pairs(Vector a) { return vrev64q_f32(a); }

UNROLLED_INLINE Vector divide(Vector a, Vector b) { return vdivq_f32(a, b); }

UNROLLED_INLINE Vector nearest(Vector a) { return vrndnq_f32(a); }
// a * 2^n for whole n from -126 to 127
UNROLLED_INLINE Vector scale(Vector a, Vector n) {
  const int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
  return vmulq_f32(a, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
}

}  // namespace
}  // namespace unrolled::neon
