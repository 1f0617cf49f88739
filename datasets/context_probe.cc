#include "datasets/context_probe.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "base/counters.h"
#include "base/error.h"
#include "datasets/synthetic/draw.h"

namespace plastometer {
namespace {

constexpr uint64_t kNoiseKey = 0x6e6f697365;  // "noise"

// Ids with their bytes of text.
struct Piece {
  std::vector<int32_t> ids, bytes;
};

Piece Cut(const Window& w, int64_t begin, int64_t count) {
  const auto part = [&](const std::vector<int32_t>& all) {
    return all.size() == w.ids.size()
               ? std::vector<int32_t>(all.begin() + begin,
                                      all.begin() + begin + count)
               : std::vector<int32_t>(static_cast<size_t>(count), 0);
  };
  return {part(w.ids), part(w.token_bytes)};
}

class Builder {
 public:
  Builder(const ContextProbe& probe, std::vector<const Window*> windows)
      : probe_(probe), windows_(std::move(windows)) {
    std::set<int32_t> ids;
    for (const Window* w : windows_) ids.insert(w->ids.begin(), w->ids.end());
    alphabet_.assign(ids.begin(), ids.end());
  }

  Window Make(size_t index, const std::string& condition) const {
    const Window& from = *windows_[index];
    std::vector<Piece> pieces;
    const Piece own = Cut(from, 0, probe_.before);
    if (condition == "other") {
      pieces = {Cut(Other(index, condition), 0, probe_.before)};
    } else if (condition != "fresh") {
      pieces = {own};
      if (condition != "own") pieces.push_back(Between(index, condition));
    }
    pieces.push_back(Cut(from, probe_.before, probe_.scored));
    return Join(from, condition, pieces);
  }

 private:
  Piece Between(size_t index, const std::string& condition) const {
    const int64_t n = probe_.between;
    if (condition == "own+other" || condition == "own+domain")
      return Cut(Other(index, condition), 0, n);
    Piece piece;
    piece.bytes.assign(static_cast<size_t>(n), 0);
    PhiloxStream draws(kNoiseKey, index);
    for (int64_t t = 0; t < n; ++t) {
      const Window& w = *windows_[index];
      piece.ids.push_back(
          condition == "own+noise"
              ? alphabet_[synthetic::DrawBelow(alphabet_.size(), &draws)]
              : w.ids[static_cast<size_t>(probe_.before - kMiniBatchTokens +
                                          t % kMiniBatchTokens)]);
    }
    return piece;
  }

  // The next window of another work (another domain), around the circle.
  const Window& Other(size_t index, const std::string& condition) const {
    const Window& from = *windows_[index];
    const bool other_domain = condition == "own+domain";
    for (size_t step = 1; step < windows_.size(); ++step) {
      const Window& w = *windows_[(index + step) % windows_.size()];
      const bool same_domain =
          w.domain == from.domain && w.source == from.source;
      if (other_domain ? w.domain != from.domain
                       : same_domain && w.work != from.work)
        return w;
    }
    throw InvalidError("condition '" + condition +
                       "' of the context probe: " + from.domain +
                       " has no other " + (other_domain ? "domain" : "work") +
                       " beside " + from.work);
  }

  static Window Join(const Window& from, const std::string& condition,
                     const std::vector<Piece>& pieces) {
    Window w = from;
    w.condition = condition;
    w.ids.clear();
    w.token_bytes.clear();
    for (const Piece& piece : pieces) {
      w.ids.insert(w.ids.end(), piece.ids.begin(), piece.ids.end());
      w.token_bytes.insert(w.token_bytes.end(), piece.bytes.begin(),
                           piece.bytes.end());
    }
    w.scored.assign(w.ids.size(), 0);
    std::fill(
        w.scored.end() - static_cast<int64_t>(pieces.back().ids.size()) + 1,
        w.scored.end(), 1);
    if (from.token_bytes.size() != from.ids.size()) w.token_bytes.clear();
    return w;
  }

  const ContextProbe& probe_;
  const std::vector<const Window*> windows_;
  std::vector<int32_t> alphabet_;
};

void Check(const ContextProbe& probe) {
  static const std::set<std::string> known = {
      "fresh",     "own",        "other",         "own+other",
      "own+noise", "own+domain", "own+repetition"};
  std::set<std::string> seen;
  for (const std::string& condition : probe.conditions) {
    if (!known.contains(condition))
      throw UsageError("context probe: no condition '" + condition +
                       "'; there are fresh, own, other, own+other, own+domain, "
                       "own+noise, own+repetition");
    if (!seen.insert(condition).second)
      throw UsageError("context probe: condition '" + condition +
                       "' is named twice");
  }
  if (seen.empty()) throw UsageError("context probe: no condition is named");
  for (const int64_t tokens : {probe.before, probe.between})
    if (tokens < kMiniBatchTokens || tokens % kMiniBatchTokens != 0)
      throw UsageError("context probe: " + std::to_string(tokens) +
                       " tokens of context; expected a multiple of 16 from 16 "
                       "on");
  if (probe.between > probe.before + probe.scored)
    throw UsageError("context probe: between is " +
                     std::to_string(probe.between) +
                     ", more than the window that it is cut from has");
  if (probe.scored < 2)
    throw UsageError("context probe: " + std::to_string(probe.scored) +
                     " scored tokens; expected at least 2");
}

}  // namespace

EvaluationSet MakeContextProbe(const EvaluationSet& full,
                               const ContextProbe& probe) {
  Check(probe);
  EvaluationSet set;
  set.notes = full.notes;
  std::vector<const Window*> windows;
  for (const Window& w : full.windows)
    if (static_cast<int64_t>(w.ids.size()) >= probe.before + probe.scored)
      windows.push_back(&w);
  if (windows.empty())
    throw InvalidError("context probe: no window of " +
                       std::to_string(probe.before + probe.scored) + " tokens");
  if (windows.size() < full.windows.size())
    set.notes.push_back(std::to_string(full.windows.size() - windows.size()) +
                        " windows are shorter than the " +
                        std::to_string(probe.before + probe.scored) +
                        " tokens that the context probe needs; left out");
  const Builder builder(probe, windows);
  for (size_t i = 0; i < windows.size(); ++i)
    for (const std::string& condition : probe.conditions)
      set.windows.push_back(builder.Make(i, condition));
  set.sha256 = WindowsSha256(set.windows);
  return set;
}

}  // namespace plastometer
