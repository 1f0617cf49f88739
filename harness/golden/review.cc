#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "base/text.h"
#include "harness/golden/bless.h"
#include "harness/golden/ledger.h"

namespace plastometer {
namespace {

std::string Number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

// "loss of window 1, token 7: 3.2 -> 3.4 nats", the largest first.
std::string WorstTokens(const Trace& now, const Trace& before) {
  struct Change {
    size_t window, token;
    double from, to;
    double size() const {  // what is not finite is the largest
      const double change = std::abs(to - from);
      return std::isnan(change) ? INFINITY : change;
    }
  };
  std::vector<Change> changes;
  const size_t windows = std::min(now.windows.size(), before.windows.size());
  for (size_t w = 0; w < windows; ++w) {
    const auto &a = now.windows[w].nll, &b = before.windows[w].nll;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
      if (a[i] != b[i] && (std::isfinite(a[i]) || std::isfinite(b[i])))
        changes.push_back({w, i + 1, b[i], a[i]});
  }
  const size_t shown = std::min<size_t>(changes.size(), 3);
  std::partial_sort(
      changes.begin(), changes.begin() + static_cast<int64_t>(shown),
      changes.end(),
      [](const Change& a, const Change& b) { return a.size() > b.size(); });
  std::string text;
  for (size_t i = 0; i < shown; ++i)
    text += "    loss of window " + std::to_string(changes[i].window) +
            ", token " + std::to_string(changes[i].token) + ": " +
            Number(changes[i].from) + " -> " + Number(changes[i].to) +
            " nats\n";
  return text;
}

std::string CountsText(const CaseMetrics& now, const CaseMetrics& before) {
  std::string text;
  for (const auto& [name, value] : now.counts) {
    const auto old = before.counts.find(name);
    if (old != before.counts.end() && old->second == value) continue;
    text +=
        "    " + name + ": " +
        (old == before.counts.end() ? "none" : std::to_string(old->second)) +
        " -> " + std::to_string(value) + "\n";
  }
  for (const auto& [name, value] : before.counts)
    if (!now.counts.contains(name))
      text += "    " + name + ": " + std::to_string(value) + " -> none\n";
  return text;
}

// A check measures no tolerances: those of the golden stay. `accept` writes the
// same into the ledger.
void AddTolerances(const CaseMetrics& now, const CaseMetrics* before,
                   std::string& own) {
  if (now.tolerances.empty()) return;
  for (const std::string& change : ToleranceChanges(now, before))
    own += (own.empty() ? "" : "; ") + ("tolerance of " + change);
}

std::string ChangeText(const Comparison& c) {
  if (!c.mean_nll_change) return "";
  std::string text = "  change of ln perplexity " + Number(*c.mean_nll_change) +
                     " nats a token";
  if (c.change_low) {
    const bool beyond = *c.change_low > 0 || *c.change_high < 0;
    text += " [95 %: " + Number(*c.change_low) + ", " + Number(*c.change_high) +
            "]: " +
            (beyond ? "beyond the scatter of windows"
                    : "within the scatter of windows");
  }
  text += "\n";
  if (c.max_abs_nll_change)
    text += "  largest change of one traced loss " +
            Number(*c.max_abs_nll_change) + " nats\n";
  if (c.probe_kl)
    text += "  KL of the probe tokens " + Number(*c.probe_kl) + " nats\n";
  return text;
}

// Names that come again with what is each case's own are left out.
std::string NamesText(const std::vector<const ReviewFinding*>& group) {
  const ReviewFinding& first = *group.front();
  const std::string in = " (" + first.numeric_class + ")\n";
  if (group.size() == 1) return first.name + in;
  const std::string names =
      JoinEach(group, [](const ReviewFinding* f) { return f->name; });
  return std::to_string(group.size()) + " cases" +
         (first.own.empty() ? ": " + names : "") + in;
}

std::string OwnText(const std::vector<const ReviewFinding*>& group) {
  std::string text;
  for (const ReviewFinding* f : group)
    if (!f->own.empty())
      text +=
          "    " + (group.size() == 1 ? "" : f->name + ": ") + f->own + "\n";
  return text;
}

}  // namespace

ReviewFinding FindingOf(const Golden& pending, const Golden* golden) {
  ReviewFinding finding{pending.pins.suite + "/" + pending.pins.name,
                        pending.metrics.numeric_class,
                        {},
                        {}};
  if (golden == nullptr) {
    const auto nll = pending.metrics.values.find("nll_nats");
    finding.text = "  new: no golden yet\n";
    finding.own = "mean loss " +
                  (nll == pending.metrics.values.end() ? "not available"
                                                       : Number(nll->second)) +
                  " nats over " + std::to_string(pending.pins.num_windows) +
                  " windows";
    AddTolerances(pending.metrics, nullptr, finding.own);
    return finding;
  }
  const Comparison c = Compare(pending, golden);
  std::string& text = finding.text;
  text = "  " + ToString(c.verdict) + "\n";
  for (const TierResult& tier : c.tiers)
    if (tier.outcome == TierResult::kFailed)
      text += "  " + tier.name + ": " + tier.detail + "\n";
  text += ChangeText(c);
  const std::string counts = CountsText(pending.metrics, golden->metrics);
  if (!counts.empty()) text += "  counts:\n" + counts;
  AddTolerances(pending.metrics, &golden->metrics, finding.own);
  const std::string worst = WorstTokens(pending.trace, golden->trace);
  if (!worst.empty()) text += "  largest changes:\n" + worst;
  if (c.divergence) text += "  first: " + c.divergence->text + "\n";
  return finding;
}

std::string ReviewText(const std::vector<ReviewFinding>& findings,
                       const std::string& run_folder, size_t num_pending) {
  std::vector<std::vector<const ReviewFinding*>> groups;
  for (const ReviewFinding& f : findings) {
    const auto same = std::ranges::find_if(groups, [&](const auto& group) {
      return group.front()->text == f.text &&
             group.front()->numeric_class == f.numeric_class;
    });
    if (same == groups.end())
      groups.push_back({&f});
    else
      same->push_back(&f);
  }
  std::string text;
  for (const auto& group : groups)
    text += NamesText(group) + group.front()->text + OwnText(group) + "\n";
  const std::string from = " --from " + run_folder;
  if (!findings.empty()) {
    const std::string& first = findings.front().name;
    text += "next, for one case: plastometer accept " + first + from +
            " --reason \"...\"\n                    plastometer reject " +
            first + from + "\n";
  }
  if (num_pending > 1)
    text += "      for all:      plastometer accept --all --count " +
            std::to_string(num_pending) + from + " --reason \"...\"\n";
  return text;
}

}  // namespace plastometer
