#include "harness/golden/bless.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/zstd_stream.h"
#include "harness/golden/store.h"
#include "harness/results/trace_file.h"

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

// Without what a blessing may add, and without what made it: lanes of one class
// promise the same bits.
Golden Measured(Golden golden) {
  golden.metrics.tolerances.clear();
  golden.metrics.code_tree.clear();
  golden.metrics.lane.clear();
  golden.metrics.environment.clear();
  return golden;
}

bool SameMeasurement(const Golden& a, const Golden& b) {
  return GoldenSha256(Measured(a)) == GoldenSha256(Measured(b));
}

// Every number that lint looks at.
bool IsFinite(const Golden& golden) {
  const auto finite = [](double value) { return std::isfinite(value); };
  for (const auto& [name, value] : golden.metrics.values)
    if (!finite(value)) return false;
  for (const WindowTrace& w : golden.trace.windows)
    if (!finite(w.nll_sum) || !std::ranges::all_of(w.nll, finite) ||
        !std::ranges::all_of(w.probe.logits, finite) ||
        !finite(w.probe.target_logit) || !finite(w.probe.target_nll))
      return false;
  return true;
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
  if (!e.git_failure.empty())
    throw RefusedError(
        "accept: git cannot say whether the work tree is as committed; it "
        "says: " +
        e.git_failure);
  if (!e.changed_files.empty())
    throw RefusedError("accept: the work tree has changes outside goldens/ (" +
                       e.changed_files +
                       "); commit them first, so that the golden's code can "
                       "be found again");
  if (!e.built_from_commit || e.code_tree.empty() || e.code_tree == "unknown")
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
  if (c.pending.pins.expect == "finite" && !IsFinite(c.pending))
    throw RefusedError(name +
                       ": its loss is not finite; a case that is meant "
                       "to diverge says \"expect\": \"diverges\"");
  for (const auto& [lane, limit] : m.tolerances)
    if (!std::isfinite(limit.max_abs_nll) ||
        !std::isfinite(limit.max_abs_mean_nll))
      throw RefusedError(name + ": its tolerance of lane " + lane +
                         " is not finite; measure it again (plastometer "
                         "tolerances)");
  if (c.pending.pins.expect == "diverges" && std::isfinite(MeanNll(c.pending)))
    throw RefusedError(name +
                       ": the suite expects it to diverge; its losses "
                       "are finite");
}

// Against what the ledger accepted last, whatever lies in the store.
double DriftOf(const BlessRequest& request, const Golden& pending,
               const LedgerCase* head) {
  if (head == nullptr || head->new_sha256.empty() || request.fresh_start)
    return 0;
  const double change = MeanNll(pending) - head->new_nll_nats;
  return head->cumulative_drift_nats +
         (std::isfinite(change) ? std::abs(change) : 0);
}

// `blessed`: the old golden is the one that the ledger accepted.
void CheckChange(const BlessRequest& request, const Golden& pending,
                 const Golden& old, bool blessed) {
  const std::string name = NameOf(pending.pins);
  const bool same = SameMeasurement(pending, old);
  const bool tolerances = pending.metrics.tolerances != old.metrics.tolerances;
  if (same && !tolerances && blessed)
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
}

void CheckDrift(const std::string& name, double drift) {
  if (drift > kDriftBudgetNats) {
    char text[64];
    std::snprintf(text, sizeof text, "%.3g of %.3g", drift, kDriftBudgetNats);
    throw RefusedError(name + ": many small changes add up to " + text +
                       " nats since its first golden; say --fresh-start after "
                       "looking at all of them");
  }
}

// case.json is one for all classes: other pins would change what the ledger
// says of the other goldens.
void CheckOtherClasses(const GoldenStore& store, const Golden& pending) {
  const CasePins& pins = pending.pins;
  const auto present = store.Pins(pins.suite, pins.name);
  if (!present || *present == pins) return;
  for (const std::string& other : store.Classes(pins.suite, pins.name))
    if (other != pending.metrics.numeric_class)
      throw RefusedError(NameOf(pins) + ": its pins change, but class " +
                         other +
                         " has a golden with the present ones; take the case "
                         "out (accept --remove), then accept each class anew");
}

uint64_t BytesOf(const Golden& golden) {
  return ZstdCompress(EncodeTrace(golden.trace), 19).size() +
         PinsJson(golden.pins).size() + MetricsJson(golden.metrics).size();
}

uint64_t BytesBelow(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code missing;
  for (const auto& entry : fs::recursive_directory_iterator(folder, missing))
    if (entry.is_regular_file()) bytes += entry.file_size();
  return bytes;
}

