#include "datasets/store.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/sha256.h"
#include "base/zstd_stream.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// Raise it when an extraction kind changes what it produces: stored text of an
// older format counts as not fetched.
constexpr int kExtractionFormat = 1;
constexpr int kCompressionLevel = 9;

fs::path RecordFile(const fs::path& data_folder, const std::string& source) {
  return data_folder / "text" / (source + ".json");
}

// A change of extraction or split rules in the manifest makes stored text stale
// as well.
std::string RulesSha256(const Source& source) {
  return Sha256Hex(source.extract_json + source.split_json +
                   std::to_string(kExtractionFormat));
}

SplitCounts Count(const std::vector<Document>& documents,
                  const std::vector<std::string>& splits,
                  const std::string& split) {
  SplitCounts counts;
  std::set<std::string> works;
  for (size_t i = 0; i < documents.size(); ++i) {
    if (splits[i] != split) continue;
    ++counts.documents;
    counts.bytes += static_cast<int64_t>(documents[i].text.size());
    works.insert(documents[i].work);
  }
  counts.works = static_cast<int64_t>(works.size());
  return counts;
}

nlohmann::json ToJson(const SplitCounts& c) {
  return {{"documents", c.documents}, {"works", c.works}, {"bytes", c.bytes}};
}

SplitCounts CountsFrom(const nlohmann::json& j) {
  return {j.at("documents"), j.at("works"), j.at("bytes")};
}

std::string Lines(const Source& source, const std::vector<Document>& documents,
                  const std::vector<std::string>& splits) {
  std::string lines;
  for (size_t i = 0; i < documents.size(); ++i) {
    const Document& d = documents[i];
    nlohmann::ordered_json line = {{"id", d.id},
                                   {"work", d.work},
                                   {"domain", source.domain},
                                   {"split", splits[i]},
                                   {"text", d.text}};
    lines += line.dump() + "\n";
  }
  return lines;
}

}  // namespace

fs::path TextFile(const fs::path& data_folder, const std::string& source) {
  return data_folder / "text" / (source + ".jsonl.zst");
}

StoredText StoreText(const fs::path& data_folder, const Source& source,
                     const std::vector<Document>& documents) {
  const std::vector<std::string> splits = SplitOf(source, documents);
  const std::string packed =
      ZstdCompress(Lines(source, documents, splits), kCompressionLevel);
  StoredText stored{source.sha256, TextSha256(documents, splits),
                    Sha256Hex(packed), Count(documents, splits, "train"),
                    Count(documents, splits, "heldout")};
  MakeFolders(data_folder / "text");
  WriteFile(TextFile(data_folder, source.name), packed);
  const nlohmann::ordered_json record = {{"source", source.name},
                                         {"package", source.package},
                                         {"version", source.version},
                                         {"licence", source.licence},
                                         {"deb_sha256", stored.deb_sha256},
                                         {"rules_sha256", RulesSha256(source)},
                                         {"text_sha256", stored.text_sha256},
                                         {"file_sha256", stored.file_sha256},
                                         {"train", ToJson(stored.train)},
                                         {"heldout", ToJson(stored.heldout)}};
  WriteFile(RecordFile(data_folder, source.name), record.dump(2) + "\n");
  return stored;
}

std::optional<StoredText> FindStoredText(const fs::path& data_folder,
                                         const Source& source) {
  const fs::path record_path = RecordFile(data_folder, source.name),
                 text_path = TextFile(data_folder, source.name);
  if (!fs::is_regular_file(record_path) || !fs::is_regular_file(text_path))
    return std::nullopt;
  const nlohmann::json record = ReadJsonFile(record_path);
  try {
    StoredText stored{record.at("deb_sha256"), record.at("text_sha256"),
                      record.at("file_sha256"), CountsFrom(record.at("train")),
                      CountsFrom(record.at("heldout"))};
    const bool current = stored.deb_sha256 == source.sha256 &&
                         record.at("rules_sha256") == RulesSha256(source) &&
                         stored.file_sha256 == Sha256OfFile(text_path);
    return current ? std::optional(stored) : std::nullopt;
  } catch (const nlohmann::json::exception& e) {
    throw InvalidError(record_path.string() + ": " + e.what() +
                       "; delete it and fetch the source again");
  }
}

void ForEachZstdLine(const fs::path& path, const VisitLine& line) {
  ZstdReader reader(path);
  ForEachLine([&](char* data, size_t size) { return reader.Read(data, size); },
              path, line);
}

}  // namespace plastometer
