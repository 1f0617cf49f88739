#include "model/probe_products.h"

#include <cmath>
#include <string>

namespace plastometer {
namespace {

constexpr double kOdd = 4097;  // 2^12 + 1: 13 bits

// Entry `worst` of size x size products of 4097 and 15: every partial sum is an
// integer below 2^24, so that fp32 is exact in any order.
double WorstEntry(const Product& product, int64_t size) {
  const at::Tensor a = at::full({size, size}, static_cast<float>(kOdd)),
                   b = at::full({size, size}, 15.0F);
  const at::Tensor c = product(a, b).to(at::kDouble);
  const at::Tensor error = (c - kOdd * 15 * static_cast<double>(size)).abs();
  return c.flatten()[error.argmax().item<int64_t>()].item<double>();
}

}  // namespace

MachineProbe ProbeExactProducts(const Product& product) {
  // oneDNN takes bf16 only where a product is large enough: 256, not 64.
  for (const int64_t size : {64, 256}) {
    const double expected = kOdd * 15 * static_cast<double>(size);
    const double met = WorstEntry(product, size);
    if (met != expected)
      return {"fp32 products", false,
              std::to_string(size) + " x 4097 x 15 is " +
                  std::to_string(std::llround(met)) + ", expected " +
                  std::to_string(std::llround(expected))};
  }
  return {"fp32 products", true, "exact where 24 bits are needed"};
}

MachineProbe ProbeRowsAlone(const Product& product, bool required) {
  const at::Tensor a = at::arange(64 * 96, at::kFloat).sin().view({64, 96}),
                   b = at::arange(96 * 80, at::kFloat).cos().view({96, 80});
  const at::Tensor all = product(a, b);
  bool same = true;
  for (const int64_t rows : {1, 8})
    same = same && at::equal(product(a.narrow(0, 0, rows).contiguous(), b),
                             all.narrow(0, 0, rows));
  const std::string detail =
      same ? "1 and 8 rows have the bits that they have among 64"
      : required
          ? "1 or 8 rows differ from the same among 64; expected the same bits"
          : "products depend on the number of rows; batch and window shapes "
            "are part of this class";
  return {"rows alone", same || !required, detail};
}

}  // namespace plastometer
