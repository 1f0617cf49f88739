#include "harness/golden/bless.h"

#include <cctype>
#include <cmath>
#include <cstdio>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/sha256.h"
#include "harness/base/zstd_stream.h"
#include "harness/golden/store.h"
#include "harness/golden/trace_file.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

std::string NameOf(const CasePins& pins) {
  return pins.suite + "/" + pins.name;
}

double MeanNll(const Golden& golden) {
  const auto found = golden.metrics.values.find("nll_nats");
  return found == golden.metrics.values.end() ? NAN : found->second;
}

// Without what a blessing may add, and without what made it.
Golden Measured(Golden golden) {
  golden.metrics.tolerances.clear();
  golden.metrics.code_tree.clear();
  golden.metrics.environment.clear();
  return golden;
}

bool SameMeasurement(const Golden& a, const Golden& b) {
  return GoldenSha256(Measured(a)) == GoldenSha256(Measured(b));
}

void CheckReason(const std::string& reason) {
  size_t letters = 0;
  for (const char c : reason)
    letters += std::isspace(static_cast<unsigned char>(c)) ? 0 : 1;
  if (letters < kMinReasonLetters)
    throw RefusedError("accept: the reason is \"" + reason +
                       "\"; expected a sentence that someone else understands "
                       "later (--reason)");
}

void CheckEnvironment(const BlessEnvironment& e) {
  if (e.ci)
    throw RefusedError(
        "accept: this is a CI job; goldens are blessed by a person, from the "
        "job's artifact: plastometer accept CASE --from FOLDER");
  if (!e.changed_files.empty())
    throw RefusedError("accept: the work tree has changes outside goldens/ (" +
                       e.changed_files +
                       "); commit them first, so that the golden's code can "
                       "be found again");
  if (!e.built_from_commit || e.code_tree == "unknown")
    throw RefusedError(
        "accept: this program was not built from a commit (code " +
        e.code_tree + "); build the committed tree, then check and accept");
}

void CheckCase(const BlessRequest& request, const BlessRequest::Case& c,
               const BlessEnvironment& e) {
  const std::string name = NameOf(c.pending.pins);
  const CaseMetrics& m = c.pending.metrics;
  if (!c.complete)
    throw RefusedError(name +
                       ": the run is not complete; merge its shards, or "
                       "go on with --resume");
  if (m.code_tree != e.code_tree)
    throw RefusedError(name + ": measured by code " + m.code_tree +
                       ", this program is " + e.code_tree +
                       "; check again with this program");
  if (m.numeric_class != request.numeric_class)
    throw RefusedError(name + ": its numeric class is " + m.numeric_class +
                       ", expected " + request.numeric_class +
                       "; goldens of another class are recorded with --class");
  if (!SameMeasurement(c.pending, c.again)) {
    const auto d = FirstDivergence(c.again, c.pending);
    throw RefusedError(name + ": two runs of this program differ: " +
                       (d ? d->text : "counts or values"));
  }
  const bool finite = std::isfinite(MeanNll(c.pending));
  if (c.pending.pins.expect == "finite" && !finite)
    throw RefusedError(name +
                       ": its loss is not finite; a case that is meant "
                       "to diverge says \"expect\": \"diverges\"");
  if (c.pending.pins.expect == "diverges" && finite)
    throw RefusedError(name +
                       ": the suite expects it to diverge; its losses "
                       "are finite");
}

double DriftOf(const BlessRequest& request, const Golden& pending,
               const std::optional<Golden>& old, const LedgerCase* head) {
  if (!old || head == nullptr || request.fresh_start) return 0;
  const double change = MeanNll(pending) - MeanNll(*old);
  return head->cumulative_drift_nats +
         (std::isfinite(change) ? std::abs(change) : 0);
}

void CheckChange(const BlessRequest& request, const Golden& pending,
                 const Golden& old, double drift) {
  const std::string name = NameOf(pending.pins);
  const bool same = SameMeasurement(pending, old);
  const bool tolerances = pending.metrics.tolerances != old.metrics.tolerances;
  if (same && !tolerances)
    throw RefusedError(name + ": it is the golden already");
  if (!same && tolerances && !old.metrics.tolerances.empty())
    throw RefusedError(name +
                       ": values and tolerances change together; bless "
                       "one, then the other");
  const double change = MeanNll(pending) - MeanNll(old);
  const bool shifts = std::abs(change) > kShiftNats ||
                      pending.metrics.counts != old.metrics.counts ||
                      !(pending.pins == old.pins);
  if (shifts && !request.accept_shift && !request.fresh_start) {
    char text[64];
    std::snprintf(text, sizeof text, "%+.3g", change);
    throw RefusedError(name + ": ln perplexity moves by " + text +
                       ", or counts or pins change; say --accept-shift when "
                       "that is intended");
  }
  if (drift > kDriftBudgetNats) {
    char text[64];
    std::snprintf(text, sizeof text, "%.3g of %.3g", drift, kDriftBudgetNats);
    throw RefusedError(name + ": many small changes add up to " + text +
                       " nats since its first golden; say --fresh-start after "
                       "looking at all of them");
  }
}

