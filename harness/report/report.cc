#include "harness/report/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "harness/report/columns.h"
#include "harness/report/format.h"
#include "harness/report/json_report.h"
#include "harness/report/questions/questions.h"
#include "harness/report/sections/learning_sections.h"
#include "harness/report/sections/sections.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// Runs side by side, before each has its own sections.
Table ComparisonTable(const std::vector<ReportRun>& runs) {
  const char* columns[] = {"perplexity", "bits_per_byte", "nats_lost",
                           "retention"};
  Table table{"comparison",
              "Runs side by side: all text of each run",
              {{"run", {"run"}, true},
               {"model", {"model"}, true},
               {"profile", {"profile"}, true},
               {"works", {"works"}}},
              {},
              {"Compare runs by bits per byte, and only on the same data; "
               "intervals hold within a run."}};
  for (const char* id : columns) table.columns.push_back(PageColumn(id));
  for (const ReportRun& run : runs) {
    const SliceResult& all = run.results.all;
    for (const CaseResult& c : all.cases) {
      table.rows.push_back(
          {TextCell(run.name), TextCell(run.results.record.model_name),
           TextCell(ProfileLabel(c)), CountCell(all.num_works)});
      for (const char* id : columns)
        table.rows.back().push_back(
            ResultCell(ColumnOf(id), {run.results, all, c}));
    }
  }
  return table;
}

constexpr std::string_view kEndOfPng = "IEND\xAE\x42\x60\x82";

// gnuplot says nothing of a disk that is full and ends with 0.
std::string ReadPicture(const fs::path& file, std::string_view end) {
  std::string picture = fs::exists(file) ? ReadFile(file) : "";
  const size_t tail = picture.size() - std::min<size_t>(picture.size(), 16);
  if (picture.find(end, tail) == std::string::npos)
    throw InfrastructureError(file.string() + " is not whole: gnuplot left " +
                              std::to_string(picture.size()) +
                              " bytes of it (is the disk full?)");
  return picture;
}

// Every figure's data and script, and its pictures where gnuplot is.
Drawings WriteFigures(const Page& page, const fs::path& folder,
                      const Draw& draw, int scale, WrittenReport& written) {
  Drawings drawings;
  for (const Block& block : page.blocks) {
    const auto* figure = std::get_if<Figure>(&block);
    if (!figure) continue;
    ++written.num_figures;
    for (const auto& [name, content] : figure->data)
      WriteFile(folder / name, content);
    const std::string script = figure->id + ".gp";
    WriteFile(folder / script, GnuplotScript(*figure, scale));
    written.drawn = written.drawn && draw(folder, script);
    if (written.drawn)
      drawings[figure->id] = {
          ReadPicture(folder / (figure->id + ".svg"), "</svg>"),
          ReadPicture(folder / (figure->id + ".png"), kEndOfPng)};
  }
  return drawings;
}

nlohmann::ordered_json AnswersJson(const Page& page) {
  nlohmann::ordered_json answers = nlohmann::ordered_json::array();
  for (const Block& block : page.blocks) {
    if (const auto* a = std::get_if<Answer>(&block))
      answers.push_back({{"id", a->id},
                         {"question", a->question},
                         {"verdict", a->verdict},
                         {"sentence", a->sentence},
                         {"decided_against", a->against},
                         {"table", a->table_id}});
  }
  return answers;
}

std::string ReportJson(const std::vector<ReportRun>& runs, const Page& page) {
  nlohmann::ordered_json json;
  json["schema_version"] = kResultsSchemaVersion;
  json["answers"] = AnswersJson(page);
  json["runs"] = nlohmann::ordered_json::array();
  for (const ReportRun& run : runs)
    json["runs"].push_back(
        {{"name", run.name}, {"results", ResultsAsJson(run.results)}});
  return FileText(json);
}

// A link where the file system can, else a copy: the run's file is never
// written to again. What the folder then holds needs no run folder beside it.
void KeepStatistics(const ReportRun& run, const fs::path& folder) {
  if (run.statistics.empty()) return;
  const fs::path kept = folder / ("stats" + run.suffix + ".safetensors");
  std::error_code error;
  fs::create_hard_link(run.statistics, kept, error);
  if (!error) return;
  fs::copy_file(run.statistics, kept, error);
  if (error)
    throw InfrastructureError("cannot copy " + run.statistics + " to " +
                              kept.string() + ": " + error.message());
}

