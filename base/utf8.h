// UTF-8, checked and made.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace plastometer {

inline constexpr size_t kAllValid = std::string_view::npos;

// Bytes of the character that `text` begins with; 0 where it is not UTF-8
// (overlong forms and surrogates included).
size_t Utf8Length(std::string_view text);

// Byte offset of the first sequence that is not UTF-8 (overlong forms and
// surrogates included), or kAllValid.
size_t FindInvalidUtf8(std::string_view text);

// Throws kInvalid naming `name`, the offset and the byte found there.
void RequireUtf8(std::string_view text, const std::string& name);

// Appends one code point.
void AppendUtf8(char32_t code_point, std::string* out);

// The text itself when it is UTF-8, else its bytes read as Latin-1.
std::string FromUtf8OrLatin1(std::string_view bytes);

}  // namespace plastometer
