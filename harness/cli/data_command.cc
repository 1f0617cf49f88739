#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "datasets/corpus.h"
#include "datasets/fetch.h"
#include "datasets/slice.h"
#include "datasets/sources.h"
#include "datasets/store.h"
#include "datasets/synthetic/synthetic.h"
#include "datasets/text_data.h"
#include "datasets/tokenizer.h"
#include "harness/cli/commands.h"
#include "harness/cli/output.h"

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
    FlushOutput();
  }
}

void AddFetch(Command& data) {
  auto a = std::make_shared<FetchArguments>();
  Command fetch = data.Add(
      "fetch", "Fetch real text by hash from the distribution's packages");
  fetch.Add("names", a->names,
            "sources (see plastometer data list); none: the default evaluation "
            "set");
  fetch.Flag("--default", a->in_default, "the default evaluation set");
  fetch.Flag("--training", a->training,
             "what the shipped models are trained on");
  fetch.Flag("--all", a->all, "every source");
  fetch.Add("--from FOLDER", a->from,
            "folder with the .deb files (no download)");
  fetch.Example("plastometer data fetch --default --training",
                "all that the shipped models and the default run need");
  fetch.Callback([a] { Fetch(*a); });
}

struct TokenizerArguments {
  int32_t vocab_size = 4096;
  std::string data, out;
  int64_t bytes_per_source = 4'000'000;
};

// Calls its argument with each document, until that returns false.
using Documents = std::function<void(const std::function<bool(Document&&)>&)>;

Documents TextOf(const std::string& data) {
  return [data](const auto& visit) { ForEachTextDocument(data, visit); };
}

// At most `bytes`: whole lines, or, of a line that is longer, whole letters.
void KeepBeginning(size_t bytes, std::string& text) {
  if (bytes >= text.size()) return;
  const size_t line = text.rfind('\n', bytes);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80)
    --bytes;
  text.resize(line == std::string::npos || line == 0 ? bytes : line);
}

// About `limit` bytes: the same share of each document, from its start.
void Feed(const Documents& documents, int64_t limit,
          const std::function<void(const Document&)>& add) {
  int64_t total = 0;
  documents([&](Document&& d) {
    return total += static_cast<int64_t>(d.text.size()), true;
  });
  const double share =
      total > limit ? static_cast<double>(limit) / static_cast<double>(total)
                    : 1.0;
  documents([&](Document&& d) {
    if (share < 1.0)
      KeepBeginning(
          static_cast<size_t>(share * static_cast<double>(d.text.size())),
          d.text);
    if (!d.text.empty()) add(d);
    return true;
  });
}

// Of the first megabyte.
void PrintBytesPerToken(const Documents& documents, const Tokenizer& tokenizer,
                        const std::string& name, const char* which) {
  int64_t bytes = 0, tokens = 0;
  documents([&](Document&& d) {
    bytes += static_cast<int64_t>(d.text.size());
    tokens += static_cast<int64_t>(tokenizer.Encode(d.text, d.id).size());
    return bytes < 1'000'000;
  });
  if (tokens > 0)
    std::printf("%-10s %.2f bytes a token (%s)\n", name.c_str(),
                double(bytes) / double(tokens), which);
}

Documents Split(const std::string& source, const char* split) {
  return [source, split](const auto& visit) {
    ForEachDocument(source, split, visit);
  };
}

void PrintBytesPerToken(const TokenizerArguments& a,
                        const Tokenizer& tokenizer) {
  if (!a.data.empty())
    return PrintBytesPerToken(TextOf(a.data), tokenizer, a.data,
                              "of the text it was trained on");
  for (const Source& source : Sources())
    if (source.in_training || source.in_default)
      PrintBytesPerToken(Split(source.name, "heldout"), tokenizer, source.name,
                         "held out");
}

void TrainTokenizer(const TokenizerArguments& a) {
  RefuseExisting(a.out, "file");
  RequireAtLeast("--bytes-per-source", a.bytes_per_source, 1);
  std::vector<Documents> texts;
  if (!a.data.empty()) texts.push_back(TextOf(a.data));
  for (const Source& source : Sources())
    if (a.data.empty() && source.in_training)
      texts.push_back(Split(source.name, "train"));
  int64_t bytes = 0;
  auto feed = [&](const std::function<void(const Document&)>& add) {
    for (const Documents& text : texts)
      Feed(text, a.bytes_per_source, [&](const Document& d) {
        add(d), bytes += static_cast<int64_t>(d.text.size());
      });
  };
  TrainSentencePiece(feed, a.vocab_size, a.out);
  const auto tokenizer = LoadTokenizer(a.out);
  std::printf("%s: %d pieces from %lld bytes, SHA-256 %s\n", a.out.c_str(),
              tokenizer->vocab_size(), static_cast<long long>(bytes),
              tokenizer->sha256().c_str());
  PrintBytesPerToken(a, *tokenizer);
}

