#include "datasets/sources.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace plastometer {

// sources.json, built in: the program needs no file beside it.
extern const char kSourcesJson[];

namespace {

Source ParseSource(const nlohmann::json& j) {
  Source s;
  s.name = j.at("name"), s.domain = j.at("domain");
  s.package = j.at("package"), s.version = j.at("version"),
  s.architecture = j.at("architecture");
  s.bytes = j.at("bytes"), s.sha256 = j.at("sha256"),
  s.text_sha256 = j.value("text_sha256", "");
  s.licence = j.at("licence"), s.training_allowed = j.at("training_allowed");
  s.in_default = j.at("default"), s.in_training = j.at("training");
  s.extract_json = j.at("extract").dump(), s.split_json = j.at("split").dump();
  if (s.in_training && !s.training_allowed) {
    throw InvalidError(
        "sources.json: " + s.name +
        " is a training source but its licence does not allow training");
  }
  return s;
}

// Works in their order of first appearance.
std::vector<std::string> WorksOf(const std::vector<Document>& documents) {
  std::vector<std::string> works;
  std::set<std::string> seen;
  for (const auto& d : documents) {
    if (seen.insert(d.work).second) works.push_back(d.work);
  }
  return works;
}

std::set<std::string> HeldOut(const Source& source,
                              const std::vector<std::string>& works) {
  const nlohmann::json split =
      ParseJson(source.split_json, "split rule of " + source.name);
  const std::string rule = split.at("rule");
  std::set<std::string> heldout;
  if (rule == "named") {
    heldout = split.at("heldout").get<std::set<std::string>>();
    for (const auto& name : heldout) {
      if (std::ranges::find(works, name) == works.end()) {
        throw InvalidError("sources.json: " + source.name + " holds out \"" +
                           name + "\", which its text does not have");
      }
    }
  } else if (rule == "every") {
    const size_t step = split.at("step"), first = split.at("first");
    for (size_t i = first; i < works.size(); i += std::max<size_t>(step, 1))
      heldout.insert(works[i]);
  } else if (rule == "all") {
    if (split.at("as") == "heldout") heldout.insert(works.begin(), works.end());
  } else {
    throw InvalidError("sources.json: split rule \"" + rule + "\" of " +
                       source.name + "; expected named, every or all");
  }
  return heldout;
}

}  // namespace

std::string Source::DebName() const {
  std::string file_version;
  for (char c : version)
    file_version += c == ':' ? std::string("%3a") : std::string(1, c);
  return package + "_" + file_version + "_" + architecture + ".deb";
}

std::vector<Source> ParseSources(std::string_view json,
                                 const std::string& name) {
  const nlohmann::json root = ParseJson(json, name);
  std::vector<Source> sources;
  try {
    for (const auto& entry : root.at("sources"))
      sources.push_back(ParseSource(entry));
  } catch (const nlohmann::json::exception& e) {
    throw InvalidError(name + ": source " + std::to_string(sources.size()) +
                       ": " + e.what());
  }
  return sources;
}

const std::vector<Source>& Sources() {
  static const std::vector<Source> kSources =
      ParseSources(kSourcesJson, "sources.json");
  return kSources;
}

const Source& FindSource(const std::string& name) {
  std::string known;
  for (const Source& source : Sources()) {
    if (source.name == name) return source;
    known += (known.empty() ? "" : ", ") + source.name;
  }
  throw UsageError("no source is called \"" + name + "\"; known: " + known);
}

std::vector<std::string> SplitOf(const Source& source,
                                 const std::vector<Document>& documents) {
  const std::set<std::string> heldout = HeldOut(source, WorksOf(documents));
  std::vector<std::string> splits;
  for (const auto& d : documents)
    splits.push_back(heldout.contains(d.work) ? "heldout" : "train");
  return splits;
}

std::string TextSha256(const std::vector<Document>& documents,
                       const std::vector<std::string>& splits) {
  Sha256 sha;
  for (size_t i = 0; i < documents.size(); ++i) {
    const Document& d = documents[i];
    sha.Update(d.id + "\n" + d.work + "\n" + splits[i] + "\n" +
               std::to_string(d.text.size()) + "\n");
    sha.Update(d.text);
  }
  return sha.HexDigest();
}

}  // namespace plastometer
