#include "harness/report/arms_report.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/measured.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

// "1, 2, 3": of the row that has most of them.
std::string SeedsOf(const ArmComparison& c) {
  std::vector<int64_t> most;
  for (const ArmRow& r : c.rows)
    if (r.seeds.size() > most.size()) most = r.seeds;
  return JoinEach(most, [](int64_t seed) { return std::to_string(seed); });
}

std::string ShortVerdict(const ArmRow& row) {
  if (row.not_asked.empty()) return VerdictText(row.judged.verdict);
  return row.not_asked == kLearningHurts ? "hurts" : "-";
}

std::string OneTable(const ArmComparison& c, int width) {
  const bool wide = width >= 100;
  std::vector<Column> columns = {{{"arm"}, true},
                                 {{"profile"}, true},
                                 {{"nats lost", "[95 %]"}, true},
                                 {{"retention, %", "[95 %]"}, true},
                                 {{"over 95 %", "kept?"}, true}};
  if (c.floor_nats) columns[2].title = {"nats above", "floor [95 %]"};
  std::vector<std::vector<std::string>> rows;
  for (const ArmRow& r : c.rows) {
    const std::string verdict = wide ? ArmVerdict(r) : ShortVerdict(r);
    const Measured& loss = c.floor_nats ? r.above_floor : r.lost;
    rows.push_back({r.arm, r.profile, MeasuredCell(loss, wide ? 4 : 3),
                    MeasuredCell(r.retention, wide ? 1 : 0, 100), verdict});
  }
  std::string text =
      Wrap("data " + c.data_name + " (sha256 " + c.data_sha256.substr(0, 12) +
               "): " + Count(c.num_works) + " works, " +
               Count(c.scored_tokens) + " scored tokens, training seeds " +
               SeedsOf(c) +
               (c.floor_nats ? ", floor " + Fixed(*c.floor_nats, 4) + " nats"
                             : ""),
           width) +
      RenderTable(columns, rows, width);
  for (const std::string& note : c.notes) text += Wrap("note: " + note, width);
  return text;
}

}  // namespace

std::string ArmVerdict(const ArmRow& row) {
  if (!row.not_asked.empty()) return row.not_asked;
  return VerdictText(row.judged.verdict) +
         (row.why.empty() ? "" : " (" + row.why + ")");
}

std::string ArmsTable(const std::vector<ArmComparison>& comparisons,
                      int width) {
  std::string text;
  for (const ArmComparison& c : comparisons) text += OneTable(c, width) + "\n";
  return text +
         Wrap(
             "post-hoc: a profile laid over uniform-trained models; frozen is "
             "the same models frozen. co-trained: models trained under the "
             "profile; frozen is a model trained without any learning layer. "
             "healed: some masked steps after a common training, frozen after "
             "as many.",
             width) +
         Wrap(
             "retention: share of the gap frozen - uniform that is kept. over "
             "95 % kept: L_p - 0.05 L_frozen - 0.95 L_uniform < 0. Intervals "
             "cross training seeds with works; one seed has none. Verdicts of "
             "all rows are corrected together (Holm, 5 %); on a page that "
             "judges "
             "more beside them, one may be undecided.",
             width);
}

std::string ArmsJson(const std::vector<ArmComparison>& comparisons) {
  Json list = Json::array();
  for (const ArmComparison& c : comparisons) {
    Json rows = Json::array();
    for (const ArmRow& r : c.rows)
      rows.push_back(
          {{"arm", r.arm},
           {"profile", r.profile},
           {"training_seeds", r.seeds},
           {"nll_nats", MeasuredJson(r.nll)},
           {"nats_above_floor",
            c.floor_nats ? MeasuredJson(r.above_floor) : Json(nullptr)},
           {"nats_lost", MeasuredJson(r.lost)},
           {"retention", MeasuredJson(r.retention)},
           {"contrast_nats", MeasuredJson(r.contrast)},
           {"over_95_percent_kept", ArmVerdict(r)}});
    list.push_back(
        {{"data", {{"name", c.data_name}, {"sha256", c.data_sha256}}},
         {"works", c.num_works},
         {"scored_tokens", c.scored_tokens},
         {"floor_nats", c.floor_nats ? Json(*c.floor_nats) : Json(nullptr)},
         {"rows", rows},
         {"notes", c.notes}});
  }
  return list.dump(1) + "\n";
}

}  // namespace plastometer
