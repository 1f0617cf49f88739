// R's lazy-load data: each entry is a big-endian length, then a zlib stream
// that holds one XDR-serialised object.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace {

constexpr uint32_t kCharacterVector = 16, kCharacterString = 9;
constexpr uint32_t kMissing = 0xFFFFFFFF;

class XdrReader {
 public:
  XdrReader(std::string_view data, const std::string& name)
      : data_(data), name_(name) {}
  std::string_view Bytes(size_t n) {
    if (n > data_.size() - at_) {
      throw InvalidError(name_ + ": R data end at byte " +
                         std::to_string(data_.size()) + ", " +
                         std::to_string(n) + " more bytes expected at " +
                         std::to_string(at_));
    }
    at_ += n;
    return data_.substr(at_ - n, n);
  }
  uint32_t Word() {
    uint32_t word = 0;
    for (char c : Bytes(4)) word = word << 8 | static_cast<unsigned char>(c);
    return word;
  }
  uint32_t Type(uint32_t expected) {
    const uint32_t flags = Word();
    if ((flags & 0xFF) != expected) {
      throw InvalidError(name_ + ": R object of type " +
                         std::to_string(flags & 0xFF) + " at byte " +
                         std::to_string(at_ - 4) + "; expected " +
                         std::to_string(expected));
    }
    return flags;
  }

 private:
  std::string_view data_;
  const std::string& name_;
  size_t at_ = 0;
};

void SkipHeader(XdrReader* in, const std::string& name) {
  if (in->Bytes(2) != "X\n")
    throw InvalidError(name + ": not an XDR serialisation (expected \"X\\n\")");
  const uint32_t version = in->Word();
  in->Word(), in->Word();  // R that wrote it, oldest R that reads it
  if (version == 3) in->Bytes(in->Word());  // native encoding
}

}  // namespace

std::vector<std::string> RdbStrings(std::string_view rdb, uint64_t offset,
                                    uint64_t length, const std::string& name) {
  if (offset > rdb.size() || length > rdb.size() - offset || length < 4) {
    throw InvalidError(name + ": entry of " + std::to_string(length) +
                       " bytes at " + std::to_string(offset) +
                       " lies outside the file's " +
                       std::to_string(rdb.size()));
  }
  const std::string object =
      Inflate(rdb.substr(offset + 4, length - 4), 15, name);
  XdrReader in(object, name);
  SkipHeader(&in, name);
  in.Type(kCharacterVector);
  std::vector<std::string> strings;
  for (uint32_t n = in.Word(); n > 0; --n) {
    in.Type(kCharacterString);
    const uint32_t size = in.Word();
    strings.emplace_back(size == kMissing ? std::string_view()
                                          : in.Bytes(size));
  }
  return strings;
}

std::vector<Document> ExtractRdb(const std::filesystem::path& root,
                                 const nlohmann::json& parameters) {
  const auto path = root / parameters.at("file").get<std::string>();
  const std::string rdb = ReadFile(path);
  std::vector<Document> documents;
  for (const auto& entry : parameters.at("entries")) {
    Document d;
    d.id = d.work = entry.at("name");
    for (const auto& line :
         RdbStrings(rdb, entry.at("offset"), entry.at("length"),
                    path.filename().string())) {
      d.text += line + "\n";
    }
    documents.push_back(std::move(d));
  }
  return documents;
}

}  // namespace plastometer
