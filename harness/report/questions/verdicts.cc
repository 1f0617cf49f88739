#include "harness/report/questions/verdicts.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using stats::Verdict;

SliceVerdict Judge(const std::string& slice, const SliceWorks& compared,
                   uint64_t seed) {
  SliceVerdict v;
  v.slice = slice;
  v.works = static_cast<int64_t>(compared.works.size());
  v.contrast = stats::VerdictInterval(compared.works, seed);
  if (v.works < kMinWorks) v.contrast.low = v.contrast.high = stats::kUnknown;
  v.enough = v.works >= kMinWorksForVerdict;
  v.blocked = compared.blocked;
  if (v.blocked.empty() && v.works > 0 && !std::isfinite(v.contrast.estimate))
    v.blocked = kNotFinite;
  if (v.enough && v.blocked.empty())
    v.judged = {stats::SignFlipLevel(compared.works, seed), stats::kUnknown,
                stats::IsNegative(v.contrast)};
  return v;
}

TableCell LevelCell(double level) {
  if (std::isnan(level)) return {"", {""}};
  return {level < 0.001 ? "< 0.001" : Fixed(level, 3), {CsvNumber(level)}};
}

std::string SliceText(const SliceVerdict& v) {
  if (!v.blocked.empty()) return v.blocked;
  return v.enough ? VerdictText(v.judged.verdict) : "too few works";
}

}  // namespace

std::vector<SliceVerdict> JudgeAll(const std::vector<std::string>& domains,
                                   uint64_t seed, const WorksOf& works_of) {
  std::vector<SliceVerdict> verdicts = {
      Judge(kAllText, works_of(kAllText), seed)};
  for (const std::string& domain : domains)
    verdicts.push_back(Judge(domain, works_of(domain), seed));
  return verdicts;
}

std::vector<SliceVerdict> JudgeAll(const Results& results,
                                   const WorksOf& works_of) {
  std::vector<std::string> domains;
  if (results.domains.size() > 1)  // one is all text once more
    for (const SliceResult& domain : results.domains)
      domains.push_back(domain.name);
  return JudgeAll(domains, static_cast<uint64_t>(results.record.seed),
                  works_of);
}

Overall OverallOf(const std::vector<SliceVerdict>& verdicts) {
  const SliceVerdict& all = verdicts[0];
  Overall overall{all.judged.verdict, "", "", all.blocked, {}};
  const std::string enough = std::to_string(kMinWorksForVerdict);
  int num_domains = 0;
  std::vector<std::string> differing;
  for (size_t i = 1; i < verdicts.size(); ++i) {
    const SliceVerdict& v = verdicts[i];
    if (!v.enough) {
      overall.without.push_back(v.slice);
      continue;
    }
    ++num_domains;
    if (!v.blocked.empty() || v.judged.verdict != all.judged.verdict)
      differing.push_back(v.slice + ": " + SliceText(v));
  }
  if (!all.enough) {
    overall.why =
        TooFewWorks(static_cast<size_t>(all.works), kMinWorksForVerdict);
    overall.needs = enough + " independent works or more.";
  } else if (num_domains == 0 && verdicts.size() > 1) {
    overall.why = "no domain has " + enough + " works of its own";
    overall.needs = enough + " works or more in a domain.";
  } else if (!differing.empty()) {
    overall.why = "domains do not agree (all text: " + SliceText(all) + ", " +
                  Join(differing) + ")";
    overall.needs = "domains that agree; more works where one is undecided.";
  } else if (overall.verdict == Verdict::kUndecided) {
    overall.why = !all.contrast.available() ? "there is no interval"
                  : all.contrast.excludes_zero()
                      ? "the level does not hold among all that were judged"
                      : "the interval holds 0";
    overall.needs =
        "more works, if there is a difference: too few to tell is no sign "
        "that there is none.";
  }
  if (!overall.why.empty()) overall.verdict = Verdict::kUndecided;
  if (!overall.blocked.empty()) overall.needs.clear();
  return overall;
}

Overall OverallOf(const std::vector<Contrast>& contrasts) {
  std::vector<Overall> parts;
  for (const Contrast& c : contrasts) parts.push_back(OverallOf(c.slices));
  for (const Overall& part : parts)
    if (!part.blocked.empty()) return part;
  for (const Overall& part : parts)
    if (part.verdict == Verdict::kNo) return part;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].verdict != Verdict::kUndecided) continue;
    if (parts.size() > 1)
      parts[i].why = contrasts[i].caption + ": " + parts[i].why;
    return parts[i];
  }
  return parts.front();
}

void Decide(Question& question) {
  const Overall overall = OverallOf(question.contrasts);
  question.answer.verdict =
      overall.blocked.empty() ? VerdictText(overall.verdict) : "not available";
  if (overall.blocked == kNotFinite)
    question.answer.sentence =
        "A loss or a norm that this compares is not finite.";
  if (!overall.blocked.empty()) question.answer.would_change.clear();
  if (!overall.needs.empty()) {  // in place of its first sentence
    std::string& change = question.answer.would_change;
    const size_t rest = change.find(". ");
    change = overall.needs +
             (rest == std::string::npos ? "" : change.substr(rest + 1));
  }
  question.answer.sentence += Caveat(overall);
}

Answer OpenAnswer(const std::string& id, const std::string& question) {
  Answer answer;
  answer.id = id;
  answer.question = question;
  answer.verdict = "not available";
  return answer;
}

Question NotAsked(Answer answer, const std::string& why) {
  answer.sentence = why;
  return {std::move(answer), {}};
}

std::string Caveat(const Overall& overall) {
  if (!overall.blocked.empty()) return "";
  std::string text;
  if (!overall.why.empty()) text += " Undecided: " + overall.why + ".";
  if (!overall.without.empty())
    text += " No verdict for " + Join(overall.without) + ": fewer than " +
            std::to_string(kMinWorksForVerdict) + " works.";
  return text;
}

Table VerdictTable(const Contrast& contrast) {
  Table table{contrast.id,
              contrast.caption,
              {{"text", {"slice"}, true},
               {"works", {"works"}},
               {"contrast [95 %]", WithBounds("contrast")},
               {"level", {"level"}},
               {"level after Holm", {"level_holm"}},
               {"verdict", {"verdict"}, true}},
              {},
              {}};
  for (const SliceVerdict& v : contrast.slices)
    table.rows.push_back(
        {TextCell(v.slice), CountCell(v.works),
         IntervalCell(ToMeasured(v.contrast), 4), LevelCell(v.judged.level),
         LevelCell(v.judged.adjusted), TextCell(SliceText(v))});
  table.notes.push_back(
      "Paired by work. Negative: yes. Level: two-sided, by sign flips over "
      "works; after Holm: among all that this report judges. A verdict needs "
      "an interval without 0 and a level after Holm below 0.05, and " +
      std::to_string(kMinWorksForVerdict) + " works.");
  return table;
}

}  // namespace plastometer
