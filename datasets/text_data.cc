#include "datasets/text_data.h"

#include <algorithm>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/lines.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "datasets/extract/extract.h"
#include "datasets/store.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Visit = std::function<bool(Document&&)>;

constexpr uint64_t kMaxTextBytes = uint64_t{1} << 30;

Document TextFileDocument(const fs::path& path, const std::string& id) {
  Document d{path.filename().string(), "text", id, id,
             ReadFile(path, kMaxTextBytes)};
  if (d.text.empty())
    throw InvalidError(path.string() + ": the file is empty; expected text");
  RequireUtf8(d.text, path.string());
  return d;
}

void VisitFolder(const fs::path& folder, const Visit& visit) {
  const std::string source =
      fs::absolute(folder).lexically_normal().filename().empty()
          ? fs::absolute(folder)
                .lexically_normal()
                .parent_path()
                .filename()
                .string()
          : folder.filename().string();
  bool any = false;
  for (const fs::path& file : FilesBelow(folder)) {
    const bool hidden = std::any_of(
        file.begin(), file.end(),
        [](const fs::path& p) { return p.string().starts_with("."); });
    if (hidden) continue;
    any = true;
    ThrowIfInterrupted();
    Document d = TextFileDocument(folder / file, file.string());
    d.source = source;
    if (!visit(std::move(d))) return;
  }
  if (!any)
    throw InvalidError(folder.string() +
                       ": no file in this folder; expected text files");
}

std::string NumberedLine(int64_t number) {
  const std::string digits = std::to_string(number);
  return "line-" + std::string(digits.size() < 7 ? 7 - digits.size() : 0, '0') +
         digits;
}

// The Pile puts the name of the subset into `meta`; without it a document is
// of domain text. A value that is there but names no domain is an error: it
// would silently throw domains together.
std::string DomainOf(const nlohmann::json& line, const std::string& where) {
  const nlohmann::json meta = line.value("meta", nlohmann::json());
  if (meta.is_null()) return "text";
  if (!meta.is_object()) {
    throw InvalidError(where + ": \"meta\" is " + ShownJson(meta) +
                       "; expected {\"pile_set_name\": \"...\"} or nothing");
  }
  const nlohmann::json name = meta.value("pile_set_name", nlohmann::json());
  if (name.is_null()) return "text";
  if (!name.is_string()) {
    throw InvalidError(where + ": \"pile_set_name\" is " + ShownJson(name) +
                       "; expected a string");
  }
  return name.get<std::string>();
}

Document JsonDocument(std::string_view line, int64_t number,
                      const fs::path& path) {
  const std::string where = path.string() + " line " + std::to_string(number);
  RequireUtf8(line, where);
  const nlohmann::json j = ParseJson(line, where);
  if (!j.is_object() || !j.contains("text") || !j.at("text").is_string()) {
    throw InvalidError(where +
                       ": no string \"text\"; expected {\"text\": \"...\", "
                       "\"meta\": {\"pile_set_name\": \"...\"}}");
  }
  const std::string id = NumberedLine(number);
  return {path.filename().string(), DomainOf(j, where), id, id, j.at("text")};
}

void VisitLines(const fs::path& path, bool zstd, const Visit& visit) {
  RequireRegularFile(path);
  int64_t num_documents = 0;
  auto one = [&](std::string_view line, int64_t number) {
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) return true;
    ++num_documents;
    return visit(JsonDocument(line, number, path));
  };
  zstd ? ForEachZstdLine(path, one) : ForEachLineOfFile(path, one);
  if (num_documents == 0)
    throw InvalidError(path.string() +
                       ": no line in it; expected one JSON document a line");
}

// Chooses documents and says what was left out.
class Chooser {
 public:
  Chooser(const TextDataOptions& options, bool limited,
          const Tokenizer& tokenizer, int64_t context_tokens)
      : options_(options),
        limited_(limited),
        tokenizer_(tokenizer),
        context_(context_tokens) {}

  bool Take(Document&& d) {
    auto& taken = taken_[d.domain];
    const bool wanted =
        options_.domains.empty() ||
        std::ranges::find(options_.domains, d.domain) != options_.domains.end();
    if (!wanted || (limited_ && taken >= options_.documents_per_domain))
      return !Done();
    const int64_t limit = options_.windows_per_document > 0
                              ? options_.windows_per_document
                              : std::numeric_limits<int64_t>::max();
    CutReport report;
    auto windows = FirstWindows(d, tokenizer_, context_, options_.min_tokens,
                                limit, &report);
    if (windows.empty()) {
      if (++num_dropped_ <= kShownDropped) dropped_.push_back(d.id);
      longest_dropped_ = std::max(longest_dropped_, report.dropped_tokens);
      return true;
    }
    ++taken;
    for (const Window& w : windows)
      bytes_ += sizeof w + w.ids.size() * kBytesPerToken;
    RequireMemory(bytes_, "the windows of " + d.source + " up to " + d.id);
    tail_tokens_ += report.dropped_tokens;
    std::move(windows.begin(), windows.end(), std::back_inserter(set_.windows));
    return !Done();
  }

