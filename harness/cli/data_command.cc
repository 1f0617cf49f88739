#include "harness/cli/data_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "datasets/corpus.h"
#include "datasets/fetch.h"
#include "datasets/slice.h"
#include "datasets/sources.h"
#include "datasets/store.h"
#include "datasets/text_data.h"
#include "datasets/tokenizer.h"
#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/interrupt.h"

namespace plastometer {
namespace {

struct FetchArguments {
  std::vector<std::string> names;
  bool in_default = false, training = false, all = false;
  std::string from;
};

std::vector<const Source*> Chosen(const FetchArguments& a) {
  for (const auto& name : a.names) FindSource(name);  // throws on unknown ones
  const bool nothing_said =
      a.names.empty() && !a.in_default && !a.training && !a.all;
  std::vector<const Source*> chosen;
  for (const Source& s : Sources()) {
    const bool named =
        std::find(a.names.begin(), a.names.end(), s.name) != a.names.end();
    if (a.all || named || ((a.in_default || nothing_said) && s.in_default) ||
        (a.training && s.in_training))
      chosen.push_back(&s);
  }
  return chosen;
}

void Fetch(const FetchArguments& a) {
  FetchOptions options{DataFolder(), a.from, [](const std::string& line) {
                         std::fprintf(stderr, "%s\n", line.c_str());
                       }};
  const std::vector<const Source*> chosen = Chosen(a);
  const InterruptGuard guard;
  std::printf("%-10s %12s %6s %12s %6s %8s\n", "source", "train bytes", "works",
              "held out", "works", "seconds");
  for (const Source* source : chosen) {
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

std::string Use(const Source& s) {
  if (s.in_training) return s.in_default ? "train+eval" : "train";
  return s.training_allowed ? "train (optional)" : "eval only";
}

// Two lines a source, each fitting 80 columns: numbers, then words.
void List() {
  std::printf("%-10s %12s %6s %12s %6s  %-12s\n", "source", "train bytes",
              "works", "held out", "works", "text SHA-256");
  for (const Source& s : Sources()) {
    std::printf("%-10s ", s.name.c_str());
    if (const auto stored = FindStoredText(DataFolder(), s)) {
      std::printf("%12lld %6lld %12lld %6lld  %-12s\n",
                  static_cast<long long>(stored->train.bytes),
                  static_cast<long long>(stored->train.works),
                  static_cast<long long>(stored->heldout.bytes),
                  static_cast<long long>(stored->heldout.works),
                  stored->text_sha256.substr(0, 12).c_str());
    } else {
      std::printf(
          "not fetched (%llu MB to download)\n",
          static_cast<unsigned long long>((s.bytes + 500'000) / 1'000'000));
    }
    std::printf("  %s; %s; %s\n", s.domain.c_str(), Use(s).c_str(),
                s.licence.c_str());
  }
}

struct ShowArguments {
  std::string source, split = "all", document;
  int64_t head = 20;
};

// Without a document: its works and documents. With one: its text.
void Show(const ShowArguments& a) {
  int64_t shown = 0, documents = 0;
  ForEachDocument(a.source, a.split, [&](Document&& d) {
    ++documents;
    if (!a.document.empty() && d.id == a.document) {
      std::fwrite(d.text.data(), 1, d.text.size(), stdout);
      ++shown;
      return false;
    }
    if (a.document.empty() && shown < a.head) {
      ++shown;
      std::printf("%-40s %-30s %9zu bytes\n", d.id.c_str(), d.work.c_str(),
                  d.text.size());
    }
    return true;
  });
  if (!a.document.empty() && shown == 0) {
    throw UsageError(a.source + " has no document \"" + a.document +
                     "\"; `plastometer data show " + a.source + "` lists them");
  }
  if (a.document.empty())
    std::printf("%lld of %lld documents\n", static_cast<long long>(shown),
                static_cast<long long>(documents));
}

struct SliceArguments {
  std::string tokenizer = "bytes", data, out, check;
  std::vector<std::string> sources;
  int64_t context_tokens = 2048, windows_per_domain = 16;
  TextDataOptions options;
};

EvaluationSet Choose(const SliceArguments& a, const Tokenizer& tokenizer) {
  if (!a.data.empty())
    return LoadTextData(a.data, tokenizer, a.context_tokens, a.options);
  if (a.sources.empty())
    return DefaultEvaluation(tokenizer, a.context_tokens, a.windows_per_domain);
  return SourceEvaluation(a.sources, tokenizer, a.context_tokens,
                          a.windows_per_domain);
}

void MakeOrCheckSlice(const SliceArguments& a) {
  if (a.out.empty() == a.check.empty())
    throw UsageError("data slice: give either --out or --check");
  const auto tokenizer = LoadTokenizer(a.tokenizer);
  const EvaluationSet set =
      a.check.empty() ? Choose(a, *tokenizer)
                      : ReadSlice(LoadSlice(a.check), *tokenizer, {a.data, {}});
  if (!a.out.empty())
    WriteSlice(MakeSlice(set, *tokenizer, a.context_tokens, a.data), a.out);
  for (const auto& note : set.notes) std::printf("%s\n", note.c_str());
  std::printf("%zu windows, SHA-256 of the ids %s\n", set.windows.size(),
              set.sha256.c_str());
}

void AddSlice(CLI::App& data) {
  auto a = std::make_shared<SliceArguments>();
  CLI::App* slice = data.add_subcommand(
      "slice", "Pin windows of text in a file, or check such a file");
  slice->add_option("--out", a->out, "Slice file to write");
  slice->add_option("--check", a->check,
                    "Slice file to check against the text");
  slice
      ->add_option("--tokenizer", a->tokenizer,
                   "\"bytes\" or a SentencePiece model")
      ->capture_default_str();
  slice->add_option("--data", a->data,
                    "Your text: a file, a folder, *.jsonl or *.jsonl.zst");
  slice->add_option("--source", a->sources,
                    "Fetched sources; none: the default evaluation set");
  slice->add_option("--context", a->context_tokens, "Tokens of a window")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  slice
      ->add_option("--windows", a->windows_per_domain,
                   "Windows of each fetched source")
      ->capture_default_str();
  slice->add_option("--domain", a->options.domains,
                    "Domains of --data; none: all");
  slice
      ->add_option("--documents", a->options.documents_per_domain,
                   "Documents of each domain of --data")
      ->capture_default_str();
  slice
      ->add_option("--min-tokens", a->options.min_tokens,
                   "Shorter documents are left out")
      ->capture_default_str();
  slice->callback([a] { MakeOrCheckSlice(*a); });
}

void AddShow(CLI::App& data) {
  auto a = std::make_shared<ShowArguments>();
  CLI::App* show = data.add_subcommand(
      "show", "List the documents of a source, or print one");
  show->add_option("source", a->source, "Source (see `data list`)")->required();
  show->add_option("--split", a->split, "train, heldout or all")
      ->capture_default_str();
  show->add_option("--document", a->document, "Print this document");
  show->add_option("--head", a->head, "Documents to list")
      ->capture_default_str();
  show->callback([a] { Show(*a); });
}

}  // namespace

void AddDataCommand(CLI::App& app) {
  CLI::App* data =
      app.add_subcommand("data", "Sources of text, tokenizers, slices");
  data->require_subcommand(1);
  AddFetch(*data);
  AddTokenizer(*data);
  data->add_subcommand("list", "Sources, their licences, and what is fetched")
      ->callback([] { List(); });
  AddShow(*data);
  AddSlice(*data);
}

}  // namespace plastometer
