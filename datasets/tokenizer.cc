#include "datasets/tokenizer.h"

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/utf8.h"

namespace plastometer {

std::vector<int32_t> Tokenizer::Encode(std::string_view text,
                                       const std::string& name) const {
  return EncodeWithBytes(text, name).ids;
}

Encoding Tokenizer::EncodeWithBytes(std::string_view text,
                                    const std::string& name) const {
  RequireUtf8(text, name);
  return EncodeValid(text, name);
}

Encoding Tokenizer::EncodeContinuation(std::string_view text,
                                       const std::string& name) const {
  RequireUtf8(text, name);
  return ContinueValid(text, name);
}

void Tokenizer::CheckId(int32_t id) const {
  if (id >= 0 && id < vocab_size()) return;
  throw InvalidError("token id " + std::to_string(id) +
                     " is outside the vocabulary of " + this->name() +
                     " (0 to " + std::to_string(vocab_size() - 1) +
                     "); the ids were made with another tokenizer");
}

Encoding ByteTokenizer::EncodeValid(std::string_view text,
                                    const std::string&) const {
  Encoding e;
  for (char c : text) e.ids.push_back(static_cast<unsigned char>(c));
  e.bytes.assign(text.size(), 1);
  return e;
}

Encoding ByteTokenizer::ContinueValid(std::string_view text,
                                      const std::string& name) const {
  return EncodeValid(text, name);
}

std::string ByteTokenizer::Decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (int32_t id : ids) text += TokenText(id);
  return text;
}

std::string ByteTokenizer::TokenText(int32_t id) const {
  CheckId(id);
  return std::string(1, static_cast<char>(id));
}

std::string ByteTokenizer::sha256() const { return Sha256Hex("bytes"); }

std::unique_ptr<Tokenizer> LoadTokenizer(const std::string& spec,
                                         const std::string& expected_sha256) {
  std::unique_ptr<Tokenizer> tokenizer;
  if (spec == "bytes") {
    tokenizer = std::make_unique<ByteTokenizer>();
  } else {
    constexpr uint64_t kMaxModelBytes = uint64_t{1} << 28;
    tokenizer = std::make_unique<SentencePieceTokenizer>(
        ReadFile(spec, kMaxModelBytes), spec);
  }
  if (!expected_sha256.empty() && tokenizer->sha256() != expected_sha256) {
    throw InvalidError(spec + ": SHA-256 " + tokenizer->sha256() +
                       "; expected " + expected_sha256 +
                       ". Ids of another tokenizer mean other text");
  }
  return tokenizer;
}

}  // namespace plastometer
