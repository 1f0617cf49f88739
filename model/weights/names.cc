#include "model/weights/names.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace plastometer {
namespace {

constexpr TorchName kTopNames[] = {
    {"model/wte/embedding", "model.embed_tokens.weight", Transform::kCopy},
    {"model/ln_f/kernel", "model.norm.weight", Transform::kCopy},
};

// Below model/h/<i>/ and model.layers.<i>. respectively.
constexpr TorchName kLayerNames[] = {
    {"conv/conv_norm/kernel", "conv.norm.weight", Transform::kCopy},
    {"conv/conv1/kernel", "conv.conv.weight", Transform::kReverse},
    {"conv/conv1/bias", "conv.conv.bias", Transform::kCopy},
    {"seq_norm/kernel", "seq_norm.weight", Transform::kCopy},
    {"ffn_norm/kernel", "ffn_norm.weight", Transform::kCopy},
    {"feed_forward/w1/kernel", "mlp.gate_proj.weight", Transform::kSwapLastTwo},
    {"feed_forward/w3/kernel", "mlp.up_proj.weight", Transform::kSwapLastTwo},
    {"feed_forward/w2/kernel", "mlp.down_proj.weight", Transform::kSwapLastTwo},
};

constexpr std::string_view kCanonicalLayer = "model/h/";
constexpr std::string_view kCanonicalBlock = "seq_modeling_block/";
constexpr std::string_view kTorchLayer = "model.layers.";
constexpr std::string_view kTorchBlock = "seq_modeling_block.";

using Side = const char* TorchName::*;

std::optional<ForeignName> Lookup(std::span<const TorchName> table, Side from,
                                  Side to, std::string_view name,
                                  const std::string& prefix) {
  for (const TorchName& pair : table) {
    if (pair.*from == name) {
      return ForeignName{prefix + std::string(pair.*to), pair.transform};
    }
  }
  return std::nullopt;
}

struct Dialect {
  Side side;
  std::string_view layer, block;
  char separator;
};
constexpr Dialect kCanonical{&TorchName::canonical, kCanonicalLayer,
                             kCanonicalBlock, '/'};
constexpr Dialect kTorch{&TorchName::torch, kTorchLayer, kTorchBlock, '.'};

// "7", not "07" or "": one layer must not have two names.
bool IsLayerIndex(std::string_view text) {
  return !text.empty() && text.size() <= 4 && (text == "0" || text[0] != '0') &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<ForeignName> Translate(std::string_view name, const Dialect& from,
                                     const Dialect& to) {
  if (!name.starts_with(from.layer)) {
    return Lookup(kTopNames, from.side, to.side, name, "");
  }
  name.remove_prefix(from.layer.size());
  const size_t end = name.find(from.separator);
  if (end == std::string_view::npos || !IsLayerIndex(name.substr(0, end))) {
    return std::nullopt;
  }
  std::string prefix = std::string(to.layer);
  prefix += name.substr(0, end);
  prefix += to.separator;
  name.remove_prefix(end + 1);
  if (!name.starts_with(from.block)) {
    return Lookup(kLayerNames, from.side, to.side, name, prefix);
  }
  name.remove_prefix(from.block.size());
  prefix += to.block;
  for (const MixerSpec& mixer : MixerSpecs()) {
    if (const auto found =
            Lookup(mixer.torch_names, from.side, to.side, name, prefix))
      return found;
  }
  return std::nullopt;
}

// [batch, rows, columns] -> [batch, columns, rows], in tiles that fit a cache.
void TransposeBytes(const std::byte* from, std::byte* to, int64_t batch,
                    int64_t rows, int64_t columns, int64_t size) {
  constexpr int64_t kTile = 32;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t r0 = 0; r0 < rows; r0 += kTile) {
      for (int64_t c0 = 0; c0 < columns; c0 += kTile) {
        for (int64_t r = r0; r < std::min(rows, r0 + kTile); ++r) {
          for (int64_t c = c0; c < std::min(columns, c0 + kTile); ++c) {
            std::memcpy(to + (c * rows + r) * size,
                        from + (r * columns + c) * size,
                        static_cast<size_t>(size));
          }
        }
      }
    }
    from += rows * columns * size;
    to += rows * columns * size;
  }
}

}  // namespace

std::vector<int64_t> TransformedShape(const std::vector<int64_t>& shape,
                                      Transform transform) {
  std::vector<int64_t> result = shape;
  if (transform == Transform::kSwapLastTwo && shape.size() >= 2) {
    std::swap(result[shape.size() - 1], result[shape.size() - 2]);
  }
  if (transform == Transform::kReverse && shape.size() == 3) {
    std::reverse(result.begin(), result.end());
  }
  return result;
}

HostTensor Transformed(const HostTensor& tensor, Transform transform) {
  const size_t rank = tensor.shape.size();
  HostTensor result{
      tensor.dtype, TransformedShape(tensor.shape, transform), {}};
  // Reversing [a, 1, c] is the transpose of [a, c].
  const bool reverse =
      transform == Transform::kReverse && rank == 3 && tensor.shape[1] == 1;
  const bool swap = transform == Transform::kSwapLastTwo && rank >= 2;
  if (!reverse && !swap) {
    result.shape = tensor.shape;
    result.bytes = tensor.bytes;
    return result;
  }
  const int64_t rows = reverse ? tensor.shape[0] : tensor.shape[rank - 2];
  const int64_t columns = tensor.shape[rank - 1];
  const int64_t elements = tensor.NumElements();
  result.bytes.resize(tensor.bytes.size());
  if (elements > 0) {
    TransposeBytes(tensor.bytes.data(), result.bytes.data(),
                   elements / (rows * columns), rows, columns,
                   DTypeBytes(tensor.dtype));
  }
  return result;
}

std::optional<ForeignName> TorchToCanonical(const std::string& torch_name) {
  return Translate(torch_name, kTorch, kCanonical);
}

std::optional<ForeignName> CanonicalToTorch(const std::string& canonical_name) {
  return Translate(canonical_name, kCanonical, kTorch);
}

std::vector<std::string> FlaxKey(const std::string& canonical_name) {
  std::vector<std::string> key;
  bool joined = false;
  for (size_t begin = 0; begin <= canonical_name.size();) {
    const size_t end =
        std::min(canonical_name.find('/', begin), canonical_name.size());
    const std::string part = canonical_name.substr(begin, end - begin);
    if (joined) {
      key.back() += "/" + part;
    } else {
      key.push_back(part);
    }
    joined = part == "ttt_norm" || part == "learnable_ttt_lr";
    begin = end + 1;
  }
  return key;
}

}  // namespace plastometer
