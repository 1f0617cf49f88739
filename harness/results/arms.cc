#include "harness/results/arms.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/error.h"
#include "harness/results/works.h"
#include "harness/stats/crossed.h"

namespace plastometer {
namespace {

using Sums = std::vector<double>;  // nats by work

// One model's losses by work under each profile.
struct TrainedModel {
  std::string name, profile, initial_sha256;
  int64_t seed = 0;
  WorkSums works;
  std::map<std::string, size_t> rows;  // profile -> row of works.nll

  const Sums* Find(const std::string& profile_name) const {
    const auto at = rows.find(profile_name);
    return at == rows.end() ? nullptr : &works.nll[at->second];
  }
};

TrainedModel ModelOf(const RunRecord& record) {
  TrainedModel model;
  model.name = record.model_name;
  model.profile = record.training.profile;
  model.seed = record.training.seed;
  model.initial_sha256 = record.training.initial_sha256;
  model.works = SumByWork(record, AllWindows(record));
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    model.rows[record.profiles[p].name] = p;
    for (const std::string& name : record.profiles[p].same_as)
      model.rows[name] = p;
  }
  return model;
}

// L_p, L_uniform and L_frozen of one seed.
struct Losses {
  int64_t seed;
  const Sums *p, *uniform, *frozen;
};

// a L_p + b L_uniform + c L_frozen, by seed and work.
std::vector<Sums> Combine(const std::vector<Losses>& seeds, double a, double b,
                          double c) {
  std::vector<Sums> rows;
  for (const Losses& s : seeds) {
    Sums row(s.p->size());
    for (size_t w = 0; w < row.size(); ++w)
      row[w] = a * (*s.p)[w] + b * (*s.uniform)[w] + c * (*s.frozen)[w];
    rows.push_back(std::move(row));
  }
  return rows;
}

void Judge(int64_t num_works, const Measured& gap, double level, ArmRow& row) {
  row.not_asked = GapReason(gap);
  if (row.profile == "uniform" || row.profile == "frozen")
    row.not_asked = "by definition";
  if (!row.not_asked.empty()) return;
  if (row.seeds.size() < kMinSeedsForVerdict)
    row.why = std::to_string(row.seeds.size()) + " training seed" +
              (row.seeds.size() == 1 ? "" : "s") + ", fewer than " +
              std::to_string(kMinSeedsForVerdict);
  else if (num_works < kMinWorksForVerdict)
    row.why = "too few works";
  else if (row.contrast.low)
    row.judged = {level, stats::kUnknown,
                  stats::IsNegative({*row.contrast.value, *row.contrast.low,
                                     *row.contrast.high})};
}

Measured RetentionOf(const std::vector<Losses>& seeds, const Measured& gap,
                     const WorkSums& works) {
  Measured m;
  m.reason = GapReason(gap);
  if (!m.reason.empty()) return m;
  const stats::RatioResult ratio = stats::CrossedRatio(
      Combine(seeds, -1, 0, 1), Combine(seeds, 0, -1, 1), works.tokens);
  if (std::isfinite(ratio.estimate)) m.value = ratio.estimate;
  if (ratio.interval) {
    m.low = ratio.interval->low;
    m.high = ratio.interval->high;
  }
  m.reason = ratio.reason;
  return m;
}

ArmRow MakeRow(const std::string& arm, const std::string& profile,
               const std::vector<Losses>& seeds, const WorkSums& works) {
  ArmRow row;
  row.arm = arm;
  row.profile = profile;
  for (const Losses& s : seeds) row.seeds.push_back(s.seed);
  const std::string missing = seeds.size() < 2
                                  ? "one training seed: its spread is unknown"
                                  : "one work has no spread";
  const auto mean = [&](const std::vector<Sums>& rows) {
    return ToMeasured(stats::CrossedMean(rows, works.tokens), missing);
  };
  std::vector<Sums> excess = Combine(seeds, 1, 0, 0);
  row.nll = mean(excess);
  for (Sums& seed : excess)
    for (size_t w = 0; w < seed.size(); ++w) seed[w] -= works.floor[w];
  row.above_floor = mean(excess);
  row.lost = mean(Combine(seeds, 1, -1, 0));
  const std::vector<Sums> contrast = Combine(seeds, 1, -0.95, -0.05);
  row.contrast = mean(contrast);
  const Measured gap = mean(Combine(seeds, 0, -1, 1));
  Judge(static_cast<int64_t>(works.num_works()), gap,
        stats::CrossedLevel(contrast, works.tokens), row);
  row.retention = RetentionOf(seeds, gap, works);
  return row;
}

class Comparer {
 public:
  explicit Comparer(std::vector<TrainedModel> models)
      : models_(std::move(models)) {}

  void AddRows(ArmComparison& comparison) const {
    AddPostHoc(comparison);
    AddTrained("co-trained", "", comparison);
    std::set<std::string> origins;
    for (const TrainedModel& m : models_)
      if (!m.initial_sha256.empty()) origins.insert(m.initial_sha256);
    for (const std::string& origin : origins)
      AddTrained("healed", origin, comparison);
  }

