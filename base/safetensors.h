// safetensors: u64 header length, JSON header {name: {dtype, shape,
// data_offsets}, "__metadata__": {string: string}}, data.
// https://github.com/huggingface/safetensors (format section of its README)
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/host_tensor.h"

namespace plastometer {

struct TensorInfo {
  DType dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // bytes within the file
};

// Validates the whole header before anything is allocated: lengths inside the
// file, offsets contiguous without overlap, bytes = product(shape) * size of
// dtype, known dtypes, names once. Throws kInvalid naming file, key, offset,
// value met and expectation.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  const std::map<std::string, TensorInfo>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }
  bool Has(const std::string& name) const { return tensors_.count(name) > 0; }
  // Copies one tensor out of the map. Throws kInvalid when absent.
  HostTensor Read(const std::string& name) const;
  // The same bytes, in place.
  std::span<const std::byte> Bytes(const std::string& name) const;
  // Forgets the pages read so far (see MappedFile): a walk through a large file
  // stays small.
  void Release() const { file_.Release(); }
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  MappedFile file_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes a file tensor by tensor: the header from `layout` first (begin and end
// are ignored), then each tensor in the order of their names. Nothing is left
// behind unless Commit() returned.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path,
                    const std::map<std::string, TensorInfo>& layout,
                    const std::map<std::string, std::string>& metadata);
  // Throws kInternal when it is not `name`'s turn or the bytes do not fit its
  // shape.
  void Write(const std::string& name, std::span<const std::byte> bytes);
  // A piece of a tensor, in any order; all of it must come before Commit().
  // Throws kInternal when it reaches beyond the tensor.
  void WritePart(const std::string& name, uint64_t begin,
                 std::span<const std::byte> bytes);
  void Commit();

 private:
  AtomicFile file_;
  std::map<std::string, uint64_t> pending_;  // name -> bytes yet to come
  // Name -> begin in the file, bytes.
  std::map<std::string, std::pair<uint64_t, uint64_t>> places_;
};

// Writes a file atomically; tensors sorted by name, so equal content gives
// equal bytes.
void WriteSafetensors(const std::filesystem::path& path,
                      const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace plastometer
