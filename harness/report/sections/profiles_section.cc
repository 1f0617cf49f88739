// Tables of all profiles: together, by domain, and what was measured on what.
#include <cmath>
#include <numeric>

#include "harness/report/format.h"
#include "harness/report/sections/sections.h"

namespace plastometer {
namespace {

Table ProfilesTable(const ReportRun& run) {
  const SliceResult& all = run.results.all;
  Table table{"profiles" + run.suffix,
              "Every profile on " + Count(all.num_windows) + " windows from " +
                  Count(all.num_works) + " works, " + Count(all.scored_tokens) +
                  " scored tokens; brackets are 95 % intervals over works",
              {{"profile", {"profile"}, true}},
              {},
              {}};
  for (const CaseResult& c : all.cases)
    table.rows.push_back({TextCell(ProfileLabel(c))});
  for (const ResultColumn& column : ResultColumns()) {
    if (!column.stands_in(kPage) || !column.AppliesTo(run.results, all, kPage))
      continue;
    table.columns.push_back(PageColumn(column.id));
    for (size_t p = 0; p < all.cases.size(); ++p)
      table.rows[p].push_back(
          ResultCell(column, {run.results, all, all.cases[p]}));
  }
  if (all.floor_nats)
    table.notes.push_back("Floor: the exact Bayes loss of the task, " +
                          Fixed(*all.floor_nats, 4) +
                          " nats per scored token.");
  table.notes.push_back(
      "Times: median over batches, each of the weight of its tokens, with "
      "quartiles, as measured beside whatever "
      "else ran. FLOPs and updates are exact. Retention: share of the gap "
      "between `frozen` and `uniform` that is kept.");
  return table;
}

Table DomainsTable(const ReportRun& run) {
  const char* columns[] = {"works",         "windows",   "perplexity",
                           "bits_per_byte", "nats_lost", "retention"};
  Table table{"domains" + run.suffix,
              "The same by domain",
              {{"domain", {"domain"}, true}, {"profile", {"profile"}, true}},
              {},
              {}};
  for (const char* id : columns) table.columns.push_back(PageColumn(id));
  for (const SliceResult& slice : run.results.domains) {
    for (const CaseResult& c : slice.cases) {
      table.rows.push_back({TextCell(slice.name), TextCell(ProfileLabel(c))});
      for (const char* id : columns)
        table.rows.back().push_back(
            ResultCell(ColumnOf(id), {run.results, slice, c}));
    }
  }
  return table;
}

}  // namespace

void AddProfiles(const ReportRun& run, Page& page) {
  page.Add(Heading{2, "Profiles: quality and cost", "profiles" + run.suffix});
  page.Add(ProfilesTable(run));
  if (run.results.domains.size() > 1) page.Add(DomainsTable(run));
}

namespace {

TableCell HashCell(const std::string& sha256) {
  return {sha256.substr(0, 12), {sha256}};
}

void AddForeign(const ReportRun& run, Page& page) {
  if (run.foreign.empty()) return;
  Table table{"foreign",
              "Measured elsewhere (foreign): drawn in figures 4 and Pareto, "
              "used for no verdict",
              {{"profile", {"profile"}, true},
               {"file", {"file"}, true},
               {"SHA-256", {"sha256"}, true},
               {"losses", {"losses"}},
               {"last position", {"last_position"}},
               {"nats per token", {"nll_nats"}},
               {"perplexity", {"perplexity"}}},
              {},
              {"As the files say; whether they are of the same text and tokens "
               "as the runs is not known here."}};
  for (const ForeignLosses& f : run.foreign) {
    const double perplexity = std::exp(f.MeanLoss());
    table.rows.push_back({TextCell(f.profile),
                          TextCell(f.file),
                          HashCell(f.sha256),
                          CountCell(f.num_rows()),
                          CountCell(f.by_position.rbegin()->first),
                          NumberCell(f.MeanLoss(), 4),
                          {Perplexity(perplexity), {CsvNumber(perplexity)}}});
  }
  page.Add(std::move(table));
}

// What was measured beside the runs.
void AddBeside(const std::vector<ReportRun>& runs, Page& page) {
  Table table{"beside",
              "Measured beside the runs, by other commands",
              {{"run", {"run"}, true},
               {"what", {"what"}, true},
               {"model SHA-256", {"model_sha256"}, true},
               {"data", {"data"}, true},
               {"data SHA-256", {"data_sha256"}, true},
               {"probe", {"probe"}, true},
               {"probe SHA-256", {"probe_sha256"}, true},
               {"lane", {"lane"}, true}},
              {},
              {}};
  for (const ReportRun& run : runs) {
    if (run.drift) {
      const DriftRecord& d = *run.drift;
      table.rows.push_back({TextCell(run.name), TextCell("drift"),
                            HashCell(d.model_sha256), TextCell(d.data_name),
                            HashCell(d.data_sha256), TextCell(d.probe_name),
                            HashCell(d.probe_sha256), TextCell(d.lane)});
    }
    if (run.layer_maps) {
      const LayerMaps& m = *run.layer_maps;
      table.rows.push_back({TextCell(run.name), TextCell("sensitivity"),
                            HashCell(m.model_sha256), TextCell(m.data_name),
                            HashCell(m.data_sha256), TextCell(""), TextCell(""),
                            TextCell(m.lane)});
      if (!m.note.empty()) table.notes.push_back(m.note);
    }
  }
  if (!table.rows.empty()) page.Add(std::move(table));
}

}  // namespace

void AddProvenance(const std::vector<ReportRun>& runs, Page& page) {
  page.Add(Heading{2, "What was measured", "provenance"});
  Table table{"runs",
              "Runs in this report",
              {{"run", {"run"}, true},
               {"model", {"model"}, true},
               {"model SHA-256", {"model_sha256"}, true},
               {"tokenizer SHA-256", {"tokenizer_sha256"}, true},
               {"data", {"data"}, true},
               {"data SHA-256", {"data_sha256"}, true},
               {"lane", {"lane"}, true},
               {"numeric class", {"numeric_class"}, true},
               {"code", {"code_id"}, true},
               {"threads", {"threads"}},
               {"batch", {"batch"}},
               {"context", {"context_tokens"}},
               {"seed", {"seed"}},
               {"started (UTC)", {"started_utc"}, true}},
              {},
              {}};
  std::vector<std::string> notes;
  for (const ReportRun& run : runs) {
    const RunRecord& r = run.results.record;
    table.rows.push_back(
        {TextCell(run.name), TextCell(r.model_name), HashCell(r.model_sha256),
         HashCell(r.tokenizer_sha256), TextCell(r.data_name),
         HashCell(r.data_sha256), TextCell(r.lane), TextCell(run.numeric_class),
         HashCell(run.code_tree), CountCell(r.num_threads),
         CountCell(r.batch_size), CountCell(r.context_tokens),
         CountCell(r.seed), TextCell(r.started_utc)});
    for (const std::string& note : r.notes)
      notes.push_back(run.name + ": " + note);
  }
  page.Add(std::move(table));
  if (!notes.empty()) page.Add(Bullets{notes});
  AddBeside(runs, page);
  AddForeign(runs.front(), page);
  page.Add(Paragraph{
      "Intervals are 95 %, from resamples of whole works (a book, a package), "
      "never of windows of one work. What is missing is called not available, "
      "never 0. Every number above is in `tables/` and `figures/` at full "
      "precision; losses of every token are in each run's "
      "`losses.safetensors`."});
}

}  // namespace plastometer
