// Each bad input: its exit code, a message that names place and expectation,
// and nothing left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_trainer.h>

#include "base/safetensors.h"
#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BadInput : public testing::Test {
 protected:
  void Expect(const std::string& arguments, int exit_code,
              const std::vector<std::string>& words,
              const std::string& before = "") {
    const std::vector<std::string> entries = workshop_.NewEntries();
    const Outcome outcome = workshop_.Run(arguments, before);
    EXPECT_EQ(outcome.exit_code, exit_code) << arguments << "\n" << outcome.err;
    // Progress may stand before it.
    EXPECT_THAT("\n" + outcome.err, HasSubstr("\nplastometer: "));
    for (const std::string& word : words)
      EXPECT_THAT(outcome.err, HasSubstr(word)) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_EQ(workshop_.NewEntries(), entries) << arguments;
  }
  // score on the tiny model with further arguments
  void ExpectScore(const std::string& arguments, int exit_code,
                   const std::vector<std::string>& words,
                   const std::string& before = "") {
    Expect("score --model model.safetensors --out o.safetensors " + arguments,
           exit_code, words, before);
  }

  Workshop workshop_;
};

TEST_F(BadInput, CommandLine) {
  EXPECT_EQ(workshop_.Run("").exit_code, 2);
  Expect("walk", 2, {"--help"});
  Expect("run --no-such-option", 2, {"--no-such-option"});
  Expect("run --context many", 2, {"context"});
  Expect("run --model model.safetensors --data text.txt --context 1", 2,
         {"--context is 1", "at least 2"});
  Expect("run --model model.safetensors --data text.txt --batch 0", 2,
         {"--batch is 0"});
  ExpectScore("", 2, {"--tokens", "--data"});
  ExpectScore("--tokens ids.safetensors --stats=some", 2, {"some", "virtual"});
  ExpectScore("--tokens ids.safetensors --stats --chunk 8", 2, {"--chunk"});
}

TEST_F(BadInput, CheckpointsThroughTheProgram) {
  const std::string good = ReadFile(workshop_.File("model.safetensors"));
  WriteFile(workshop_.File("cut.safetensors"), good.substr(0, good.size() / 2));
  std::string flipped = good;
  flipped[20] = static_cast<char>(flipped[20] ^ 4);
  WriteFile(workshop_.File("flipped.safetensors"), flipped);
  Expect("import --from hf cut.safetensors --out m.safetensors", 4,
         {"cut.safetensors"});
  Expect("import --from flax cut.safetensors --out m.safetensors", 4,
         {"cut.safetensors"});
  Expect("import --from flax text.txt --out m.safetensors", 4, {"text.txt"});
  for (const std::string file : {"cut.safetensors", "flipped.safetensors"}) {
    Expect("score --tokens ids.safetensors --out o.safetensors --model " + file,
           4, {file});
    Expect("run --data text.txt --context 64 --out r --model " + file, 4,
           {file});
  }
}

TEST_F(BadInput, JsonLines) {
  WriteFile(workshop_.File("a.jsonl"), "{\"txt\": 1}\n");
  WriteFile(workshop_.File("b.jsonl.zst"), "not zstd at all");
  WriteFile(workshop_.File("c.jsonl"), "{\"text\": \"\xff\"}\n");
  const std::string run =
      "run --model model.safetensors --context 64 --out r --data ";
  Expect(run + "a.jsonl", 4, {"a.jsonl", "1", "text"});
  Expect(run + "b.jsonl.zst", 4, {"b.jsonl.zst", "zstd"});
  Expect(run + "c.jsonl", 4, {"c.jsonl"});
}

TEST_F(BadInput, OutputNames) {
  Expect("run --model model.safetensors --data text.txt --context 64 --out " +
             std::string(300, 'x'),
         8, {"File name too long"});
}

TEST_F(BadInput, Profiles) {
  const std::pair<const char*, const char*> cases[] = {
      {"layers:2-4", "4"},          {"layers:9", "9"},
      {"layers:3-1", "3-1"},        {"layers:0-2,1", "1"},
      {"uniform@-1", "-1"},         {"layers:0@nan", "nan"},
      {"sideways", "sideways"},     {"uniform;until=17", "16"},
      {"uniform;every=0", "every"}, {"early:0", "early"}};
  for (const auto& [profile, word] : cases) {
    ExpectScore(
        "--tokens ids.safetensors --profile '" + std::string(profile) + "'", 2,
        {profile, word});
  }
  Expect(
      "run --model model.safetensors --data text.txt --context 64 --out r "
      "--profiles 'uniform layers:7'",
      2, {"layers:7"});
  Expect(
      "run --model model.safetensors --data text.txt --out r --profiles "
      "uniform,,frozen",
      2, {"empty name"});
}

TEST_F(BadInput, LanesAreListed) {
  ExpectScore("--tokens ids.safetensors --lane gpu-fast", 2,
              {"gpu-fast", "cpu-reference", "cpu-reference-fp64"});
}

TEST_F(BadInput, Models) {
  Expect("score --model absent --out o --tokens ids.safetensors", 4,
         {"absent", "neither a file"});
  Expect("score --model text.txt --out o --tokens ids.safetensors", 4,
         {"text.txt"});
  Expect("score --model ids.safetensors --out o --tokens ids.safetensors", 4,
         {"ids.safetensors"});
  Expect("export absent --out o", 4, {"absent"});
}