 private:
  const TrainedModel* Find(const std::string& profile, int64_t seed,
                           const std::string& origin) const {
    const auto at = std::find_if(
        models_.begin(), models_.end(), [&](const TrainedModel& m) {
          return m.profile == profile && m.seed == seed &&
                 m.initial_sha256 == origin;
        });
    return at == models_.end() ? nullptr : &*at;
  }

  // Every profile that was measured on uniform-trained models.
  void AddPostHoc(ArmComparison& comparison) const {
    std::vector<const TrainedModel*> uniform;
    std::vector<std::string> profiles;
    for (const TrainedModel& m : models_) {
      if (m.profile != "uniform" || !m.initial_sha256.empty()) continue;
      uniform.push_back(&m);
      for (const auto& [name, row] : m.rows)
        if (std::find(profiles.begin(), profiles.end(), name) == profiles.end())
          profiles.push_back(name);
    }
    for (const std::string& profile : profiles) {
      std::vector<Losses> seeds;
      for (const TrainedModel* m : uniform)
        if (m->Find(profile) != nullptr)
          seeds.push_back({m->seed, m->Find(profile), m->Find("uniform"),
                           m->Find("frozen")});
      comparison.rows.push_back(
          MakeRow("post-hoc", profile, seeds, models_[0].works));
    }
  }

  // Models under the profile that they were trained with.
  void AddTrained(const std::string& arm, const std::string& origin,
                  ArmComparison& comparison) const {
    std::map<std::string, std::vector<Losses>> by_profile;
    for (const TrainedModel& m : models_) {
      if (m.initial_sha256 != origin) continue;
      const TrainedModel *uniform = Find("uniform", m.seed, origin),
                         *frozen = Find("frozen", m.seed, origin);
      const Sums* own = m.Find(m.profile);
      if (uniform == nullptr || frozen == nullptr || own == nullptr) {
        comparison.notes.push_back(
            m.name + " is not in the arm " + arm + ": " +
            (own == nullptr
                 ? "its own profile " + m.profile + " was not measured on it"
                 : "no " +
                       std::string(uniform == nullptr ? "uniform" : "frozen") +
                       "-trained model of seed " + std::to_string(m.seed) +
                       " beside it"));
        continue;
      }
      by_profile[m.profile].push_back(
          {m.seed, own, uniform->Find("uniform"), frozen->Find("frozen")});
    }
    for (const auto& [profile, seeds] : by_profile)
      comparison.rows.push_back(MakeRow(arm, profile, seeds, models_[0].works));
  }

  const std::vector<TrainedModel> models_;
};

}  // namespace

std::vector<ArmComparison> CompareArms(
    const std::vector<const RunRecord*>& records) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const RunRecord*>> by_data;
  for (const RunRecord* record : records) {
    if (record->training.profile.empty()) continue;
    auto& same = by_data[record->data_sha256];
    if (same.empty()) order.push_back(record->data_sha256);
    same.push_back(record);
  }
  if (order.empty())
    throw InvalidError(
        "no model of this run says under which profile it was trained "
        "(\"trained_profile\" in the metadata of its file)");
  std::vector<ArmComparison> comparisons;
  for (const std::string& sha256 : order) {
    std::vector<TrainedModel> models;
    ArmComparison comparison;
    std::set<std::string> met;
    for (const RunRecord* record : by_data[sha256]) {
      if (met.insert(record->model_sha256).second)
        models.push_back(ModelOf(*record));
      else
        comparison.notes.push_back(record->model_name +
                                   " was given twice: one model is one seed");
    }
    const RunRecord& first = *by_data[sha256].front();
    comparison.data_name = first.data_name;
    comparison.data_sha256 = sha256;
    const WorkSums& works = models[0].works;
    comparison.num_works = static_cast<int64_t>(works.num_works());
    const double tokens =
        std::accumulate(works.tokens.begin(), works.tokens.end(), 0.0);
    comparison.scored_tokens = static_cast<int64_t>(tokens);
    const double floor =
        std::accumulate(works.floor.begin(), works.floor.end(), 0.0);
    if (!std::isnan(floor)) comparison.floor_nats = floor / tokens;
    Comparer(std::move(models)).AddRows(comparison);
    comparisons.push_back(std::move(comparison));
  }
  return comparisons;
}

std::vector<ArmComparison> CompareArms(const std::vector<RunRecord>& records) {
  std::vector<const RunRecord*> pointers;
  for (const RunRecord& record : records) pointers.push_back(&record);
  return CompareArms(pointers);
}

std::vector<stats::Judged*> JudgedOf(std::vector<ArmComparison>& comparisons) {
  std::vector<stats::Judged*> judged;
  for (ArmComparison& comparison : comparisons)
    for (ArmRow& row : comparison.rows) judged.push_back(&row.judged);
  return judged;
}

void DecideTogether(std::vector<ArmComparison>& comparisons) {
  stats::CorrectTogether(JudgedOf(comparisons));
}

}  // namespace plastometer
