// Somebody else's checkpoint seen under canonical names and in canonical
// layout, one tensor at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/host_tensor.h"

namespace plastometer {

struct SourceTensor {
  std::string key;  // as the source spells it, for messages
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;         // canonical
  std::vector<int64_t> stored_shape;  // as in the source
  std::filesystem::path file;
  // Byte of the file where the record (flax) or the elements (safetensors)
  // begin.
  uint64_t offset = 0;
  uint64_t data_begin = 0;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  const std::map<std::string, SourceTensor>& tensors() const {
    return tensors_;
  }
  int64_t num_skipped() const { return num_skipped_; }
  uint64_t skipped_bytes() const { return skipped_bytes_; }
  const std::vector<std::filesystem::path>& files() const { return files_; }

  // "FILE: key K at byte N", how every complaint about a tensor begins.
  std::string Where(const std::string& canonical_name) const;
  // One tensor in canonical layout. Throws kInvalid at the first NaN or
  // infinity, with its byte offset.
  HostTensor Read(const std::string& canonical_name) const;

 protected:
  virtual HostTensor ReadStored(const std::string& canonical_name) const = 0;
  virtual HostTensor ToCanonicalLayout(const std::string& canonical_name,
                                       HostTensor stored) const;

  void AddTensor(const std::string& canonical_name, SourceTensor tensor);
  // In reading order; together they are the identity of the source.
  void AddFile(const std::filesystem::path& file) { files_.push_back(file); }
  void AddSkipped(int64_t num, uint64_t bytes);

 private:
  std::map<std::string, SourceTensor> tensors_;
  std::vector<std::filesystem::path> files_;
  int64_t num_skipped_ = 0;
  uint64_t skipped_bytes_ = 0;
};

// A flax stream: records below ("params", "params"), all others passed over; or
// a stream of parameters without that prefix.
std::unique_ptr<WeightSource> OpenFlaxWeights(
    const std::filesystem::path& path);

// PyTorch names: a .safetensors file, an .index.json with its shards beside it,
// or a folder that holds one of them.
std::unique_ptr<WeightSource> OpenTorchWeights(
    const std::filesystem::path& path);

}  // namespace plastometer