void AddTokenizer(Command& data) {
  auto a = std::make_shared<TokenizerArguments>();
  Command command = data.Add(
      "tokenizer",
      "Train a SentencePiece BPE model on the fetched training text, or yours");
  command.Add("--data PATH", a->data,
              "text file, folder of texts, or Pile file *.jsonl.zst (default: "
              "the fetched sources' training text)");
  command.Add("--vocab N", a->vocab_size, "number of pieces")
      .Between(300, 65536)
      .ShowDefault();
  command.Add("--out FILE", a->out, "file to write").Required();
  command
      .Add("--bytes-per-source N", a->bytes_per_source,
           "at most so much of each source, or of --data")
      .ShowDefault();
  command.Example("plastometer data tokenizer --vocab 4096 --out bpe.model",
                  "the shipped models' tokenizer has as many pieces");
  command.Example(
      "plastometer data tokenizer --data books/ --vocab 8192 --out own.model",
      "of your own text; for a model that plastometer train makes");
  command.Callback([a] { TrainTokenizer(*a); });
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
      Print(d.text);
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

void AddSlice(Command& data) {
  auto a = std::make_shared<SliceArguments>();
  Command slice =
      data.Add("slice", "Pin windows of text in a file, or check such a file");
  slice.Add("--out FILE", a->out, "slice file to write");
  slice.Add("--check FILE", a->check, "slice file to check against the text");
  slice
      .Add("--tokenizer FILE", a->tokenizer,
           "'bytes' or a SentencePiece model file")
      .ShowDefault();
  slice.Add("--data PATH", a->data,
            "text file, folder of texts, or Pile file *.jsonl.zst");
  slice
      .Add("--sources NAMES", a->sources,
           "fetched sources; none: the default evaluation set")
      .Commas()
      .Formerly("--source");
  slice.Add("--context N", a->context_tokens, "tokens of a window")
      .Between(2, 1 << 20)
      .ShowDefault();
  slice.Add("--windows N", a->windows_per_domain, "of each fetched source")
      .ShowDefault();
  slice.Add("--domains NAMES", a->options.domains, "of --data; none: all")
      .Commas()
      .Formerly("--domain");
  slice
      .Add("--documents N", a->options.documents_per_domain,
           "documents of each domain of --data")
      .ShowDefault();
  slice
      .Add("--min-tokens N", a->options.min_tokens,
           "shorter documents are left out")
      .ShowDefault();
  slice.Example("plastometer data slice --data pile.jsonl.zst --out s.json",
                "then: plastometer run --data pile.jsonl.zst --slice s.json");
  slice.Callback([a] { MakeOrCheckSlice(*a); });
}

void AddShow(Command& data) {
  auto a = std::make_shared<ShowArguments>();
  Command show =
      data.Add("show", "List the documents of a source, or print one");
  show.Add("source", a->source, "source (see plastometer data list)")
      .Required();
  show.Add("--split NAME", a->split, "train, heldout or all").ShowDefault();
  show.Add("--document ID", a->document, "print this document");
  show.Add("--head N", a->head, "documents to list").ShowDefault();
  show.Example("plastometer data show novels --split heldout",
               "the first twenty documents, their works and bytes");
  show.Callback([a] { Show(*a); });
}

struct MakeArguments {
  std::string task, parameters = "{}", out;
  int64_t seed = 1, documents = 64, length = 256;
  bool training = false;
};

// Rows of [N, T] tensors, and a JSON file beside them that says how to make
// them again.
void Make(const MakeArguments& a) {
  RefuseExisting(a.out, "file");
  const std::filesystem::path about =
      std::filesystem::path(a.out).replace_extension(".json");
  RefuseExisting(about.string(), "file");
  const auto task = synthetic::MakeSyntheticTask(
      a.task, ParseJson(a.parameters, "--parameters"),
      static_cast<uint64_t>(a.seed));
  const uint64_t first = a.training ? 0 : synthetic::kHeldOutDocuments;
  std::vector<int32_t> ids, labels, words;
  std::vector<double> floor, forgetting;
  for (int64_t d = 0; d < a.documents; ++d) {
    const auto document = task->Document(first + static_cast<uint64_t>(d),
                                         static_cast<size_t>(a.length));
    ids.insert(ids.end(), document.ids.begin(), document.ids.end());
    labels.insert(labels.end(), document.labels.begin(), document.labels.end());
    words.insert(words.end(), document.words.begin(), document.words.end());
    floor.insert(floor.end(), document.floor_nats.begin(),
                 document.floor_nats.end());
    if (const auto agent = task->NewForgettingAgent())
      for (const int32_t id : document.ids)
        forgetting.push_back(agent->Observe(id));
  }
  const std::vector<int64_t> shape = {a.documents, a.length};
  const std::string sha256 = Sha256Hex(std::string_view(
      reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t)));
  const nlohmann::ordered_json json = {{"task", task->name()},
                                       {"parameters", task->parameters()},
                                       {"seed", a.seed},
                                       {"first_document", first},
                                       {"documents", a.documents},
                                       {"tokens", a.length},
                                       {"vocabulary", task->vocab_size()},
                                       {"input_ids_sha256", sha256},
                                       {"labels",
                                        {{"0", "ordinary"},
                                         {"1", "answer"},
                                         {"2", "unscored"},
                                         {"3", "change"}}},
                                       {"words",
                                        {{"0", "none"},
                                         {"1", "function"},
                                         {"2", "seen content"},
                                         {"3", "new content"}}}};
  TensorMap tensors = {{"input_ids", HostTensor::FromI32(shape, ids)},
                       {"labels", HostTensor::FromI32(shape, labels)},
                       {"floor", HostTensor::FromF64(shape, floor)}};
  if (std::ranges::any_of(words, std::identity{}))
    tensors["words"] = HostTensor::FromI32(shape, words);
  if (!forgetting.empty())
    tensors["forgetting_floor"] = HostTensor::FromF64(shape, forgetting);
  WriteSafetensors(a.out, tensors, {{"task", json.dump()}});
  WriteFile(about, json.dump(2) + "\n");
  std::printf("%s: %lld documents of %lld tokens, SHA-256 of the ids %s\n",
              a.out.c_str(), static_cast<long long>(a.documents),
              static_cast<long long>(a.length), sha256.c_str());
}

