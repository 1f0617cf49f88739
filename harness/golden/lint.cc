#include <algorithm>
#include <cmath>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/canonical_json.h"
#include "harness/golden/ledger.h"
#include "harness/golden/store.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// README.md explains the folder to people, .lock is LockStore's.
constexpr std::string_view kFilesOfRoot[] = {"README.md", ".gitattributes",
                                             kLockFile};

using CaseKey = std::tuple<std::string, std::string, std::string>;

std::string KeyText(const CaseKey& key) {
  return std::get<0>(key) + "/" + std::get<1>(key) + " (" + std::get<2>(key) +
         ")";
}
CaseKey KeyOf(const LedgerCase& c) {
  return {c.suite, c.name, c.numeric_class};
}

std::vector<fs::directory_entry> EntriesOf(const fs::path& folder) {
  std::error_code missing;
  std::vector<fs::directory_entry> entries;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    entries.push_back(entry);
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}

class Linter {
 public:
  explicit Linter(fs::path root) : root_(std::move(root)), store_(root_) {}

  std::vector<std::string> Run() {
    if (!fs::is_directory(root_)) {
      Find(root_, "no such folder, expected a golden store");
      return std::move(findings_);
    }
    ReadLedger();
    for (const auto& entry : EntriesOf(root_)) CheckRootEntry(entry);
    // What an unreadable ledger file says is not known.
    if (ledger_whole_) CheckLedger();
    if (total_bytes_ > kMaxStoreBytes) {
      Find(root_, std::to_string(total_bytes_) +
                      " bytes in all, expected at most " +
                      std::to_string(kMaxStoreBytes));
    }
    return std::move(findings_);
  }

 private:
  void Find(const fs::path& file, const std::string& what) {
    findings_.push_back(file.string() + ": " + what);
  }
  // Runs a step that may throw; its message already names the file.
  bool Try(const std::function<void()>& step) {
    try {
      step();
      return true;
    } catch (const std::exception& error) {
      if (std::ranges::find(findings_, error.what()) == findings_.end()) {
        findings_.emplace_back(error.what());
      }
      return false;
    }
  }

  // What may lie in a folder is named; everything else is stray.
  bool IsFile(const fs::directory_entry& entry, std::string_view name) {
    if (entry.path().filename() != name || !entry.is_regular_file() ||
        entry.is_symlink()) {
      return false;
    }
    total_bytes_ += entry.file_size();
    return true;
  }
  bool IsFolder(const fs::directory_entry& entry) {
    return entry.is_directory() && !entry.is_symlink() &&
           IsStoreName(entry.path().filename().string());
  }
  void Stray(const fs::directory_entry& entry) {
    Find(entry.path(), "does not belong into the store; remove it");
  }

  void ReadLedger() {
    std::vector<LedgerEntry> entries;
    for (const auto& file : EntriesOf(root_ / kLedgerFolder)) {
      if (!file.path().string().ends_with(".json") ||
          !IsFile(file, file.path().filename().string())) {
        Stray(file);
        continue;
      }
      ledger_whole_ &=
          Try([&] { entries.push_back(ReadLedgerFile(file.path())); });
    }
    ledger_ = Ledger(std::move(entries));
  }

  void CheckRootEntry(const fs::directory_entry& entry) {
    const bool known =
        (entry.is_directory() && entry.path().filename() == kLedgerFolder) ||
        std::ranges::any_of(kFilesOfRoot, [&](std::string_view name) {
          return IsFile(entry, name);
        });
    if (known) return;
    if (!IsFolder(entry)) return Stray(entry);
    for (const auto& one : EntriesOf(entry.path())) {
      IsFolder(one) ? CheckCase(entry, one) : Stray(one);
    }
  }

  void CheckCase(const fs::directory_entry& suite,
                 const fs::directory_entry& name) {
    size_t classes = 0;
    bool pins = false;
    for (const auto& entry : EntriesOf(name.path())) {
      if (IsFile(entry, "case.json")) {
        pins = true;
      } else if (IsFolder(entry)) {
        ++classes;
        CheckClass({suite.path().filename(), name.path().filename(),
                    entry.path().filename()},
                   entry.path());
      } else {
        Stray(entry);
      }
    }
    if (classes == 0) {
      Find(name.path(), "a case without any golden; remove the folder");
    } else if (!pins) {
      Find(name.path() / "case.json", "missing; restore it from git");
    }
  }

  void CheckClass(const CaseKey& key, const fs::path& folder) {
    const uint64_t before = total_bytes_;
    for (const auto& entry : EntriesOf(folder)) {
      if (!IsFile(entry, "metrics.json") && !IsFile(entry, "trace.zst")) {
        Stray(entry);
      }
    }
    if (const uint64_t bytes = total_bytes_ - before; bytes > kMaxCaseBytes) {
      Find(folder, std::to_string(bytes) + " bytes, expected at most " +
                       std::to_string(kMaxCaseBytes));
    }
    goldens_.insert(key);
    Try([&] { CheckGolden(key, folder); });
  }

