// One target's vector of binary32 numbers, as the value type that the shared
// formulas (model/ops/portable/functions.h) and the kernels are written in.
// Included once for every target (Highway's foreach_target.h); no usual guard.
#if defined(PLASTOMETER_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_SIMD_INL_H_
#undef PLASTOMETER_SIMD_INL_H_
#else
#define PLASTOMETER_SIMD_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>
#include <cstring>

// How the shared formulas are declared here: inlined, with this target's
// instructions.
#undef PLASTOMETER_PORTABLE_FUNCTION
#undef PLASTOMETER_PORTABLE_BEGIN
#undef PLASTOMETER_PORTABLE_END
#define PLASTOMETER_PORTABLE_FUNCTION static HWY_ATTR HWY_INLINE
#define PLASTOMETER_PORTABLE_BEGIN \
  HWY_BEFORE_NAMESPACE();          \
  namespace plastometer::portable::HWY_NAMESPACE {
#define PLASTOMETER_PORTABLE_END \
  }                              \
  HWY_AFTER_NAMESPACE();

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

// For ExponentD and SignificandD: with kNormalizer added, the bits of a number
// are those of (exponent + 1024) and its distance from sqrt(1/2).
constexpr double kTwoTo52 = 4503599627370496.0;
constexpr uint64_t kTwoTo52Bits = 0x4330000000000000;
constexpr uint64_t kFractionBits = 0x000FFFFFFFFFFFFF;
constexpr uint64_t kRootOfHalfBits = 0x3FE6A09E00000000;
constexpr uint64_t kNormalizer = 0x4000000000000000 - kRootOfHalfBits;

#if HWY_TARGET == HWY_SCALAR
// Machines without FMA, and the cap "scalar": std::fma is exact everywhere,
// Highway's MulAdd is not.
struct Arithmetic {
  using Float = float;
  using Double = double;
  using Mask = bool;
  static constexpr int64_t kLanes = 1;

  static Float Load(const float* p) { return *p; }
  static void Store(Float v, float* p) { *p = v; }
  // The first n lanes (0 <= n <= kLanes); the rest are +0, or not written.
  static Float LoadFirst(const float* p, int64_t n) { return n > 0 ? *p : 0; }
  static void StoreFirst(Float v, float* p, int64_t n) {
    if (n > 0) *p = v;
  }
  static Float Set(float v) { return v; }
  static Float Add(Float a, Float b) { return a + b; }
  static Float Sub(Float a, Float b) { return a - b; }
  static Float Mul(Float a, Float b) { return a * b; }
  static Float Div(Float a, Float b) { return a / b; }
  static Float Sqrt(Float a) { return std::sqrt(a); }
  static Float Neg(Float a) { return -a; }
  static Float Fma(Float a, Float b, Float c) { return std::fma(a, b, c); }
  static Float Fnma(Float a, Float b, Float c) { return std::fma(-a, b, c); }
  static Mask Less(Float a, Float b) { return a < b; }
  static Mask Equal(Float a, Float b) { return a == b; }
  // b where either is NaN.
  static Float Min(Float a, Float b) { return a < b ? a : b; }
  static Float Max(Float a, Float b) { return a > b ? a : b; }
  static Float Select(Mask m, Float yes, Float no) { return m ? yes : no; }

  static Double Widen(Float a) { return a; }
  static Float Narrow(Double a) { return static_cast<float>(a); }
  static Double SetD(double v) { return v; }
  static Double AddD(Double a, Double b) { return a + b; }
  static Double SubD(Double a, Double b) { return a - b; }
  static Double MulD(Double a, Double b) { return a * b; }
  static Double DivD(Double a, Double b) { return a / b; }
  static Double FmaD(Double a, Double b, Double c) { return std::fma(a, b, c); }
  // value times 2^n, n the integer in the low bits of `shifted` = 1.5 * 2^52 +
  // n; exact while the result is a normal number.
  static Double ScaleD(Double value, Double shifted) {
    uint64_t v, s;
    std::memcpy(&v, &value, 8);
    std::memcpy(&s, &shifted, 8);
    v += s << 52;
    std::memcpy(&value, &v, 8);
    return value;
  }
  // value = significand * 2^exponent, the significand in [sqrt(1/2), sqrt(2)).
  // For a positive normal number.
  static Double ExponentD(Double value) {
    const uint64_t bits = (Normalized(value) >> 52) + kTwoTo52Bits;
    std::memcpy(&value, &bits, 8);
    return value - (kTwoTo52 + 1024);
  }
  static Double SignificandD(Double value) {
    const uint64_t bits = (Normalized(value) & kFractionBits) + kRootOfHalfBits;
    std::memcpy(&value, &bits, 8);
    return value;
  }

