#include "model/digests.h"

#include <span>

#include "base/sha256.h"
#include "model/mixers/spec.h"

namespace plastometer {
namespace {

uint32_t Short(Sha256& hash) {
  return static_cast<uint32_t>(DigestPrefix(hash.HexDigest(), 4));
}

}  // namespace

std::vector<uint32_t> RowDigests(const at::Tensor& h) {
  const at::Tensor rows = h.to(at::kCPU).contiguous();
  const int64_t num_rows = rows.size(0) * rows.size(1);
  const auto row_bytes =
      static_cast<size_t>(rows.size(2) * rows.element_size());
  const auto* bytes = static_cast<const std::byte*>(rows.const_data_ptr());
  std::vector<uint32_t> digests;
  digests.reserve(static_cast<size_t>(num_rows));
  for (int64_t r = 0; r < num_rows; ++r, bytes += row_bytes) {
    Sha256 hash;
    hash.Update(std::span(bytes, row_bytes));
    digests.push_back(Short(hash));
  }
  return digests;
}

std::vector<uint32_t> StateDigests(const TensorMap& state,
                                   const ModelConfig& config,
                                   int64_t num_sequences) {
  const std::vector<FastWeightSpec> weights = FastWeightsOf(config);
  const int64_t num_heads = config.num_heads;
  std::vector<uint32_t> digests;
  for (int64_t b = 0; b < num_sequences; ++b) {
    for (int64_t l = 0; l < config.num_layers; ++l) {
      for (int64_t h = 0; h < num_heads; ++h) {
        Sha256 hash;
        for (const FastWeightSpec& weight : weights) {
          const std::span<const std::byte> bytes =
              state.at(StateName(l, weight)).bytes;
          const size_t head_bytes =
              bytes.size() / static_cast<size_t>(num_sequences * num_heads);
          hash.Update(bytes.subspan(
              static_cast<size_t>(b * num_heads + h) * head_bytes, head_bytes));
        }
        digests.push_back(Short(hash));
      }
    }
  }
  return digests;
}

}  // namespace plastometer
