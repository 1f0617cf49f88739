#include "harness/run/sensitivity.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "harness/base/error.h"
#include "harness/base/interrupt.h"
#include "harness/base/philox.h"
#include "harness/run/measure.h"
#include "harness/run/works.h"
#include "harness/stats/bootstrap.h"
#include "harness/stats/rank.h"
#include "model/adapt/sensitivity.h"
#include "model/model.h"

namespace plastometer {
namespace {

constexpr int kCorrelationResamples = 1000;

std::string Without(int64_t layer, int64_t num_layers) {
  std::string text = "layers:";
  const auto range = [](int64_t a, int64_t b) {
    return a == b ? std::to_string(a)
                  : std::to_string(a) + "-" + std::to_string(b);
  };
  if (layer > 0) text += range(0, layer - 1);
  if (layer > 0 && layer + 1 < num_layers) text += ",";
  if (layer + 1 < num_layers) text += range(layer + 1, num_layers - 1);
  return text;
}

size_t Find(const RunRecord& record, const std::string& name) {
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    const ProfileRecord& profile = record.profiles[p];
    if (profile.name == name ||
        std::find(profile.same_as.begin(), profile.same_as.end(), name) !=
            profile.same_as.end())
      return p;
  }
  throw InternalError("layer map: profile " + name + " was not planned");
}

std::vector<double> Minus(const std::vector<double>& a,
                          const std::vector<double>& b) {
  std::vector<double> difference(a.size());
  for (size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return difference;
}

// Nats per scored token with an interval by work.
Measured PerToken(const std::vector<double>& by_work, const WorkSums& works,
                  uint64_t seed) {
  WorkSums one;
  one.tokens = works.tokens;
  one.nll = {by_work};
  return MeanOverWorks(one, 0, seed);
}

LayerMap MakeMap(const std::string& name,
                 std::vector<std::vector<double>> by_work,
                 const WorkSums& works, uint64_t seed) {
  LayerMap map{name, {}, std::move(by_work)};
  for (const auto& layer : map.by_work)
    map.layers.push_back(PerToken(layer, works, seed));
  return map;
}

std::vector<double> Totals(const LayerMap& map,
                           const std::vector<size_t>& works) {
  std::vector<double> totals;
  for (const auto& layer : map.by_work) {
    double sum = 0;
    for (const size_t w : works) sum += layer[w];
    totals.push_back(sum);
  }
  return totals;
}

MapCorrelation Correlate(const LayerMap& a, const LayerMap& b, uint64_t seed) {
  const size_t num_works = a.by_work.at(0).size();
  std::vector<size_t> works(num_works);
  std::iota(works.begin(), works.end(), 0);
  MapCorrelation c{a.name, b.name, {}};
  const double rank =
      stats::RankCorrelation(Totals(a, works), Totals(b, works));
  if (!std::isfinite(rank)) {
    c.rank.reason = "fewer than 3 layers, or a map without differences";
    return c;
  }
  c.rank.value = rank;
  if (static_cast<int64_t>(num_works) < kMinWorks) {
    c.rank.reason = "fewer than 12 works";
    return c;
  }
  PhiloxStream draws(seed, 0x6d6170);
  std::vector<double> resampled;
  for (int i = 0; i < kCorrelationResamples; ++i) {
    for (size_t& w : works) w = draws.Next32() % num_works;
    const double value =
        stats::RankCorrelation(Totals(a, works), Totals(b, works));
    if (std::isfinite(value)) resampled.push_back(value);
  }
  c.rank.low = stats::Quantile(resampled, 0.025);
  c.rank.high = stats::Quantile(resampled, 0.975);
  return c;
}

// Gradients of all windows at each lambda, shared among threads by window.
class Gradients {
 public:
  Gradients(const LoadedGroup& group, const SensitivityRequest& request,
            const std::function<void(int64_t, int64_t)>& progress)
      : group_(group),
        request_(request),
        progress_(progress),
        model_(SensitivityModel::Load(group.choice.file, /*fp64=*/false)) {}

  // [lambda][window]
  std::vector<std::vector<SensitivityResult>> Measure(
      const std::vector<double>& lambdas) {
    const size_t num_windows = group_.data.windows.size();
    std::vector<std::vector<SensitivityResult>> results(
        lambdas.size(), std::vector<SensitivityResult>(num_windows));
    std::atomic<size_t> next{0};
    std::exception_ptr failure;
    std::mutex mutex;
    int64_t done = 0;
    const size_t total = num_windows * lambdas.size();
    const auto work = [&] {
      try {
        for (size_t i = next++; i < total; i = next++) {
          ThrowIfInterrupted();
          const size_t w = i / lambdas.size(), k = i % lambdas.size();
          results[k][w] = model_.Measure(
              group_.data.windows[w].ids,
              std::vector<double>(
                  static_cast<size_t>(model_.config().num_layers), lambdas[k]),
              request_.block_tokens, /*gradient=*/true,
              group_.data.windows[w].scored);
          const std::scoped_lock lock(mutex);
          if (progress_) progress_(++done, static_cast<int64_t>(total));
        }
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (failure == nullptr) failure = std::current_exception();
        next = total;
      }
    };
    const int cores =
        std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const int threads = request_.threads > 0 ? request_.threads : cores;
    std::vector<std::jthread> pool;
    for (int t = 1; t < threads; ++t) pool.emplace_back(work);
    work();
    pool.clear();
    if (failure != nullptr) std::rethrow_exception(failure);
    return results;
  }

 private:
  const LoadedGroup& group_;
  const SensitivityRequest& request_;
  const std::function<void(int64_t, int64_t)>& progress_;
  const SensitivityModel model_;
};

// -dL/dlambda by layer and work: how much more plasticity would help.
std::vector<std::vector<double>> ByWork(
    const std::vector<SensitivityResult>& windows, const RunRecord& record,
    int64_t num_layers) {
  std::map<std::string, size_t> places;
  for (const WindowRecord& w : record.windows) places[WorkKey(w)] = 0;
  size_t next = 0;
  for (auto& [key, place] : places) place = next++;
  std::vector<std::vector<double>> sums(static_cast<size_t>(num_layers),
                                        std::vector<double>(places.size(), 0));
  for (size_t w = 0; w < windows.size(); ++w)
    for (int64_t l = 0; l < num_layers; ++l)
      sums[static_cast<size_t>(l)][places[WorkKey(record.windows[w])]] -=
          windows[w].OfLayer(l);
  return sums;
}

std::string Shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace

std::vector<std::string> LayerMapProfiles(int64_t num_layers) {
  std::vector<std::string> names = {"uniform", "frozen"};
  for (int64_t l = 0; l < num_layers; ++l)
    names.push_back("layers:" + std::to_string(l));
  for (int64_t l = 0; l < num_layers && num_layers > 1; ++l)
    names.push_back(Without(l, num_layers));
  return names;
}

SensitivityRun MeasureSensitivity(
    const LoadedGroup& group, const SensitivityRequest& request,
    const std::function<void(int64_t, int64_t)>& progress) {
  SensitivityRun run;
  const int64_t L = group.config.num_layers;
  run.record = group.record;
  run.record.windows.clear();
  run.record.profiles.clear();
  {
    const Model model =
        Model::Load(group.choice.file, {group.lane, request.threads});
    MeasureOptions options;
    options.batch_size = group.spec.batch_size;
    options.progress = progress;
    Measure(model, group.data.windows, group.profiles, options, run.record);
  }
  std::vector<size_t> all(run.record.windows.size());
  std::iota(all.begin(), all.end(), 0);
  const WorkSums works = SumByWork(run.record, all);
  const auto seed = static_cast<uint64_t>(run.record.seed);
  const auto losses = [&](const std::string& profile) {
    return works.nll[Find(run.record, profile)];
  };
  std::vector<std::vector<double>> alone, dropped;
  for (int64_t l = 0; l < L; ++l) {
    alone.push_back(
        Minus(losses("frozen"), losses("layers:" + std::to_string(l))));
    dropped.push_back(L > 1 ? Minus(losses(Without(l, L)), losses("uniform"))
                            : Minus(losses("frozen"), losses("uniform")));
  }
  run.maps.push_back(MakeMap("alone", std::move(alone), works, seed));
  run.maps.push_back(MakeMap("dropped", std::move(dropped), works, seed));

  std::vector<double> lambdas = request.points;
  for (int i = 0; i < request.path_points; ++i)
    lambdas.push_back((i + 0.5) / request.path_points);
  const auto gradients = Gradients(group, request, progress).Measure(lambdas);
  const size_t num_points = request.points.size();
  std::vector<std::vector<double>> path(
      static_cast<size_t>(L), std::vector<double>(works.num_works(), 0));
  const double tokens =
      std::accumulate(works.tokens.begin(), works.tokens.end(), 0.0);
  for (size_t k = 0; k < lambdas.size(); ++k) {
    auto by_work = ByWork(gradients[k], run.record, L);
    if (k < num_points) {
      run.maps.push_back(MakeMap("gradient at " + Shortest(lambdas[k]),
                                 std::move(by_work), works, seed));
    } else {
      for (size_t l = 0; l < path.size(); ++l)
        for (size_t w = 0; w < path[l].size(); ++w)
          path[l][w] += by_work[l][w] / request.path_points;
    }
    if (k >= num_points) continue;
    int64_t most = 0;
    for (const SensitivityResult& window : gradients[k])
      most = std::max(most, window.num_blocks);
    std::vector<double> blocks(
        static_cast<size_t>(L * group.config.num_heads * most), 0);
    for (const SensitivityResult& window : gradients[k])
      for (int64_t row = 0; row < L * group.config.num_heads; ++row)
        for (int64_t m = 0; m < window.num_blocks; ++m)
          blocks[static_cast<size_t>(row * most + m)] -=
              window
                  .gradient[static_cast<size_t>(row * window.num_blocks + m)] /
              tokens;
    run.head_blocks.push_back(std::move(blocks));
    run.num_heads = group.config.num_heads;
    run.num_blocks = most;
  }
  if (request.path_points > 0)
    run.maps.push_back(MakeMap("path", std::move(path), works, seed));
  for (size_t a = 0; a < run.maps.size(); ++a)
    for (size_t b = a + 1; b < run.maps.size(); ++b)
      if (a < 2)
        run.correlations.push_back(Correlate(run.maps[a], run.maps[b], seed));
  return run;
}

}  // namespace plastometer
