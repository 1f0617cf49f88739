#include "harness/run/run_folder.h"

#include <unistd.h>

#include <cstdio>
#include <random>
#include <system_error>
#include <utility>

#include "base/clock.h"
#include "base/error.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// The first folder on the way to `path` that does not exist yet; empty when all
// exist.
fs::path FirstMissing(const fs::path& path) {
  fs::path missing;
  for (fs::path p = path; !p.empty() && !fs::exists(p); p = p.parent_path())
    missing = p;
  return missing;
}

// Removes the empty folders from `leaf` up to `top`.
void RemoveEmpty(const fs::path& leaf, const fs::path& top) {
  std::error_code ignored;
  for (fs::path p = leaf; !top.empty(); p = p.parent_path()) {
    if (!fs::remove(p, ignored) || p == top || p == p.parent_path()) return;
  }
}

}  // namespace

fs::path DefaultRunFolder() {
  char id[8];
  std::snprintf(id, sizeof id, "%04x",
                static_cast<unsigned>(std::random_device{}() & 0xffff));
  return fs::path("runs") / (UtcNow("%Y%m%dT%H%M%SZ") + "-" + id);
}

RunFolder::RunFolder(const fs::path& path)
    : path_(fs::absolute(path).lexically_normal()) {
  if (!path_.has_filename()) path_ = path_.parent_path();  // a trailing slash
  std::error_code error;
  if (fs::exists(fs::symlink_status(path_, error))) {
    throw UsageError(
        "output folder " + path_.string() +
        " already exists; a run never overwrites: choose another --out, or go "
        "on with --resume");
  }
  const fs::path parent = path_.parent_path();
  created_parent_ = FirstMissing(parent);
  error.clear();
  fs::create_directories(parent, error);
  if (!error) fs::create_directory(path_, error);
  if (error) {
    RemoveEmpty(parent, created_parent_);
    throw InfrastructureError("cannot create the output folder " +
                              path_.string() + ": " + error.message() +
                              "; choose another --out");
  }
}

RunFolder RunFolder::Resume(const fs::path& path) {
  RunFolder folder;
  folder.path_ = fs::absolute(path).lexically_normal();
  if (!folder.path_.has_filename()) folder.path_ = folder.path_.parent_path();
  folder.kept_ = true;
  for (const char* name : {kPlanFile, kJournalFile}) {
    if (!fs::is_regular_file(folder.File(name)))
      throw InvalidError(folder.path_.string() + " holds no " + name +
                         "; expected the folder of an interrupted run");
  }
  return folder;
}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)),
      created_parent_(std::move(other.created_parent_)),
      kept_(std::exchange(other.kept_, true)) {}

RunFolder::~RunFolder() {
  if (kept_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  RemoveEmpty(path_.parent_path(), created_parent_);
}

}  // namespace plastometer
