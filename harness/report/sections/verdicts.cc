#include "harness/report/sections/verdicts.h"

#include <cmath>

#include "base/text.h"
#include "harness/report/format.h"
#include "harness/report/sections/sections.h"
#include "harness/results/works.h"

namespace plastometer {
namespace {

using stats::Verdict;

SliceVerdict Judge(const std::string& slice,
                   const std::vector<stats::WorkTotals>& works, uint64_t seed) {
  SliceVerdict v;
  v.slice = slice;
  v.works = static_cast<int64_t>(works.size());
  v.contrast = stats::VerdictInterval(works, seed);
  if (v.works < kMinWorks) v.contrast.low = v.contrast.high = stats::kUnknown;
  v.enough = v.works >= kMinWorksForVerdict;
  if (v.enough) {
    v.verdict = stats::IsNegative(v.contrast);
    v.level = stats::BootstrapLevel(works, seed);
  }
  return v;
}

TableCell LevelCell(double level) {
  if (std::isnan(level)) return {"", {""}};
  return {level < 0.001 ? "< 0.001" : Fixed(level, 3), {CsvNumber(level)}};
}

}  // namespace

std::vector<SliceVerdict> JudgeAll(const std::vector<std::string>& domains,
                                   uint64_t seed, const WorksOf& works_of) {
  std::vector<SliceVerdict> verdicts = {Judge("all", works_of("all"), seed)};
  std::vector<double> levels;
  for (const std::string& domain : domains) {
    verdicts.push_back(Judge(domain, works_of(domain), seed));
    levels.push_back(verdicts.back().level);
  }
  const std::vector<double> adjusted = stats::HolmAdjusted(levels);
  for (size_t i = 0; i < adjusted.size(); ++i) {
    verdicts[i + 1].adjusted = adjusted[i];
    if (!(adjusted[i] < 0.05)) verdicts[i + 1].verdict = Verdict::kUndecided;
  }
  return verdicts;
}

std::vector<SliceVerdict> JudgeAll(const Results& results,
                                   const WorksOf& works_of) {
  std::vector<std::string> domains;
  for (const SliceResult& domain : results.domains)
    domains.push_back(domain.name);
  return JudgeAll(domains, static_cast<uint64_t>(results.record.seed),
                  works_of);
}

Overall OverallOf(const std::vector<SliceVerdict>& verdicts) {
  Overall overall{verdicts[0].verdict, "", {}};
  int num_domains = 0;
  std::vector<std::string> differing;
  for (size_t i = 1; i < verdicts.size(); ++i) {
    const SliceVerdict& v = verdicts[i];
    if (!v.enough) {
      overall.without.push_back(v.slice);
      continue;
    }
    ++num_domains;
    if (v.verdict != verdicts[0].verdict)
      differing.push_back(v.slice + " " + VerdictText(v.verdict));
  }
  if (!verdicts[0].enough) {
    overall.why = Count(verdicts[0].works) + " works, fewer than " +
                  std::to_string(kMinWorksForVerdict);
  } else if (num_domains == 0) {
    overall.why = "no domain has " + std::to_string(kMinWorksForVerdict) +
                  " works of its own";
  } else if (!differing.empty()) {
    overall.why = "domains do not agree (all text " +
                  VerdictText(verdicts[0].verdict) + ", " + Join(differing) +
                  ")";
  } else if (overall.verdict == Verdict::kUndecided) {
    overall.why = "the interval holds 0";
  }
  if (!overall.why.empty()) overall.verdict = Verdict::kUndecided;
  return overall;
}

Answer OpenAnswer(const std::string& id, const std::string& question) {
  return {id, question, "not available", "", "", ""};
}

std::string Caveat(const Overall& overall) {
  std::string text;
  if (!overall.why.empty()) text += " Undecided: " + overall.why + ".";
  if (!overall.without.empty())
    text += " No verdict for " + Join(overall.without) + ": fewer than " +
            std::to_string(kMinWorksForVerdict) + " works.";
  return text;
}

Table VerdictTable(const std::string& id, const std::string& caption,
                   const std::vector<SliceVerdict>& verdicts) {
  Table table{id,
              caption,
              {{"text", {"slice"}, true},
               {"works", {"works"}},
               {"contrast [95 %]", WithBounds("contrast")},
               {"level", {"level"}},
               {"level after Holm", {"level_holm"}},
               {"verdict", {"verdict"}, true}},
              {},
              {}};
  for (const SliceVerdict& v : verdicts) {
    const std::string verdict =
        v.enough ? VerdictText(v.verdict) : "too few works";
    table.rows.push_back({TextCell(v.slice), CountCell(v.works),
                          IntervalCell(ToMeasured(v.contrast), 4),
                          LevelCell(v.level), LevelCell(v.adjusted),
                          TextCell(verdict)});
  }
  table.notes.push_back(
      "Paired by work. Negative: yes. Level: two-sided, by the studentised "
      "bootstrap; after Holm: corrected for the number of domains, and a "
      "domain's verdict needs it below 0.05. Verdicts "
      "from " +
      std::to_string(kMinWorksForVerdict) + " works on.");
  return table;
}

}  // namespace plastometer
