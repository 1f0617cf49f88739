#include "harness/studies/end_to_end.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "harness/results/works.h"
#include "harness/run/measure.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {
namespace {

// One window under one profile at one rate.
struct Job {
  size_t window, profile;
  double rate;
};

double SecondsOf(const EndToEndCost& cost) {
  return cost.forward_seconds + cost.backward_seconds + cost.update_seconds;
}

class Runner {
 public:
  Runner(const LoadedGroup& group, const EndToEndRequest& request,
         const std::function<void(int64_t, int64_t)>& progress)
      : group_(group),
        request_(request),
        progress_(progress),
        model_(EndToEndModel::Load(group.choice.file, request.fp64)) {}

  std::vector<EndToEndResult> Run(const std::vector<Job>& jobs) {
    std::vector<EndToEndResult> results(jobs.size());
    std::mutex mutex;
    int64_t done = 0;
    ParallelFor(jobs.size(), request_.threads, [&](size_t i) {
      ThrowIfInterrupted();
      results[i] = One(jobs[i]);
      const std::scoped_lock lock(mutex);
      if (progress_) progress_(++done, static_cast<int64_t>(jobs.size()));
    });
    return results;
  }

 private:
  EndToEndResult One(const Job& job) const {
    EndToEndOptions options;
    options.rate = job.rate;
    options.chunk_tokens = request_.chunk_tokens;
    options.carry = request_.carry;
    return model_.Adapt(group_.data.windows[job.window].ids,
                        group_.profiles.profiles[job.profile].profile, options);
  }

  const LoadedGroup& group_;
  const EndToEndRequest& request_;
  const std::function<void(int64_t, int64_t)>& progress_;
  const EndToEndModel model_;
};

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

void DivideWindows(const LoadedGroup& group, EndToEndRun& run) {
  DividedWindows divided = DivideByWork(group.record);
  if (divided.evaluated.empty())
    throw UsageError(
        "several rates need tuning text of works of their own, and the data "
        "have one work; give one --rate");
  run.tuning = std::move(divided.tuning);
  run.evaluated = std::move(divided.evaluated);
}

bool Adapts(const LoadedGroup& group, size_t profile) {
  return group.profiles.profiles[profile].profile.NumPlasticLayers() > 0;
}

std::vector<double> ChooseRates(const LoadedGroup& group,
                                const EndToEndRequest& request,
                                const EndToEndRun& run, Runner& runner) {
  const size_t num_profiles = group.profiles.profiles.size();
  std::vector<double> chosen(num_profiles, request.rates.front());
  if (request.rates.size() == 1) return chosen;
  std::vector<Job> jobs;
  for (const size_t w : run.tuning)
    for (size_t p = 0; p < num_profiles; ++p)
      if (Adapts(group, p))
        for (const double rate : request.rates) jobs.push_back({w, p, rate});
  const std::vector<EndToEndResult> results = runner.Run(jobs);
  for (size_t p = 0; p < num_profiles; ++p) {
    double least = INFINITY;
    for (const double rate : request.rates) {
      double sum = 0;
      for (size_t i = 0; i < jobs.size(); ++i)
        if (jobs[i].profile == p && jobs[i].rate == rate)
          sum += Sum(results[i].nll);
      if (Adapts(group, p) && sum < least) {
        least = sum;
        chosen[p] = rate;
      }
    }
  }
  return chosen;
}

// exp of the mean log ratio over windows.
Measured TimeRatio(const std::vector<double>& seconds,
                   const std::vector<double>& uniform, uint64_t seed) {
  std::vector<stats::WorkTotals> logs;
  for (size_t i = 0; i < seconds.size(); ++i)
    logs.push_back({std::log(seconds[i] / uniform[i]), 1});
  stats::Interval mean = stats::WeightedMean(logs, seed);
  if (static_cast<int64_t>(logs.size()) < kMinWorks)
    mean.low = mean.high = stats::kUnknown;
  return ToMeasured(
      {std::exp(mean.estimate), std::exp(mean.low), std::exp(mean.high)},
      "too few windows");
}

}  // namespace

EndToEndRun MeasureEndToEnd(
    const LoadedGroup& group, const EndToEndRequest& request,
    const std::function<void(int64_t, int64_t)>& progress) {
  EndToEndRun run;
  const auto& profiles = group.profiles.profiles;
  if (request.rates.size() > 1) {
    DivideWindows(group, run);
  } else {
    run.evaluated = AllWindows(group.record);
  }
  Runner runner(group, request, progress);
  const std::vector<double> rates = ChooseRates(group, request, run, runner);
  std::vector<Job> jobs;
  for (size_t i = 0; i < run.evaluated.size(); ++i)
    for (size_t k = 0; k < profiles.size(); ++k) {
      const size_t p = (i + k) % profiles.size();
      jobs.push_back({run.evaluated[i], p, rates[p]});
    }
  const std::vector<EndToEndResult> results = runner.Run(jobs);

  std::vector<Window> windows;
  for (const size_t w : run.evaluated) windows.push_back(group.data.windows[w]);
  run.record = group.record;
  run.record.windows.clear();
  run.record.profiles.clear();
  PlanRecord(windows, group.profiles, 1, run.record);
  run.uniform_idx = run.record.uniform_idx;
  run.rows.resize(profiles.size());
  std::vector<std::vector<double>> seconds(profiles.size());
  for (size_t j = 0; j < jobs.size(); ++j) {
    const size_t p = jobs[j].profile, w = j / profiles.size();
    std::copy(
        results[j].nll.begin(), results[j].nll.end(),
        run.record.profiles[p].nll.begin() + run.record.windows[w].loss_begin);
    run.rows[p].cost += results[j].cost;
    seconds[p].push_back(SecondsOf(results[j].cost));
  }
  const WorkSums works = SumByWork(run.record, AllWindows(run.record));
  const auto seed = static_cast<uint64_t>(run.record.seed);
  for (size_t p = 0; p < profiles.size(); ++p) {
    EndToEndRow& row = run.rows[p];
    row.profile = profiles[p].profile.name();
    row.plastic_layers = profiles[p].profile.PlasticLayers();
    row.rate = Adapts(group, p) ? rates[p] : 0;
    row.nll = MeanOverWorks(works, p, seed);
    row.gained = LostAgainst(works, run.record.frozen_idx, p, seed);
    row.time_ratio = TimeRatio(seconds[p], seconds[run.uniform_idx], seed);
  }
  return run;
}

}  // namespace plastometer
