#include "harness/report/compare_report.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/json_report.h"
#include "harness/report/measured.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

// A hash by its first 12 digits.
std::string Shortened(const std::string& value) {
  const bool is_hash =
      value.size() >= 40 &&
      value.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hash ? value.substr(0, 12) : value;
}

std::string SettingsText(const RunComparison& c, int width) {
  std::vector<std::string> differs, same;
  for (const ComparedSetting& s : c.settings) {
    if (s.differs())
      differs.push_back(s.what + " A " + Shortened(s.a) + ", B " +
                        Shortened(s.b));
    else if (!s.a.empty())
      same.push_back(s.what + " " + Shortened(s.a));
  }
  return Wrap("differs: " + (differs.empty() ? "none of the following"
                                             : Join(differs, "; ")),
              width) +
         Wrap("same: " + Join(same, ", "), width);
}

std::string HeadText(const RunComparison& c, int width) {
  const ComparedSlice& all = c.slices.front();
  return Wrap("A " + c.name_a + "   B " + c.name_b, width) +
         Wrap("data " + c.data_name + " (sha256 " + Shortened(c.data_sha256) +
                  "): " + Count(all.num_windows) + " windows from " +
                  Count(all.num_works) + " works, " + Count(all.scored_tokens) +
                  " scored tokens, in both",
              width) +
         SettingsText(c, width) + "\n";
}

std::string PerplexityCell(const std::optional<double>& perplexity) {
  return perplexity ? Perplexity(*perplexity) : "not available";
}

// "29.2±0.3", half the distance of the quartiles.
std::string TimeCell(const Measured& ms) {
  if (!ms.value) return "not available";
  return Fixed(*ms.value, 1) +
         (ms.low && ms.high ? "±" + Fixed((*ms.high - *ms.low) / 2, 1) : "");
}

template <class CellOf>
std::vector<std::string> CellsOf(const ComparedSlice& slice,
                                 const CellOf& cell) {
  std::vector<std::string> cells;
  for (const ComparedRow& row : slice.rows) cells.push_back(cell(row));
  return cells;
}

Cells LossCells(const ComparedSlice& s) {
  Cells cells;
  Append(cells, {{"perplex-", "ity A"}}, CellsOf(s, [](const ComparedRow& r) {
           return PerplexityCell(r.perplexity_a());
         }));
  Append(cells, {{"perplex-", "ity B"}}, CellsOf(s, [](const ComparedRow& r) {
           return PerplexityCell(r.perplexity_b());
         }));
  Append(cells, {{"nats/token", "B - A [95 %]"}},
         CellsOf(s, [](const ComparedRow& r) {
           return MeasuredCell(r.change, 4);
         }));
  return cells;
}

Cells RetentionCells(const ComparedSlice& s) {
  Cells cells;
  Append(cells, {{"reten-", "tion A"}}, CellsOf(s, [](const ComparedRow& r) {
           return Percent(r.retention_a.value);
         }));
  Append(cells, {{"reten-", "tion B"}}, CellsOf(s, [](const ComparedRow& r) {
           return Percent(r.retention_b.value);
         }));
  Append(cells, {{"retention B - A,", "points [95 %]"}},
         CellsOf(s, [](const ComparedRow& r) {
           return r.retention_a.by_definition()
                      ? "by definition"
                      : MeasuredCell(r.retention_change, 1, 100);
         }));
  return cells;
}

Cells TimeCells(const ComparedSlice& s) {
  Cells cells;
  Append(cells, {{"ms/1k", "tokens A"}},
         CellsOf(s, [](const ComparedRow& r) { return TimeCell(r.ms_a); }));
  Append(cells, {{"ms/1k", "tokens B"}},
         CellsOf(s, [](const ComparedRow& r) { return TimeCell(r.ms_b); }));
  Append(cells, {{"time", "B/A"}}, CellsOf(s, [](const ComparedRow& r) {
           return r.ms_ratio ? Fixed(*r.ms_ratio, 2) : "n/a";
         }));
  return cells;
}

std::string WholeTable(const ComparedSlice& s, int width) {
  Cells labels;
  Append(labels, {{"profile"}, true},
         CellsOf(s, [](const ComparedRow& r) { return r.profile; }));
  return PackedTables(labels, labels,
                      {LossCells(s), RetentionCells(s), TimeCells(s)}, width);
}

// Rows of all domains in one table.
std::string DomainTable(const RunComparison& c, int width) {
  if (c.slices.size() < 2) return "";
  std::vector<std::vector<std::string>> rows;
  for (size_t i = 1; i < c.slices.size(); ++i)
    for (const ComparedRow& r : c.slices[i].rows)
      rows.push_back({c.slices[i].name, Count(c.slices[i].num_works), r.profile,
                      PerplexityCell(r.perplexity_a()),
                      PerplexityCell(r.perplexity_b()),
                      MeasuredCell(r.change, 4)});
  return "\nBy domain:\n" + RenderTable({{{"domain"}, true},
                                         {{"works"}},
                                         {{"profile"}, true},
                                         {{"perplex-", "ity A"}},
                                         {{"perplex-", "ity B"}},
                                         {{"nats/token", "B - A [95 %]"}}},
                                        rows, width);
}

