#include "harness/cli/data_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "datasets/fetch.h"
#include "datasets/sources.h"
#include "harness/base/error.h"
#include "harness/base/files.h"

namespace plastometer {
namespace {

struct FetchArguments {
  std::vector<std::string> names;
  bool in_default = false, training = false, all = false;
  std::string from;
};

std::vector<const Source*> Chosen(const FetchArguments& a) {
  std::vector<const Source*> chosen;
  if (!a.names.empty()) {
    for (const auto& name : a.names) chosen.push_back(&FindSource(name));
    return chosen;
  }
  const bool nothing_said = !a.in_default && !a.training && !a.all;
  for (const Source& s : Sources()) {
    if (a.all || ((a.in_default || nothing_said) && s.in_default) ||
        (a.training && s.in_training))
      chosen.push_back(&s);
  }
  return chosen;
}

void Fetch(const FetchArguments& a) {
  FetchOptions options{DataFolder(), a.from, [](const std::string& line) {
                         std::fprintf(stderr, "%s\n", line.c_str());
                       }};
  std::printf("%-10s %12s %6s %12s %6s %8s\n", "source", "train bytes", "works",
              "held out", "works", "seconds");
  for (const Source* source : Chosen(a)) {
    const FetchResult r = FetchSource(*source, options);
    std::printf("%-10s %12lld %6lld %12lld %6lld %8s\n", source->name.c_str(),
                static_cast<long long>(r.text.train.bytes),
                static_cast<long long>(r.text.train.works),
                static_cast<long long>(r.text.heldout.bytes),
                static_cast<long long>(r.text.heldout.works),
                r.was_there ? "present"
                            : std::to_string(r.seconds).substr(0, 5).c_str());
    std::fflush(stdout);
  }
}

void AddFetch(CLI::App& data) {
  auto a = std::make_shared<FetchArguments>();
  CLI::App* fetch = data.add_subcommand(
      "fetch", "Fetch real text by hash from the distribution's packages");
  fetch->add_option(
      "names", a->names,
      "Sources (see `data list`); none: the default evaluation set");
  fetch->add_flag("--default", a->in_default, "The default evaluation set");
  fetch->add_flag("--training", a->training,
                  "What the shipped models are trained on");
  fetch->add_flag("--all", a->all, "Every source");
  fetch->add_option("--from", a->from,
                    "Folder with the .deb files (no download)");
  fetch->callback([a] { Fetch(*a); });
}

}  // namespace

void AddDataCommand(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "Sources of text, tokenizers, slices");
  data->require_subcommand(1);
  AddFetch(*data);
}

}  // namespace plastometer
