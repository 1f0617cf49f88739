#include <nlohmann/json.hpp>

#include "harness/report/format.h"
#include "harness/report/frontier_report.h"
#include "harness/report/json_report.h"
#include "harness/report/measured.h"

namespace plastometer {
namespace {

using Json = nlohmann::ordered_json;

Json LayersJson(const Pace& pace) {
  Json layers = Json::array();
  for (const int64_t period : pace.periods) {
    if (period == 0)
      layers.push_back(0);
    else
      layers.push_back({{"lambda", pace.scale}, {"every", period}});
  }
  return layers;
}

Json RowJson(const FrontierRun& run, const TuningPoint& tuning,
             const FrontierRow& row) {
  return {{"profile", tuning.profile},
          {"measured_as", run.record.profiles[row.profile_idx].name},
          {"tuning_nll_nats", NumberJson(tuning.nats)},
          {"tuning_cost", tuning.cost},
          {"cost", row.cost},
          {"saved", NumberJson(row.saved)},
          {"nll_nats", MeasuredJson(row.nll)},
          {"nats_lost", MeasuredJson(row.lost)},
          {"retention", MeasuredJson(row.retention)}};
}

Json MembersJson(const FrontierRun& run, const FrontierJudgement& j) {
  Json members = Json::array();
  for (size_t i = 0; i < j.members.size(); ++i) {
    const FrontierMember& member = run.choice.members[i];
    Json json = RowJson(run, member.tuning, j.members[i]);
    json["pace"] = PaceText(member.pace);
    json["layers"] = LayersJson(member.pace);
    members.push_back(std::move(json));
  }
  return members;
}

Json MemberName(const FrontierRun& run, const std::optional<size_t>& member) {
  return member ? Json(run.choice.members[*member].tuning.profile)
                : Json(nullptr);
}

Json DefaultsJson(const FrontierRun& run, const FrontierJudgement& j) {
  Json defaults = Json::array();
  for (size_t i = 0; i < j.defaults.size(); ++i) {
    const FrontierComparison& c = j.comparisons[i];
    Json json = RowJson(run, run.choice.defaults[i], j.defaults[i]);
    json["member_within_cost"] = MemberName(run, c.member);
    json["same_profile"] = c.same;
    json["member_less_profile_nats"] = MeasuredJson(c.difference);
    json["level"] = NumberJson(c.better.level);
    json["level_holm"] = NumberJson(c.better.adjusted);
    json["member_better"] =
        c.same || !c.member ? "no" : VerdictText(c.better.verdict);
    defaults.push_back(std::move(json));
  }
  return defaults;
}

Json CriterionJson(const FrontierRun& run, const FrontierJudgement& j,
                   const FrontierCriterion& c) {
  return {{"answer", AnswerText(j, c)},
          {"member", MemberName(run, c.member)},
          {"saved",
           c.member ? NumberJson(j.members[*c.member].saved) : Json(nullptr)},
          {"contrast_nats", MeasuredJson(c.contrast)},
          {"level", NumberJson(c.kept.level)},
          {"level_holm", NumberJson(c.kept.adjusted)},
          {"against", c.against.empty() ? Json(nullptr) : Json(c.against)},
          {"against_is_member", c.same},
          {"member_less_against_nats", MeasuredJson(c.difference)}};
}

Json ChoiceJson(const FrontierChoice& c) {
  return {{"method",
           c.method == SearchMethod::kExhaustive ? "exhaustive" : "greedy"},
          {"candidates",
           c.num_candidates < 0 ? Json(nullptr) : Json(c.num_candidates)},
          {"tried", c.num_tried},
          {"tuning_windows", c.num_windows},
          {"tuning_works", c.num_works},
          {"front_size", c.front_size}};
}

}  // namespace

std::string ProfileFileText(const Pace& pace) {
  return FileText({{"layers", LayersJson(pace)}});
}

std::string FrontierJson(const FrontierRun& run) {
  const FrontierJudgement j = Judge(run);
  Json json = ResultsAsJson(Summarise(run.record));
  json["frontier"] = {{"cost", run.choice.cost.name},
                      {"search", ChoiceJson(run.choice)},
                      {"gap_nats", MeasuredJson(j.gap_nats)},
                      {"members", MembersJson(run, j)},
                      {"defaults", DefaultsJson(run, j)},
                      {"defaults_beaten", j.num_better},
                      {"defaults_beaten_before_holm", j.num_below},
                      {"front_area_nats", MeasuredJson(j.front_area)},
                      {"default_area_nats", MeasuredJson(j.default_area)},
                      {"area_difference_nats", MeasuredJson(j.area_difference)},
                      {"saved_at_least", kSavedShare},
                      {"kept_at_least", kKeptShare},
                      {"half", CriterionJson(run, j, j.half)},
                      {"furthest", CriterionJson(run, j, j.furthest)},
                      {"verdicts", j.num_verdicts}};
  return FileText(json);
}

}  // namespace plastometer
