// The few facts of a SentencePiece model file that decide whether text comes
// back exactly. The library does not tell them and its protobuf headers are not
// installed, so the wire format is read here.
#pragma once
#include <string>
#include <string_view>

namespace plastometer {

struct SentencePieceFacts {
  // Defaults of the format, which leaves default values out of the file.
  int model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  bool byte_fallback = false;
  std::string normalization;
  bool has_charsmap = false;
  bool add_dummy_prefix = true, remove_extra_whitespaces = true,
       escape_whitespaces = true;
};

// Throws kInvalid naming `name` and the offset.
SentencePieceFacts ReadSentencePieceFacts(std::string_view model,
                                          const std::string& name);

}  // namespace plastometer