void AddBehindTheAnswers(const ReportRun& run,
                         const std::vector<Question>& questions, Page& page) {
  std::vector<Table> tables;
  for (const Question& question : questions)
    for (const Contrast& contrast : question.contrasts)
      if (!contrast.caption.empty()) tables.push_back(VerdictTable(contrast));
  if (tables.empty()) return;
  page.Add(Heading{2, "Behind the answers", "behind" + run.suffix});
  for (Table& table : tables) page.Add(std::move(table));
}

std::string HowJudged(int64_t num_judged) {
  return (num_judged == 1 ? "1 comparison is"
                          : Count(num_judged) + " comparisons are") +
         " judged on this page, each by sign flips over works; their levels "
         "are corrected together (Holm), so that the chance of any wrong yes "
         "or no among all of them is held to 5 %; judged beside fewer, as in a "
         "table of arms alone, one that is undecided here may be decided. A "
         "verdict is about the very "
         "model that was measured: works were drawn, trainings were not, and "
         "another seed may answer otherwise.";
}

// What is asked of all windows mixes contexts where a probe has several.
void AddContextsTogether(const ReportRun& run, Page& page) {
  if (run.results.conditions.empty()) return;
  page.Add(Paragraph{
      "This run reads the same text after several contexts (" +
      JoinEach(run.results.conditions,
               [](const ConditionResult& c) { return c.name; }) +
      "). Where no context is named, numbers and answers are of all of them "
      "together."});
}

}  // namespace

Page MakeReport(const std::vector<ReportRun>& runs) {
  const bool several = runs.size() > 1;
  Page page;
  page.title = "Which layers must keep learning while the model reads";
  page.subtitle =
      "Plastometer report of " + runs.front().name +
      (several ? " and " + std::to_string(runs.size() - 1) + " more" : "") +
      ".";
  std::vector<std::vector<Question>> questions;
  for (const ReportRun& run : runs) questions.push_back(AskAll(run));
  std::vector<ArmComparison> arms = ArmsOf(runs);
  const int64_t num_judged = Answered(questions, JudgedOf(arms));
  page.Add(Heading{2, "Answers", "answers"});
  page.Add(Paragraph{HowJudged(num_judged)});
  for (size_t i = 0; i < runs.size(); ++i) {
    if (several) page.Add(Heading{3, "Run " + runs[i].name, ""});
    AddContextsTogether(runs[i], page);
    for (const Question& question : questions[i])
      if (!question.answer.question.empty()) page.Add(question.answer);
  }
  if (several) page.Add(ComparisonTable(runs));
  for (size_t i = 0; i < runs.size(); ++i) {
    const ReportRun& run = runs[i];
    if (several) page.Add(Heading{2, "Run " + run.name, "run" + run.suffix});
    AddForYourModel(run, runs, questions[i], page);
    AddBehindTheAnswers(run, questions[i], page);
    AddProfiles(run, page);
    AddAdaptation(run, page);
    AddFloor(run, page);
    AddHorizon(run, page);
    AddOrigin(run, page);
    AddLayerMap(run, page);
    AddDrift(run, page);
    AddConditions(run, page);
    AddForgetting(run, page);
    AddContinual(run, page);
    AddPareto(run, page);
    AddTiming(run, page);
    if (run.learning) {
      AddPlasticity(run, page);
      AddSurprise(run, page);
      AddClasses(run, page);
    }
    if (run.class_losses) AddClassLosses(run, page);
  }
  AddArms(arms, page);
  AddProvenance(runs, page);
  return page;
}

WrittenReport WriteReport(const std::vector<ReportRun>& runs,
                          const fs::path& folder, const Draw& draw, int scale) {
  const Page page = MakeReport(runs);
  WrittenReport written;
  MakeFolders(folder / "figures");
  MakeFolders(folder / "tables");
  const Drawings drawings =
      WriteFigures(page, folder / "figures", draw, scale, written);
  for (const Block& block : page.blocks)
    if (const auto* table = std::get_if<Table>(&block))
      WriteFile(folder / "tables" / (table->id + ".csv"), TableCsv(*table));
  for (const ReportRun& run : runs) KeepStatistics(run, folder);
  WriteFile(folder / "results.json", ReportJson(runs, page));
  WriteFile(folder / "report.md", MarkdownPage(page, drawings));
  const std::string html = HtmlPage(page, drawings);
  written.html_bytes = html.size();
  WriteFile(folder / "report.html", html);
  return written;
}

}  // namespace plastometer
