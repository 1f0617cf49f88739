#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/safetensors.h"
#include "datasets/published.h"
#include "datasets/task_data.h"
#include "harness/cli/commands.h"
#include "harness/cli/group_options.h"
#include "harness/cli/output.h"
#include "harness/report/format.h"
#include "harness/run/inputs.h"
#include "harness/studies/score.h"

namespace plastometer {
namespace {

struct ScoreArguments {
  std::string model, tokens, data, task, tokenizer, out, stats, protocol;
  std::string parameters = "{}";
  int64_t task_seed = 1, documents = 8, context = 0;
  std::string profile = "uniform", lane = "cpu-portable";
  int threads = 0;
  int64_t chunk = 0;
  bool logits = false, state = false;
};

StatisticsMode ParseStatistics(const std::string& text) {
  if (text.empty()) return StatisticsMode::kOff;
  if (text == "on") return StatisticsMode::kOn;
  if (text == "virtual") return StatisticsMode::kVirtual;
  throw UsageError("--stats is '" + text + "'; expected nothing or 'virtual'");
}

TokenIds TokensOfText(const std::string& path, const Tokenizer& tokenizer,
                      const ScoreRequest& request) {
  TokenIds tokens;
  tokens.ids = tokenizer.Encode(ReadFile(path), path);
  tokens.num_sequences = 1;
  tokens.num_tokens = static_cast<int64_t>(tokens.ids.size());
  if (tokens.num_tokens < LeastTokens(request))
    throw InvalidError(path + " holds " + std::to_string(tokens.num_tokens) +
                       " tokens; expected at least " +
                       std::to_string(LeastTokens(request)) +
                       ", for the first token has no loss");
  return tokens;
}

// Held-out documents, and the exact law's loss of every token (NaN: none).
TokenIds TokensOfTask(const ScoreArguments& a, const ModelConfig& config,
                      std::vector<double>& floor) {
  TaskData data;
  data.name = a.task;
  data.parameters_json = a.parameters;
  data.seed = static_cast<uint64_t>(a.task_seed);
  data.num_documents = a.documents;
  data.num_tokens = a.context > 0 ? a.context : config.context_tokens;
  TokenIds tokens;
  tokens.num_sequences = data.num_documents;
  tokens.num_tokens = data.num_tokens;
  for (const Window& w : LoadTaskData(data).windows) {
    tokens.ids.insert(tokens.ids.end(), w.ids.begin(), w.ids.end());
    floor.insert(floor.end(), w.floor_nats.begin(), w.floor_nats.end());
  }
  return tokens;
}

// A row a window, of one length.
TokenIds TokensOfStreams(const ScoreArguments& a, const Tokenizer& tokenizer,
                         const ModelConfig& config) {
  const int64_t context = a.context > 0 ? a.context : config.context_tokens;
  TokenIds tokens;
  tokens.num_tokens = context + 1;
  for (const Window& w : PublishedText(a.data, tokenizer, context).windows) {
    ++tokens.num_sequences;
    tokens.ids.insert(tokens.ids.end(), w.ids.begin(), w.ids.end());
    for (size_t t = 0; t < w.ids.size(); ++t)
      tokens.scored.push_back(w.scored.empty() ? t > 0 : w.scored[t]);
  }
  return tokens;
}

void Print(const ScoreArguments& a, const TokenIds& tokens,
           const Profile& profile, const ScoreOutput& output) {
  const NotFinite& bad = output.not_finite;
  if (bad.count > 0) {
    std::fprintf(stderr,
                 "note: %s losses are NaN or infinite, first at row %s, token "
                 "%s (each counted from 0): the model diverges on this text, "
                 "under this profile\n",
                 Count(bad.count).c_str(), Count(bad.row).c_str(),
                 Count(bad.token).c_str());
  }
  const std::string quality = bad.count > 0 ? "the mean loss is not finite"
                              : std::isnan(output.mean_nll)
                                  ? "no token has a loss"
                                  : Fixed(output.mean_nll, 4) +
                                        " nats per token, perplexity " +
                                        Perplexity(std::exp(output.mean_nll));
  std::printf("%s x %s tokens under %s: %s, %s inner updates, %s s\n",
              Count(tokens.num_sequences).c_str(),
              Count(tokens.num_tokens).c_str(), profile.name().c_str(),
              quality.c_str(), Count(output.counters.inner_updates).c_str(),
              Fixed(output.seconds, 2).c_str());
  std::printf("written to %s\n", a.out.c_str());
}

void Score(const ScoreArguments& a) {
  if (!a.tokens.empty() + !a.data.empty() + !a.task.empty() != 1)
    throw UsageError("give one of --tokens, --data and --task");
  const bool published = a.protocol == "published";
  RefuseExisting(a.out, "file");
  const Lane lane = ParseLane(a.lane);
  const ModelChoice choice = ResolveModel(a.model);
  const ScoreRequest request{a.logits, a.state, ParseStatistics(a.stats),
                             a.chunk};
  const InterruptGuard guard;
  const Model model = Model::Load(choice.file, {lane, a.threads});
  const Profile profile = Profile::Parse(a.profile, model.config().num_layers);
  std::unique_ptr<Tokenizer> tokenizer;
  if (!a.data.empty() || !a.tokenizer.empty())
    tokenizer = ResolveTokenizer(a.tokenizer, choice.file, model.config());
  std::vector<double> floor;
  const TokenIds tokens =
      !a.task.empty()  ? TokensOfTask(a, model.config(), floor)
      : a.data.empty() ? ReadTokenIds(a.tokens)
      : published      ? TokensOfStreams(a, *tokenizer, model.config())
                       : TokensOfText(a.data, *tokenizer, request);
  const int64_t num_read = tokens.num_tokens - (published ? 1 : 0);
  if (num_read > model.config().context_tokens) {
    std::fprintf(
        stderr,
        "note: %lld tokens in one sequence are more than the %lld that "
        "the model was trained on\n",
        static_cast<long long>(num_read),
        static_cast<long long>(model.config().context_tokens));
  }
  ScoreOutput output = ScoreTokens(model, profile, tokens, request);
  if (!floor.empty())
    output.tensors["floor"] =
        HostTensor::FromF64({tokens.num_sequences, tokens.num_tokens}, floor);
  ThrowIfInterrupted();
  WriteSafetensors(a.out, output.tensors,
                   {{"model_sha256", model.sha256()},
                    {"model", choice.name},
                    {"profile", profile.name()},
                    {"lane", ToString(lane)},
                    {"tokenizer_sha256", tokenizer ? tokenizer->sha256() : ""},
                    {"counters", CountersJson(output.counters)}});
  Print(a, tokens, profile, output);
}

}  // namespace

void AddScoreCommand(Command& program) {
  auto a = std::make_shared<ScoreArguments>();
  Command command = program.Add("score",
                                "Token ids or text in, per-token losses (and "
                                "statistics) out as safetensors");
  command.Heading("Model and text");
  command.Add("--model MODEL", a->model,
              "model file, folder, or shipped name (default: text-3m)");
  command.Add("--tokens FILE", a->tokens,
              "safetensors file with input_ids [B, T], I32 or I64");
  command.Add("--data PATH", a->data, "text file: read as one sequence")
      .Formerly("--text");
  command
      .Add("--protocol published", a->protocol,
           "published: --data is a file, folder or JSON lines, whose documents "
           "are joined and cut as in the published evaluation; a row a window")
      .OneOf({"published"})
      .Needs("--data");
  command.Add(
      "--tokenizer FILE", a->tokenizer,
      "'bytes' or a SentencePiece model file (default: the model's own)");
  command.Add("--task TASK", a->task,
              "held-out documents of a generated task (docs/synthetic.md); "
              "writes their floor too");
  command.Add("--parameters JSON", a->parameters, "of --task");
  command.Add("--task-seed N", a->task_seed, "of --task")
      .NotNegative()
      .ShowDefault();
  command.Add("--documents N", a->documents, "of --task")
      .Between(1, 1 << 20)
      .ShowDefault();
  command
      .Add("--context N", a->context,
           "tokens of each of --task's documents, or that a window of "
           "--protocol published reads (default: the model's)")
      .Between(2, 1 << 24)
      .Formerly("--length");
  command.Heading("Computation");
  command.Add("--profile PROFILE", a->profile, "plasticity profile")
      .ShowDefault();
  command.Add("--lane LANE", a->lane, "device and arithmetic").ShowDefault();
  command.Add("--threads N", a->threads, "how many; 0: all cores")
      .ShowDefault();
  command.Add(
      "--chunk N", a->chunk,
      "advance in pieces of so many tokens; the losses do not depend on it");
  command.Heading("Output");
  command.Add("--out FILE", a->out, "file to write; must not exist").Required();
  command.Flag("--logits", a->logits, "also write logits [B, T, V]");
  command.Flag("--stats", "on", a->stats,
               "also write gradient norms and other statistics; "
               "--stats=virtual: for frozen layers too");
  command.Flag("--state", a->state,
               "also write the fast weights after the last full mini-batch");
  AddProfilesNote(command);
  command.Example("plastometer score --data book.txt --stats --out o",
                  "losses and gradient norms of every token");
  command.Example("plastometer score --tokens ids.safetensors --logits --out o",
                  "the logits after every token; a row may be one token");
  command.Callback([a] { Score(*a); });
}

}  // namespace plastometer
