#include "datasets/extract/extract.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "tests/datasets/helpers.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void Put(const fs::path& path, std::string_view content) {
  fs::create_directories(path.parent_path());
  WriteFile(path, content);
}

std::vector<std::string> Ids(const std::vector<Document>& documents) {
  std::vector<std::string> ids;
  for (const auto& d : documents) ids.push_back(d.id);
  return ids;
}

TEST(Normalise, OneFormForAll) {
  EXPECT_EQ(NormaliseText("\n\na  \r\nb\t\nc\u00A0d"), "a\nb\nc d\n");
  EXPECT_EQ(NormaliseText("caf\xE9"), "café\n");
  EXPECT_EQ(NormaliseText(" \n\n"), "");
  EXPECT_EQ(NormaliseText("a\n\n\n"), "a\n");
}

TEST(Inflate, NamesTheBrokenFile) {
  EXPECT_EQ(Inflate(Deflate("hello"), 15, "x"), "hello");
  const std::string two = Deflate("one ", 31) + Deflate("two", 31);
  EXPECT_EQ(Inflate(two, 31, "x.gz"), "one two");
  const std::string cut = Deflate(Prose(1, 100)).substr(0, 40);
  EXPECT_THAT(MessageOf([&] { Inflate(cut, 15, "x.gz"); }),
              AllOf(HasSubstr("x.gz"), HasSubstr("byte")));
  EXPECT_THROW(Inflate("", 15, "x"), Error);
}

// A length word, then a compressed vector of strings as R writes it.
std::string RdbEntry(const std::vector<std::string>& lines) {
  std::string xdr = "X\n";
  for (uint32_t word :
       {2u, 0x30600u, 0x20300u, 16u, static_cast<uint32_t>(lines.size())})
    AppendBigEndian(word, &xdr);
  for (const auto& line : lines) {
    AppendBigEndian(0x00040009, &xdr);
    AppendBigEndian(static_cast<uint32_t>(line.size()), &xdr);
    xdr += line;
  }
  std::string entry;
  AppendBigEndian(static_cast<uint32_t>(xdr.size()), &entry);
  return entry + Deflate(xdr);
}

TEST(Rdb, ReadsStringsAtAnOffset) {
  const std::string first = RdbEntry({"x"}),
                    second = RdbEntry({"It was", "", "a truth"});
  const std::string rdb = first + second;
  EXPECT_THAT(RdbStrings(rdb, first.size(), second.size(), "b"),
              ElementsAre("It was", "", "a truth"));
  EXPECT_THAT(MessageOf([&] { RdbStrings(rdb, 4, rdb.size(), "b.rdb"); }),
              HasSubstr("outside"));
  EXPECT_THROW(RdbStrings(rdb, 1, 20, "b"), Error);
}

std::string SwordIndex(const std::vector<std::string>& blocks,
                       std::string* data) {
  std::string index;
  for (const auto& block : blocks) {
    const std::string packed = block.empty() ? "" : Deflate(block);
    AppendLittleEndian(static_cast<uint32_t>(data->size()), &index);
    AppendLittleEndian(static_cast<uint32_t>(packed.size()), &index);
    AppendLittleEndian(static_cast<uint32_t>(block.size()), &index);
    *data += packed;
  }
  return index;
}

TEST(Sword, ReadsBlocks) {
  std::string data;
  std::string index = SwordIndex({"one", "", "two"}, &data);
  EXPECT_EQ(SwordBlocks(index, data, "m"), "onetwo");
  EXPECT_THAT(MessageOf([&] { SwordBlocks(index + "x", data, "m"); }),
              HasSubstr("multiple of 12"));
  EXPECT_THAT(MessageOf([&] { SwordBlocks(index, "", "m"); }),
              HasSubstr("block 0"));
  index[8] = 9;
  EXPECT_THAT(MessageOf([&] { SwordBlocks(index, data, "m"); }),
              HasSubstr("its index says 9"));
}

TEST(Sword, OsisBecomesText) {
  EXPECT_EQ(OsisToText("<title>Head</title><div sID=\"g1\" type=\"x-p\"/>A <w "
                       "lemma=\"G1\">word</w>, &amp; so &lt;on&gt;."),
            "Head\nA word, & so <on>.");
  EXPECT_EQ(
      OsisToText(
          "in<note>a <w>foot</w>note</note><w>Christ</w><note>b</note>, and"),
      "in Christ, and");
  EXPECT_EQ(OsisToText("a <div type=\"x-milestone\" sID=\"p\"/> b<lb/>c"),
            "a b\nc");
  EXPECT_EQ(OsisToText("<note>never closed"), "");
  EXPECT_EQ(OsisToText("broken <tag and &entity"), "broken");
  EXPECT_EQ(OsisToText("R & D; &unknown;"), "R & D; &unknown;");
}

TEST(Sword, BooksAreCutByTheirMarksNotByBlocks) {
  TemporaryFolder folder;
  auto book = [](const std::string& name) {
    return "<div osisID=\"" + name + "\" sID=\"s" + name + "\" type=\"book\"/>";
  };
  std::string data;
  const std::string index =
      SwordIndex({"<milestone/>preface", book("Dan") + "Daniel",
                  " goes on" + book("DanGr") + "Bel" + book("Hos") + "Hosea"},
                 &data);
  Put(folder.path() / "m/ot.bzs", index);
  Put(folder.path() / "m/ot.bzz", data);
  const nlohmann::json parameters = {
      {"kind", "sword"}, {"folder", "m"},
      {"suffix", ".bz"}, {"testaments", {"ot"}},
      {"unit", "book"},  {"same_work", {{"DanGr", "Dan"}}}};
  const auto documents = ExtractDocuments(folder.path(), parameters);
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[0].id, "ot-001-Dan");
  EXPECT_EQ(documents[0].text, "Daniel goes on\n");
  EXPECT_EQ(documents[1].work, "Dan");
  EXPECT_EQ(documents[2].text, "Hosea\n");
}

