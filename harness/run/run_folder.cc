#include "harness/run/run_folder.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <random>
#include <system_error>

#include "harness/base/error.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

std::string Stamp(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, format, &utc);
  return text;
}

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

std::string UtcNow() { return Stamp("%Y-%m-%dT%H:%M:%SZ"); }

fs::path DefaultRunFolder() {
  char id[8];
  std::snprintf(id, sizeof id, "%04x",
                static_cast<unsigned>(std::random_device{}() & 0xffff));
  return fs::path("runs") / (Stamp("%Y%m%dT%H%M%SZ") + "-" + id);
}

RunFolder::RunFolder(const fs::path& path)
    : path_(fs::absolute(path).lexically_normal()) {
  if (!path_.has_filename()) path_ = path_.parent_path();  // a trailing slash
  std::error_code error;
  if (fs::exists(fs::symlink_status(path_, error))) {
    throw UsageError(
        "output folder " + path_.string() +
        " already exists; a run never overwrites: choose another --out");
  }
  const fs::path parent = path_.parent_path();
  created_parent_ = FirstMissing(parent);
  fs::create_directories(parent, error);
  temporary_ = parent / ("." + path_.filename().string() + "." +
                         std::to_string(getpid()) + ".tmp");
  if (!error) fs::create_directory(temporary_, error);
  if (error) {
    RemoveEmpty(parent, created_parent_);
    throw InfrastructureError("cannot create the output folder " +
                              path_.string() + ": " + error.message() +
                              "; choose another --out");
  }
}

RunFolder::~RunFolder() {
  if (temporary_.empty()) return;
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  RemoveEmpty(path_.parent_path(), created_parent_);
}

void RunFolder::Commit() {
  std::error_code error;
  if (fs::symlink_status(path_, error).type() != fs::file_type::not_found) {
    throw UsageError("output folder " + path_.string() +
                     " appeared while measuring; nothing was overwritten");
  }
  error.clear();
  fs::rename(temporary_, path_, error);
  if (error)
    throw InfrastructureError("cannot rename " + temporary_.string() + " to " +
                              path_.string() + ": " + error.message());
  temporary_.clear();
}

}  // namespace plastometer
