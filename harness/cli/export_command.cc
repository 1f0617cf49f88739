#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"
#include "harness/run/inputs.h"
#include "model/weights/import.h"

namespace plastometer {
namespace {

struct ExportArguments {
  std::string model, out;
};

void Export(const ExportArguments& a) {
  RefuseExisting(a.out, "folder");
  const InterruptGuard guard;
  const ModelChoice choice = ResolveModel(a.model);
  ExportWeights(choice.file, a.out);
  std::printf(
      "%s written to %s as model.safetensors (PyTorch names) and config.json\n",
      choice.name.c_str(), a.out.c_str());
}

}  // namespace

void AddExportCommand(Command& program) {
  auto a = std::make_shared<ExportArguments>();
  Command command = program.Add(
      "export", "Write a model under the names of Hugging Face's TTT code");
  command.Add("model", a->model, "model file, folder, or shipped name")
      .Required();
  command.Add("--out FOLDER", a->out, "folder to write; must not exist")
      .Required();
  command.Example("plastometer export text-3m --out text-3m-hf",
                  "model.safetensors and config.json");
  command.Callback([a] { Export(*a); });
}

}  // namespace plastometer