 private:
  static uint64_t Normalized(Double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, 8);
    return bits + kNormalizer;
  }
};
#else
namespace hn = hwy::HWY_NAMESPACE;

struct Arithmetic {
  using Tag = hn::ScalableTag<float>;
  using HalfTag = hn::Half<Tag>;
  using DoubleTag = hn::ScalableTag<double>;
  using Float = hn::Vec<Tag>;
  using Mask = hn::Mask<Tag>;
  struct Double {
    hn::Vec<DoubleTag> low, high;
  };
  static constexpr int64_t kLanes = hn::MaxLanes(Tag());

  static HWY_ATTR HWY_INLINE Float Load(const float* p) {
    return hn::LoadU(Tag(), p);
  }
  static HWY_ATTR HWY_INLINE void Store(Float v, float* p) {
    hn::StoreU(v, Tag(), p);
  }
  // The first n lanes (0 <= n <= kLanes); the rest are +0, or not written.
  static HWY_ATTR HWY_INLINE Float LoadFirst(const float* p, int64_t n) {
    return hn::MaskedLoad(hn::FirstN(Tag(), static_cast<size_t>(n)), Tag(), p);
  }
  static HWY_ATTR HWY_INLINE void StoreFirst(Float v, float* p, int64_t n) {
    hn::BlendedStore(v, hn::FirstN(Tag(), static_cast<size_t>(n)), Tag(), p);
  }
  static HWY_ATTR HWY_INLINE Float Set(float v) { return hn::Set(Tag(), v); }
  static HWY_ATTR HWY_INLINE Float Add(Float a, Float b) {
    return hn::Add(a, b);
  }
  static HWY_ATTR HWY_INLINE Float Sub(Float a, Float b) {
    return hn::Sub(a, b);
  }
  static HWY_ATTR HWY_INLINE Float Mul(Float a, Float b) {
    return hn::Mul(a, b);
  }
  static HWY_ATTR HWY_INLINE Float Div(Float a, Float b) {
    return hn::Div(a, b);
  }
  static HWY_ATTR HWY_INLINE Float Sqrt(Float a) { return hn::Sqrt(a); }
  static HWY_ATTR HWY_INLINE Float Neg(Float a) { return hn::Neg(a); }
  static HWY_ATTR HWY_INLINE Float Fma(Float a, Float b, Float c) {
    return hn::MulAdd(a, b, c);
  }
  static HWY_ATTR HWY_INLINE Float Fnma(Float a, Float b, Float c) {
    return hn::NegMulAdd(a, b, c);
  }
  static HWY_ATTR HWY_INLINE Mask Equal(Float a, Float b) {
    return hn::Eq(a, b);
  }
  static HWY_ATTR HWY_INLINE Mask Less(Float a, Float b) {
    return hn::Lt(a, b);
  }
  // b where either is NaN: what the x86 instructions do.
  static HWY_ATTR HWY_INLINE Float Min(Float a, Float b) {
    return hn::Min(a, b);
  }
  static HWY_ATTR HWY_INLINE Float Max(Float a, Float b) {
    return hn::Max(a, b);
  }
  static HWY_ATTR HWY_INLINE Float Select(Mask m, Float yes, Float no) {
    return hn::IfThenElse(m, yes, no);
  }

