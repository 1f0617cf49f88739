#include "datasets/sentencepiece_proto.h"

#include <cstdint>
#include <functional>

#include "base/error.h"

namespace plastometer {
namespace {

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // varint
  std::string_view bytes;  // length-delimited
};

class WireReader {
 public:
  WireReader(std::string_view data, const std::string& name)
      : data_(data), name_(name) {}

  void ForEach(const std::function<void(const Field&)>& visit) {
    while (at_ < data_.size()) visit(Next());
  }

 private:
  Field Next() {
    const uint64_t key = Varint();
    Field field{key >> 3, 0, {}};
    switch (key & 7) {
      case 0:
        field.value = Varint();
        break;
      case 1:
        Take(8);
        break;
      case 2:
        field.bytes = Take(Varint());
        break;
      case 5:
        Take(4);
        break;
      default:
        Fail();
    }
    return field;
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(Take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    Fail();
  }
  std::string_view Take(uint64_t n) {
    if (n > data_.size() - at_) Fail();
    at_ += n;
    return data_.substr(at_ - n, n);
  }
  [[noreturn]] void Fail() {
    throw InvalidError(
        name_ + ": not a SentencePiece model (message breaks at byte " +
        std::to_string(at_) + " of " + std::to_string(data_.size()) +
        "); expected a tokenizer.model file");
  }

  std::string_view data_;
  const std::string& name_;
  size_t at_ = 0;
};

}  // namespace

// Field numbers from sentencepiece_model.proto.
SentencePieceFacts ReadSentencePieceFacts(std::string_view model,
                                          const std::string& name) {
  SentencePieceFacts facts;
  bool has_pieces = false;
  auto trainer = [&](const Field& f) {
    if (f.number == 3) facts.model_type = static_cast<int>(f.value);
    if (f.number == 35) facts.byte_fallback = f.value != 0;
  };
  auto normalizer = [&](const Field& f) {
    if (f.number == 1) facts.normalization = f.bytes;
    if (f.number == 2) facts.has_charsmap = !f.bytes.empty();
    if (f.number == 3) facts.add_dummy_prefix = f.value != 0;
    if (f.number == 4) facts.remove_extra_whitespaces = f.value != 0;
    if (f.number == 5) facts.escape_whitespaces = f.value != 0;
  };
  WireReader(model, name).ForEach([&](const Field& f) {
    if (f.number == 1) has_pieces = true;
    if (f.number == 2) WireReader(f.bytes, name).ForEach(trainer);
    if (f.number == 3) WireReader(f.bytes, name).ForEach(normalizer);
  });
  if (!has_pieces)
    throw InvalidError(name + ": not a SentencePiece model (no pieces in it)");
  return facts;
}

}  // namespace plastometer
