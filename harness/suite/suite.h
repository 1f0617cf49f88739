// Suite files: JSON that names cases. docs/suites.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace plastometer {

// The most that suites, options and plans may ask for. Memory is asked about
// before it is taken (base/memory.h).
inline constexpr int64_t kMaxContextTokens = int64_t{1} << 22;
inline constexpr int64_t kMaxDocuments = int64_t{1} << 24;
inline constexpr int64_t kMaxWindows = int64_t{1} << 24;
inline constexpr int64_t kMaxBatch = int64_t{1} << 16;

// Where a group's windows come from: held_out (fetched sources, by domain),
// text, or a generated task; or a slice of one of the first two.
struct SuiteData {
  // Source names; {"default"}: the default ones.
  std::vector<std::string> held_out;
  std::filesystem::path slice;  // pinned windows; relative to the suite file
  std::filesystem::path text;   // file, folder, or JSON lines
  std::string task;             // docs/synthetic.md
  std::string task_parameters = "{}";  // JSON
  int64_t task_seed = 1;
  bool answers_only = false;  // of a task: score the answers alone
  // Text after different contexts (datasets/context_probe.h); no condition: no
  // such probe. Windows are then `before` + `scored` tokens long.
  std::vector<std::string> probe_conditions;
  int64_t probe_before = 768, probe_between = 512, probe_scored = 512;
  // Documents joined and cut as the published evaluation does
  // (datasets/published.h), instead of windows of one document each.
  bool published = false;
  std::vector<std::string> domains;  // only these; empty: all
  int64_t documents = 32;            // of each domain of JSON lines; of a task
  // Of each domain (held_out; 0: kHeldOutWindows), of each document (text; 0:
  // all); under the published protocol of each domain.
  int64_t windows = 0;
  int64_t context_tokens = 2048;
};

// One model on one slice in one lane under several profiles: one table.
struct SuiteGroup {
  std::string name;       // [a-z0-9-]+
  std::string model;      // shipped name, or path relative to the suite file
  std::string tokenizer;  // empty: the model's own
  std::string lane = "cpu-portable";
  SuiteData data;
  std::vector<std::string> profiles;
  int64_t batch_size = 8;
  int64_t traced_windows = 1;
  std::string expect = "finite";  // or "diverges"
  bool accuracy = false;  // also the share of most probable tokens that came
};

// Six profiles over so many windows a domain take about a minute on 2 cores.
inline constexpr int64_t kHeldOutWindows = 16;

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
// A group as a suite file would say it, paths absolute: what a run folder keeps
// in order to go on.
std::string GroupJson(const SuiteGroup& group);
SuiteGroup ParseGroupJson(std::string_view text, const std::string& source);
std::vector<std::string> ShippedSuites();

// "early:25%" -> "early-25pct": what a case's folder is called. Cases are
// "<group>.<slug>"; LoadSuite refuses two that collide.
std::string ProfileSlug(const std::string& profile);

}  // namespace plastometer
