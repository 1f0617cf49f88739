#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/text.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/report/format.h"
#include "model/weights/import.h"
#include "model/weights/parameter_specs.h"

namespace plastometer {
namespace {

struct ImportArguments {
  std::string from, source, config, out;
};

// "ttt_base_lr 1.0, context_tokens 2048"
std::string AssumedText(const ImportSummary& s) {
  const nlohmann::json values = ConfigToJson(s.config);
  return JoinEach(s.assumed, [&](const std::string& name) {
    return name + " " + values.at(name).dump();
  });
}

void Import(const ImportArguments& a) {
  RefuseExisting(a.out, "file");
  ImportOptions options{a.from, a.source, {}, a.out};
  if (!a.config.empty()) options.config = a.config;
  const InterruptGuard guard;
  const ImportSummary s = ImportWeights(options);
  const ModelConfig& c = s.config;
  std::printf(
      "%s, %s backbone: %s layers, width %s, %s heads, vocabulary %s, %s "
      "parameters\n",
      MixerSpecOf(c).title, ToString(c.backbone).c_str(),
      Count(c.num_layers).c_str(), Count(c.hidden_size).c_str(),
      Count(c.num_heads).c_str(), Count(c.vocab_size).c_str(),
      Short(static_cast<double>(NumParameters(c))).c_str());
  if (!s.assumed.empty())
    std::printf(
        "assumed, since neither the checkpoint nor a config says so: %s; where "
        "that is wrong, give them with --config\n",
        AssumedText(s).c_str());
  std::printf(
      "kept %s tensors (%s, %s), passed over %s (%s)\nsource sha256 "
      "%s\nwritten to %s (sha256 %s)\n",
      Count(s.num_kept).c_str(), s.dtype.c_str(),
      Bytes(static_cast<int64_t>(s.kept_bytes)).c_str(),
      Count(s.num_skipped).c_str(),
      Bytes(static_cast<int64_t>(s.skipped_bytes)).c_str(),
      s.source_sha256.c_str(), a.out.c_str(), s.out_sha256.c_str());
}

}  // namespace

void AddImportCommand(Command& program) {
  auto a = std::make_shared<ImportArguments>();
  Command command = program.Add(
      "import", "Make a model file from a published TTT checkpoint");
  command
      .Add("--from flax|hf", a->from,
           "flax: a stream of ttt-lm-jax; hf: safetensors with PyTorch names")
      .Required();
  command
      .Add("source", a->source,
           "checkpoint: a file, an .index.json, or a folder")
      .Required();
  command.Add(
      "--config FILE", a->config,
      "JSON with the fields of ttt-lm-jax or of a Hugging Face config.json");
  command.Add("--out FILE", a->out, "model file to write; must not exist")
      .Required();
  command.Example("plastometer import --from hf FOLDER --out m.safetensors",
                  "its config.json lies beside the weights");
  command.Callback([a] { Import(*a); });
}

}  // namespace plastometer
