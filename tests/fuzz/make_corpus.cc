// Writes the seeds of tests/fuzz/corpus anew, after a format has changed:
//   ninja fuzz_corpus && fuzz_corpus tests/fuzz/corpus
// Inputs that a fuzzer found are kept beside them and not touched.
#include <cmath>
#include <iostream>

#include "base/files.h"
#include "base/safetensors.h"
#include "base/zstd_stream.h"
#include "datasets/slice.h"
#include "harness/golden/store.h"
#include "harness/results/trace_file.h"
#include "harness/run/journal.h"
#include "model/weights/import.h"
#include "model/weights/model_file.h"
#include "tests/datasets/helpers.h"
#include "tests/fuzz/run_files.h"
#include "tests/harness/golden/random_golden.h"
#include "tests/model/weights/weights_test_util.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;

class CorpusWriter {
 public:
  explicit CorpusWriter(fs::path root) : root_(std::move(root)) {}

  void Goldens() {
    RandomGolden random(1);
    Golden golden = random.Golden("text.uniform");
    Write("case", "finite", PinsJson(golden.pins));
    golden.pins.expect = "diverges";
    Write("case", "diverges", PinsJson(golden.pins));
    Write("metrics", "finite", MetricsJson(golden.metrics));
    golden.metrics.values = {{"a", NAN}, {"b", -INFINITY}, {"c", -0.0}};
    golden.metrics.tolerances.clear();
    Write("metrics", "odd_values", MetricsJson(golden.metrics));
    Write("trace", "raw", EncodeTrace(golden.trace));
    Write("trace", "packed.zst", ZstdCompress(EncodeTrace(golden.trace), 19));
    golden.trace.loss_bytes = 8;
    golden.trace.windows[0].row_digests.clear();
    Write("trace", "raw_fp64", EncodeTrace(golden.trace));
    Write("trace", "empty", EncodeTrace(Trace{}));
  }

  void Ledgers() {
    const TemporaryFolder store;
    RandomGolden random(2);
    const Golden golden = random.Golden("a");
    LedgerEntry entry = Bless(store.path(), golden, "2026-01-31-first");
    Write("ledger", "first", LedgerJson(entry));
    entry = Bless(store.path(), random.Golden("a"), "2026-02-01-next");
    entry.cases.push_back(entry.cases[0]);
    entry.cases[1].name = "b";
    entry.cases[1].fresh_start = true;
    Write("ledger", "two_cases", LedgerJson(entry));
    entry.kind = "remove";
    for (LedgerCase& c : entry.cases) c.new_sha256.clear();
    Write("ledger", "removal", LedgerJson(entry));
  }

  void Journals() {
    RandomGolden random(3);
    JournalHeader header;
    header.plan_sha256 = std::string(64, 'a');
    header.code_tree = std::string(40, 'b');
    JournalUnit unit;
    unit.key = std::string(64, 'c');
    unit.nll = {1.5, 2.25, 0.125};
    JournalTrace trace;
    trace.key = unit.key;
    trace.trace.num_layers = trace.trace.num_heads = 1;
    trace.trace.windows = {random.Window(trace.trace, 20, true)};
    const std::string lines =
        JournalLine(header) + JournalLine(unit) + JournalLine(trace);
    Write("journal", "whole", lines);
    Write("journal", "torn", lines.substr(0, lines.size() - 10));
  }

  void Runs() {
    const fuzz::RunFiles files = fuzz::PlantedRunFiles(fuzz::PlantedPlan(3));
    Write("plan", "two_groups", files.at("plan.json"));
    Write("journal", "two_groups", files.at("journal.jsonl"));
    Write("capsule", "planted", files.at(fuzz::kCapsuleFile));
    Write("results", "prose", files.at(fuzz::kResultsOfProse));
    Write("results", "check", files.at(fuzz::kCheckFile));
    Write("statistics", "prose", files.at(fuzz::kStatisticsOfProse));
    Write("layer_maps", "four", files.at(fuzz::kMapsFile));
    Write("drift", "planted",
          files.at(fuzz::kDriftAbout) + '\0' + files.at(fuzz::kDriftPoints));
  }

  void Weights() {
    TensorMap tensors;
    tensors["a"] = HostTensor::FromF32({2, 3}, {1, 2, 3, 4, 5, 6});
    tensors["b"] =
        Convert(HostTensor::FromF32({4}, {1, 2, 3, 4}), DType::kBF16);
    tensors["empty"] = HostTensor::FromF32({0, 7}, {});
    const TemporaryFolder folder;
    WriteSafetensors(folder.path() / "f", tensors, {{"format", "pt"}});
    Write("safetensors", "three", ReadFile(folder.path() / "f"));
    WriteSafetensors(folder.path() / "f", {});
    Write("safetensors", "none", ReadFile(folder.path() / "f"));
    Write("flax_stream", "three", testing::FlaxStreamOf(tensors, {"params"}));
    Write("flax_stream", "scalar",
          "\x92" + testing::PackKey({"step"}) +
              testing::PackBin(testing::PackExt(
                  3, testing::PackArrayBody({}, "int32", "\1\2\3\4"))));
  }

