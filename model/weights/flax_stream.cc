#include "model/weights/flax_stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "base/error.h"

namespace plastometer {
namespace {

// Real keys have at most 11 components of at most 24 bytes.
constexpr uint64_t kMaxComponents = 64, kMaxComponentBytes = 4096, kMaxRank = 8;
// The largest config (1,024 layers) has fewer than 30,000 parameters.
constexpr size_t kMaxRecords = size_t{1} << 16;
constexpr int kExtArray = 1, kExtComplex = 2, kExtScalar = 3;

std::string Hex(int byte) {
  static constexpr char kDigits[] = "0123456789abcdef";
  return std::string("0x") + kDigits[byte >> 4 & 15] + kDigits[byte & 15];
}

// Fills `size` bytes from `offset`; false when the file ends before.
bool ReadAt(int fd, uint64_t offset, std::byte* to, size_t size) {
  while (size > 0) {
    const ssize_t got = pread(fd, to, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    to += got;
    size -= static_cast<size_t>(got);
    offset += static_cast<uint64_t>(got);
  }
  return true;
}

std::optional<DType> ParseDType(const std::string& name) {
  if (name == "bfloat16") return DType::kBF16;
  if (name == "float32") return DType::kF32;
  if (name == "float16") return DType::kF16;
  if (name == "float64") return DType::kF64;
  if (name == "int32") return DType::kI32;
  if (name == "int64") return DType::kI64;
  if (name == "uint8") return DType::kU8;
  return std::nullopt;
}

// A position in the file with msgpack's few shapes. `limit` is where the
// enclosing object ends: nothing may reach past it.
class Cursor {
 public:
  Cursor(int fd, const std::filesystem::path& path, uint64_t size)
      : fd_(fd), path_(path), size_(size), limit_(size) {}

  uint64_t position() const { return position_; }
  bool AtEnd() const { return position_ == size_; }
  void Skip(uint64_t bytes) { position_ += bytes; }
  void set_limit(uint64_t limit) { limit_ = limit; }
  uint64_t limit() const { return limit_; }
  void ResetLimit() { limit_ = size_; }

  // `context` is the record being read, for messages.
  std::string context;

  Error Bad(uint64_t offset, const std::string& what) const {
    return InvalidError(path_.string() + ": byte " + std::to_string(offset) +
                        (context.empty() ? "" : ", " + context) + ": " + what);
  }

  // Throws unless `bytes` more lie before the limit.
  void Require(uint64_t bytes, const std::string& what) const {
    if (bytes <= limit_ - position_) return;
    throw Bad(position_,
              what + " of " + std::to_string(bytes) + " bytes, but only " +
                  std::to_string(limit_ - position_) + " remain before the " +
                  (limit_ == size_ ? "end of the file (truncated?)"
                                   : "end of the enclosing value"));
  }

  int Byte(const char* what) {
    Require(1, what);
    if (position_ < buffered_ || position_ >= buffered_ + filled_) Fill();
    return std::to_integer<int>(buffer_[position_++ - buffered_]);
  }

  uint64_t BigEndian(int bytes, const char* what) {
    Require(static_cast<uint64_t>(bytes), what);
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) {
      value = value << 8 | static_cast<uint64_t>(Byte(what));
    }
    return value;
  }

  std::string Characters(uint64_t length, const char* what) {
    Require(length, what);
    std::string text;
    text.reserve(length);
    for (uint64_t i = 0; i < length; ++i) {
      text += static_cast<char>(Byte(what));
    }
    return text;
  }

  std::string Text(const char* what) {
    const uint64_t start = position_;
    const int lead = Byte(what);
    uint64_t length = 0;
    if (lead >= 0xa0 && lead <= 0xbf) {
      length = static_cast<uint64_t>(lead & 31);
    } else if (lead >= 0xd9 && lead <= 0xdb) {
      length = BigEndian(1 << (lead - 0xd9), what);
    } else {
      throw Bad(start, std::string(what) + ": met " + Hex(lead) +
                           ", expected a string");
    }
    if (length > kMaxComponentBytes) {
      throw Bad(start, std::string(what) + ": string of " +
                           std::to_string(length) +
                           " bytes, expected at most 4096");
    }
    return Characters(length, what);
  }

  uint64_t ArrayLength(const char* what, uint64_t largest) {
    const uint64_t start = position_;
    const int lead = Byte(what);
    uint64_t length = 0;
    if (lead >= 0x90 && lead <= 0x9f) {
      length = static_cast<uint64_t>(lead & 15);
    } else if (lead == 0xdc || lead == 0xdd) {
      length = BigEndian(lead == 0xdc ? 2 : 4, what);
    } else {
      throw Bad(start, std::string(what) + ": met " + Hex(lead) +
                           ", expected an array");
    }
    if (length > largest) {
      throw Bad(start, std::string(what) + ": array of " +
                           std::to_string(length) + ", expected at most " +
                           std::to_string(largest));
    }
    return length;
  }

  // Length of a bin, which must fit before the limit.
  uint64_t BinLength(const char* what) {
    const uint64_t start = position_;
    const int lead = Byte(what);
    if (lead < 0xc4 || lead > 0xc6) {
      throw Bad(start, std::string(what) + ": met " + Hex(lead) +
                           ", expected binary data (0xc4, 0xc5 or 0xc6)");
    }
    const uint64_t length = BigEndian(1 << (lead - 0xc4), what);
    Require(length, what);
    return length;
  }

  uint64_t Unsigned(const char* what) {
    const uint64_t start = position_;
    const int lead = Byte(what);
    if (lead <= 0x7f) return static_cast<uint64_t>(lead);
    if (lead >= 0xcc && lead <= 0xcf) {
      return BigEndian(1 << (lead - 0xcc), what);
    }
    throw Bad(start, std::string(what) + ": met " + Hex(lead) +
                         ", expected a non-negative integer");
  }

 private:
  void Fill() {
    buffered_ = position_;
    filled_ = std::min<uint64_t>(buffer_.size(), size_ - position_);
    if (!ReadAt(fd_, position_, buffer_.data(), filled_)) {
      throw Bad(position_, "cannot read: the file changed or the disk failed");
    }
  }

  int fd_;
  const std::filesystem::path& path_;
  uint64_t size_, limit_, position_ = 0;
  // Small, so that passing over a record reads no more than its neighbourhood.
  std::array<std::byte, 4096> buffer_{};
  uint64_t buffered_ = 0, filled_ = 0;
};

// Enters the ext object that must fill [position, limit). Returns its type.
int EnterExt(Cursor* cursor) {
  const uint64_t start = cursor->position();
  const int lead = cursor->Byte("array");
  uint64_t length = 0;
  if (lead >= 0xd4 && lead <= 0xd8) {
    length = uint64_t{1} << (lead - 0xd4);
  } else if (lead >= 0xc7 && lead <= 0xc9) {
    length = cursor->BigEndian(1 << (lead - 0xc7), "array length");
  } else if ((lead >= 0x80 && lead <= 0x8f) || lead == 0xde || lead == 0xdf) {
    throw cursor->Bad(start,
                      "a chunked array (a map, written for leaves over 2^30 "
                      "bytes) is not supported; expected one ndarray");
  } else {
    throw cursor->Bad(start, "value: met " + Hex(lead) +
                                 ", expected a serialized ndarray (msgpack "
                                 "ext)");
  }
  const int type = cursor->Byte("ext type");
  const uint64_t rest = cursor->limit() - cursor->position();
  if (length != rest) {
    throw cursor->Bad(start, "ext of " + std::to_string(length) +
                                 " bytes, expected " + std::to_string(rest) +
                                 " to fill the value");
  }
  return type;
}

void ParseArray(Cursor* cursor, FlaxRecord* record) {
  const uint64_t start = cursor->position();
  const int type = EnterExt(cursor);
  if (type != kExtArray && type != kExtScalar) {
    throw cursor->Bad(start, "ext type " + std::to_string(type) +
                                 (type == kExtComplex ? " (complex)" : "") +
                                 ", expected 1 (ndarray) or 3 (scalar)");
  }
  if (cursor->ArrayLength("ndarray", 3) != 3) {
    throw cursor->Bad(start,
                      "ndarray without its three parts: shape, dtype, "
                      "elements");
  }
  const uint64_t rank = cursor->ArrayLength("shape", kMaxRank);
  uint64_t elements = 1;
  for (uint64_t i = 0; i < rank; ++i) {
    const uint64_t at = cursor->position();
    const uint64_t extent = cursor->Unsigned("shape");
    if (extent > uint64_t{1} << 40 ||
        __builtin_mul_overflow(elements, extent, &elements) ||
        elements > uint64_t{1} << 48) {
      throw cursor->Bad(at, "absurd extent " + std::to_string(extent));
    }
    record->shape.push_back(static_cast<int64_t>(extent));
  }
  if (type == kExtScalar && rank != 0) {
    throw cursor->Bad(
        start, "ext type 3 (scalar) with shape " + ShapeText(record->shape));
  }
  const uint64_t dtype_at = cursor->position();
  const std::string name = cursor->Text("dtype");
  const std::optional<DType> dtype = ParseDType(name);
  if (!dtype) {
    throw cursor->Bad(dtype_at, "dtype " + KeyText({name}) +
                                    ", expected bfloat16 or float32");
  }
  record->dtype = *dtype;
  const uint64_t bin_at = cursor->position();
  record->data_bytes = cursor->BinLength("elements");
  const uint64_t expected =
      elements * static_cast<uint64_t>(DTypeBytes(record->dtype));
  if (record->data_bytes != expected) {
    throw cursor->Bad(bin_at, std::to_string(record->data_bytes) +
                                  " bytes of elements, expected " +
                                  std::to_string(expected) + " for " + name +
                                  " " + ShapeText(record->shape));
  }
  record->data_begin = cursor->position();
  cursor->Skip(record->data_bytes);
  if (cursor->position() != cursor->limit()) {
    throw cursor->Bad(cursor->position(), "bytes behind the elements");
  }
}

std::vector<std::string> ParseKey(Cursor* cursor) {
  const uint64_t start = cursor->position();
  const int lead = cursor->Byte("record");
  if (lead != 0x92) {
    throw cursor->Bad(start, "record begins with " + Hex(lead) +
                                 ", expected 0x92 (a key and a value)");
  }
  std::vector<std::string> key(cursor->ArrayLength("key", kMaxComponents));
  for (std::string& component : key) {
    component = cursor->Text("key component");
  }
  if (key.empty()) throw cursor->Bad(start, "record with an empty key");
  return key;
}

}  // namespace

std::string KeyText(const std::vector<std::string>& key) {
  return nlohmann::json(key).dump(-1, ' ', false,
                                  nlohmann::json::error_handler_t::replace);
}

FlaxStream::FlaxStream(const std::filesystem::path& path, const Wanted& wanted)
    // Without O_NONBLOCK a pipe that nobody writes would keep open() waiting.
    : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  const auto fail = [&](const std::string& why) {
    if (fd_ >= 0) close(fd_);  // the destructor does not run
    return InvalidError("cannot read " + path_.string() + ": " + why);
  };
  struct stat info {};
  if (fd_ < 0 || fstat(fd_, &info) != 0) {
    throw fail(std::generic_category().message(errno));
  }
  if (!S_ISREG(info.st_mode)) throw fail("not a regular file");
  try {
    Index(static_cast<uint64_t>(info.st_size), wanted);
  } catch (...) {
    close(fd_);
    throw;
  }
}