void CheckSize(const Golden& golden) {
  const uint64_t bytes = BytesOf(golden);
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

void CheckStoreSize(const GoldenStore& store,
                    const std::vector<Golden>& goldens, uint64_t entry_bytes) {
  uint64_t bytes = BytesBelow(store.root()) + entry_bytes;
  for (const Golden& golden : goldens) {
    const fs::path folder =
        store.CaseFolder(golden.pins.suite, golden.pins.name);
    bytes += BytesOf(golden);
    bytes -= BytesBelow(folder / golden.metrics.numeric_class);
  }
  if (bytes > kMaxStoreBytes)
    throw RefusedError("accept: the store would have " + std::to_string(bytes) +
                       " bytes; expected at most " +
                       std::to_string(kMaxStoreBytes) +
                       ": fewer cases, windows or traced_windows");
}

// Named by date and content: two branches never write the same file. Returns
// the file's text: what is wrong with it shows before anything is written.
std::string NameEntry(LedgerEntry& entry) {
  std::string seed = entry.date + entry.author + entry.reason;
  for (const LedgerCase& c : entry.cases)
    seed += c.suite + '/' + c.name + c.new_sha256 + c.previous;
  entry.id = entry.date.substr(0, 10) + "-" + Sha256Hex(seed).substr(0, 8);
  return LedgerJson(entry);
}

// On the disk, not in its place yet: it comes after what it tells of.
std::unique_ptr<AtomicFile> StagedEntry(const fs::path& root,
                                        const LedgerEntry& entry,
                                        const std::string& text) {
  const fs::path folder = root / kLedgerFolder;
  MakeFolders(folder);
  auto file = std::make_unique<AtomicFile>(folder / (entry.id + ".json"));
  file->Write(text);
  file->Flush();
  return file;
}

LedgerCase CaseEntry(const CasePins& pins, const std::string& numeric_class,
                     const Ledger& ledger) {
  LedgerCase c;
  c.suite = pins.suite;
  c.name = pins.name;
  c.numeric_class = numeric_class;
  c.old_nll_nats = std::numeric_limits<double>::quiet_NaN();  // unknown
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

// Of the store; and of the ledger, where a removal stopped before its entry.
std::set<std::string> PresentClasses(const GoldenStore& store,
                                     const Ledger& ledger,
                                     const std::string& suite,
                                     const std::string& name) {
  const std::vector<std::string> stored = store.Classes(suite, name);
  std::set<std::string> classes(stored.begin(), stored.end());
  for (const LedgerEntry& entry : ledger.entries())
    for (const LedgerCase& c : entry.cases) {
      if (c.suite != suite || c.name != name) continue;
      const LedgerCase* head = ledger.Head(suite, name, c.numeric_class);
      if (head != nullptr && !head->new_sha256.empty())
        classes.insert(c.numeric_class);
    }
  return classes;
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
  const FileLock lock = LockStore(store_root);
  const GoldenStore store(store_root);
  const Ledger ledger = Ledger::Read(store_root);
  LedgerEntry entry = NewEntry("accept", request.reason, environment);
  std::vector<Golden> goldens;
  for (const BlessRequest::Case& c : request.cases) {
    CheckCase(request, c, environment);
    Golden pending = c.pending;
    const CasePins& pins = pending.pins;
    CheckOtherClasses(store, pending);
    const auto old = store.Read(pins.suite, pins.name, request.numeric_class);
    const LedgerCase* head =
        ledger.Head(pins.suite, pins.name, request.numeric_class);
    LedgerCase line = CaseEntry(pins, request.numeric_class, ledger);
    // A check measures no tolerances: those of the golden stay.
    if (old && pending.metrics.tolerances.empty())
      pending.metrics.tolerances = old->metrics.tolerances;
    line.tolerances =
        ToleranceChanges(pending.metrics, old ? &old->metrics : nullptr);
    CheckSize(pending);
    line.cumulative_drift_nats = DriftOf(request, pending, head);
    line.fresh_start = request.fresh_start;
    if (old)
      CheckChange(request, pending, *old,
                  head != nullptr && head->new_sha256 == GoldenSha256(*old));
    CheckDrift(NameOf(pins), line.cumulative_drift_nats);
    line.new_sha256 = GoldenSha256(pending);
    line.code_tree = pending.metrics.code_tree;
    line.new_nll_nats = MeanNll(pending);
    entry.cases.push_back(line);
    goldens.push_back(std::move(pending));
  }
  const std::string text = NameEntry(entry);
  CheckStoreSize(store, goldens, text.size());
  std::vector<std::unique_ptr<StagedGolden>> staged;
  for (const Golden& golden : goldens)
    staged.push_back(std::make_unique<StagedGolden>(
        golden, store.CaseFolder(golden.pins.suite, golden.pins.name)));
  const auto entry_file = StagedEntry(store_root, entry, text);
  for (const auto& golden : staged) golden->Commit();
  entry_file->Commit();
  return entry;
}

LedgerEntry Remove(const fs::path& store_root, const std::string& suite,
                   const std::string& name, const std::string& reason,
                   const BlessEnvironment& environment) {
  CheckReason(reason);
  CheckEnvironment(environment);
  const FileLock lock = LockStore(store_root);
  const GoldenStore store(store_root);
  const Ledger ledger = Ledger::Read(store_root);
  const std::set<std::string> classes =
      PresentClasses(store, ledger, suite, name);
  if (classes.empty())
    throw UsageError("accept --remove: the store has no case " + suite + "/" +
                     name);
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
  const std::string text = NameEntry(entry);
  const auto entry_file = StagedEntry(store_root, entry, text);
  fs::remove_all(store.CaseFolder(suite, name));
  entry_file->Commit();
  return entry;
}

}  // namespace plastometer
