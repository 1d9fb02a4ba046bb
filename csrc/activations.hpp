// sigmoid, tanh and exp from polynomials, to 2e-7 of their value.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// 1 / (1 + exp(-a)). NaN stays NaN: `larger` and `smaller` return their second argument then.
UNROLLED_INLINE Vector sigmoid(Vector a) {
  constexpr float log2_e = 1.44269504f;
  const Vector power = smaller(all(126.0f), larger(all(-126.0f), a * all(-log2_e)));
  const Vector whole = nearest(power);
  const Vector f = power - whole;
  // 2^f for f in [-1/2, 1/2], minimax in the relative error: 8e-8
  Vector p = all(0.001327647129073739f);
  p = multiply_add(p, f, all(0.009675541892647743f));
  p = multiply_add(p, f, all(0.05550713092088699f));
  p = multiply_add(p, f, all(0.24022120237350464f));
  p = multiply_add(p, f, all(0.6931469440460205f));
  p = multiply_add(p, f, all(1.0000001192092896f));
  return divide(all(1.0f), all(1.0f) + scale(p, whole));
}

// Near 0 an odd polynomial, to 8e-8 of the value; beyond, 1 - 2 / (1 + exp(2 |a|)) with the sign of a, to 1e-7: what
// 1 - tanh^2 loses where a unit is saturated is lost of its gradient.
UNROLLED_INLINE Vector tanh(Vector a) {
  constexpr float bound = 0.625f;
  const Vector size = larger(zero() - a, a);
  const Vector square = a * a;
  Vector p = all(-0.005691985599696636f);
  p = multiply_add(p, square, all(0.020626291632652283f));
  p = multiply_add(p, square, all(-0.05373531952500343f));
  p = multiply_add(p, square, all(0.13331381976604462f));
  p = multiply_add(p, square, all(-0.3333328068256378f));
  const Vector near = multiply_add(a * square, p, a);
  const Vector rest = sigmoid(zero() - size - size);
  const Vector far = all(1.0f) - (rest + rest);
  const Vector away = where_positive(a, far + far) - far;
  return away + where_positive(all(bound) - size, near - away);
}

// exp(a) for a <= 0, exactly 1 at 0 and at least 2^-126. NaN stays NaN.
UNROLLED_INLINE Vector exponential(Vector a) {
  constexpr float log2_e = 1.44269502f, rest_of_log2_e = 1.92596303e-8f;
  const Vector within = larger(all(-87.33654f), a);
  const Vector whole = nearest(within * all(log2_e));
  const Vector f = multiply_add(within, all(rest_of_log2_e), multiply_add(within, all(log2_e), zero() - whole));
  // 2^f for f in [-1/2, 1/2], minimax in the relative error: 8e-8 with the rounding
  Vector p = all(0.00015353361959569156f);
  p = multiply_add(p, f, all(0.0013398875016719103f));
  p = multiply_add(p, f, all(0.00961843691766262f));
  p = multiply_add(p, f, all(0.055503323674201965f));
  p = multiply_add(p, f, all(0.24022647738456726f));
  p = multiply_add(p, f, all(0.6931471824645996f));
  p = multiply_add(p, f, all(1.0f));
  return scale(p, whole);
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