void CheckSize(const Golden& golden) {
  const uint64_t bytes = ZstdCompress(EncodeTrace(golden.trace), 19).size() +
                         PinsJson(golden.pins).size() +
                         MetricsJson(golden.metrics).size();
  if (bytes > kMaxCaseBytes)
    throw RefusedError(NameOf(golden.pins) + ": " + std::to_string(bytes) +
                       " bytes; expected at most " +
                       std::to_string(kMaxCaseBytes) +
                       ": fewer traced_windows in the suite");
}

LedgerEntry NewEntry(const std::string& kind, const std::string& reason,
                     const BlessEnvironment& e) {
  LedgerEntry entry;
  entry.kind = kind;
  entry.reason = reason;
  entry.author = e.author;
  entry.date = e.date_utc;
  return entry;
}

// Named by date and content: two branches never write the same file.
void WriteEntry(const fs::path& root, LedgerEntry& entry) {
  std::string seed = entry.date + entry.author + entry.reason;
  for (const LedgerCase& c : entry.cases)
    seed += c.suite + '/' + c.name + c.new_sha256 + c.previous;
  entry.id = entry.date.substr(0, 10) + "-" + Sha256Hex(seed).substr(0, 8);
  const fs::path folder = root / kLedgerFolder;
  fs::create_directories(folder);
  WriteFile(folder / (entry.id + ".json"), LedgerJson(entry));
}

LedgerCase CaseEntry(const CasePins& pins, const std::string& numeric_class,
                     const Ledger& ledger) {
  LedgerCase c;
  c.suite = pins.suite;
  c.name = pins.name;
  c.numeric_class = numeric_class;
  const LedgerEntry* entry = nullptr;
  const LedgerCase* head =
      ledger.Head(pins.suite, pins.name, numeric_class, &entry);
  if (head != nullptr) {
    c.old_sha256 = head->new_sha256;
    c.previous = entry->sha256;
    c.old_nll_nats = head->new_nll_nats;
  }
  return c;
}

}  // namespace

void CheckAllowed(const BlessRequest& request,
                  const BlessEnvironment& environment) {
  CheckReason(request.reason);
  CheckEnvironment(environment);
  if (request.cases.empty())
    throw UsageError("accept: no case; name cases, or --all");
  if (request.all &&
      request.expected_count != static_cast<int64_t>(request.cases.size()))
    throw RefusedError(
        "accept: --all takes " + std::to_string(request.cases.size()) +
        " cases; say so: --count " + std::to_string(request.cases.size()));
}

LedgerEntry Accept(const fs::path& store_root, const BlessRequest& request,
                   const BlessEnvironment& environment) {
  CheckAllowed(request, environment);
  fs::create_directories(store_root);
  const StoreLock lock(store_root);
  const GoldenStore store(store_root);
  const Ledger ledger = Ledger::Read(store_root);
  LedgerEntry entry = NewEntry("accept", request.reason, environment);
  for (const BlessRequest::Case& c : request.cases) {
    const CasePins& pins = c.pending.pins;
    CheckCase(request, c, environment);
    CheckSize(c.pending);
    const auto old = store.Read(pins.suite, pins.name, request.numeric_class);
    const LedgerCase* head =
        ledger.Head(pins.suite, pins.name, request.numeric_class);
    LedgerCase line = CaseEntry(pins, request.numeric_class, ledger);
    line.cumulative_drift_nats = DriftOf(request, c.pending, old, head);
    line.fresh_start = request.fresh_start;
    if (old) CheckChange(request, c.pending, *old, line.cumulative_drift_nats);
    line.new_sha256 = GoldenSha256(c.pending);
    line.code_tree = c.pending.metrics.code_tree;
    line.new_nll_nats = MeanNll(c.pending);
    entry.cases.push_back(line);
  }
  for (const BlessRequest::Case& c : request.cases)
    WriteGolden(c.pending,
                store.CaseFolder(c.pending.pins.suite, c.pending.pins.name));
  WriteEntry(store_root, entry);
  return entry;
}

LedgerEntry Remove(const fs::path& store_root, const std::string& suite,
                   const std::string& name, const std::string& reason,
                   const BlessEnvironment& environment) {
  CheckReason(reason);
  CheckEnvironment(environment);
  const StoreLock lock(store_root);
  const GoldenStore store(store_root);
  const std::vector<std::string> classes = store.Classes(suite, name);
  if (classes.empty())
    throw UsageError("accept --remove: the store has no case " + suite + "/" +
                     name);
  const Ledger ledger = Ledger::Read(store_root);
  LedgerEntry entry = NewEntry("remove", reason, environment);
  CasePins pins;
  pins.suite = suite;
  pins.name = name;
  for (const std::string& numeric_class : classes) {
    LedgerCase line = CaseEntry(pins, numeric_class, ledger);
    line.code_tree = environment.code_tree;
    line.new_nll_nats = line.old_nll_nats;
    entry.cases.push_back(line);
  }
  fs::remove_all(store.CaseFolder(suite, name));
  WriteEntry(store_root, entry);
  return entry;
}

}  // namespace plastometer
