#include "base/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;

// The reference implementation's own cap: no real header comes near it, and a
// lying length field cannot make us parse gigabytes.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kLengthBytes = 8;

std::optional<DType> ParseDType(const std::string& name) {
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16,
                            DType::kI64, DType::kI32, DType::kU8}) {
    if (DTypeName(dtype) == name) return dtype;
  }
  return std::nullopt;
}

// nullopt when the product does not fit.
std::optional<uint64_t> BytesOf(DType dtype,
                                const std::vector<int64_t>& shape) {
  uint64_t bytes = static_cast<uint64_t>(DTypeBytes(dtype));
  for (const int64_t extent : shape) {
    if (extent < 0 ||
        __builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

// Reads the header of one file; every complaint names the file and the key.
class HeaderParser {
 public:
  HeaderParser(const std::filesystem::path& path,
               std::span<const std::byte> bytes)
      : path_(path.string()), bytes_(bytes) {}

  void Parse(std::map<std::string, TensorInfo>* tensors,
             std::map<std::string, std::string>* metadata) {
    const std::string_view text = HeaderText();
    const Json header = ParseJson(text, path_ + ": safetensors header");
    if (!header.is_object()) throw Bad("header is not a JSON object");
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        *metadata = ParseMetadata(entry);
      } else {
        tensors->emplace(name, ParseTensor(name, entry));
      }
    }
    CheckCoverage(*tensors);
  }

 private:
  Error Bad(const std::string& what) const {
    return InvalidError(path_ + ": " + what);
  }
  Error BadTensor(const std::string& name, const std::string& what) const {
    return Bad("tensor \"" + name + "\": " + what);
  }

  std::string_view HeaderText() {
    if (bytes_.size() < kLengthBytes) {
      throw Bad("not safetensors: " + std::to_string(bytes_.size()) +
                " bytes, expected at least 8");
    }
    uint64_t length = 0;
    std::memcpy(&length, bytes_.data(), kLengthBytes);
    const uint64_t rest = bytes_.size() - kLengthBytes;
    if (length > kMaxHeaderBytes || length > rest) {
      throw Bad("header length at byte 0 is " + std::to_string(length) +
                ", expected at most " +
                std::to_string(std::min(rest, kMaxHeaderBytes)) +
                " (a truncated file, or not safetensors)");
    }
    data_begin_ = kLengthBytes + length;
    return {reinterpret_cast<const char*>(bytes_.data()) + kLengthBytes,
            static_cast<size_t>(length)};
  }

  std::map<std::string, std::string> ParseMetadata(const Json& entry) const {
    if (!entry.is_object()) throw Bad("__metadata__ is not a JSON object");
    std::map<std::string, std::string> metadata;
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) {
        throw Bad("__metadata__ \"" + key + "\" is not a string");
      }
      metadata.emplace(key, value.get<std::string>());
    }
    return metadata;
  }

  TensorInfo ParseTensor(const std::string& name, const Json& entry) const {
    if (!entry.is_object() || !entry.contains("dtype") ||
        !entry.contains("shape") || !entry.contains("data_offsets")) {
      throw BadTensor(
          name, "expected dtype, shape and data_offsets, met " + entry.dump());
    }
    TensorInfo info{DType::kF32, {}, 0, 0};
    const Json& dtype = entry.at("dtype");
    const std::optional<DType> known =
        dtype.is_string() ? ParseDType(dtype.get<std::string>()) : std::nullopt;
    if (!known) {
      throw BadTensor(name, "dtype " + dtype.dump() +
                                ", expected F64, F32, BF16, F16, I64, I32 "
                                "or U8");
    }
    info.dtype = *known;
    for (const uint64_t extent : Unsigned(name, entry, "shape")) {
      if (extent > uint64_t{1} << 62) {
        throw BadTensor(name, "absurd shape " + entry.at("shape").dump());
      }
      info.shape.push_back(static_cast<int64_t>(extent));
    }
    PlaceTensor(name, Unsigned(name, entry, "data_offsets"), &info);
    return info;
  }

  std::vector<uint64_t> Unsigned(const std::string& name, const Json& entry,
                                 const char* field) const {
    const Json& list = entry.at(field);
    std::vector<uint64_t> values;
    bool good = list.is_array();
    for (size_t i = 0; good && i < list.size(); ++i) {
      good = list[i].is_number_unsigned();
      if (good) values.push_back(list[i].get<uint64_t>());
    }
    if (!good) {
      throw BadTensor(name, std::string(field) + " " + list.dump() +
                                ", expected a list of non-negative integers");
    }
    return values;
  }

  void PlaceTensor(const std::string& name, const std::vector<uint64_t>& span,
                   TensorInfo* info) const {
    const uint64_t size = bytes_.size() - data_begin_;
    if (span.size() != 2 || span[0] > span[1] || span[1] > size) {
      throw BadTensor(name, "data_offsets " + Json(span).dump() +
                                ", expected [begin, end] within the " +
                                std::to_string(size) +
                                " data bytes of the file (truncated?)");
    }
    const std::optional<uint64_t> bytes = BytesOf(info->dtype, info->shape);
    if (!bytes || *bytes != span[1] - span[0]) {
      throw BadTensor(
          name, "data_offsets " + Json(span).dump() + " hold " +
                    std::to_string(span[1] - span[0]) + " bytes, expected " +
                    (bytes ? std::to_string(*bytes) : "2^64 or more") +
                    " for " + DTypeName(info->dtype) + " " +
                    Json(info->shape).dump());
    }
    info->begin = data_begin_ + span[0];
    info->end = data_begin_ + span[1];
  }

  // No overlap, no hole, nothing behind the last tensor: otherwise bytes could
  // hide in the file or two names share one storage.
  void CheckCoverage(const std::map<std::string, TensorInfo>& tensors) const {
    std::vector<std::pair<const TensorInfo*, const std::string*>> order;
    order.reserve(tensors.size());
    for (const auto& [name, info] : tensors) order.emplace_back(&info, &name);
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return std::tie(a.first->begin, a.first->end) <
             std::tie(b.first->begin, b.first->end);
    });
    uint64_t next = data_begin_;
    for (const auto& [info, name] : order) {
      if (info->begin != next) {
        throw BadTensor(*name, "begins at byte " + std::to_string(info->begin) +
                                   " of the file, expected " +
                                   std::to_string(next) +
                                   " where the tensor before it ends");
      }
      next = info->end;
    }
    if (next != bytes_.size()) {
      throw Bad(std::to_string(bytes_.size() - next) +
                " bytes behind the last tensor, which ends at byte " +
                std::to_string(next));
    }
  }

  std::string path_;
  std::span<const std::byte> bytes_;
  uint64_t data_begin_ = 0;
};

