// Extracted text on disk: `text/<source>.jsonl.zst`, one document a line, and
// `text/<source>.json`, its hashes and counts.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/lines.h"
#include "datasets/document.h"
#include "datasets/sources.h"

namespace plastometer {

struct SplitCounts {
  int64_t documents = 0, works = 0, bytes = 0;
};

struct StoredText {
  std::string deb_sha256, text_sha256, file_sha256;
  SplitCounts train, heldout;
};

std::filesystem::path TextFile(const std::filesystem::path& data_folder,
                               const std::string& source);

// Writes both files; the second, small one last, so that it never describes
// text that is not there.
StoredText StoreText(const std::filesystem::path& data_folder,
                     const Source& source,
                     const std::vector<Document>& documents);

// What is stored; nothing when the source was not fetched, or was extracted
// from another package or by other rules.
std::optional<StoredText> FindStoredText(
    const std::filesystem::path& data_folder, const Source& source);

// Streams lines of `path`, zstd-compressed, several frames allowed: (line,
// 1-based number). Stops when `line` returns false.
void ForEachZstdLine(const std::filesystem::path& path, const VisitLine& line);

}  // namespace plastometer