TEST_F(BadInput, Tokens) {
  WriteSafetensors(
      workshop_.File("wide.safetensors"),
      {{"input_ids", HostTensor::FromI32({1, 4}, {1, 2, 256, 3})}});
  ExpectScore("--tokens wide.safetensors", 4,
              {"256", "position 2", "[0, 256)"});
  WriteSafetensors(workshop_.File("negative.safetensors"),
                   {{"input_ids", HostTensor::FromI32({1, 3}, {1, -2, 3})}});
  ExpectScore("--tokens negative.safetensors", 4, {"-2", "index 1"});
  WriteSafetensors(workshop_.File("one.safetensors"),
                   {{"input_ids", HostTensor::FromI32({3, 1}, {1, 2, 3})}});
  ExpectScore("--tokens one.safetensors", 4, {"at least 2"});
  WriteSafetensors(workshop_.File("floats.safetensors"),
                   {{"input_ids", HostTensor::FromF32({1, 2}, {1, 2})}});
  ExpectScore("--tokens floats.safetensors", 4, {"F32", "I32 or I64"});
  WriteSafetensors(workshop_.File("named.safetensors"),
                   {{"ids", HostTensor::FromI32({1, 2}, {1, 2})}});
  ExpectScore("--tokens named.safetensors", 4, {"input_ids"});
  ExpectScore("--tokens absent.safetensors", 4, {"absent.safetensors"});
}

TEST_F(BadInput, Texts) {
  WriteFile(workshop_.File("empty.txt"), "");
  WriteFile(workshop_.File("one.txt"), "a");
  WriteFile(workshop_.File("latin1.txt"), "caf\xe9 au lait");
  ExpectScore("--data empty.txt", 4, {"empty.txt"});
  ExpectScore("--data one.txt", 4, {"one.txt", "at least 2"});
  ExpectScore("--data latin1.txt", 4, {"UTF-8", "3"});
  ExpectScore("--data absent.txt", 4, {"absent.txt"});
  const std::string run =
      "run --model model.safetensors --context 64 --out r --data ";
  Expect(run + "empty.txt", 4, {});
  Expect(run + "one.txt", 4, {});
  Expect(run + "latin1.txt", 4, {"latin1.txt"});
  Expect(run + "absent.txt", 4, {"absent.txt"});
}

TEST_F(BadInput, TokenizerOfTheWrongModelType) {
  const auto status = sentencepiece::SentencePieceTrainer::Train(
      "--input=" + workshop_.File("text.txt").string() +
      " --model_prefix=" + workshop_.File("unigram").string() +
      " --model_type=unigram --vocab_size=60 --hard_vocab_limit=false "
      "--minloglevel=2");
  ASSERT_TRUE(status.ok()) << status.ToString();
  ExpectScore("--data text.txt --tokenizer unigram.model", 4,
              {"unigram.model", "BPE"});
  ExpectScore("--data text.txt --tokenizer text.txt", 4, {"text.txt"});
  ExpectScore("--data text.txt --tokenizer absent.model", 4, {"absent.model"});
}

TEST_F(BadInput, TokenizerOfAnotherVocabulary) {
  Expect("run --model text-3m --tokenizer bytes --data text.txt --out r", 4,
         {"bytes has 256 pieces", "a vocabulary of 4096", "--tokenizer FILE"});
  const Outcome made = workshop_.Run(
      "data tokenizer --data text.txt --vocab 300 --out own.model");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  ExpectScore("--data text.txt --tokenizer own.model", 4,
              {"own.model has 300 pieces", "a vocabulary of 256"});
}

TEST_F(BadInput, OutputThatExists) {
  WriteFile(workshop_.File("o.safetensors"), "mine");
  ExpectScore("--tokens ids.safetensors", 2, {"o.safetensors", "exists"});
  EXPECT_EQ(ReadFile(workshop_.File("o.safetensors")), "mine");
  Expect("run --model model.safetensors --data text.txt --context 64 --out .",
         2, {"exists"});
  Expect("export model.safetensors --out .", 2, {"exists"});
  Expect("import --from hf model.safetensors --out o.safetensors", 2,
         {"exists"});
}

TEST_F(BadInput, OutputThatCannotBeWritten) {
  Expect(
      "score --model model.safetensors --tokens ids.safetensors --out "
      "absent/o.safetensors",
      8, {"absent/o.safetensors"});
  Expect(
      "run --model model.safetensors --data text.txt --context 64 --out "
      "text.txt/r",
      8, {"text.txt/r"});
}

// A limit on the file size stands for the full disk.
TEST_F(BadInput, DiskFull) {
  ExpectScore("--tokens ids.safetensors --logits", 8, {"o.safetensors"},
              "ulimit -f 8;");
  Expect(
      "run --model model.safetensors --data text.txt --context 64 --windows 8 "
      "--out r",
      8, {"cannot write"}, "ulimit -f 4;");
}

// What files are called reaches tables, pages and logs.
TEST_F(BadInput, NamesThatCannotBePrinted) {
  std::filesystem::create_directory(workshop_.File("texts"));
  const std::string text = ReadFile(workshop_.File("text.txt"));
  for (const auto& [name, shown] :
       {std::pair<std::string, std::string>{"b\xff.txt", "b\\xff.txt"},
        {"c\n::error::d.txt", "c\\n::error::d.txt"},
        {"e\x1b[2J.txt", "e\\x1b[2J.txt"}}) {
    const auto file = workshop_.File("texts") / name;
    WriteFile(file, text);
    Expect("run --model model.safetensors --data texts --context 64 --out r", 4,
           {shown, "expected a name that can be printed"});
    std::filesystem::remove(file);
  }
  Expect("run --profiles \"$(printf 'a\\033[2J')\"", 2, {"a\\x1b[2J"});
}

}  // namespace
}  // namespace plastometer
