#include "datasets/extract/extract.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/sha256.h"
#include "base/utf8.h"

namespace plastometer {
namespace fs = std::filesystem;

namespace {

using Extractor = std::vector<Document> (*)(const fs::path&,
                                            const nlohmann::json&);

Extractor FindExtractor(const std::string& kind) {
  if (kind == "rdb") return ExtractRdb;
  if (kind == "sword") return ExtractSword;
  if (kind == "source-tree") return ExtractSourceTree;
  if (kind == "man") return ExtractManPages;
  if (kind == "dict") return ExtractDict;
  throw InvalidError("sources.json: extract.kind is \"" + kind +
                     "\"; expected rdb, sword, source-tree, man or dict");
}

void DropCopies(std::vector<Document>* documents) {
  std::unordered_set<std::string> seen;
  std::erase_if(*documents, [&](const Document& d) {
    return !seen.insert(Sha256Hex(d.text)).second;
  });
}

}  // namespace

std::string NormaliseText(std::string_view bytes) {
  const std::string text = FromUtf8OrLatin1(bytes);
  std::string out;
  out.reserve(text.size());
  auto end_line = [&] {
    while (!out.empty() &&
           (out.back() == ' ' || out.back() == '\t' || out.back() == '\r'))
      out.pop_back();
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      end_line();
      out.push_back('\n');
    } else if (text.compare(i, 2, "\u00A0") == 0) {
      out.push_back(' ');
      ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  end_line();
  while (!out.empty() && out.back() == '\n') out.pop_back();
  const size_t first = out.find_first_not_of('\n');
  if (first == std::string::npos) return "";
  return out.substr(first) + "\n";
}

std::vector<fs::path> FilesBelow(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end;
       !error && it != end; it.increment(error)) {
    if (it->is_regular_file() && !it->is_symlink())
      files.push_back(it->path().lexically_relative(root));
  }
  if (error)
    throw InvalidError(root.string() + ": cannot be listed (" +
                       error.message() + "); expected a readable folder");
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) {
              return a.string() < b.string();
            });
  return files;
}

std::vector<Document> ExtractDocuments(const fs::path& root,
                                       const nlohmann::json& parameters) {
  const Extractor extract =
      FindExtractor(parameters.at("kind").get<std::string>());
  std::vector<Document> documents = extract(root, parameters);
  for (Document& d : documents) d.text = NormaliseText(d.text);
  std::erase_if(documents, [](const Document& d) { return d.text.empty(); });
  std::sort(documents.begin(), documents.end(),
            [](const Document& a, const Document& b) { return a.id < b.id; });
  DropCopies(&documents);
  if (documents.empty())
    throw InvalidError(
        root.string() +
        ": no document found; the package is not the one expected");
  return documents;
}

}  // namespace plastometer