void AddMake(Command& data) {
  auto a = std::make_shared<MakeArguments>();
  std::string names;
  for (const std::string& name : synthetic::SyntheticTaskNames())
    names += (names.empty() ? "" : ", ") + name;
  Command make = data.Add(
      "make",
      "Write documents of a generated task with known floors (" + names + ")");
  make.Add("task", a->task, "docs/synthetic.md").Required();
  make.Add("--out FILE", a->out,
           "safetensors file to write (input_ids, labels, floor: [N, T]); a "
           "JSON file of the same name goes beside it")
      .Required();
  make.Add("--parameters JSON", a->parameters, "what is left out has defaults");
  make.Add("--task-seed N", a->seed, "of the task")
      .NotNegative()
      .ShowDefault()
      .Formerly("--seed");
  make.Add("--documents N", a->documents, "how many")
      .Between(1, 1 << 20)
      .ShowDefault();
  make.Add("--context N", a->length, "T, tokens of each")
      .Between(2, 1 << 24)
      .ShowDefault()
      .Formerly("--length");
  make.Flag("--training", a->training,
            "documents that training sees, not held-out ones");
  make.Example(
      "plastometer data make mqar --documents 8 --out mqar.safetensors",
      "docs/synthetic.md says what a task's parameters are");
  make.Callback([a] { Make(*a); });
}

}  // namespace

void AddDataCommand(Command& program) {
  Command data = program.Add("data", "Sources of text, tokenizers, slices");
  data.RequireCommand();
  data.Example("plastometer data fetch --default",
               "the text of the default run");
  AddFetch(data);
  AddTokenizer(data);
  Command list =
      data.Add("list", "Sources, their licences, and what is fetched");
  list.Example("plastometer data list", "two lines a source");
  list.Callback([] { List(); });
  AddShow(data);
  AddSlice(data);
  AddMake(data);
}

}  // namespace plastometer