std::string HeaderJson(const std::map<std::string, TensorInfo>& layout,
                       const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const auto& [name, info] : layout) {
    const uint64_t bytes = BytesOf(info.dtype, info.shape).value();
    header[name] = {{"dtype", DTypeName(info.dtype)},
                    {"shape", info.shape},
                    {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  // File names in the metadata may hold any bytes; JSON may not.
  std::string text =
      header.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // data starts aligned
  return text;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(path) {
  HeaderParser(path, file_.bytes()).Parse(&tensors_, &metadata_);
}

std::span<const std::byte> SafetensorsFile::Bytes(
    const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    throw InvalidError(path().string() + ": tensor \"" + name +
                       "\" is missing");
  }
  const TensorInfo& info = found->second;
  return file_.bytes().subspan(info.begin, info.end - info.begin);
}

HostTensor SafetensorsFile::Read(const std::string& name) const {
  const std::span<const std::byte> bytes = Bytes(name);
  const TensorInfo& info = tensors_.at(name);
  return {info.dtype, info.shape, {bytes.begin(), bytes.end()}};
}

SafetensorsWriter::SafetensorsWriter(
    const std::filesystem::path& path,
    const std::map<std::string, TensorInfo>& layout,
    const std::map<std::string, std::string>& metadata)
    : file_(path) {
  for (const auto& [name, info] : layout) {
    const std::optional<uint64_t> bytes = BytesOf(info.dtype, info.shape);
    if (!bytes) throw InternalError("tensor \"" + name + "\": absurd shape");
    pending_.emplace(name, *bytes);
  }
  const std::string header = HeaderJson(layout, metadata);
  const uint64_t length = header.size();
  file_.Write(std::as_bytes(std::span(&length, 1)));
  file_.Write(header);
  uint64_t begin = sizeof length + length;
  for (const auto& [name, bytes] : pending_) {
    places_[name] = {begin, bytes};
    begin += bytes;
  }
}

void SafetensorsWriter::Write(const std::string& name,
                              std::span<const std::byte> bytes) {
  if (pending_.empty() || pending_.begin()->first != name ||
      pending_.begin()->second != bytes.size()) {
    throw InternalError("safetensors: tensor \"" + name + "\" of " +
                        std::to_string(bytes.size()) +
                        " bytes is out of turn or of the wrong size");
  }
  file_.Write(bytes);
  pending_.erase(pending_.begin());
}

void SafetensorsWriter::WritePart(const std::string& name, uint64_t begin,
                                  std::span<const std::byte> bytes) {
  const auto place = places_.find(name);
  const auto pending = pending_.find(name);
  if (place == places_.end() || pending == pending_.end() ||
      bytes.size() > pending->second || begin > place->second.second ||
      bytes.size() > place->second.second - begin)
    throw InternalError("safetensors: a piece of tensor \"" + name + "\", " +
                        std::to_string(bytes.size()) + " bytes from " +
                        std::to_string(begin) + " on, does not fit");
  file_.WriteAt(place->second.first + begin, bytes);
  pending->second -= bytes.size();
  if (pending->second == 0) pending_.erase(pending);
}

void SafetensorsWriter::Commit() {
  if (!pending_.empty()) {
    throw InternalError("safetensors: tensor \"" + pending_.begin()->first +
                        "\" was never written");
  }
  file_.Commit();
}

void WriteSafetensors(const std::filesystem::path& path,
                      const TensorMap& tensors,
                      const std::map<std::string, std::string>& metadata) {
  std::map<std::string, TensorInfo> layout;
  for (const auto& [name, tensor] : tensors) {
    layout.emplace(name, TensorInfo{tensor.dtype, tensor.shape, 0, 0});
  }
  SafetensorsWriter writer(path, layout, metadata);
  for (const auto& [name, tensor] : tensors) writer.Write(name, tensor.bytes);
  writer.Commit();
}

}  // namespace plastometer
