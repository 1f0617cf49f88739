#include <cmath>

#include "model/ops/portable/cpu/kernels.h"
namespace plastometer::portable {
void RopeTables(double theta, int64_t d, std::vector<float>& cos, std::vector<float>& sin) {
  for (int t = 0; t < 16; ++t) for (int64_t i = 0; i < d / 2; ++i) {
    const long double angle = t * powl(theta, -2.0L * i / d);
    cos.push_back(static_cast<float>(cosl(angle))); sin.push_back(static_cast<float>(sinl(angle)));
  }
}
}
