#include "datasets/slice.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "datasets/text_data.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

constexpr const char* kFormat = "plastometer-slice-1";

struct Wanted {
  const Slice& slice;
  // By source and document.
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> pieces;
  std::vector<Window> windows;
  size_t num_found = 0;
};

// Encodes as far as the last piece of this document reaches.
void TakeDocument(const Document& d, const Tokenizer& tokenizer,
                  Wanted* wanted) {
  const auto it = wanted->pieces.find({d.source, d.id});
  if (it == wanted->pieces.end()) return;
  int64_t last = 0;
  for (size_t index : it->second) {
    last = std::max(last, wanted->slice.pieces[index].first_token);
  }
  const int64_t context = wanted->slice.context_tokens;
  const auto windows =
      FirstWindows(d, tokenizer, context, 1, last / context + 1);
  for (size_t index : it->second) {
    const Slice::Piece& piece = wanted->slice.pieces[index];
    const auto at =
        static_cast<size_t>(piece.first_token / wanted->slice.context_tokens);
    if (at >= windows.size() ||
        static_cast<int64_t>(windows[at].ids.size()) < piece.num_tokens) {
      throw InvalidError("slice: " + d.source + "/" + d.id + " has no tokens " +
                         std::to_string(piece.first_token) + " to " +
                         std::to_string(piece.first_token + piece.num_tokens) +
                         "; the text has changed");
    }
    Window w = windows[at];
    w.ids.resize(static_cast<size_t>(piece.num_tokens));
    w.token_bytes.resize(static_cast<size_t>(piece.num_tokens));
    wanted->windows[index] = std::move(w);
    ++wanted->num_found;
  }
}

void CheckPiece(const Slice& slice, const Slice::Piece& p,
                const std::string& name) {
  const bool aligned = p.first_token >= 0 && slice.context_tokens > 0 &&
                       p.first_token % slice.context_tokens == 0;
  if (aligned && p.num_tokens >= 1 && p.num_tokens <= slice.context_tokens)
    return;
  throw InvalidError(
      name + ": window of " + p.source + "/" + p.document + " starts at " +
      std::to_string(p.first_token) + " with " + std::to_string(p.num_tokens) +
      " tokens; expected a multiple of context_tokens (" +
      std::to_string(slice.context_tokens) + ") and at most so many tokens");
}

// The library would cut 1.5 to 1 and wrap what is too large.
int64_t Integer(const nlohmann::json& j, const char* key,
                const fs::path& path) {
  const nlohmann::json& value = j.at(key);
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<uint64_t>() <= uint64_t{INT64_MAX});
  if (!fits)
    throw InvalidError(path.string() + ": \"" + key + "\" is " + value.dump() +
                       "; expected an integer");
  return value.get<int64_t>();
}

}  // namespace

Slice MakeSlice(const EvaluationSet& set, const Tokenizer& tokenizer,
                int64_t context_tokens, const fs::path& data) {
  Slice slice{data.filename().string(),
              tokenizer.sha256(),
              context_tokens,
              {},
              set.sha256};
  for (const Window& w : set.windows) {
    slice.pieces.push_back({w.source, w.document, w.first_token,
                            static_cast<int64_t>(w.ids.size())});
  }
  return slice;
}

void WriteSlice(const Slice& slice, const fs::path& path) {
  nlohmann::ordered_json windows = nlohmann::ordered_json::array();
  for (const auto& p : slice.pieces) {
    windows.push_back({{"source", p.source},
                       {"document", p.document},
                       {"first_token", p.first_token},
                       {"num_tokens", p.num_tokens}});
  }
  const nlohmann::ordered_json j = {
      {"format", kFormat},
      {"data", slice.data},
      {"tokenizer_sha256", slice.tokenizer_sha256},
      {"context_tokens", slice.context_tokens},
      {"ids_sha256", slice.ids_sha256},
      {"windows", windows}};
  WriteFile(path, j.dump(1) + "\n");
}

Slice LoadSlice(const fs::path& path) {
  const nlohmann::json j = ReadJsonFile(path);
  try {
    if (j.at("format") != kFormat)
      throw InvalidError(path.string() + ": format is " +
                         j.at("format").dump() + "; expected \"" + kFormat +
                         "\"");
    Slice slice{j.at("data"),
                j.at("tokenizer_sha256"),
                Integer(j, "context_tokens", path),
                {},
                j.at("ids_sha256")};
    for (const auto& w : j.at("windows")) {
      slice.pieces.push_back({w.at("source"), w.at("document"),
                              Integer(w, "first_token", path),
                              Integer(w, "num_tokens", path)});
      CheckPiece(slice, slice.pieces.back(), path.string());
    }
    if (slice.pieces.empty())
      throw InvalidError(path.string() + ": \"windows\" is empty");
    return slice;
  } catch (const nlohmann::json::exception& e) {
    throw InvalidError(
        path.string() + ": " + e.what() +
        "; expected a slice file written by `plastometer data slice`");
  }
}

EvaluationSet ReadSlice(const Slice& slice, const Tokenizer& tokenizer,
                        const SliceInputs& inputs) {
  if (tokenizer.sha256() != slice.tokenizer_sha256) {
    throw InvalidError("slice: made with the tokenizer of SHA-256 " +
                       slice.tokenizer_sha256 + "; " + tokenizer.name() +
                       " has " + tokenizer.sha256());
  }
  if (slice.data.empty() && !inputs.data.empty())
    throw UsageError("slice: its windows come from fetched sources, not from " +
                     inputs.data.string() + "; leave out --data");
  if (!slice.data.empty() && inputs.data.empty())
    throw InvalidError("slice: refers to \"" + slice.data +
                       "\"; give that file or folder");
  Wanted wanted{slice, {}, std::vector<Window>(slice.pieces.size()), 0};
  std::set<std::string> sources;
  for (size_t i = 0; i < slice.pieces.size(); ++i) {
    wanted.pieces[{slice.pieces[i].source, slice.pieces[i].document}].push_back(
        i);
    sources.insert(slice.pieces[i].source);
  }
  auto take = [&](Document&& d) {
    TakeDocument(d, tokenizer, &wanted);
    return wanted.num_found < slice.pieces.size();
  };
  if (!slice.data.empty()) {
    ForEachTextDocument(inputs.data, take);
  } else {
    for (const auto& source : sources)
      ForEachDocument(source, "all", take, inputs.data_folder);
  }
  for (size_t i = 0; i < slice.pieces.size(); ++i) {
    if (wanted.windows[i].ids.empty()) {
      throw InvalidError("slice: there is no document " +
                         slice.pieces[i].source + "/" +
                         slice.pieces[i].document);
    }
  }
  EvaluationSet set{std::move(wanted.windows), "", {}};
  set.sha256 = WindowsSha256(set.windows);
  if (set.sha256 != slice.ids_sha256) {
    throw InvalidError("slice: token ids have SHA-256 " + set.sha256 +
                       "; pinned is " + slice.ids_sha256 +
                       "; the text has changed");
  }
  return set;
}

}  // namespace plastometer
