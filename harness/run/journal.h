// journal.jsonl of a run folder: what is finished, one record a line, appended
// and flushed to the disk. A line is 16 hex digits of the SHA-256 of its JSON,
// a blank, the JSON. Format: docs/suites.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/case.h"
#include "model/cost/cost.h"

namespace plastometer {

struct JournalHeader {
  std::string plan_sha256, code_tree;
  int64_t shard_idx = 0, num_shards = 1;
  bool operator==(const JournalHeader&) const = default;
};

// One case on one window. Indices are those of the plan.
struct JournalUnit {
  std::string key;  // SHA-256 of case pins, numeric class, code and window
  int64_t group_idx = 0, profile_idx = 0, window_idx = 0, batch_idx = 0;
  double batch_seconds = 0;  // of the batch that it was measured in
  int64_t batch_windows = 1;
  int64_t working_bytes = -1;  // of the batch; -1: not known
  Counters counters;
  int64_t loss_bytes = 4;  // 8 in an fp64 lane
  std::vector<double> nll;
  std::vector<uint8_t> correct = {};  // one a loss in runs with accuracy
};

struct JournalTrace {
  std::string key;
  int64_t group_idx = 0, profile_idx = 0, window_idx = 0;
  Trace trace;  // of this one window
};

struct Journal {
  JournalHeader header;
  std::vector<JournalUnit> units;
  std::vector<JournalTrace> traces;
  uint64_t valid_bytes = 0;  // up to the end of the last whole line
  bool torn = false;         // a last line without its end was dropped
};

// A last line without a newline is dropped. Throws kInvalid for any other
// damage, naming `source`, line and byte, and for merge-conflict markers.
Journal ParseJournal(std::string_view bytes, const std::string& source);
Journal ReadJournal(const std::filesystem::path& path);

std::string JournalLine(const JournalHeader& header);
std::string JournalLine(const JournalUnit& unit);
std::string JournalLine(const JournalTrace& trace);

class JournalWriter {
 public:
  // Starts at `valid_bytes`: 0 for a new journal, Journal::valid_bytes to go
  // on. Takes a lock: throws kRefused when another process writes here.
  JournalWriter(const std::filesystem::path& path, uint64_t valid_bytes);
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;
  // Whole lines, on the disk when it returns. Throws kInfrastructure.
  void Append(const std::string& lines);

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

}  // namespace plastometer
