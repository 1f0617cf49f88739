#include "base/utf8.h"

#include <cstdio>

#include "base/error.h"

namespace plastometer {
// Unicode table 3-7.
size_t Utf8Length(std::string_view s) {
  auto at = [&](size_t k) {
    return k < s.size() ? static_cast<unsigned char>(s[k]) : 0u;
  };
  auto tail = [&](size_t k) { return (at(k) & 0xC0) == 0x80; };
  if (s.empty()) return 0;
  const unsigned a = at(0), b = at(1);
  if (a < 0x80) return 1;
  if (a >= 0xC2 && a <= 0xDF) return tail(1) ? 2 : 0;
  if (a >= 0xE0 && a <= 0xEF) {
    const bool ok = tail(1) && tail(2) && !(a == 0xE0 && b < 0xA0) &&
                    !(a == 0xED && b > 0x9F);
    return ok ? 3 : 0;
  }
  if (a >= 0xF0 && a <= 0xF4) {
    const bool ok = tail(1) && tail(2) && tail(3) && !(a == 0xF0 && b < 0x90) &&
                    !(a == 0xF4 && b > 0x8F);
    return ok ? 4 : 0;
  }
  return 0;
}

size_t FindInvalidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text.substr(i));
    if (length == 0) return i;
    i += length;
  }
  return kAllValid;
}

void RequireUtf8(std::string_view text, const std::string& name) {
  const size_t offset = FindInvalidUtf8(text);
  if (offset == kAllValid) return;
  char byte[8];
  std::snprintf(byte, sizeof byte, "0x%02x",
                static_cast<unsigned char>(text[offset]));
  throw InvalidError(
      name + ": not UTF-8 at byte " + std::to_string(offset) + " (found " +
      byte + "); convert the text to UTF-8 first, for example with iconv");
}

void AppendUtf8(char32_t c, std::string* out) {
  auto put = [&](char32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6)), put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12)), put(0x80 | ((c >> 6) & 0x3F)),
        put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18)), put(0x80 | ((c >> 12) & 0x3F)),
        put(0x80 | ((c >> 6) & 0x3F)), put(0x80 | (c & 0x3F));
  }
}

std::string FromUtf8OrLatin1(std::string_view bytes) {
  if (FindInvalidUtf8(bytes) == kAllValid) return std::string(bytes);
  std::string out;
  for (char byte : bytes) AppendUtf8(static_cast<unsigned char>(byte), &out);
  return out;
}

}  // namespace plastometer
