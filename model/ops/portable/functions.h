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

// exp(x) = 2^n exp(r), |r| <= log(2) / 2.
template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Exp(typename A::Float x) {
  constexpr double kCoefficients[] = {
      1.0,         1.0,          1.0 / 2,       1.0 / 6,
      1.0 / 24,    1.0 / 120,    1.0 / 720,     1.0 / 5040,
      1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800};
  // Beyond these the result is 0 or infinite; NaN passes.
  x = A::Max(A::Set(-110.0f), A::Min(A::Set(90.0f), x));
  const auto wide = A::Widen(x);
  // The sum's last bit is worth 1: it ends in n.
  const auto magic = A::SetD(6755399441055744.0);  // 1.5 * 2^52
  const auto shifted = A::FmaD(wide, A::SetD(1.4426950408889634), magic);
  const auto n = A::SubD(shifted, magic);
  const auto r = A::FmaD(n, A::SetD(-0.6931471805599453), wide);
  return A::Narrow(A::ScaleD(Polynomial<A>(r, kCoefficients), shifted));
}

// log(x) = e log(2) + log(m), log(m) = 2 artanh(s) with s = (m - 1) / (m + 1).
template <class A>
PLASTOMETER_PORTABLE_FUNCTION typename A::Float Log(typename A::Float x) {
  // (2 artanh(s) - 2 s) / s^3 in s^2.
  constexpr double kCoefficients[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,
                                      2.0 / 9,  2.0 / 11, 2.0 / 13,
                                      2.0 / 15, 2.0 / 17, 2.0 / 19};
  constexpr float kInfinity = __builtin_huge_valf();
  const auto wide = A::Widen(x);
  const auto e = A::ExponentD(wide);
  const auto m = A::SignificandD(wide);
  const auto one = A::SetD(1.0);
  const auto s = A::DivD(A::SubD(m, one), A::AddD(m, one));
  const auto s2 = A::MulD(s, s);
  const auto tail = A::MulD(A::MulD(s, s2), Polynomial<A>(s2, kCoefficients));
  const auto log_m = A::AddD(A::AddD(s, s), tail);
  const auto low = A::FmaD(e, A::SetD(2.3190468138462996e-17), log_m);
  const auto y = A::Narrow(A::FmaD(e, A::SetD(0.6931471805599453), low));
  const auto zero = A::Set(0.0f);
  const auto at_most_0 = A::Select(A::Less(x, zero), A::Set(__builtin_nanf("")),
                                   A::Set(-kInfinity));
  return A::Select(A::Less(x, A::Set(kInfinity)),
                   A::Select(A::Less(zero, x), y, at_most_0), x);
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
