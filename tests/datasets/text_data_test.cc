#include "datasets/text_data.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/zstd_stream.h"
#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Line(const std::string& text, const std::string& domain) {
  return nlohmann::json{{"text", text}, {"meta", {{"pile_set_name", domain}}}}
             .dump() +
         "\n";
}

class TextData : public testing::Test {
 protected:
  fs::path Put(const std::string& name, std::string_view content) {
    fs::create_directories((folder_.path() / name).parent_path());
    WriteFile(folder_.path() / name, content);
    return folder_.path() / name;
  }
  EvaluationSet Load(const fs::path& path, int64_t context = 64,
                     TextDataOptions options = {{}, 32, 16, 0}) {
    return LoadTextData(path, TinyTokenizer(), context, options);
  }
  std::string Message(const fs::path& path,
                      TextDataOptions options = {{}, 32, 16, 0}) {
    return MessageOf([&] { Load(path, 64, options); });
  }
  TemporaryFolder folder_;
};

TEST_F(TextData, PlainTextBecomesWindows) {
  const std::string text = Prose(3, 200);
  const EvaluationSet set = Load(Put("a.txt", text));
  std::vector<int32_t> ids;
  for (const Window& w : set.windows) {
    EXPECT_EQ(w.first_token, static_cast<int64_t>(ids.size()));
    EXPECT_EQ(w.work, "a.txt");
    ids.insert(ids.end(), w.ids.begin(), w.ids.end());
  }
  const auto whole = TinyTokenizer().Encode(text);
  ASSERT_GT(whole.size(), ids.size() - 1);
  EXPECT_LT(whole.size() - ids.size(), 16u);
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), whole.begin()));
}

TEST_F(TextData, FolderIsReadInOrderAndEachFileIsAWork) {
  Put("f/b/two.txt", Prose(1, 60));
  Put("f/a.txt", Prose(2, 60));
  Put("f/short.txt", "x");
  Put("f/.hidden", "\xFF");
  const EvaluationSet set = Load(folder_.path() / "f", 64, {{}, 32, 16, 1});
  ASSERT_EQ(set.windows.size(), 2u);
  EXPECT_EQ(set.windows[0].work, "a.txt");
  EXPECT_EQ(set.windows[1].work, "b/two.txt");
  EXPECT_EQ(set.windows[1].source, "f");
  EXPECT_THAT(set.notes, ElementsAre(AllOf(HasSubstr("1 documents"),
                                           HasSubstr("short.txt"))));
}

TEST_F(TextData, PileFileOfTwoFramesIsOneStream) {
  const std::string first =
      Line(Prose(1, 60), "Wiki") + Line(Prose(2, 60), "Code");
  const std::string second = Line(Prose(3, 60), "Wiki") +
                             Line("short", "Code") + Line(Prose(4, 60), "Code");
  // The cut between the frames lies inside a line.
  const std::string all = first + second;
  const auto path =
      Put("val.jsonl.zst", ZstdCompress(all.substr(0, all.size() / 2)) +
                               ZstdCompress(all.substr(all.size() / 2)));
  const EvaluationSet set = Load(path, 64, {{}, 32, 16, 1});
  std::vector<std::string> seen;
  for (const Window& w : set.windows)
    seen.push_back(w.domain + " " + w.document);
  EXPECT_THAT(seen, ElementsAre("Wiki line-0000001", "Code line-0000002",
                                "Wiki line-0000003", "Code line-0000005"));
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("line-0000004")));
  const EvaluationSet plain = Load(Put("val.jsonl", all), 64, {{}, 32, 16, 1});
  EXPECT_EQ(plain.windows[3].ids, set.windows[3].ids);
}

TEST_F(TextData, DomainAndNumberLimitTheChoice) {
  std::string all;
  for (uint32_t i = 0; i < 10; ++i)
    all += Line(Prose(i, 60), i % 2 ? "Odd" : "Even");
  const auto path =
      Put("v.jsonl", all + "this line is broken, and not reached\n");
  const EvaluationSet set = Load(path, 64, {{"Odd"}, 2, 16, 1});
  ASSERT_EQ(set.windows.size(), 2u);
  EXPECT_EQ(set.windows[1].document, "line-0000004");
  const auto whole = Put("w.jsonl", all);
  EXPECT_THAT(Message(whole, {{"Prime"}, 2, 16, 1}),
              HasSubstr("domains asked for; it has Even, Odd"));
  EXPECT_THAT(Message(whole, {{"Odd", "Prime"}, 2, 16, 1}),
              HasSubstr("\"Prime\""));
}

