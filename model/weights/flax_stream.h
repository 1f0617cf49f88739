// The checkpoint stream of ttt-lm-jax (StreamingCheckpointer): msgpack records
// (key path, serialized array) one after the other, without header, count or
// checksum. Only an index is kept in memory; a record is read when asked for.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/host_tensor.h"

namespace plastometer {

struct FlaxRecord {
  std::vector<std::string> key;
  uint64_t offset = 0, length = 0;  // of the whole record in the file
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  uint64_t data_begin = 0, data_bytes = 0;  // the array's elements in the file
};

// ["model", "ttt_norm/scale"] as text: a slash inside a component stays
// visible.
std::string KeyText(const std::vector<std::string>& key);

// Reads with pread through a small buffer: what is skipped is never touched.
class FlaxStream {
 public:
  // True for the records whose array is to be parsed and indexed; the others
  // are passed over unread.
  using Wanted = std::function<bool(const std::vector<std::string>& key)>;

  // Throws kInvalid naming file, key, byte offset, value met and expectation.
  // No length is believed before it is checked against the file's size.
  FlaxStream(const std::filesystem::path& path, const Wanted& wanted);
  ~FlaxStream();
  FlaxStream(const FlaxStream&) = delete;
  FlaxStream& operator=(const FlaxStream&) = delete;

  const std::vector<FlaxRecord>& records() const { return records_; }
  int64_t num_skipped() const { return num_skipped_; }
  uint64_t skipped_bytes() const { return skipped_bytes_; }
  // First components of the skipped keys, each once ("step", "opt_state").
  const std::vector<std::string>& skipped_roots() const {
    return skipped_roots_;
  }
  HostTensor Read(const FlaxRecord& record) const;
  const std::filesystem::path& path() const { return path_; }

 private:
  void Index(uint64_t size, const Wanted& wanted);

  std::filesystem::path path_;
  int fd_ = -1;
  std::vector<FlaxRecord> records_;
  std::vector<std::string> skipped_roots_;
  int64_t num_skipped_ = 0;
  uint64_t skipped_bytes_ = 0;
};

}  // namespace plastometer
