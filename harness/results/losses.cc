#include "harness/results/losses.h"

#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/lane.h"
#include "base/safetensors.h"

namespace plastometer {
namespace {

HostTensor FromI64(const std::vector<int64_t>& values) {
  HostTensor tensor;
  tensor.dtype = DType::kI64;
  tensor.shape = {static_cast<int64_t>(values.size())};
  tensor.bytes.resize(values.size() * sizeof(int64_t));
  std::memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

HostTensor FromU8(const std::vector<uint8_t>& values) {
  HostTensor tensor;
  tensor.dtype = DType::kU8;
  tensor.shape = {static_cast<int64_t>(values.size())};
  const auto bytes = std::as_bytes(std::span(values));
  tensor.bytes.assign(bytes.begin(), bytes.end());
  return tensor;
}

}  // namespace

void WriteLosses(const RunRecord& record, const std::filesystem::path& path) {
  const DType dtype = TraitsOf(record.lane).dtype;
  TensorMap tensors;
  for (const ProfileRecord& p : record.profiles) {
    const HostTensor nll =
        HostTensor::FromF64({static_cast<int64_t>(p.nll.size())}, p.nll);
    tensors["nll." + p.name] = Convert(nll, dtype);
    if (record.accuracy) tensors["correct." + p.name] = FromU8(p.correct);
  }
  std::vector<int64_t> begin, tokens, first;
  for (const WindowRecord& w : record.windows) {
    begin.push_back(w.loss_begin);
    tokens.push_back(w.num_tokens);
    first.push_back(w.first_token);
  }
  begin.push_back(begin.empty() ? 0 : begin.back() + tokens.back() - 1);
  tensors["window_begin"] = FromI64(begin);
  tensors["window_tokens"] = FromI64(tokens);
  tensors["window_first_token"] = FromI64(first);
  WriteSafetensors(path, tensors,
                   {{"model_sha256", record.model_sha256},
                    {"tokenizer_sha256", record.tokenizer_sha256},
                    {"data_sha256", record.data_sha256},
                    {"lane", record.lane},
                    {"windows", "in the order of windows.csv"}});
}

}  // namespace plastometer
