#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "datasets/text_data.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/report/format.h"
#include "harness/run/inputs.h"
#include "harness/run/progress.h"
#include "harness/studies/mean_state.h"
#include "model/weights/mean_state.h"

namespace plastometer {
namespace {

struct MeanStateArguments {
  std::string model, data, tokenizer, out;
  std::vector<std::string> sources;
  std::string profile = "uniform", lane = "cpu-portable";
  bool json = false;
  int threads = 0;
  int64_t windows = 32, context = 0;
};

EvaluationSet WindowsOf(const MeanStateArguments& a, const Tokenizer& tokenizer,
                        int64_t context) {
  if (a.data.empty())
    return SourceEvaluation(a.sources, tokenizer, context, a.windows, {},
                            "train");
  TextDataOptions options;
  options.min_tokens = std::min(context, kMinTokens);
  options.windows_per_document = a.windows;
  return LoadTextData(a.data, tokenizer, context, options);
}

// As typed, but for the program's path.
std::string CommandLine() {
  std::string line = "plastometer";
  for (char** a = ProgramArguments() + 1; *a != nullptr; ++a)
    line += std::string(" ") + *a;
  return line;
}

std::map<std::string, std::string> Metadata(const Model& model,
                                            const Profile& profile,
                                            const EvaluationSet& data) {
  int64_t tokens = 0;
  for (const Window& w : data.windows)
    tokens += static_cast<int64_t>(w.ids.size());
  return {{"model_sha256", model.sha256()},
          {"data_sha256", data.sha256},
          {"windows", std::to_string(data.windows.size())},
          {"tokens", std::to_string(tokens)},
          {"profile", profile.name()},
          {"lane", ToString(model.lane())},
          {"command", CommandLine()}};
}

void PrintMeanState(const MeanStateArguments& a, const std::string& out,
                    const std::map<std::string, std::string>& metadata,
                    const std::vector<std::string>& notes) {
  if (a.json) {
    nlohmann::ordered_json json(metadata);
    json["file"] = out;
    json["notes"] = notes;
    std::printf("%s\n", json.dump(1).c_str());
    return;
  }
  for (const std::string& note : notes) std::printf("note: %s\n", note.c_str());
  std::printf(
      "mean state of %s windows, %s tokens under %s (data sha256 %s)\n"
      "written to %s; profiles with \";start=mean\" begin there\n",
      metadata.at("windows").c_str(),
      Count(std::stoll(metadata.at("tokens"))).c_str(), a.profile.c_str(),
      metadata.at("data_sha256").substr(0, 12).c_str(), out.c_str());
}

void MeanStateOfText(const MeanStateArguments& a) {
  if (a.data.empty() == a.sources.empty())
    throw UsageError("give either --sources or --data");
  RequireWithin("--windows", a.windows, 1, kMaxWindows);
  if (a.context != 0)
    RequireWithin("--context", a.context, 2, kMaxContextTokens);
  const ModelChoice choice = ResolveModel(a.model);
  const std::string out =
      a.out.empty() ? (choice.file.parent_path() / kMeanStateFile).string()
                    : a.out;
  RefuseExisting(out, "file");
  const InterruptGuard guard;
  const Model model = Model::Load(choice.file, {ParseLane(a.lane), a.threads});
  const Profile profile = Profile::Parse(a.profile, model.config().num_layers);
  if (profile.controls().start_mean)
    throw UsageError("profile '" + a.profile +
                     "': the mean state is taken from W0, without start=mean");
  const auto tokenizer =
      ResolveTokenizer(a.tokenizer, choice.file, model.config());
  const int64_t context =
      a.context > 0 ? a.context : model.config().context_tokens;
  const EvaluationSet data = WindowsOf(a, *tokenizer, context);
  TensorMap mean;
  {
    Progress progress("mean state");
    mean = MeanFinalState(
        model, profile, data.windows,
        [&](int64_t done, int64_t total) { progress.Update(done, total); });
  }
  const auto metadata = Metadata(model, profile, data);
  WriteMeanState(out, model.config(), mean, metadata);
  PrintMeanState(a, std::filesystem::proximate(out).string(), metadata,
                 data.notes);
}

}  // namespace

void AddMeanStateCommand(Command& program) {
  auto a = std::make_shared<MeanStateArguments>();
  Command command = program.Add(
      "mean-state",
      "Write the mean of the fast weights after windows of training text: "
      "where profiles with ;start=mean begin");
  command.Add("--model MODEL", a->model,
              "model file, folder, or shipped name (default: text-3m)");
  command
      .Add("--sources NAMES", a->sources,
           "training text of these fetched sources (plastometer data list); "
           "each counts alike")
      .Commas();
  command.Add("--data PATH", a->data,
              "text file, folder of texts, or Pile file *.jsonl.zst instead");
  command.Add(
      "--tokenizer FILE", a->tokenizer,
      "'bytes' or a SentencePiece model file (default: the model's own)");
  command.Add("--profile PROFILE", a->profile, "profile the text is read under")
      .ShowDefault();
  command
      .Add("--windows N", a->windows,
           "windows of each source, or of each document of --data")
      .ShowDefault();
  command.Add("--context N", a->context,
              "tokens of a window (default: the model's)");
  command.Add("--lane LANE", a->lane, "device and arithmetic").ShowDefault();
  command.Add("--threads N", a->threads, "how many; 0: all cores")
      .ShowDefault();
  command.Add("--out FILE", a->out,
              "file to write; must not exist (default: "
              "mean_state.safetensors beside the model)");
  command.Flag("--json", a->json, "print JSON instead of text")
      .Formerly("--format");
  AddProfilesNote(command);
  command.Example("plastometer mean-state --model M --sources novels,python",
                  "then: plastometer run --model M --profiles "
                  "\"frozen frozen;start=mean\"");
  command.Callback([a] { MeanStateOfText(*a); });
}

}  // namespace plastometer
