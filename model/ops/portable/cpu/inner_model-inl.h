// The inner model f of one head on rows of tokens.
#if defined(PLASTOMETER_INNER_MODEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PLASTOMETER_INNER_MODEL_INL_H_
#undef PLASTOMETER_INNER_MODEL_INL_H_
#else
#define PLASTOMETER_INNER_MODEL_INL_H_
#endif

#include <cstdint>

#include "model/ops/portable/cpu/rows-inl.h"
#include "model/ops/portable/cpu/simd-inl.h"
#include "model/ops/portable/cpu/small_products-inl.h"

HWY_BEFORE_NAMESPACE();
namespace plastometer::portable::HWY_NAMESPACE {

struct InnerWeights {
  const float *w1, *b1, *w2, *b2;  // w2, b2: TTT-MLP only
};

// z [num_rows, d] = x W1 + b1, or through the two layers; J is 0 for
// TTT-Linear, `hidden` work space [num_rows, J].
static HWY_ATTR void InnerForward(Operand x, int64_t num_rows, int64_t d,
                                  int64_t J, const InnerWeights& w,
                                  float* hidden, float* z) {
  if (J == 0) {
    Product(x, {w.w1, d}, d, 0, num_rows, d, StorePlusBias{w.b1, z, d});
    return;
  }
  Product(x, {w.w1, J}, d, 0, num_rows, J, StorePlusBias{w.b1, hidden, J});
  GeluArray(hidden, hidden, num_rows * J);
  Product({hidden, J}, {w.w2, d}, J, 0, num_rows, d, StorePlusBias{w.b2, z, d});
}

}  // namespace plastometer::portable::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
