// dictd databases: one gzip file of entries, each a headword at the margin with
// an indented text.
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace {

// An entry is too short for a window; a document is a run of neighbours.
constexpr size_t kDocumentBytes = 32768;

// The next line that starts an entry at or behind `at`.
size_t NextEntry(const std::string& text, size_t at) {
  for (size_t nl = text.find('\n', at); nl != std::string::npos;
       nl = text.find('\n', nl + 1)) {
    if (nl + 1 < text.size() && text[nl + 1] != ' ' && text[nl + 1] != '\n')
      return nl + 1;
  }
  return text.size();
}

}  // namespace

std::vector<Document> ExtractDict(const std::filesystem::path& root,
                                  const nlohmann::json& parameters) {
  const auto path = root / parameters.at("file").get<std::string>();
  const std::string text =
      Inflate(ReadFile(path), 31, path.filename().string());
  std::vector<Document> documents;
  size_t from = NextEntry(text, parameters.value("skip_bytes", size_t{0}));
  while (from < text.size()) {
    const size_t to =
        NextEntry(text, std::min(from + kDocumentBytes, text.size()));
    Document d;
    d.id = d.work =
        "part-" + std::to_string(10000 + documents.size()).substr(1);
    d.text = text.substr(from, to - from);
    documents.push_back(std::move(d));
    from = to;
  }
  return documents;
}

}  // namespace plastometer