  static HWY_ATTR HWY_INLINE Double Widen(Float a) {
    return {hn::PromoteTo(DoubleTag(), hn::LowerHalf(HalfTag(), a)),
            hn::PromoteTo(DoubleTag(), hn::UpperHalf(HalfTag(), a))};
  }
  static HWY_ATTR HWY_INLINE Float Narrow(Double a) {
    return hn::Combine(Tag(), hn::DemoteTo(HalfTag(), a.high),
                       hn::DemoteTo(HalfTag(), a.low));
  }
  static HWY_ATTR HWY_INLINE Double SetD(double v) {
    const auto all = hn::Set(DoubleTag(), v);
    return {all, all};
  }
  static HWY_ATTR HWY_INLINE Double AddD(Double a, Double b) {
    return {hn::Add(a.low, b.low), hn::Add(a.high, b.high)};
  }
  static HWY_ATTR HWY_INLINE Double SubD(Double a, Double b) {
    return {hn::Sub(a.low, b.low), hn::Sub(a.high, b.high)};
  }
  static HWY_ATTR HWY_INLINE Double MulD(Double a, Double b) {
    return {hn::Mul(a.low, b.low), hn::Mul(a.high, b.high)};
  }
  static HWY_ATTR HWY_INLINE Double DivD(Double a, Double b) {
    return {hn::Div(a.low, b.low), hn::Div(a.high, b.high)};
  }
  static HWY_ATTR HWY_INLINE Double FmaD(Double a, Double b, Double c) {
    return {hn::MulAdd(a.low, b.low, c.low),
            hn::MulAdd(a.high, b.high, c.high)};
  }
  // value times 2^n, n the integer in the low bits of `shifted` = 1.5 * 2^52 +
  // n; exact while the result is a normal number.
  static HWY_ATTR HWY_INLINE Double ScaleD(Double value, Double shifted) {
    return {ScaleHalf(value.low, shifted.low),
            ScaleHalf(value.high, shifted.high)};
  }
  // value = significand * 2^exponent, the significand in [sqrt(1/2), sqrt(2)).
  // For a positive normal number.
  static HWY_ATTR HWY_INLINE Double ExponentD(Double value) {
    return {ExponentHalf(value.low), ExponentHalf(value.high)};
  }
  static HWY_ATTR HWY_INLINE Double SignificandD(Double value) {
    return {SignificandHalf(value.low), SignificandHalf(value.high)};
  }

 private:
  using Bits = hn::RebindToUnsigned<DoubleTag>;
  static HWY_ATTR HWY_INLINE hn::Vec<Bits> Normalized(
      hn::Vec<DoubleTag> value) {
    return hn::Add(hn::BitCast(Bits(), value), hn::Set(Bits(), kNormalizer));
  }
  static HWY_ATTR HWY_INLINE hn::Vec<DoubleTag> ExponentHalf(
      hn::Vec<DoubleTag> value) {
    const auto bits = hn::Add(hn::ShiftRight<52>(Normalized(value)),
                              hn::Set(Bits(), kTwoTo52Bits));
    return hn::Sub(hn::BitCast(DoubleTag(), bits),
                   hn::Set(DoubleTag(), kTwoTo52 + 1024));
  }
  static HWY_ATTR HWY_INLINE hn::Vec<DoubleTag> SignificandHalf(
      hn::Vec<DoubleTag> value) {
    return hn::BitCast(
        DoubleTag(),
        hn::Add(hn::And(Normalized(value), hn::Set(Bits(), kFractionBits)),
                hn::Set(Bits(), kRootOfHalfBits)));
  }
  static HWY_ATTR HWY_INLINE hn::Vec<DoubleTag> ScaleHalf(
      hn::Vec<DoubleTag> value, hn::Vec<DoubleTag> shifted) {
    return hn::BitCast(
        DoubleTag(), hn::Add(hn::BitCast(Bits(), value),
                             hn::ShiftLeft<52>(hn::BitCast(Bits(), shifted))));
  }
};
#endif

using Float = Arithmetic::Float;

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
