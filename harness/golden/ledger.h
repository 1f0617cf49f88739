// goldens/ledger/<date>-<id>.json: one file a blessing. Who accepted what, why,
// what it replaced, and how far a case has drifted since its first golden.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/results/case.h"

namespace plastometer {

struct LedgerCase {
  std::string suite, name, numeric_class;
  std::string old_sha256;  // GoldenSha256 of what was replaced; empty: first
  std::string new_sha256;  // empty: removed from the suite
  std::string previous;    // SHA-256 of the ledger file that made old_sha256
  std::string code_tree;
  double old_nll_nats = 0, new_nll_nats = 0;
  // Sum of |changes of ln perplexity| since the first golden or the last
  // declared fresh start, nats per token.
  double cumulative_drift_nats = 0;
  bool fresh_start = false;
  // ToleranceChanges of the goldens; the file has no such key without any.
  std::vector<std::string> tolerances = {};
};

struct LedgerEntry {
  std::string id;      // the file's name without .json
  std::string date;    // UTC, ISO 8601: 2026-01-31T23:59:59Z
  std::string author;  // git's user.name and e-mail, or "unknown"
  std::string reason;
  std::string kind;  // "accept", "remove"
  std::vector<LedgerCase> cases;
  std::string sha256;  // of the file, when read
};

// A line a lane whose tolerance is not the same: "cpu-native: any token 1e-05
// -> 2e-05 nats (raised), mean 1e-07 -> 1e-07 nats". `before` null: none was.
std::vector<std::string> ToleranceChanges(const CaseMetrics& now,
                                          const CaseMetrics* before);

inline constexpr double kDriftBudgetNats = 5e-3;

class Ledger {
 public:
  Ledger() = default;
  explicit Ledger(std::vector<LedgerEntry> entries);
  // Every file below root/ledger, by id; none where there is no such folder.
  // Throws kInvalid naming the file.
  static Ledger Read(const std::filesystem::path& store_root);
  const std::vector<LedgerEntry>& entries() const { return entries_; }
  // The entry that made the present golden of a case: the one that no other
  // names as `previous`. Throws kInvalid when there are two (two branches
  // blessed the same case), naming both files.
  const LedgerCase* Head(const std::string& suite, const std::string& name,
                         const std::string& numeric_class,
                         const LedgerEntry** entry = nullptr) const;
  // Throws kInvalid unless the head of the golden's case names this golden:
  // what a comparison asks before it believes a committed golden.
  void RequireBlessed(const Golden& golden) const;

 private:
  std::vector<LedgerEntry> entries_;
};

// Sealed as the store's other files (canonical_json.h); cases sorted by suite,
// name and class, each at most once; `sha256` is not written. Throws kInvalid
// when something of it is missing (author, reason, cases ...). ParseLedger
// accepts exactly what LedgerJson writes.
std::string LedgerJson(const LedgerEntry& entry);
LedgerEntry ParseLedger(std::string_view text, const std::string& source);
// Also that the file is called <id>.json.
LedgerEntry ReadLedgerFile(const std::filesystem::path& file);

// All that is wrong with the store, one line each, with the file: hashes,
// full precision, non-finite values without `expect: diverges`, orphans (a
// golden without entry, an entry without golden, a stray file), a broken
// chain, sizes, merge-conflict markers, unknown schema. Empty: clean.
std::vector<std::string> LintStore(const std::filesystem::path& store_root);

}  // namespace plastometer
