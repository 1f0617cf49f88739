// From an unpacked package to documents. One file per kind; `sources.json`
// names the kind and its parameters.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"

namespace plastometer {

// Runs the kind named by parameters["kind"] on `root` (what dpkg-deb -x left),
// then normalises, sorts by id and drops copies. Documents carry id, work and
// text. Throws kInvalid when a file is missing or does not parse.
std::vector<Document> ExtractDocuments(const std::filesystem::path& root,
                                       const nlohmann::json& parameters);

// The kinds.
std::vector<Document> ExtractRdb(const std::filesystem::path& root,
                                 const nlohmann::json& parameters);
std::vector<Document> ExtractSword(const std::filesystem::path& root,
                                   const nlohmann::json& parameters);
std::vector<Document> ExtractSourceTree(const std::filesystem::path& root,
                                        const nlohmann::json& parameters);
std::vector<Document> ExtractManPages(const std::filesystem::path& root,
                                      const nlohmann::json& parameters);
std::vector<Document> ExtractDict(const std::filesystem::path& root,
                                  const nlohmann::json& parameters);

// Their parts, on bytes, for tests.
std::vector<std::string> RdbStrings(std::string_view rdb, uint64_t offset,
                                    uint64_t length, const std::string& name);
std::string SwordBlocks(std::string_view index, std::string_view data,
                        const std::string& name);
std::string OsisToText(std::string_view osis);
// Empty for a page that only points at another (`.so`).
std::string ManToText(std::string_view roff);

// UTF-8 (else Latin-1), LF line ends, no trailing blanks, no-break space to
// space, one newline at the end.
std::string NormaliseText(std::string_view bytes);

// zlib (`window_bits` 15) or gzip, several members allowed (31). Throws
// kInvalid naming `name`.
std::string Inflate(std::string_view compressed, int window_bits,
                    const std::string& name);
// Size of `text` under gzip's default level: generated files give themselves
// away by a ratio above 8.
uint64_t DeflatedSize(std::string_view text);

// Every regular file below `root`, sorted by its path relative to it. Links are
// not followed.
std::vector<std::filesystem::path> FilesBelow(
    const std::filesystem::path& root);

}  // namespace plastometer