TEST_F(TextData, BadInputIsNamedWithFileAndPlace) {
  EXPECT_THAT(Message(folder_.path() / "none.txt"),
              AllOf(HasSubstr("none.txt"), HasSubstr("no such file")));
  EXPECT_THAT(Message(Put("empty.txt", "")),
              AllOf(HasSubstr("empty.txt"), HasSubstr("empty")));
  EXPECT_THAT(
      Message(Put("one.txt", "b")),
      AllOf(HasSubstr("one.txt"), HasSubstr("no document reaches 16 tokens")));
  EXPECT_THAT(Message(Put("latin.txt", "caf\xE9 au lait")),
              AllOf(HasSubstr("latin.txt"), HasSubstr("byte 3")));
  EXPECT_THAT(
      Message(Put("no.jsonl", Line(Prose(1, 60), "d") + "{\"txt\": 1}\n")),
      AllOf(HasSubstr("no.jsonl line 2"), HasSubstr("\"text\"")));
  EXPECT_THAT(Message(Put("num.jsonl", "{\"text\": 1}\n")),
              HasSubstr("num.jsonl line 1"));
  EXPECT_THAT(Message(Put("bad.jsonl", "{\"text\": \n")),
              HasSubstr("bad.jsonl line 1"));
  EXPECT_THAT(Message(Put("array.jsonl", "[1]\n")),
              HasSubstr("array.jsonl line 1"));
  EXPECT_THAT(Message(Put("utf.jsonl", "{\"text\": \"\xFF\"}\n")),
              AllOf(HasSubstr("utf.jsonl line 1"), HasSubstr("byte 10")));
  EXPECT_THAT(Message(Put("blank.jsonl", "\n\n")), HasSubstr("no line"));
  EXPECT_THAT(Message(Put("raw.jsonl.zst", "not zstd at all")),
              HasSubstr("raw.jsonl.zst"));
  const std::string packed = ZstdCompress(Line(Prose(1, 500), "d"));
  EXPECT_THAT(
      Message(Put("cut.jsonl.zst", packed.substr(0, packed.size() / 2))),
      HasSubstr("cut.jsonl.zst"));
  fs::create_directory(folder_.path() / "void");
  EXPECT_THAT(Message(folder_.path() / "void"),
              HasSubstr("no file in this folder"));
  EXPECT_THAT(MessageOf(
                  [&] {
                    Load(Put("t.txt", "x"), 64, {{}, 32, 1, 0});
                  },
                  ErrorKind::kUsage),
              HasSubstr("at least 2"));
}

TEST_F(TextData, AMetaThatNamesNoDomainIsNoDomainOfItsOwn) {
  const auto text_with = [](const nlohmann::json& meta) {
    return nlohmann::json{{"text", Prose(1, 60)}, {"meta", meta}}.dump() + "\n";
  };
  const std::string good = Line(Prose(2, 60), "Wiki");
  EXPECT_THAT(Message(Put("m.jsonl", good + text_with(5))),
              AllOf(HasSubstr("m.jsonl line 2"), HasSubstr("\"meta\" is 5")));
  EXPECT_THAT(
      Message(Put("p.jsonl", text_with({{"pile_set_name", 7}}))),
      AllOf(HasSubstr("p.jsonl line 1"), HasSubstr("\"pile_set_name\" is 7")));
  EXPECT_THAT(Message(Put("l.jsonl", text_with(std::string(5000, 'x')))),
              AllOf(HasSubstr("l.jsonl line 1"), HasSubstr("xxx...")));
  const nlohmann::json of_another_maker = {{"timestamp", 1}};
  for (const nlohmann::json& meta :
       {nlohmann::json(), of_another_maker,
        nlohmann::json{{"pile_set_name", nullptr}}})
    EXPECT_EQ(Load(Put("n.jsonl", text_with(meta))).windows[0].domain, "text");
}

TEST_F(TextData, APipeIsRefusedNotWaitedFor) {
  for (const char* name : {"pipe.txt", "pipe.jsonl", "pipe.jsonl.zst"}) {
    const fs::path pipe = folder_.path() / name;
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_THAT(Message(pipe),
                AllOf(HasSubstr(name), HasSubstr("not a regular file")));
  }
}

TEST_F(TextData, TwoTokensAreEnoughWhenAskedFor) {
  const EvaluationSet set = Load(Put("two.txt", "\n\n"), 64, {{}, 32, 2, 0});
  ASSERT_EQ(set.windows.size(), 1u);
  EXPECT_GE(set.windows[0].ids.size(), 2u);
}

}  // namespace
}  // namespace plastometer