  void Models() {
    const TemporaryFolder folder;
    ModelConfig config = testing::TinyConfig();
    config.num_layers = 1;
    const fs::path file = folder.path() / "model.safetensors";
    SaveModelFile(file, config, testing::TinyTensors(config, DType::kBF16));
    Write("model_file", "own", ReadFile(file));
    fs::create_directories(folder.path() / "out");
    ExportWeights(file, folder.path() / "out");
    Write("model_file", "torch",
          ReadFile(folder.path() / "out" / "model.safetensors"));
  }

  void Packages() {
    Write("extract", "man",
          "m.TH A 1\n.SH NAME\na \\- \\fBb\\fR\n.so man1/b.1\n");
    Write("extract", "osis",
          "o<div type=\"book\" sID=\"g1\" osisID=\"A\"/>A <w "
          "l=\"1\">word</w><note>n</note>, &amp; so.");
    Write("extract", "normal", "n\xe4 latin\r\n \xc3\xa4 \n\n");
    Write("extract", "zlib", "z" + Deflate("one one one one"));
    Write("extract", "gzip", "g" + Deflate("one", 31) + Deflate("two", 31));
    std::string xdr = "X\n";
    for (const uint32_t word : {2u, 0x30600u, 0x20300u, 16u, 1u, 9u, 3u}) {
      AppendBigEndian(word, &xdr);
    }
    Write("extract", "rdb", "r1234" + Deflate(xdr + "abc"));
    std::string index = "s";
    const std::string block = Deflate("a block of text");
    for (const uint32_t word : {0u, static_cast<uint32_t>(block.size()), 15u}) {
      AppendLittleEndian(word, &index);
    }
    Write("extract", "sword", index + block);
  }

  void Slices() {
    Slice slice;
    slice.tokenizer_sha256 = slice.ids_sha256 = std::string(64, 'a');
    slice.context_tokens = 512;
    slice.pieces = {{"books", "a/1", 0, 512}, {"books", "a/1", 512, 100}};
    const TemporaryFolder folder;
    WriteSlice(slice, folder.path() / "s.json");
    Write("slice", "two_windows", ReadFile(folder.path() / "s.json"));
    // trainer_spec {model_type: 2, byte_fallback: true}, normalizer_spec
    // {name: "identity", add_dummy_prefix: false}
    const std::string facts(
        "\x0a\x03\x0a\x01"
        "a\x12\x05\x18\x02\x98\x02\x01\x1a\x0c\x0a\x08"
        "identity\x18\0",
        26);
    Write("tokenizer", "bpe", facts);
  }

  void Texts() {
    const std::string lines =
        "{\"text\": \"One two three.\", \"meta\": {\"pile_set_name\": "
        "\"Books\"}}\n\n{\"text\": \"\\u00e4 \\ud83d\\ude00 \xc3\xa4\"}\n";
    Write("text_data", "lines.jsonl", lines);
    Write("text_data", "lines.jsonl.zst", ZstdCompress(lines));
    Write("text_data", "two_frames.jsonl.zst",
          ZstdCompress(lines.substr(0, 30)) + ZstdCompress(lines.substr(30)));
    int number = 0;
    for (const char* profile :
         {"uniform@2;until=2048;every=4", "early:25%@0.5", "random:2#7",
          "layers:0-2@0.25,3", "ramp:1->0.1",
          R"({"layers": [1, {"lambda": 2, "until": 32, "every": 2}, )"
          R"({"lambdas": [1, 0.5]}, 0]})",
          "uniform;eta=flip;reset=512;start=mean",
          "retina;eta=shuffle;reset-every=64"}) {
      Write("profile", "p" + std::to_string(++number), profile);
    }
    Write("suite", "two_groups",
          R"({"schema": 1, "description": "d", "groups": [
  {"name": "text", "model": "text-3m", "lane": "cpu-portable",
   "data": {"held_out": ["default"], "windows": 2, "context": 512},
   "profiles": ["uniform", "early:25%"],
   "batch": 4, "traced_windows": 1, "expect": "finite"},
  {"name": "slice", "model": "../m/model.safetensors",
   "data": {"slice": "s.json"}, "profiles": ["frozen"]}]})");
    Write("suite", "own_text", R"({"schema": 1, "description": "", "groups": [
  {"name": "a-1", "model": "m/x.safetensors", "tokenizer": "bytes",
   "data": {"text": "t.jsonl.zst", "domains": ["b"], "documents": 3},
   "profiles": ["layers:0-1@0.5"]}]})");
  }

 private:
  void Write(const std::string& target, const std::string& name,
             const std::string& bytes) {
    fs::create_directories(root_ / target);
    WriteFile(root_ / target / name, bytes);
  }

  fs::path root_;
};

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_corpus FOLDER\n";
    return 2;
  }
  plastometer::CorpusWriter writer(argv[1]);
  writer.Goldens();
  writer.Ledgers();
  writer.Journals();
  writer.Runs();
  writer.Weights();
  writer.Models();
  writer.Packages();
  writer.Slices();
  writer.Texts();
  return 0;
}
