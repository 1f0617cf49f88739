#include "harness/golden/compare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <map>
#include <tuple>
#include <utility>

#include "base/lane.h"
#include "harness/golden/distances.h"
#include "harness/stats/bootstrap.h"

namespace plastometer {
namespace {

constexpr uint64_t kSeed = 1;

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

size_t FirstDifference(const std::string& a, const std::string& b) {
  return static_cast<size_t>(
      std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

// At most 40 letters around `at`.
std::string Excerpt(const std::string& text, size_t at) {
  constexpr size_t kLetters = 40;
  if (text.size() <= kLetters) return text.empty() ? "(empty)" : text;
  const size_t begin = std::min(at - std::min<size_t>(at, 15), text.size());
  return (begin > 0 ? "..." : "") + text.substr(begin, kLetters) +
         (begin + kLetters < text.size() ? "..." : "");
}

// "name: met, expected" of the first pin that differs; empty when none does.
// How many windows advance together is no pin of the portable class. The name
// of the model's file is for people: equal weights are one model.
std::string FirstPin(const Golden& c, const Golden& g) {
  const CasePins &a = c.pins, &b = g.pins;
  const bool batch_counts = g.metrics.numeric_class != kPortableClass;
  const std::tuple<const char*, std::string, std::string> texts[] = {
      {"suite", a.suite, b.suite},
      {"case", a.name, b.name},
      {"profile", a.profile, b.profile},
      {"profile_lambdas", a.profile_lambdas, b.profile_lambdas},
      {"model_sha256", a.model_sha256, b.model_sha256},
      {"config", a.config_json, b.config_json},
      {"tokenizer_sha256", a.tokenizer_sha256, b.tokenizer_sha256},
      {"data_sha256", a.data_sha256, b.data_sha256},
      {"expect", a.expect, b.expect},
      {"windows", std::to_string(a.num_windows), std::to_string(b.num_windows)},
      {"context_tokens", std::to_string(a.context_tokens),
       std::to_string(b.context_tokens)},
      {"batch_size", batch_counts ? std::to_string(a.batch_size) : "",
       batch_counts ? std::to_string(b.batch_size) : ""},
      {"traced_windows", std::to_string(a.traced_windows),
       std::to_string(b.traced_windows)}};
  for (const auto& [name, met, expected] : texts)
    if (met != expected) {
      const size_t at = FirstDifference(met, expected);
      return "pin " + std::string(name) + " is " + Excerpt(met, at) +
             ", the golden's is " + Excerpt(expected, at);
    }
  return "";
}

std::string FirstShape(const Trace& a, const Trace& b) {
  const auto differ = [](const std::string& what, int64_t met,
                         int64_t expected) {
    return what + ": " + std::to_string(met) + ", the golden has " +
           std::to_string(expected);
  };
  if (a.num_layers != b.num_layers)
    return differ("layers", a.num_layers, b.num_layers);
  if (a.num_heads != b.num_heads)
    return differ("heads", a.num_heads, b.num_heads);
  if (a.windows.size() != b.windows.size())
    return differ("windows", static_cast<int64_t>(a.windows.size()),
                  static_cast<int64_t>(b.windows.size()));
  for (size_t w = 0; w < a.windows.size(); ++w)
    if (a.windows[w].num_tokens != b.windows[w].num_tokens)
      return differ("tokens of window " + std::to_string(w),
                    a.windows[w].num_tokens, b.windows[w].num_tokens);
  for (size_t w = 0; w < a.windows.size(); ++w) {
    const WindowTrace &met = a.windows[w], &expected = b.windows[w];
    if (met.nll.size() != expected.nll.size())
      return differ("traced losses of window " + std::to_string(w),
                    std::ssize(met.nll), std::ssize(expected.nll));
    if (met.probe.ids.size() != expected.probe.ids.size())
      return differ("probe tokens of window " + std::to_string(w),
                    std::ssize(met.probe.ids), std::ssize(expected.probe.ids));
  }
  return "";
}

TierResult Contract(const Golden& c, const Golden* g) {
  TierResult tier{0, "contract", TierResult::kFailed, ""};
  if (g == nullptr) {
    tier.detail =
        "there is no golden of this case yet: plastometer review, "
        "then accept";
    return tier;
  }
  tier.detail = FirstPin(c, *g);
  if (tier.detail.empty()) tier.detail = FirstShape(c.trace, g->trace);
  if (tier.detail.empty()) {
    tier.outcome = TierResult::kPassed;
    tier.detail =
        "all pins, " + std::to_string(c.trace.windows.size()) + " windows";
  }
  return tier;
}

// Window and token of the first loss that is not finite: the token is known in
// traced windows only, else -1. {-1, -1}: all finite.
std::pair<int64_t, int64_t> FirstNonFinite(const Trace& trace) {
  for (size_t w = 0; w < trace.windows.size(); ++w) {
    const WindowTrace& window = trace.windows[w];
    for (size_t i = 0; i < window.nll.size(); ++i)
      if (!std::isfinite(window.nll[i]))
        return {static_cast<int64_t>(w), static_cast<int64_t>(i) + 1};
    if (!std::isfinite(window.nll_sum)) return {static_cast<int64_t>(w), -1};
  }
  return {-1, -1};
}

std::string PlaceText(const std::pair<int64_t, int64_t>& place) {
  if (place.first < 0) return "nowhere";
  return "window " + std::to_string(place.first) +
         (place.second < 0 ? "" : ", token " + std::to_string(place.second));
}

TierResult Finite(const Golden& c, const Golden* g) {
  const auto met = FirstNonFinite(c.trace);
  TierResult tier{1, "finite", TierResult::kPassed, ""};
  if (c.pins.expect == "diverges") {
    const auto expected = g == nullptr ? met : FirstNonFinite(g->trace);
    if (met.first < 0 || met != expected) tier.outcome = TierResult::kFailed;
    tier.detail = "diverges, as the case says, first at " + PlaceText(met) +
                  "; the golden at " + PlaceText(expected);
    return tier;
  }
  if (met.first >= 0) tier.outcome = TierResult::kFailed;
  tier.detail = met.first < 0
                    ? "every loss is finite"
                    : "the loss is not finite first at " + PlaceText(met);
  return tier;
}

TierResult Counts(const Golden& c, const Golden& g) {
  TierResult tier{2, "counts", TierResult::kPassed, ""};
  std::map<std::string, std::pair<std::string, std::string>> all;
  for (const auto& [name, value] : c.metrics.counts)
    all[name].first = std::to_string(value);
  for (const auto& [name, value] : g.metrics.counts)
    all[name].second = std::to_string(value);
  for (const auto& [name, values] : all) {
    if (values.first == values.second) continue;
    tier.outcome = TierResult::kFailed;
    tier.detail += (tier.detail.empty() ? "" : "; ") + name + " " +
                   (values.first.empty() ? "missing" : values.first) +
                   ", golden " +
                   (values.second.empty() ? "missing" : values.second);
  }
  if (tier.detail.empty())
    tier.detail = std::to_string(all.size()) + " counters equal";
  return tier;
}

// As the store keeps them: "nan" is one value there.
bool SameValues(const std::map<std::string, double>& a,
                const std::map<std::string, double>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first &&
                             (SameBits(x.second, y.second) ||
                              (std::isnan(x.second) && std::isnan(y.second)));
                    });
}

// "" when all bits of a window are equal.
std::string WindowBits(const WindowTrace& a, const WindowTrace& b) {
  const auto blocks =
      std::mismatch(a.block_digests.begin(), a.block_digests.end(),
                    b.block_digests.begin(), b.block_digests.end());
  if (blocks.first != a.block_digests.end() ||
      blocks.second != b.block_digests.end())
    return "losses " +
           std::to_string((blocks.first - a.block_digests.begin()) *
                          kLossBlock) +
           " and on";
  if (!SameBits(a.nll_sum, b.nll_sum)) return "the sum of losses";
  const auto nll = std::mismatch(a.nll.begin(), a.nll.end(), b.nll.begin(),
                                 b.nll.end(), SameBits);
  if (nll.first != a.nll.end() || nll.second != b.nll.end())
    return "loss " + std::to_string(nll.first - a.nll.begin()) +
           " of the traced pass";
  if (a.row_digests != b.row_digests) return "a row of the residual stream";
  if (a.state_digests != b.state_digests) return "a state";
  if (!SameProbe(a.probe, b.probe)) return "the probe's logits";
  return "";
}

TierResult Bits(const Golden& c, const Golden& g) {
  TierResult tier{3, "bits", TierResult::kPassed, ""};
  if (c.metrics.numeric_class != g.metrics.numeric_class) {
    tier.outcome = TierResult::kNotApplicable;
    tier.detail = "classes " + c.metrics.numeric_class + " and " +
                  g.metrics.numeric_class + " promise no equal bits";
    return tier;
  }
  size_t num_windows = 0;
  std::string first;
  for (size_t w = 0; w < c.trace.windows.size(); ++w) {
    const std::string what = WindowBits(c.trace.windows[w], g.trace.windows[w]);
    if (what.empty()) continue;
    if (num_windows++ == 0) first = "window " + std::to_string(w) + ": " + what;
  }
  if (num_windows == 0 && (!SameValues(c.metrics.values, g.metrics.values) ||
                           c.metrics.hashes != g.metrics.hashes)) {
    tier.outcome = TierResult::kFailed;
    tier.detail =
        "every window is equal, a value or hash of metrics.json is not";
    return tier;
  }
  if (num_windows == 0) {
    tier.detail =
        "every bit of " + std::to_string(c.trace.windows.size()) + " windows";
    return tier;
  }
  tier.outcome = TierResult::kFailed;
  tier.detail = std::to_string(num_windows) + " of " +
                std::to_string(c.trace.windows.size()) +
                " windows differ; first " + first;
  return tier;
}

const CaseMetrics::Tolerance* ToleranceOf(const Golden& g,
                                          const std::string& lane) {
  const auto found = g.metrics.tolerances.find(lane);
  return found == g.metrics.tolerances.end() ? nullptr : &found->second;
}

TierResult NoTolerance(int tier, const std::string& name,
                       const std::string& lane) {
  return {tier, name, TierResult::kNotApplicable,
          "the golden has no tolerance for lane " + lane +
              " (plastometer tolerances measures it)"};
}

// Against the golden's measured limits.
TierResult Within(int tier, const std::string& name,
                  const CaseMetrics::Tolerance& limit,
                  const Comparison& comparison) {
  // The mean of a case that diverges, as it says, is no number.
  const bool has_mean = comparison.pins.expect == "finite";
  const double mean = std::abs(*comparison.mean_nll_change);
  const auto& worst = comparison.max_abs_nll_change;
  if (!has_mean && !worst)
    return {tier, name, TierResult::kNotApplicable,
            "it diverges, and no window is traced"};
  // A window's mean moves by no more than its worst token, of which only the
  // traced windows tell; and by no more than W times the mean of all, when it
  // alone moves.
  const double window = *comparison.max_window_nll_change,
               window_limit = std::max(
                   limit.max_abs_nll,
                   limit.max_abs_mean_nll *
                       static_cast<double>(comparison.pins.num_windows));
  const bool passed = (!has_mean || mean <= limit.max_abs_mean_nll) &&
                      (!worst || *worst <= limit.max_abs_nll) &&
                      window <= window_limit;
  return {tier, name, passed ? TierResult::kPassed : TierResult::kFailed,
          "mean loss differs by " + Number(mean) + " nats (limit " +
              Number(limit.max_abs_mean_nll) + "), one token by " +
              (worst ? Number(*worst) : "an unknown amount") + " (limit " +
              Number(limit.max_abs_nll) + "; " + limit.reason +
              "), one window's mean by " + Number(window) + " (limit " +
              Number(window_limit) + ")"};
}

TierResult Near(const Golden& c, const Golden& g, const Golden* oracle,
                const Comparison& comparison) {
  const auto* limit = ToleranceOf(g, c.metrics.lane);
  if (oracle == nullptr)
    return limit == nullptr ? NoTolerance(4, "near", c.metrics.lane)
                            : Within(4, "near", *limit, comparison);
  const std::string shape = FirstShape(oracle->trace, g.trace);
  if (!shape.empty())
    return {4, "near", TierResult::kNotApplicable,
            "the fp64 run is of another shape: " + shape};
  const auto ours = Rmse(oracle->trace, c.trace),
             golden = Rmse(oracle->trace, g.trace);
  if (!ours || !golden)
    return {4, "near", TierResult::kNotApplicable,
            "no window is traced, so there is no loss to hold against fp64"};
  const double slack = limit == nullptr ? 0 : limit->max_abs_nll / 10;
  // Windows that are not traced: the mean over a window is no further from fp64
  // than its losses are, root mean square.
  const double windows = WindowRmse(oracle->trace, c.trace),
               most = std::max(*golden, WindowRmse(oracle->trace, g.trace));
  const bool passed =
      *ours <= 2 * *golden + slack && windows <= 2 * most + slack;
  return {4, "near", passed ? TierResult::kPassed : TierResult::kFailed,
          "rmse from fp64 " + Number(*ours) + " nats; limit 2 x the golden's " +
              Number(*golden) + " + " + Number(slack) +
              "; of the windows' means " + Number(windows) + ", limit 2 x " +
              Number(most) + " + " + Number(slack)};
}

TierResult Far(const Golden& c, const Golden& g, const Comparison& comparison) {
  const auto* limit = ToleranceOf(g, c.metrics.lane);
  TierResult tier = limit == nullptr ? NoTolerance(5, "far", c.metrics.lane)
                                     : Within(5, "far", *limit, comparison);
  if (comparison.change_low)
    tier.detail += "; change of ln perplexity [" +
                   Number(*comparison.change_low) + ", " +
                   Number(*comparison.change_high) + "]";
  if (comparison.probe_kl)
    tier.detail += "; KL " + Number(*comparison.probe_kl) + " nats";
  return tier;
}

void AddChanges(const Golden& c, const Golden& g, Comparison& comparison) {
  std::vector<stats::WorkTotals> ours, theirs;
  double kl = 0;
  int64_t num_probes = 0;
  for (size_t w = 0; w < c.trace.windows.size(); ++w) {
    const WindowTrace &a = c.trace.windows[w], &b = g.trace.windows[w];
    const auto losses = static_cast<double>(a.num_tokens - 1);
    ours.push_back({a.nll_sum, losses});
    theirs.push_back({b.nll_sum, losses});
    if (!a.is_traced() || !b.is_traced()) continue;
    if (const auto one = ProbeKl(a.probe, b.probe)) {
      kl += *one;
      ++num_probes;
    }
  }
  const stats::Interval change = stats::PairedDifference(ours, theirs, kSeed);
  comparison.mean_nll_change = change.estimate;
  if (change.available()) {
    comparison.change_low = change.low;
    comparison.change_high = change.high;
  }
  comparison.max_abs_nll_change = MaxAbs(c.trace, g.trace);
  comparison.max_window_nll_change = MaxWindow(c.trace, g.trace);
  if (num_probes > 0)
    comparison.probe_kl = kl / static_cast<double>(num_probes);
}

void Choose(const Golden& c, const Golden& g, Comparison& comparison) {
  comparison.golden_class = g.metrics.numeric_class;
  if (c.metrics.numeric_class == g.metrics.numeric_class) {
    comparison.chosen_tier = 3;
    comparison.chosen_because =
        g.metrics.numeric_class == kPortableClass
            ? "the portable lanes give the same bits on every machine"
            : "the same numeric class, " + g.metrics.numeric_class;
  } else if (TraitsOf(c.metrics.lane).bf16_products) {
    comparison.chosen_tier = 5;
    comparison.chosen_because = c.metrics.lane + " keeps 8 bits of a product";
  } else {
    comparison.chosen_tier = 4;
    comparison.chosen_because =
        c.metrics.lane + " has the golden's precision, not its arithmetic";
  }
}

bool Failed(const TierResult& tier) {
  return tier.outcome == TierResult::kFailed;
}

Verdict VerdictOf(const Comparison& comparison) {
  const TierResult& chosen = comparison.tiers.back();
  if (Failed(comparison.tiers[0])) return Verdict::kInvalid;
  if (Failed(comparison.tiers[1]) || Failed(comparison.tiers[2]))
    return Verdict::kRegression;
  if (chosen.outcome == TierResult::kNotApplicable)
    return Verdict::kInconclusive;
  if (!Failed(chosen)) return Verdict::kPass;
  const bool better = comparison.change_high && *comparison.change_high < 0;
  return better ? Verdict::kImprovement : Verdict::kRegression;
}

}  // namespace

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

bool SameProbe(const ProbeLogits& a, const ProbeLogits& b) {
  return a.ids == b.ids && a.target_id == b.target_id &&
         std::equal(a.logits.begin(), a.logits.end(), b.logits.begin(),
                    b.logits.end(), SameBits) &&
         SameBits(a.target_logit, b.target_logit) &&
         SameBits(a.target_nll, b.target_nll);
}

std::string ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kRegression:
      return "regression";
    case Verdict::kInvalid:
      return "invalid";
    case Verdict::kImprovement:
      return "improvement";
    case Verdict::kInconclusive:
      return "inconclusive";
  }
  return "";
}

