// Suite files: JSON that names cases. docs/suites.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace plastometer {

// Where a group's windows come from. Exactly one of: held_out (fetched
// sources, by domain), slice, text.
struct SuiteData {
  std::vector<std::string> held_out;  // source names; {"default"}: the default
                                      // ones
  std::filesystem::path slice;  // pinned windows; relative to the suite file
  std::filesystem::path text;   // file, folder, or JSON lines
  int64_t windows = 16;  // of each domain (held_out), of each document (text)
  int64_t context_tokens = 2048;
};

// One model on one slice in one lane under several profiles: one table.
struct SuiteGroup {
  std::string name;   // [a-z0-9-]+
  std::string model;  // shipped name, or path relative to the suite file
  std::string tokenizer;  // empty: the model's own
  std::string lane = "cpu-portable";
  SuiteData data;
  std::vector<std::string> profiles;
  int64_t batch_size = 8;
  int64_t traced_windows = 1;
  std::string expect = "finite";  // or "diverges"
};

struct Suite {
  std::string name, description;
  std::vector<SuiteGroup> groups;
  std::filesystem::path path;
  std::string sha256;  // of the file
  bool needs_fetched_text() const;
};

// A path, or the name of a file suites/<name>.json of the installation. Throws
// kInvalid naming file, key, value met and what was expected (unknown keys
// too), kUsage for an unknown name, listing those there are.
Suite LoadSuite(const std::string& path_or_name);
Suite ParseSuite(std::string_view text, const std::filesystem::path& path);
std::vector<std::string> ShippedSuites();

// "early:25%" -> "early-25pct": what a case's folder is called. Cases are
// "<group>.<slug>"; LoadSuite refuses two that collide.
std::string ProfileSlug(const std::string& profile);

}  // namespace plastometer
