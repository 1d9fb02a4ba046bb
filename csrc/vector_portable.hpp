// Vectors of 4 floats in the compiler's own extension: any processor.
#pragma once

#include <cstdint>

#include "inline.hpp"

namespace unrolled::portable {
namespace {

using Vector = float __attribute__((vector_size(16)));
using Whole = int32_t __attribute__((vector_size(16)));
constexpr int width = 4;

// For 16 registers.
constexpr int tile_rows(int vectors) { return vectors == 1 ? 8 : vectors == 2 ? 6 : vectors == 3 ? 4 : 3; }
constexpr int tile_vectors = 4;
constexpr int gradient_rows = 4;
constexpr int gradient_vectors = 3;

UNROLLED_INLINE Vector all(float value) { return Vector{value, value, value, value}; }
UNROLLED_INLINE Vector zero() { return all(0.0f); }
UNROLLED_INLINE Vector load(const float* from) {
  Vector values;
  __builtin_memcpy(&values, from, sizeof values);
  return values;
}
UNROLLED_INLINE void store(float* to, Vector values) { __builtin_memcpy(to, &values, sizeof values); }

// The first `count` < width lanes; the others are 0, and are not touched in memory.
UNROLLED_INLINE Vector load_first(const float* from, int64_t count) {
  return Vector{count > 0 ? from[0] : 0.0f, count > 1 ? from[1] : 0.0f, count > 2 ? from[2] : 0.0f, 0.0f};
}
UNROLLED_INLINE void store_first(float* to, Vector values, int64_t count) {
  if (count > 0) to[0] = values[0];
  if (count > 1) to[1] = values[1];
  if (count > 2) to[2] = values[2];
}

// a * b + c and c - a * b; one instruction where the processor has it
UNROLLED_INLINE Vector multiply_add(Vector a, Vector b, Vector c) { return a * b + c; }
UNROLLED_INLINE Vector subtract_product(Vector a, Vector b, Vector c) { return c - a * b; }

// The second where either is NaN.
UNROLLED_INLINE Vector larger(Vector a, Vector b) { return a > b ? a : b; }
UNROLLED_INLINE Vector smaller(Vector a, Vector b) { return a < b ? a : b; }
// values where test > 0, else 0
UNROLLED_INLINE Vector where_positive(Vector test, Vector values) { return test > zero() ? values : zero(); }

UNROLLED_INLINE Vector divide(Vector a, Vector b) { return a / b; }

// Of each pair of lanes the first twice, the second twice, and the two in turn.
UNROLLED_INLINE Vector first_of_pairs(Vector a) { return Vector{a[0], a[0], a[2], a[2]}; }
UNROLLED_INLINE Vector second_of_pairs(Vector a) { return Vector{a[1], a[1], a[3], a[3]}; }
UNROLLED_INLINE Vector swap_pairs(Vector a) { return Vector{a[1], a[0], a[3], a[2]}; }

// Beyond 1.5 * 2^23 floats have no fraction: adding it rounds, and leaves the whole number in the low bits.
constexpr float rounding = 12582912.0f;
UNROLLED_INLINE Vector nearest(Vector a) { return (a + all(rounding)) - all(rounding); }
// a * 2^n for whole n from -126 to 127
UNROLLED_INLINE Vector scale(Vector a, Vector n) {
  const Whole exponent = (reinterpret_cast<Whole>(n + all(rounding)) + 127) << 23;
  return a * reinterpret_cast<Vector>(exponent);
}

}  // namespace
}  // namespace unrolled::portable