TEST(SourceTree, LeavesOutTestsCopiesAndGeneratedFiles) {
  TemporaryFolder folder;
  const fs::path src = folder.path() / "src";
  Put(src / "b/code.go", Prose(1, 50));
  Put(src / "a/code.go", Prose(2, 50));
  Put(src / "a/copy.go", Prose(1, 50));
  Put(src / "a/code_test.go", Prose(3, 50));
  Put(src / "a/testdata/x.go", Prose(4, 50));
  Put(src / "a/table.go", std::string(20000, '7'));
  Put(src / "a/made.go",
      "// Code generated by stringer. DO NOT EDIT.\n" + Prose(5, 50));
  Put(src / "a/README", "no code");
  const nlohmann::json parameters = {
      {"kind", "source-tree"},           {"folder", "src"},
      {"extensions", {".go"}},           {"exclude_suffixes", {"_test.go"}},
      {"exclude_folders", {"testdata"}}, {"work", "folder"}};
  const auto documents = ExtractDocuments(folder.path(), parameters);
  EXPECT_THAT(Ids(documents), ElementsAre("a/code.go", "a/copy.go"));
  EXPECT_EQ(documents[0].work, "a");
}

TEST(SourceTree, WorksAreTopFoldersOrDeeper) {
  TemporaryFolder folder;
  const fs::path src = folder.path() / "src";
  Put(src / "top.py", Prose(1, 50));
  Put(src / "core/x/y.py", Prose(2, 50));
  Put(src / "physics/laws.py", Prose(3, 50));
  Put(src / "physics/optics/deep/lens.py", Prose(4, 50));
  const nlohmann::json parameters = {{"kind", "source-tree"},
                                     {"folder", "src"},
                                     {"extensions", {".py"}},
                                     {"work", "top"},
                                     {"deeper", {"physics"}}};
  std::map<std::string, std::string> works;
  for (const auto& d : ExtractDocuments(folder.path(), parameters))
    works[d.id] = d.work;
  EXPECT_EQ(works["top.py"], ".");
  EXPECT_EQ(works["core/x/y.py"], "core");
  EXPECT_EQ(works["physics/laws.py"], "physics");
  EXPECT_EQ(works["physics/optics/deep/lens.py"], "physics/optics");
}

TEST(Man, BecomesParagraphs) {
  const std::string page = R"('\" t
.\" a comment
.TH SIN 3 2023 "Linux"
.SH NAME
sin \- sine of
.IR x ,
in \fBradians\fP
.\" hidden
.SH SYNOPSIS
.nf
.BI "double sin(double " x );
  kept   as is
.fi
.PP
It\(aqs \(lqquoted\(rq; a\e b
.TP
.B EDOM
Infinite
.IR x \
.
.TS
l l.
Attribute	Value
.TE
)";
  const std::string text = ManToText(page);
  EXPECT_THAT(text, testing::StartsWith(
                        "NAME\nsin - sine of x, in radians\n\nSYNOPSIS\ndouble "
                        "sin(double x);\n  kept   as is\n"));
  EXPECT_THAT(text, HasSubstr("It's “quoted”; a\\ b\n\nEDOM Infinite x"));
  EXPECT_THAT(text, HasSubstr("Attribute Value"));
  EXPECT_THAT(text, testing::Not(HasSubstr("hidden")));
  EXPECT_EQ(ManToText(".so man3/sin.3\n"), "");
}

TEST(Man, SurvivesBrokenMarkup) {
  for (const char* page : {"\\", "x\\f", "x\\f[", "x\\(", "x\\h'", ".B \"open",
                           ".", "'", ".de X\nno end", ".TS\nl", "\\s+"}) {
    ManToText(page);
  }
}

TEST(Dict, CutsAtEntries) {
  TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 1500; ++i)
    text += "word" + std::to_string(i) + "\n   " +
            Prose(static_cast<uint32_t>(i), 8) + "\n   end\n";
  Put(folder.path() / "d.dict.dz", Deflate(text, 31));
  const auto documents = ExtractDocuments(
      folder.path(), {{"kind", "dict"}, {"file", "d.dict.dz"}});
  ASSERT_GT(documents.size(), 1u);
  for (const auto& d : documents)
    EXPECT_TRUE(d.text.size() < 40000 && d.text[0] != ' ') << d.id;
}

TEST(Extract, SaysWhatIsMissing) {
  TemporaryFolder folder;
  EXPECT_THAT(MessageOf([&] {
                ExtractDocuments(folder.path(), {{"kind", "pdf"}});
              }),
              HasSubstr("pdf"));
  fs::create_directory(folder.path() / "src");
  const nlohmann::json p = {{"kind", "source-tree"},
                            {"folder", "src"},
                            {"extensions", {".py"}},
                            {"work", "folder"}};
  EXPECT_THAT(MessageOf([&] { ExtractDocuments(folder.path(), p); }),
              HasSubstr("no document"));
}

}  // namespace
}  // namespace plastometer
