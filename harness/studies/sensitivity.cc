#include "harness/studies/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/parallel.h"
#include "base/philox.h"
#include "harness/results/works.h"
#include "harness/run/measure.h"
#include "harness/stats/bootstrap.h"
#include "harness/stats/rank.h"
#include "harness/studies/search.h"
#include "model/adapt/sensitivity.h"
#include "model/model.h"

namespace plastometer {
namespace {

constexpr int kCorrelationResamples = 1000;

std::string Without(int64_t layer, int64_t num_layers) {
  Layers layers;
  for (int64_t l = 0; l < num_layers; ++l)
    if (l != layer) layers.push_back(l);
  return ProfileOf(layers);
}

LayerMap MakeMap(const std::string& name,
                 std::vector<std::vector<double>> by_work,
                 const WorkSums& works, uint64_t seed) {
  LayerMap map{name, {}, std::move(by_work)};
  for (const std::vector<double>& layer : map.by_work) {
    std::vector<stats::WorkTotals> totals;
    for (size_t w = 0; w < layer.size(); ++w)
      totals.push_back({layer[w], works.tokens[w]});
    map.layers.push_back(MeanOf(totals, seed));
  }
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

// Of all windows at each lambda, by [lambda][window].
using Gradients = std::vector<std::vector<SensitivityResult>>;

Gradients MeasureGradients(
    const LoadedGroup& group, const SensitivityRequest& request,
    const std::vector<double>& lambdas,
    const std::function<void(int64_t, int64_t)>& progress) {
  const SensitivityModel model =
      SensitivityModel::Load(group.choice.file, /*fp64=*/false);
  const size_t num_windows = group.data.windows.size();
  Gradients results(lambdas.size(),
                    std::vector<SensitivityResult>(num_windows));
  std::mutex mutex;
  int64_t done = 0;
  const size_t total = num_windows * lambdas.size();
  ParallelFor(total, request.threads, [&](size_t i) {
    ThrowIfInterrupted();
    const size_t w = i / lambdas.size(), k = i % lambdas.size();
    results[k][w] = model.Measure(
        group.data.windows[w].ids,
        std::vector<double>(static_cast<size_t>(model.config().num_layers),
                            lambdas[k]),
        request.block_tokens, /*gradient=*/true, group.data.windows[w].scored);
    const std::scoped_lock lock(mutex);
    if (progress) progress(++done, static_cast<int64_t>(total));
  });
  return results;
}

// -dL/dlambda by layer and work: how much more plasticity would help.
std::vector<std::vector<double>> ByWork(
    const std::vector<SensitivityResult>& windows, const RunRecord& record,
    int64_t num_layers) {
  const std::map<std::string, size_t> places =
      WorkPlaces(record, AllWindows(record));
  std::vector<std::vector<double>> sums(static_cast<size_t>(num_layers),
                                        std::vector<double>(places.size(), 0));
  for (size_t w = 0; w < windows.size(); ++w)
    for (int64_t l = 0; l < num_layers; ++l)
      sums[static_cast<size_t>(l)][places.at(WorkKey(record.windows[w]))] -=
          windows[w].OfLayer(l);
  return sums;
}

// -dL/dlambda per scored token by layer, head and block.
std::vector<double> ByHeadAndBlock(
    const std::vector<SensitivityResult>& windows, int64_t num_rows,
    int64_t num_blocks, double tokens) {
  std::vector<double> blocks(static_cast<size_t>(num_rows * num_blocks), 0);
  for (const SensitivityResult& window : windows)
    for (int64_t row = 0; row < num_rows; ++row)
      for (int64_t m = 0; m < window.num_blocks; ++m)
        blocks[static_cast<size_t>(row * num_blocks + m)] -=
            window.gradient[static_cast<size_t>(row * window.num_blocks + m)] /
            tokens;
  return blocks;
}

std::string Shortest(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

// What each layer brings alone, and what is lost without it, as losses say.
void AddMeasuredMaps(int64_t num_layers, const WorkSums& works, uint64_t seed,
                     SensitivityRun& run) {
  const auto losses = [&](const std::string& profile) {
    const std::optional<size_t> place = FindProfile(run.record, profile);
    if (!place)
      throw InternalError("layer map: profile " + profile + " was not planned");
    return works.nll[*place];
  };
  std::vector<std::vector<double>> alone, dropped;
  for (int64_t l = 0; l < num_layers; ++l) {
    alone.push_back(
        Minus(losses("frozen"), losses("layers:" + std::to_string(l))));
    dropped.push_back(
        Minus(losses(num_layers > 1 ? Without(l, num_layers) : "frozen"),
              losses("uniform")));
  }
  run.maps.push_back(MakeMap("alone", std::move(alone), works, seed));
  run.maps.push_back(MakeMap("dropped", std::move(dropped), works, seed));
}

// A map at each point, and one averaged along the path from 0 to 1.
void AddGradientMaps(const LoadedGroup& group,
                     const SensitivityRequest& request,
                     const std::function<void(int64_t, int64_t)>& progress,
                     const WorkSums& works, uint64_t seed,
                     SensitivityRun& run) {
  const int64_t num_layers = group.config.num_layers;
  const int64_t num_heads = group.config.num_heads;
  std::vector<double> lambdas = request.points;
  for (int i = 0; i < request.path_points; ++i)
    lambdas.push_back((i + 0.5) / request.path_points);
  const Gradients gradients =
      MeasureGradients(group, request, lambdas, progress);
  const size_t num_points = request.points.size();
  const double tokens =
      std::accumulate(works.tokens.begin(), works.tokens.end(), 0.0);
  for (size_t k = 0; k < num_points; ++k) {
    run.maps.push_back(MakeMap("gradient at " + Shortest(lambdas[k]),
                               ByWork(gradients[k], run.record, num_layers),
                               works, seed));
    run.num_heads = num_heads;
    run.num_blocks = 0;
    for (const SensitivityResult& window : gradients[k])
      run.num_blocks = std::max(run.num_blocks, window.num_blocks);
    run.head_blocks.push_back(ByHeadAndBlock(
        gradients[k], num_layers * num_heads, run.num_blocks, tokens));
  }
  if (request.path_points == 0) return;
  std::vector<std::vector<double>> path(
      static_cast<size_t>(num_layers),
      std::vector<double>(works.num_works(), 0));
  for (size_t k = num_points; k < lambdas.size(); ++k) {
    const auto by_work = ByWork(gradients[k], run.record, num_layers);
    for (size_t l = 0; l < path.size(); ++l)
      for (size_t w = 0; w < path[l].size(); ++w)
        path[l][w] += by_work[l][w] / request.path_points;
  }
  run.maps.push_back(MakeMap("path", std::move(path), works, seed));
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
  const WorkSums works = SumByWork(run.record, AllWindows(run.record));
  const auto seed = static_cast<uint64_t>(run.record.seed);
  AddMeasuredMaps(group.config.num_layers, works, seed, run);
  AddGradientMaps(group, request, progress, works, seed, run);
  for (size_t a = 0; a < 2; ++a)
    for (size_t b = a + 1; b < run.maps.size(); ++b)
      run.correlations.push_back(Correlate(run.maps[a], run.maps[b], seed));
  return run;
}

}  // namespace plastometer
