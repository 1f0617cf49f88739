#include "harness/golden/ledger.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "harness/golden/store.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxLedgerBytes = 4 << 20;

std::string Nats(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// "1e-05 -> 2e-05 nats (raised)"
std::string LimitText(double now, std::optional<double> before) {
  if (!before) return "none -> " + Nats(now) + " nats";
  const char* way = now > *before   ? " (raised)"
                    : now < *before ? " (lowered)"
                                    : "";
  return Nats(*before) + " -> " + Nats(now) + " nats" + way;
}

Json CaseJson(const LedgerCase& c) {
  Json json = {{"suite", c.suite},
               {"name", c.name},
               {"numeric_class", c.numeric_class},
               {"old_sha256", c.old_sha256},
               {"new_sha256", c.new_sha256},
               {"previous", c.previous},
               {"code_tree", c.code_tree},
               {"old_nll_nats", FloatJson(c.old_nll_nats)},
               {"new_nll_nats", FloatJson(c.new_nll_nats)},
               {"cumulative_drift_nats", FloatJson(c.cumulative_drift_nats)},
               {"fresh_start", c.fresh_start}};
  if (!c.tolerances.empty()) json["tolerances"] = c.tolerances;
  return json;
}

std::string HashOrNothing(ObjectReader* fields, const char* key,
                          const std::string& where) {
  std::string text = fields->String(key);
  const bool good =
      text.empty() ||
      (text.size() == 64 &&
       text.find_first_not_of("0123456789abcdef") == std::string::npos);
  if (good) return text;
  throw InvalidError(where + ": " + key + " is \"" + text +
                     "\", expected a SHA-256 or nothing");
}

LedgerCase CaseOf(const Json& value, const std::string& where) {
  ObjectReader fields(value, where);
  LedgerCase c;
  c.suite = fields.String("suite");
  c.name = fields.String("name");
  c.numeric_class = fields.String("numeric_class");
  c.old_sha256 = HashOrNothing(&fields, "old_sha256", where);
  c.new_sha256 = HashOrNothing(&fields, "new_sha256", where);
  c.previous = HashOrNothing(&fields, "previous", where);
  c.code_tree = fields.String("code_tree");
  c.old_nll_nats = fields.Float("old_nll_nats");
  c.new_nll_nats = fields.Float("new_nll_nats");
  c.cumulative_drift_nats = fields.Float("cumulative_drift_nats");
  c.fresh_start = fields.Bool("fresh_start");
  if (value.contains("tolerances"))
    for (const Json& line : fields.Array("tolerances"))
      c.tolerances.push_back(StringOf(line, where + ".tolerances"));
  fields.Finish();
  for (const std::string* part : {&c.suite, &c.name, &c.numeric_class}) {
    if (IsStoreName(*part)) continue;
    throw InvalidError(where + ": \"" + *part +
                       "\" cannot be a suite, case or class");
  }
  return c;
}

auto KeyOf(const LedgerCase& c) {
  return std::tie(c.suite, c.name, c.numeric_class);
}

void RequireSortedCases(const std::vector<LedgerCase>& cases,
                        const std::string& source) {
  for (size_t i = 1; i < cases.size(); ++i) {
    if (KeyOf(cases[i - 1]) < KeyOf(cases[i])) continue;
    throw InvalidError(source + ": case " + cases[i].suite + "/" +
                       cases[i].name + " (" + cases[i].numeric_class +
                       ") comes twice or not in order");
  }
}

// "2026-01-31T23:59:59Z": the shape only, a calendar is not needed.
bool IsDate(const std::string& date) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:ddZ";
  return date.size() == kShape.size() &&
         std::equal(
             date.begin(), date.end(), kShape.begin(),
             [](char met, char shape) {
               return shape == 'd'
                          ? std::isdigit(static_cast<unsigned char>(met)) != 0
                          : met == shape;
             });
}

void RequireWhole(const LedgerEntry& entry, const std::string& source) {
  const auto require = [&](bool good, const std::string& what) {
    if (!good) throw InvalidError(source + ": " + what);
  };
  require(IsStoreName(entry.id), "id \"" + entry.id + "\" is no file's name");
  require(IsDate(entry.date),
          "date \"" + entry.date + "\", expected as 2026-01-31T23:59:59Z");
  require(!entry.author.empty(), "no author");
  require(!entry.reason.empty(), "no reason");
  require(entry.kind == "accept" || entry.kind == "remove",
          "kind \"" + entry.kind + "\", expected \"accept\" or \"remove\"");
  require(!entry.cases.empty(), "no case");
  RequireSortedCases(entry.cases, source);
  for (const LedgerCase& c : entry.cases) {
    require(c.new_sha256.empty() == (entry.kind == "remove"),
            c.suite + "/" + c.name + ": new_sha256 is \"" + c.new_sha256 +
                "\" in an entry of kind \"" + entry.kind + "\"");
  }
}

}  // namespace

