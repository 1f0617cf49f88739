// Real text, fetched by hash from the distribution's package archive.
#pragma once
#include <filesystem>
#include <functional>
#include <string>

#include "datasets/sources.h"
#include "datasets/store.h"

namespace plastometer {

struct FetchOptions {
  std::filesystem::path data_folder;
  // A folder with the .deb files; empty: ask the package archive.
  std::filesystem::path debs;
  std::function<void(const std::string&)> log = nullptr;  // one line a step
};

struct FetchResult {
  StoredText text;
  bool was_there = false;
  double seconds = 0;
};

// Downloads, checks, unpacks, extracts, stores. Does nothing when the text is
// there already. No root needed. Throws kInvalid (hash or content not as
// pinned) or kInfrastructure (no package tools, archive out of reach, version
// no longer offered, disk full).
FetchResult FetchSource(const Source& source, const FetchOptions& options);

// Its parts.
void CheckDeb(const std::filesystem::path& deb, const Source& source);
void UnpackDeb(const std::filesystem::path& deb,
               const std::filesystem::path& into);
std::filesystem::path DownloadDeb(const Source& source,
                                  const std::filesystem::path& into,
                                  const std::filesystem::path& data_folder);

}  // namespace plastometer
