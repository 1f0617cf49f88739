// What the tests of datasets share.
#pragma once
#include <zlib.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "datasets/tokenizer.h"
#include "tests/errors.h"

namespace plastometer {

inline std::string Deflate(std::string_view text, int window_bits = 15) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline void AppendBigEndian(uint32_t word, std::string* out) {
  for (int shift = 24; shift >= 0; shift -= 8)
    out->push_back(static_cast<char>(word >> shift));
}

inline void AppendLittleEndian(uint32_t word, std::string* out) {
  for (int shift = 0; shift < 32; shift += 8)
    out->push_back(static_cast<char>(word >> shift));
}

// Made-up prose: different for each seed, of `words` words, a newline after
// every ninth.
inline std::string Prose(uint32_t seed, int words) {
  static const char* const kSyllables[] = {
      "ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru", "sta", "tre"};
  std::string text;
  uint32_t state = seed * 2654435761u + 1;
  for (int i = 0; i < words; ++i) {
    for (uint32_t k = 0; k < 1 + state % 3; ++k) {
      state = state * 1664525u + 1013904223u;
      text += kSyllables[(state >> 16) % 12];
    }
    text += (i + 1) % 9 == 0 ? "\n" : " ";
  }
  return text;
}

// A model of 320 pieces, trained once a process.
inline const std::string& TinyModel() {
  static const std::string model = TrainSentencePiece(
      [](const std::function<void(const Document&)>& add) {
        for (uint32_t seed = 0; seed < 20; ++seed)
          add({"t", "t", "t", "t", Prose(seed, 400) + "naïve café 12 345\n"});
      },
      320);
  return model;
}

inline const Tokenizer& TinyTokenizer() {
  static const SentencePieceTokenizer tokenizer(TinyModel(), "tiny.model");
  return tokenizer;
}

}  // namespace plastometer