std::vector<std::string> ToleranceChanges(const CaseMetrics& now,
                                          const CaseMetrics* before) {
  std::vector<std::string> lines;
  for (const auto& [lane, limit] : now.tolerances) {
    const CaseMetrics::Tolerance* old = nullptr;
    if (before != nullptr)
      if (const auto at = before->tolerances.find(lane);
          at != before->tolerances.end())
        old = &at->second;
    if (old != nullptr && *old == limit) continue;
    const auto was = [&](double CaseMetrics::Tolerance::*member) {
      return old == nullptr ? std::optional<double>() : old->*member;
    };
    lines.push_back(lane + ": any token " +
                    LimitText(limit.max_abs_nll,
                              was(&CaseMetrics::Tolerance::max_abs_nll)) +
                    ", mean " +
                    LimitText(limit.max_abs_mean_nll,
                              was(&CaseMetrics::Tolerance::max_abs_mean_nll)));
  }
  if (before != nullptr)
    for (const auto& [lane, limit] : before->tolerances)
      if (!now.tolerances.contains(lane))
        lines.push_back(lane + ": taken away");
  return lines;
}

std::string LedgerJson(const LedgerEntry& unsorted) {
  LedgerEntry entry = unsorted;
  std::ranges::sort(entry.cases, {}, KeyOf);
  RequireWhole(entry, "ledger entry " + entry.id);
  Json cases = Json::array();
  for (const LedgerCase& c : entry.cases) cases.push_back(CaseJson(c));
  return SealedText({{"id", entry.id},
                     {"date", entry.date},
                     {"author", entry.author},
                     {"reason", entry.reason},
                     {"kind", entry.kind},
                     {"cases", std::move(cases)}});
}

LedgerEntry ParseLedger(std::string_view text, const std::string& source) {
  const Json object = ParseSealed(text, source);
  ObjectReader fields(object, source);
  LedgerEntry entry;
  entry.id = fields.String("id");
  entry.date = fields.String("date");
  entry.author = fields.String("author");
  entry.reason = fields.String("reason");
  entry.kind = fields.String("kind");
  for (const Json& value : fields.Array("cases")) {
    entry.cases.push_back(CaseOf(
        value, source + ": cases[" + std::to_string(entry.cases.size()) + "]"));
  }
  fields.Finish();
  RequireWhole(entry, source);
  entry.sha256 = Sha256Hex(text);
  return entry;
}

LedgerEntry ReadLedgerFile(const fs::path& file) {
  LedgerEntry entry =
      ParseLedger(ReadFile(file, kMaxLedgerBytes), file.string());
  if (file.filename() != entry.id + ".json") {
    throw InvalidError(file.string() + ": its id is \"" + entry.id +
                       "\"; a ledger file is not renamed or copied");
  }
  return entry;
}

Ledger::Ledger(std::vector<LedgerEntry> entries)
    : entries_(std::move(entries)) {
  std::ranges::sort(entries_, {}, &LedgerEntry::id);
}

Ledger Ledger::Read(const fs::path& store_root) {
  std::vector<LedgerEntry> entries;
  std::error_code missing;
  for (const auto& file :
       fs::directory_iterator(store_root / kLedgerFolder, missing)) {
    entries.push_back(ReadLedgerFile(file.path()));
  }
  return Ledger(std::move(entries));
}

const LedgerCase* Ledger::Head(const std::string& suite,
                               const std::string& name,
                               const std::string& numeric_class,
                               const LedgerEntry** entry) const {
  const auto key = std::tie(suite, name, numeric_class);
  std::vector<std::pair<const LedgerEntry*, const LedgerCase*>> all;
  std::set<std::string> replaced;
  for (const LedgerEntry& e : entries_) {
    for (const LedgerCase& c : e.cases) {
      if (KeyOf(c) != key) continue;
      all.emplace_back(&e, &c);
      replaced.insert(c.previous);
    }
  }
  std::erase_if(all, [&](const auto& one) {
    return replaced.contains(one.first->sha256);
  });
  if (all.size() > 1) {
    throw InvalidError(
        "two blessings of " + suite + "/" + name + " (" + numeric_class +
        ") follow the same one: ledger/" + all[0].first->id +
        ".json and ledger/" + all[1].first->id +
        ".json; two branches accepted the same case. Remove one of the files, "
        "restore the golden of the other, and accept the case again");
  }
  if (all.empty()) return nullptr;
  if (entry != nullptr) *entry = all[0].first;
  return all[0].second;
}

void Ledger::RequireBlessed(const Golden& golden) const {
  const std::string name = golden.pins.suite + "/" + golden.pins.name + " (" +
                           golden.metrics.numeric_class + ")";
  const LedgerEntry* entry = nullptr;
  const LedgerCase* head = Head(golden.pins.suite, golden.pins.name,
                                golden.metrics.numeric_class, &entry);
  if (head == nullptr) {
    throw InvalidError("golden " + name +
                       ": no entry of the ledger accepts it; accept it, or "
                       "remove it");
  }
  if (const std::string met = GoldenSha256(golden); met != head->new_sha256) {
    throw InvalidError("golden " + name + ": its SHA-256 is " + met +
                       ", but ledger/" + entry->id + ".json " +
                       (head->new_sha256.empty()
                            ? "removed it"
                            : "accepted " + head->new_sha256) +
                       "; restore it from git, or accept the case again");
  }
}

}  // namespace plastometer
