#include "harness/cli/data_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "datasets/corpus.h"
#include "datasets/fetch.h"
#include "datasets/sources.h"
#include "datasets/tokenizer.h"
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

struct TokenizerArguments {
  int32_t vocab_size = 4096;
  std::string out;
  int64_t bytes_per_source = 4'000'000;
};

// About `limit` bytes of the source's training text: the same share of each
// document, from its start, whole lines.
void FeedSource(const Source& source, int64_t limit,
                const std::function<void(const Document&)>& add) {
  int64_t total = 0;
  ForEachDocument(source.name, "train", [&](Document&& d) {
    return total += static_cast<int64_t>(d.text.size()), true;
  });
  const double share =
      total > limit ? static_cast<double>(limit) / static_cast<double>(total)
                    : 1.0;
  ForEachDocument(source.name, "train", [&](Document&& d) {
    const auto keep =
        static_cast<size_t>(share * static_cast<double>(d.text.size()));
    if (share < 1.0)
      d.text.resize(d.text.rfind('\n', keep) == std::string::npos
                        ? 0
                        : d.text.rfind('\n', keep));
    add(d);
    return true;
  });
}

void PrintBytesPerToken(const Tokenizer& tokenizer) {
  for (const Source& source : Sources()) {
    if (!source.in_training && !source.in_default) continue;
    int64_t bytes = 0, tokens = 0;
    ForEachDocument(source.name, "heldout", [&](Document&& d) {
      bytes += static_cast<int64_t>(d.text.size());
      tokens += static_cast<int64_t>(tokenizer.Encode(d.text, d.id).size());
      return bytes < 1'000'000;
    });
    if (tokens > 0)
      std::printf("%-10s %.2f bytes a token (held out)\n", source.name.c_str(),
                  double(bytes) / double(tokens));
  }
}

void TrainTokenizer(const TokenizerArguments& a) {
  int64_t bytes = 0;
  auto feed = [&](const std::function<void(const Document&)>& add) {
    for (const Source& source : Sources()) {
      if (!source.in_training) continue;
      FeedSource(source, a.bytes_per_source, [&](const Document& d) {
        add(d), bytes += static_cast<int64_t>(d.text.size());
      });
    }
  };
  TrainSentencePiece(feed, a.vocab_size, a.out);
  const auto tokenizer = LoadTokenizer(a.out);
  std::printf("%s: %d pieces from %lld bytes, SHA-256 %s\n", a.out.c_str(),
              tokenizer->vocab_size(), static_cast<long long>(bytes),
              tokenizer->sha256().c_str());
  PrintBytesPerToken(*tokenizer);
}

void AddTokenizer(CLI::App& data) {
  auto a = std::make_shared<TokenizerArguments>();
  CLI::App* command = data.add_subcommand(
      "tokenizer", "Train a SentencePiece BPE model on the training text");
  command->add_option("--vocab", a->vocab_size, "Number of pieces")
      ->check(CLI::Range(300, 65536))
      ->capture_default_str();
  command->add_option("--out", a->out, "File to write")->required();
  command
      ->add_option("--bytes-per-source", a->bytes_per_source,
                   "At most so much of each source")
      ->capture_default_str();
  command->callback([a] { TrainTokenizer(*a); });
}

}  // namespace

void AddDataCommand(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "Sources of text, tokenizers, slices");
  data->require_subcommand(1);
  AddFetch(*data);
  AddTokenizer(*data);
}

}  // namespace plastometer
