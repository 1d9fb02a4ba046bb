// sigmoid and tanh as polynomials, to 4e-7 of their value.
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

// The rational approximation of Eigen (MathFunctionsImpl.h, ptanh): 3.5e-7 of the value, also near 0. Beyond the bound
// the float next to it is 1.
UNROLLED_INLINE Vector tanh(Vector a) {
  constexpr float bound = 7.90531110763549805f;
  const Vector x = smaller(all(bound), larger(all(-bound), a));
  const Vector square = x * x;
  Vector p = all(-2.76076847742355e-16f);
  p = multiply_add(p, square, all(2.00018790482477e-13f));
  p = multiply_add(p, square, all(-8.60467152213735e-11f));
  p = multiply_add(p, square, all(5.12229709037114e-08f));
  p = multiply_add(p, square, all(1.48572235717979e-05f));
  p = multiply_add(p, square, all(6.37261928875436e-04f));
  p = multiply_add(p, square, all(4.89352455891786e-03f));
  Vector q = all(1.19825839466702e-06f);
  q = multiply_add(q, square, all(1.18534705686654e-04f));
  q = multiply_add(q, square, all(2.26843463243900e-03f));
  q = multiply_add(q, square, all(4.89352518554385e-03f));
  return divide(x * p, q);
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
