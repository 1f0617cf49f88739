// From a pending golden to a committed one, on purpose only. docs/goldens.md.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/golden/compare.h"
#include "harness/golden/ledger.h"
#include "harness/results/case.h"

namespace plastometer {

// |change of ln perplexity| that needs no --accept-shift, nats per token.
inline constexpr double kShiftNats = 1e-3;
inline constexpr size_t kMinReasonLetters = 10;

// What decides whether a blessing is allowed here.
struct BlessEnvironment {
  bool ci = false;  // a variable of a CI system is set, and not to 0 or false
  std::string changed_files;  // of the work tree, goldens/ aside; empty: clean
  std::string git_failure;    // what git says where it cannot tell; else empty
  std::string code_tree;      // of this program
  bool built_from_commit = false;
  std::string author;    // git's user, or "unknown"
  std::string date_utc;  // 2026-01-31T23:59:59Z
};
// `repository`: the tree that holds goldens/. The caller adds code_tree and
// built_from_commit (pins.h).
BlessEnvironment DetectBlessEnvironment(
    const std::filesystem::path& repository);

struct BlessRequest {
  struct Case {
    Golden pending;        // from a run's folder; no tolerances: the golden's
    Golden again;          // the same case, measured once more just now
    bool complete = true;  // no unit was missing
  };
  std::vector<Case> cases;
  std::string reason;
  std::string numeric_class = kPortableClass;
  bool fresh_start = false;     // cumulative drift begins anew
  bool accept_shift = false;    // counts, or more than kShiftNats
  bool all = false;             // every pending case at once ...
  int64_t expected_count = -1;  // ... needs their number
};

// What can be refused before the cases are measured again. Throws as Accept.
void CheckAllowed(const BlessRequest& request,
                  const BlessEnvironment& environment);

// Checks everything first, then takes the store's lock and writes goldens and,
// last, the ledger entry. Throws kRefused naming the case and what to do: CI,
// a dirty tree, a program of other code, no reason, incomplete, not finite, not
// the same twice, another class, values and tolerances changed together, a
// shift or drift beyond its limit, pins that another class's golden holds, no
// change at all, too large. A case that comes twice: kInvalid.
LedgerEntry Accept(const std::filesystem::path& store_root,
                   const BlessRequest& request,
                   const BlessEnvironment& environment);
// Takes a case that left its suite out of the store. Stopped halfway, the same
// call once more completes it.
LedgerEntry Remove(const std::filesystem::path& store_root,
                   const std::string& suite, const std::string& name,
                   const std::string& reason,
                   const BlessEnvironment& environment);

// What a review says of one pending case.
struct ReviewFinding {
  std::string name, numeric_class;  // "quick/prose.uniform"
  // What moved, by how much and in which unit, whether beyond noise, where
  // first: equal for cases that moved alike.
  std::string text;
  std::string own;  // what is this case's alone; "" where `text` says all
};
// `golden` null: there is none yet.
ReviewFinding FindingOf(const Golden& pending, const Golden* golden);
// Cases with equal findings together, in the order of the first of each, and
// the commands that come next. `num_pending`: of the whole run, which --all
// takes.
std::string ReviewText(const std::vector<ReviewFinding>& findings,
                       const std::string& run_folder, size_t num_pending);

}  // namespace plastometer
