// exp, log and what is made of them, as docs/portable-arithmetic.md section 2
// defines them: templates over a value type A (CPU vectors, one float, a CUDA
// thread's float), in C++17; all targets give the same bits. The includer
// defines, before it includes this:
//   PLASTOMETER_PORTABLE_FUNCTION  how a function is declared, and
//   PLASTOMETER_PORTABLE_BEGIN, PLASTOMETER_PORTABLE_END  the namespace
// (cpu/simd-inl.h does it, once for every target: no usual guard).
#if defined(PLASTOMETER_FUNCTIONS_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_FUNCTIONS_H_
#undef PLASTOMETER_FUNCTIONS_H_
#else
#define PLASTOMETER_FUNCTIONS_H_
#endif

#ifndef PLASTOMETER_PORTABLE_BEGIN
#error "include model/ops/portable/cpu/simd-inl.h first"
#endif

PLASTOMETER_PORTABLE_BEGIN

// c[0] + c[1] x + .. + c[n-1] x^(n-1), by Horner's rule.
template <class A, int n>
PLASTOMETER_PORTABLE_FUNCTION typename A::Double Polynomial(
    typename A::Double x, const double (&c)[n]) {
  typename A::Double sum = A::SetD(c[n - 1]);
  for (int i = n - 2; i >= 0; --i) sum = A::FmaD(sum, x, A::SetD(c[i]));
  return sum;
}

// exp(x) = 2^n exp(r), |r| <= log(2) / 2. The coefficients are a minimax fit
// moved by a search until no input rounds wrongly: the few inputs near a
// rounding boundary decide them, so none of their bits may change.
template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Exp(typename A::Float x) {
  constexpr double kCoefficients[] = {
      0x1.0000000000001p+0,  0x1.fffffffffff0bp-1, 0x1.fffffffffe6c7p-2,
      0x1.555555555cb2ep-3,  0x1.555555570a172p-5, 0x1.1111111aeb644p-7,
      0x1.6c16bedfefbb9p-10, 0x1.a0199a2199cap-13, 0x1.a01d109bf826ap-16,
      0x1.72e75f3ef4d2cp-19, 0x1.26efc5c0a9cdep-22};
  // Beyond these the result is 0 or infinite; NaN passes.
  x = A::Max(A::Set(-110.0f), A::Min(A::Set(90.0f), x));
  const auto wide = A::Widen(x);
  const auto magic = A::SetD(0x1.8p52);  // a sum's last bit is worth 1
  const auto shifted = A::FmaD(wide, A::SetD(0x1.71547652b82fep+0), magic);
  const auto n = A::SubD(shifted, magic);
  const auto r = A::FmaD(n, A::SetD(-0x1.62e42fefa39efp-1), wide);
  return A::Narrow(A::ScaleD(Polynomial<A>(r, kCoefficients), shifted));
}

// log(x) = e log(2) + log(m), log(m) = s p(s^2) with s = (m - 1) / (m + 1),
// for x positive and finite.
template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float LogOfNumber(
    typename A::Float x) {
  constexpr double kCoefficients[] = {2.0,
                                      0x1.555555555395fp-1,
                                      0x1.999999a295021p-2,
                                      0x1.24924176a4fe2p-2,
                                      0x1.c72278b798011p-3,
                                      0x1.732c0fe3e53fap-3,
                                      0x1.5878926c551a8p-3};
  const auto wide = A::Widen(x);
  const auto e = A::ExponentD(wide);
  const auto m = A::SignificandD(wide);
  const auto one = A::SetD(1.0);
  const auto s = A::DivD(A::SubD(m, one), A::AddD(m, one));
  const auto p = Polynomial<A>(A::MulD(s, s), kCoefficients);
  return A::Narrow(A::FmaD(s, p, A::MulD(e, A::SetD(0x1.62e42fefa39efp-1))));
}

template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Log(typename A::Float x) {
  constexpr float kInfinity = __builtin_huge_valf();
  // The logarithms nearest to a rounding boundary: binary64 lands on it.
  constexpr float kHard[3][2] = {{0x1.6351d8p+95f, 0x1.08b512p+6f},
                                 {0x1.bacb4ap+25f, 0x1.1e0696p+4f},
                                 {0x1.b121a6p+76f, 0x1.a9a3f2p+5f}};
  auto y = LogOfNumber<A>(x);
  for (const auto& hard : kHard) {
    y = A::Select(A::Equal(x, A::Set(hard[0])), A::Set(hard[1]), y);
  }
  const auto zero = A::Set(0.0f);
  const auto not_positive = A::Select(
      A::Less(x, zero), A::Set(__builtin_nanf("")), A::Set(-kInfinity));
  y = A::Select(A::Less(zero, x), y, not_positive);
  return A::Select(A::Less(x, A::Set(kInfinity)), y, x);
}

template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Sigmoid(typename A::Float x) {
  const auto one = A::Set(1.0f);
  return A::Div(one, A::Add(one, Exp<A>(A::Neg(x))));
}

template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Silu(typename A::Float x) {
  return A::Div(x, A::Add(A::Set(1.0f), Exp<A>(A::Neg(x))));
}

// gelu(x) = x s; s = 1 / (1 + e), so that e s is 1 - s.
template <class A>
struct GeluGateOf {
  typename A::Float x2, e, s;
};

constexpr float kGeluC1 = 1.5957691216f;   // 2 sqrt(2 / pi)
constexpr float kGeluC2 = 0.07135481627f;  // C1 * 0.044715
constexpr float kGeluC3 = 0.2140644488f;   // 3 C2

template <class A>
PLASTOMETER_PORTABLE_FUNCTION GeluGateOf<A> GeluGate(typename A::Float x) {
  const auto x2 = A::Mul(x, x);
  const auto z = A::Mul(x, A::Fma(A::Set(kGeluC2), x2, A::Set(kGeluC1)));
  const auto e = Exp<A>(A::Min(A::Neg(z), A::Set(80.0f)));
  const auto one = A::Set(1.0f);
  return {x2, e, A::Div(one, A::Add(one, e))};
}

template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float GeluDerivativeOf(
    typename A::Float x, const GeluGateOf<A>& gate) {
  const auto slope = A::Mul(gate.s, A::Mul(gate.e, gate.s));
  const auto dz = A::Fma(A::Set(kGeluC3), gate.x2, A::Set(kGeluC1));
  return A::Fma(A::Mul(x, slope), dz, gate.s);
}

template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Gelu(typename A::Float x) {
  return A::Mul(x, GeluGate<A>(x).s);
}

template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float GeluDerivative(
    typename A::Float x) {
  return GeluDerivativeOf<A>(x, GeluGate<A>(x));
}

// Both, from one exp.
template <class A>
PLASTOMETER_PORTABLE_FUNCTION void GeluBoth(typename A::Float x,
                                            typename A::Float& value,
                                            typename A::Float& derivative) {
  const GeluGateOf<A> gate = GeluGate<A>(x);
  value = A::Mul(x, gate.s);
  derivative = GeluDerivativeOf<A>(x, gate);
}

PLASTOMETER_PORTABLE_END

#endif  // per-target guard
