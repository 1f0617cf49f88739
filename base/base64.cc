#include "base/base64.h"

#include <openssl/evp.h>

#include "base/error.h"

namespace plastometer {

std::string Base64Encode(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // it ends with 0
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::string Base64Decode(std::string_view text, const std::string& source) {
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes(3 * (text.size() / 4) + 3, '\0');
  const int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                      reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size()));
  const bool fits = text.size() % 4 == 0 && length >= static_cast<int>(padding);
  if (fits) bytes.resize(static_cast<size_t>(length) - padding);
  // The library is lenient (blanks, padding within); one encoding is ours.
  if (!fits || Base64Encode(bytes) != text)
    throw InvalidError(source + ": " + std::to_string(text.size()) +
                       " characters that are not base64");
  return bytes;
}

}  // namespace plastometer