void FlaxStream::Index(uint64_t size, const Wanted& wanted) {
  Cursor cursor(fd_, path_, size);
  while (!cursor.AtEnd()) {
    FlaxRecord record;
    record.offset = cursor.position();
    cursor.context =
        "record that begins at byte " + std::to_string(record.offset);
    record.key = ParseKey(&cursor);
    cursor.context = "key " + KeyText(record.key);
    const uint64_t bytes = cursor.BinLength("value");
    const uint64_t end = cursor.position() + bytes;
    record.length = end - record.offset;
    if (wanted(record.key)) {
      if (records_.size() == kMaxRecords)
        throw cursor.Bad(record.offset, "more than 65536 parameters");
      cursor.set_limit(end);
      ParseArray(&cursor, &record);
      cursor.ResetLimit();
      records_.push_back(std::move(record));
    } else {
      cursor.Skip(bytes);
      ++num_skipped_;
      skipped_bytes_ += record.length;
      // A handful is enough to tell what kind of file this is.
      if (skipped_roots_.size() < 16 &&
          std::find(skipped_roots_.begin(), skipped_roots_.end(),
                    record.key[0]) == skipped_roots_.end()) {
        skipped_roots_.push_back(record.key[0]);
      }
    }
  }
}

FlaxStream::~FlaxStream() { close(fd_); }

HostTensor FlaxStream::Read(const FlaxRecord& record) const {
  HostTensor tensor{record.dtype, record.shape, {}};
  tensor.bytes.resize(record.data_bytes);
  if (!ReadAt(fd_, record.data_begin, tensor.bytes.data(),
              tensor.bytes.size())) {
    throw InvalidError(path_.string() + ": byte " +
                       std::to_string(record.data_begin) + ", key " +
                       KeyText(record.key) +
                       ": the elements can no longer be read");
  }
  return tensor;
}

}  // namespace plastometer
