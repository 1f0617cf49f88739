// Bytes as text, for one-line records (RFC 4648, with padding).
#pragma once
#include <string>
#include <string_view>

namespace plastometer {

std::string Base64Encode(std::string_view bytes);
// `source` is named in errors. Throws kInvalid: a wrong length or character.
std::string Base64Decode(std::string_view text, const std::string& source);

}  // namespace plastometer