  EvaluationSet Finish(const std::string& path) {
    for (const auto& domain : options_.domains) {
      if (taken_[domain] == 0 && !set_.windows.empty())
        throw InvalidError(path + ": no document of domain \"" + domain + "\"" +
                           OtherDomains());
    }
    if (set_.windows.empty()) Fail(path);
    if (!dropped_.empty()) set_.notes.push_back(Dropped());
    if (tail_tokens_ > 0) {
      set_.notes.push_back(std::to_string(tail_tokens_) +
                           " tokens at the ends of documents left out (pieces "
                           "shorter than " +
                           std::to_string(options_.min_tokens) + ")");
    }
    set_.sha256 = WindowsSha256(set_.windows);
    return std::move(set_);
  }

 private:
  // Without a list of domains the next line may always bring a new one.
  bool Done() const {
    if (!limited_ || options_.domains.empty()) return false;
    return std::ranges::all_of(
        options_.domains, [&](const std::string& domain) {
          const auto it = taken_.find(domain);
          return it != taken_.end() &&
                 it->second >= options_.documents_per_domain;
        });
  }
  std::string OtherDomains() const {
    std::string known;
    for (const auto& [domain, count] : taken_) {
      if (std::ranges::find(options_.domains, domain) == options_.domains.end())
        known += (known.empty() ? "; it has " : ", ") + domain;
    }
    return known;
  }
  std::string Dropped() const {
    std::string note =
        std::to_string(num_dropped_) + " documents shorter than " +
        std::to_string(options_.min_tokens) + " tokens left out:";
    for (const std::string& id : dropped_) note += " " + id;
    return note + (num_dropped_ > kShownDropped ? " ..." : "");
  }
  [[noreturn]] void Fail(const std::string& path) const {
    if (dropped_.empty())
      throw InvalidError(path + ": no document of the domains asked for" +
                         OtherDomains());
    throw InvalidError(
        path + ": no document reaches " + std::to_string(options_.min_tokens) +
        " tokens (the longest has " + std::to_string(longest_dropped_) +
        "); give longer text or a smaller least length (at least 2: the " +
        "first token is not scored)");
  }

  const TextDataOptions& options_;
  int64_t tail_tokens_ = 0;
  bool limited_;
  const Tokenizer& tokenizer_;
  int64_t context_;
  EvaluationSet set_;
  std::map<std::string, int64_t> taken_;
  static constexpr int64_t kShownDropped = 8;
  std::vector<std::string> dropped_;  // the first of them
  int64_t num_dropped_ = 0;
  uint64_t bytes_ = 0;
  int64_t longest_dropped_ = 0;
};

}  // namespace

bool IsJsonLines(const fs::path& path) {
  const std::string name = path.filename().string();
  return !fs::is_directory(path) &&
         (name.ends_with(".jsonl") || name.ends_with(".jsonl.zst"));
}

void ForEachTextDocument(const fs::path& path, const Visit& document) {
  if (fs::is_directory(path)) {
    VisitFolder(path, document);
  } else if (!fs::exists(path)) {
    throw InvalidError(path.string() + ": no such file or folder");
  } else if (IsJsonLines(path)) {
    VisitLines(path, path.extension() == ".zst", document);
  } else {
    document(TextFileDocument(path, path.filename().string()));
  }
}

EvaluationSet LoadTextData(const fs::path& path, const Tokenizer& tokenizer,
                           int64_t context_tokens,
                           const TextDataOptions& options) {
  if (options.min_tokens < 2 || options.documents_per_domain < 1 ||
      options.windows_per_document < 0) {
    throw UsageError(
        "text data: least length at least 2 tokens (the first is not scored), "
        "at least 1 document a domain");
  }
  Chooser chooser(options, IsJsonLines(path), tokenizer, context_tokens);
  ForEachTextDocument(path,
                      [&](Document&& d) { return chooser.Take(std::move(d)); });
  return chooser.Finish(path.string());
}

}  // namespace plastometer
