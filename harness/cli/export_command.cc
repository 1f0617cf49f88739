#include "harness/cli/export_command.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/interrupt.h"
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

void AddExportCommand(CLI::App& app) {
  auto a = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand(
      "export", "Write a model under the names of Hugging Face's TTT code");
  command->add_option("model", a->model, "model file, folder, or shipped name")
      ->required();
  command->add_option("--out", a->out, "folder to write; must not exist")
      ->required();
  command->callback([a] { Export(*a); });
}

}  // namespace plastometer
