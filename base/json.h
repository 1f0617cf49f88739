// JSON text to values, stricter than the library: a key given twice and absurd
// nesting are errors, not surprises.
#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace plastometer {

// `source` (a path) is named in errors. Throws kInvalid.
nlohmann::json ParseJson(std::string_view text, const std::string& source);

// Every key and text in it can be printed (base/text.h). Throws kInvalid.
void CheckTexts(const nlohmann::json& json, const std::string& source);

// A value as a message shows it: in ASCII, its first 60 letters.
std::string ShownJson(const nlohmann::json& value);

// Throws kInvalid: unreadable, larger than max_bytes, not JSON.
nlohmann::json ReadJsonFile(const std::filesystem::path& path,
                            uint64_t max_bytes = uint64_t{1} << 28);

}  // namespace plastometer
