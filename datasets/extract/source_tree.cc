// Program text as it is, without tests and without what a generator wrote.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// A ratio above 8 marks tables and unrolled rules; real code lies between 3
// and 6.
constexpr uint64_t kMaxRatio = 8;
constexpr size_t kHeadBytes = 2000;

struct Filter {
  std::vector<std::string> extensions, excluded_folders, excluded_suffixes,
      only;
};

Filter ReadFilter(const nlohmann::json& p) {
  const std::vector<std::string> none;
  return {p.at("extensions").get<std::vector<std::string>>(),
          p.value("exclude_folders", none), p.value("exclude_suffixes", none),
          p.value("only", none)};
}

bool Keeps(const Filter& filter, const fs::path& path) {
  const std::string name = path.string();
  auto is_suffix = [&](const std::string& s) { return name.ends_with(s); };
  if (std::none_of(filter.extensions.begin(), filter.extensions.end(),
                   is_suffix))
    return false;
  if (std::any_of(filter.excluded_suffixes.begin(),
                  filter.excluded_suffixes.end(), is_suffix))
    return false;
  for (const fs::path& part : path.parent_path()) {
    if (std::ranges::find(filter.excluded_folders, part.string()) !=
        filter.excluded_folders.end())
      return false;
  }
  if (filter.only.empty()) return true;
  return std::any_of(
      filter.only.begin(), filter.only.end(), [&](const std::string& top) {
        return name.starts_with(top + "/") || name.starts_with(top + ".");
      });
}

bool IsGenerated(std::string_view text) {
  const std::string_view head = text.substr(0, kHeadBytes);
  for (const char* mark : {"DO NOT EDIT", "Code generated"}) {
    if (head.find(mark) != std::string_view::npos) return true;
  }
  return text.size() > kMaxRatio * DeflatedSize(text);
}

// "folder": the file's folder. "top": its first part, or the first two below a
// folder named in `deeper`; files at the very top count as one work, ".".
std::string WorkOf(const fs::path& path, const nlohmann::json& p) {
  const fs::path folder = path.parent_path();
  if (folder.empty()) return ".";
  if (p.at("work") == "folder") return folder.string();
  auto part = folder.begin();
  const std::string top = part->string();
  const std::vector<std::string> deeper =
      p.value("deeper", std::vector<std::string>());
  if (std::ranges::find(deeper, top) == deeper.end() || ++part == folder.end())
    return top;
  return top + "/" + part->string();
}

}  // namespace

std::vector<Document> ExtractSourceTree(const fs::path& root,
                                        const nlohmann::json& parameters) {
  const fs::path folder = root / parameters.at("folder").get<std::string>();
  const Filter filter = ReadFilter(parameters);
  std::vector<Document> documents;
  for (const fs::path& path : FilesBelow(folder)) {
    if (!Keeps(filter, path)) continue;
    Document d;
    d.text = ReadFile(folder / path);
    if (d.text.empty() || IsGenerated(d.text)) continue;
    d.id = path.string();
    d.work = WorkOf(path, parameters);
    documents.push_back(std::move(d));
  }
  return documents;
}

}  // namespace plastometer