int ExitCode(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return 0;
    case Verdict::kRegression:
      return 1;
    case Verdict::kInvalid:
      return 4;
    case Verdict::kImprovement:
      return 6;
    case Verdict::kInconclusive:
      return 7;
  }
  return 70;
}

Comparison Compare(const Golden& candidate, const Golden* golden,
                   const Golden* oracle) {
  Comparison comparison;
  comparison.pins = candidate.pins;
  comparison.candidate_class = candidate.metrics.numeric_class;
  comparison.tiers.push_back(Contract(candidate, golden));
  comparison.tiers.push_back(Finite(candidate, golden));
  if (golden == nullptr) {
    comparison.chosen_tier = 0;
    comparison.chosen_because = "no golden";
    return comparison;
  }
  comparison.tiers.push_back(Counts(candidate, *golden));
  Choose(candidate, *golden, comparison);
  if (!FirstShape(candidate.trace, golden->trace).empty()) return comparison;
  AddChanges(candidate, *golden, comparison);
  comparison.tiers.push_back(Bits(candidate, *golden));
  if (comparison.chosen_tier == 4)
    comparison.tiers.push_back(Near(candidate, *golden, oracle, comparison));
  if (comparison.chosen_tier == 5)
    comparison.tiers.push_back(Far(candidate, *golden, comparison));
  comparison.verdict = VerdictOf(comparison);
  if (comparison.verdict != Verdict::kPass)
    comparison.divergence = FirstDivergence(candidate, *golden);
  return comparison;
}

}  // namespace plastometer
