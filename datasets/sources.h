// The manifest of real-text sources: which package, which bytes, whose licence,
// and who is held out.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"

namespace plastometer {

struct Source {
  std::string name, domain;
  std::string package, version, architecture;
  uint64_t bytes = 0;  // of the .deb
  std::string sha256;  // of the .deb
  // Of the extracted text (TextSha256); empty when not pinned.
  std::string text_sha256;
  std::string licence;
  // Public domain, BSD or Boost, and no parallel text of a held-out source.
  bool training_allowed = false;
  bool in_default = false;   // part of the default evaluation set
  bool in_training = false;  // part of the shipped models' training text
  std::string extract_json, split_json;  // rules, in canonical form

  // What the package archive calls the file; a colon in the version is written
  // %3a.
  std::string DebName() const;
};

// The built-in manifest, parsed once.
const std::vector<Source>& Sources();
std::vector<Source> ParseSources(std::string_view json,
                                 const std::string& name);

// Throws kUsage listing the known names.
const Source& FindSource(const std::string& name);

// The split of each document, by work: "train" or "heldout". Throws kInvalid on
// an unknown rule or a work named that does not exist.
std::vector<std::string> SplitOf(const Source& source,
                                 const std::vector<Document>& documents);

// Identity of extracted text: over id, work, split and text of every document,
// in order.
std::string TextSha256(const std::vector<Document>& documents,
                       const std::vector<std::string>& splits);

}  // namespace plastometer
