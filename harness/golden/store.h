// The golden store: goldens/<suite>/<case>/{case.json, <class>/metrics.json,
// <class>/trace.zst} and goldens/ledger/. Reads check everything; writes are
// atomic a file and take the store's lock. docs/goldens.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_lock.h"
#include "base/files.h"
#include "harness/results/case.h"
#include "harness/results/case_json.h"

namespace plastometer {

inline constexpr uint64_t kMaxCaseBytes = 256 << 10;  // on disk, a class
inline constexpr uint64_t kMaxStoreBytes = 16 << 20;  // on disk, all
inline constexpr char kLedgerFolder[] = "ledger";
inline constexpr char kLockFile[] = ".lock";
// In `hashes` of metrics.json: WriteGolden adds it, ReadGolden checks it and
// takes it away again.
inline constexpr char kTraceHashKey[] = "trace_sha256";

// SHA-256 over the canonical bytes of pins, metrics and trace: what the ledger
// names. Independent of compression.
std::string GoldenSha256(const Golden& golden);

// Three files below `folder` (a run's pending/<suite>/<case> or the store's):
// case.json, <class>/metrics.json, <class>/trace.zst. metrics.json comes last:
// a crash in between leaves a golden that ReadGolden refuses. Throws
// kInfrastructure naming the file; then the golden that was there is still.
void WriteGolden(const Golden& golden, const std::filesystem::path& folder);

// What WriteGolden writes, on the disk but not in its place yet: several
// goldens go there together, when all have found room. Throws as WriteGolden
// does.
class StagedGolden {
 public:
  StagedGolden(const Golden& golden, const std::filesystem::path& folder);
  void Commit();

 private:
  // Goes when nothing came into it: an empty one would be a damaged golden.
  struct ClassFolder {
    ~ClassFolder();
    std::filesystem::path path;
  };
  ClassFolder folder_;
  AtomicFile pins_, trace_, metrics_;
};
// Throws kInvalid naming the file and what is wrong with it: missing, merge
// conflict markers ("<<<<<<< "), damaged, unknown schema, trace's hash not the
// one in metrics.json, numeric class not the folder's.
Golden ReadGolden(const std::filesystem::path& folder,
                  const std::string& numeric_class);

// trace.zst as text for `git diff` (textconv): TraceText of the file.
std::string GoldenText(const std::filesystem::path& file);

// Whether a suite, case or class can be a folder's name: letters, digits and
// ". _ + -", not a dot first, and not "ledger".
bool IsStoreName(std::string_view name);

class GoldenStore {
 public:
  explicit GoldenStore(std::filesystem::path root);  // .../goldens
  const std::filesystem::path& root() const { return root_; }
  // Throws kUsage for what is no name of a folder.
  std::filesystem::path CaseFolder(const std::string& suite,
                                   const std::string& name) const;
  // Case names of a suite, sorted; empty when the suite has none.
  std::vector<std::string> Cases(const std::string& suite) const;
  std::vector<std::string> Classes(const std::string& suite,
                                   const std::string& name) const;
  // nullopt when there is none; throws kInvalid as ReadGolden does, and when
  // the pins name another suite or case than the folders.
  std::optional<CasePins> Pins(const std::string& suite,
                               const std::string& name) const;
  std::optional<Golden> Read(const std::string& suite, const std::string& name,
                             const std::string& numeric_class) const;

 private:
  std::filesystem::path root_;
};

// Held while anything in the store is written.
FileLock LockStore(const std::filesystem::path& root);

}  // namespace plastometer