// Why numbers or intervals are missing, each reason once.
std::string ReasonsText(const RunComparison& c, int width) {
  std::map<std::string, std::vector<std::string>> slices_by_reason;
  std::set<std::string> retention;
  for (const ComparedSlice& s : c.slices)
    for (const ComparedRow& r : s.rows) {
      auto& slices = slices_by_reason[r.change.reason];
      if (slices.empty() || slices.back() != s.name) slices.push_back(s.name);
      if (&s == &c.slices.front()) retention.insert(r.retention_change.reason);
    }
  std::string text;
  for (const auto& [reason, slices] : slices_by_reason)
    if (!reason.empty())
      text += Wrap("no interval of B - A for " + Join(slices) + ": " + reason,
                   width);
  for (const std::string& reason : retention)
    if (!reason.empty())
      text += Wrap("retention B - A is not available: " + reason, width);
  return text;
}

std::string EqualText(const ComparedSlice& s, int width) {
  std::vector<std::string> equal;
  for (const ComparedRow& r : s.rows)
    if (r.equal) equal.push_back(r.profile);
  if (equal.empty()) return "";
  return Wrap(
      "every scored loss is the same to the last bit: " +
          (equal.size() == s.rows.size() ? "all profiles" : Join(equal)),
      width);
}

std::string Legend(const RunComparison& c, int width) {
  return Wrap(
             "nats/token B - A: loss, paired by independent work, 95 % "
             "intervals over works; below 0: B predicts better. retention: "
             "share of the run's own gap frozen - uniform that is kept; its "
             "difference in percentage points, jackknife over works.",
             width) +
         Wrap(
             "ms/1k tokens: median over batches, ± half the interquartile "
             "range, of two runs at different times (A " +
                 c.started_a + ", B " + c.started_b +
                 "): whatever else the machines did is part of B/A; no "
                 "verdict.",
             width);
}

std::string OneComparison(const RunComparison& c, bool several, int width) {
  std::string text = (several ? "group " + c.group + "\n" : "") +
                     HeadText(c, width) + WholeTable(c.slices.front(), width) +
                     DomainTable(c, width) + "\n" +
                     EqualText(c.slices.front(), width) + ReasonsText(c, width);
  for (const std::string& note : c.notes) text += Wrap("note: " + note, width);
  return text + Legend(c, width);
}

Json RowJson(const ComparedRow& r) {
  return {
      {"profile", r.profile},
      {"equal_to_the_bit", r.equal},
      {"nll_nats", {{"a", NumberJson(r.nll_a)}, {"b", NumberJson(r.nll_b)}}},
      {"perplexity",
       {{"a", NumberJson(r.perplexity_a())},
        {"b", NumberJson(r.perplexity_b())}}},
      {"nll_change_nats", MeasuredJson(r.change)},
      {"retention",
       {{"a", MeasuredJson(r.retention_a)},
        {"b", MeasuredJson(r.retention_b)}}},
      {"retention_change", MeasuredJson(r.retention_change)},
      {"ms_per_1k_tokens",
       {{"a", MeasuredJson(r.ms_a)}, {"b", MeasuredJson(r.ms_b)}}},
      {"time_ratio", NumberJson(r.ms_ratio)}};
}

Json SliceJson(const ComparedSlice& s) {
  Json rows = Json::array();
  for (const ComparedRow& r : s.rows) rows.push_back(RowJson(r));
  return {{"name", s.name},
          {"windows", s.num_windows},
          {"works", s.num_works},
          {"scored_tokens", s.scored_tokens},
          {"gap_nats",
           {{"a", MeasuredJson(s.gap_a)}, {"b", MeasuredJson(s.gap_b)}}},
          {"rows", rows}};
}

}  // namespace

std::string CompareTable(const std::vector<RunComparison>& comparisons,
                         int width) {
  return JoinEach(
      comparisons,
      [&](const RunComparison& c) {
        return OneComparison(c, comparisons.size() > 1, width);
      },
      "\n");
}

std::string CompareJson(const std::vector<RunComparison>& comparisons) {
  Json list = Json::array();
  for (const RunComparison& c : comparisons) {
    Json settings = Json::array(), slices = Json::array();
    for (const ComparedSetting& s : c.settings)
      settings.push_back(
          {{"what", s.what}, {"a", s.a}, {"b", s.b}, {"differs", s.differs()}});
    for (const ComparedSlice& s : c.slices) slices.push_back(SliceJson(s));
    list.push_back(
        {{"a", {{"run", c.name_a}, {"started_utc", c.started_a}}},
         {"b", {{"run", c.name_b}, {"started_utc", c.started_b}}},
         {"group", c.group},
         {"data", {{"name", c.data_name}, {"sha256", c.data_sha256}}},
         {"settings", settings},
         {"slices", slices},
         {"notes", c.notes}});
  }
  return FileText(list);
}

}  // namespace plastometer