  void CheckGolden(const CaseKey& key, const fs::path& folder) {
    const auto golden =
        store_.Read(std::get<0>(key), std::get<1>(key), std::get<2>(key));
    if (!golden) return;
    CheckFinite(*golden, folder);
    if (golden->metrics.code_tree.empty()) {
      Find(folder / "metrics.json", "no code_tree: nobody knows what made it");
    }
    if (ledger_whole_) ledger_.RequireBlessed(*golden);
  }

  void CheckFinite(const Golden& golden, const fs::path& folder) {
    for (const auto& [lane, tolerance] : golden.metrics.tolerances) {
      if (!std::isfinite(tolerance.max_abs_nll) ||
          !std::isfinite(tolerance.max_abs_mean_nll)) {
        Find(folder / "metrics.json",
             "tolerance of " + lane + " is not finite");
      }
    }
    if (golden.pins.expect == "diverges") return;
    for (const auto& [name, value] : golden.metrics.values) {
      if (!std::isfinite(value)) {
        Find(folder / "metrics.json", name + " is not finite" + kExpect);
      }
    }
    for (size_t w = 0; w < golden.trace.windows.size(); ++w) {
      if (!IsFinite(golden.trace.windows[w])) {
        Find(folder / "trace.zst", "a value of window " + std::to_string(w) +
                                       " is not finite" + kExpect);
      }
    }
  }

  static bool IsFinite(const WindowTrace& w) {
    const auto finite = [](double value) { return std::isfinite(value); };
    return finite(w.nll_sum) && std::ranges::all_of(w.nll, finite) &&
           std::ranges::all_of(w.probe.logits, finite) &&
           finite(w.probe.target_logit) && finite(w.probe.target_nll);
  }

  void CheckLedger() {
    std::set<CaseKey> keys;
    for (const LedgerEntry& entry : ledger_.entries()) {
      by_sha256_.emplace(entry.sha256, &entry);
    }
    for (const LedgerEntry& entry : ledger_.entries()) {
      for (const LedgerCase& c : entry.cases) {
        keys.insert(KeyOf(c));
        if (const auto wrong = BrokenLink(c)) {
          Find(root_ / kLedgerFolder / (entry.id + ".json"),
               KeyText(KeyOf(c)) + ": " + *wrong);
        }
      }
    }
    for (const CaseKey& key : keys) CheckHead(key);
  }

  // What is wrong between an entry's case and the one that it follows.
  std::optional<std::string> BrokenLink(const LedgerCase& c) const {
    if (c.previous.empty()) {
      if (c.old_sha256.empty()) return std::nullopt;
      return "replaces a golden but names no previous entry";
    }
    const auto it = by_sha256_.find(c.previous);
    if (it == by_sha256_.end()) {
      return "the chain is broken: no ledger file has the SHA-256 " +
             c.previous + " that it follows";
    }
    const LedgerEntry& before = *it->second;
    const auto same = std::ranges::find(before.cases, KeyOf(c),
                                        [](const auto& b) { return KeyOf(b); });
    if (same == before.cases.end()) {
      return "follows " + before.id + ".json, which is not about this case";
    }
    if (same->new_sha256 != c.old_sha256) {
      return "replaces " + c.old_sha256 + ", but " + before.id + ".json made " +
             same->new_sha256;
    }
    return WrongNumbers(*same, c);
  }

  static std::optional<std::string> WrongNumbers(const LedgerCase& before,
                                                 const LedgerCase& c) {
    const bool replaces = !c.old_sha256.empty() && !c.new_sha256.empty();
    if (!replaces) return std::nullopt;
    if (HexFloat(before.new_nll_nats) != HexFloat(c.old_nll_nats)) {
      return "old_nll_nats is " + DecimalFloat(c.old_nll_nats) +
             ", but the entry before has " + DecimalFloat(before.new_nll_nats);
    }
    const double drift = before.cumulative_drift_nats +
                         std::fabs(c.new_nll_nats - c.old_nll_nats);
    // Sums of doubles: the order of two additions may differ, not more.
    if (!c.fresh_start &&
        std::fabs(drift - c.cumulative_drift_nats) > 1e-12 * (1 + drift)) {
      return "cumulative_drift_nats is " +
             DecimalFloat(c.cumulative_drift_nats) + ", expected " +
             DecimalFloat(drift);
    }
    return std::nullopt;
  }

  // Two heads are found here also where there is no golden to ask for them.
  void CheckHead(const CaseKey& key) {
    Try([&] {
      const LedgerEntry* entry = nullptr;
      const LedgerCase* head = ledger_.Head(std::get<0>(key), std::get<1>(key),
                                            std::get<2>(key), &entry);
      if (head->new_sha256.empty() || goldens_.contains(key)) return;
      Find(root_ / kLedgerFolder / (entry->id + ".json"),
           KeyText(key) + " was accepted, but the store has no such golden");
    });
  }

  static constexpr char kExpect[] =
      ", and the case does not say expect: diverges";

  fs::path root_;
  GoldenStore store_;
  Ledger ledger_;
  bool ledger_whole_ = true;  // every file of it could be read
  std::map<std::string, const LedgerEntry*> by_sha256_;
  std::set<CaseKey> goldens_;
  uint64_t total_bytes_ = 0;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> LintStore(const fs::path& store_root) {
  return Linter(store_root).Run();
}

}  // namespace plastometer
