#include "harness/report/check_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace plastometer {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Comparison One(const std::string& name, Verdict verdict) {
  Comparison c;
  c.pins.suite = "quick";
  c.pins.name = name;
  c.pins.profile = "early:25%";
  c.pins.model_sha256 = std::string(64, 'a');
  c.candidate_class = c.golden_class = "portable-1";
  c.verdict = verdict;
  const auto outcome = verdict == Verdict::kPass ? TierResult::kPassed
                       : verdict == Verdict::kInconclusive
                           ? TierResult::kNotApplicable
                           : TierResult::kFailed;
  c.chosen_because = "the portable lanes give the same bits";
  if (verdict == Verdict::kInvalid) {
    c.chosen_tier = 0;
    c.tiers = {{0, "contract", outcome,
                "there is no golden of this case yet: plastometer review, "
                "then accept"}};
    return c;
  }
  c.tiers = {{0, "contract", TierResult::kPassed, "all pins, 8 windows"},
             {1, "finite", TierResult::kPassed, "every loss is finite"},
             {2, "counts", TierResult::kPassed, "11 counters equal"},
             {3, "bits", outcome,
              "3 of 8 windows differ; first window 2: losses 64 and on"}};
  c.mean_nll_change = -1.25e-3;
  c.max_abs_nll_change = 0.5;
  if (outcome != TierResult::kFailed) return c;
  Divergence d;
  d.window_idx = 2;
  d.token = d.last_token = 70;
  d.where = "block";
  d.layer = 3;
  d.mini_batch = 4;
  d.text =
      "window 2 (tokens 0-1023), token 70, layer 3: the block's output "
      "differs, its input does not";
  d.growth_nats = {1e-6, 2e-6, std::numeric_limits<double>::infinity()};
  c.divergence = d;
  return c;
}

CheckReport Whole() {
  CheckReport report;
  report.suite = "quick";
  report.run_folder = "runs/quick-1";
  for (const auto& [name, verdict] :
       {std::pair{"prose.uniform", Verdict::kPass},
        {"prose.frozen", Verdict::kRegression},
        {"code.early-25", Verdict::kInvalid},
        {"code.a-rather-long-name-of-a-case", Verdict::kImprovement},
        {"code.retina", Verdict::kInconclusive}})
    report.comparisons.push_back(One(name, verdict));
  report.notes = {
      "quick/prose.frozen: CODE-CHANGE: commit 0123456789ab, which made the "
      "golden, still gives it here"};
  return report;
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// A strict reader of the XML that can come here: elements, attributes, text,
// the five entities and &#n;, UTF-8 of XML's characters. "" or what is wrong.
class XmlReader {
 public:
  static std::string Problem(const std::string& text,
                             std::vector<std::string>* texts) {
    XmlReader reader(text, texts);
    if (!reader.Characters()) return "not XML's characters";
    if (!reader.Take("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"))
      return "no declaration";
    if (!reader.Element()) return "near byte " + std::to_string(reader.at_);
    reader.Blanks();
    return reader.at_ == text.size() ? "" : "text after the end";
  }

 private:
  XmlReader(const std::string& text, std::vector<std::string>* texts)
      : text_(text), texts_(texts) {}

  bool Characters() const {
    for (size_t i = 0; i < text_.size();) {
      const auto c = static_cast<unsigned char>(text_[i]);
      const size_t n = c < 0x80   ? 1
                       : c < 0xc2 ? 0
                       : c < 0xe0 ? 2
                       : c < 0xf0 ? 3
                       : c < 0xf5 ? 4
                                  : 0;
      if (n == 0 || i + n > text_.size()) return false;
      uint32_t code = n == 1 ? c : c & (0x7fU >> n);
      for (size_t k = 1; k < n; ++k) {
        const auto next = static_cast<unsigned char>(text_[i + k]);
        if ((next & 0xc0U) != 0x80) return false;
        code = code << 6 | (next & 0x3fU);
      }
      const bool good = code == 9 || code == 10 || code == 13 ||
                        (code >= 32 && code < 0xd800) ||
                        (code >= 0xe000 && code < 0xfffe) || code >= 0x10000;
      const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
      if (!good || code < least[n] || code > 0x10ffff) return false;
      i += n;
    }
    return true;
  }
  bool Take(const std::string& word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  void Blanks() {
    while (at_ < text_.size() && std::strchr(" \n\t\r", text_[at_]) != nullptr)
      ++at_;
  }
  std::string Name() {
    const size_t begin = at_;
    while (at_ < text_.size() &&
           (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 ||
            text_[at_] == '_'))
      ++at_;
    return text_.substr(begin, at_ - begin);
  }
  // Up to `end`, unescaped; false at a bare '<' or '&'.
  bool Text(char end) {
    std::string out;
    while (at_ < text_.size() && text_[at_] != end) {
      if (text_[at_] == '<') return false;
      if (text_[at_] != '&') {
        out += text_[at_++];
      } else if (Take("&amp;")) {
        out += '&';
      } else if (Take("&lt;")) {
        out += '<';
      } else if (Take("&gt;")) {
        out += '>';
      } else if (Take("&quot;")) {
        out += '"';
      } else if (Take("&#10;")) {
        out += '\n';
      } else {
        return false;
      }
    }
    texts_->push_back(out);
    return at_ < text_.size();
  }
  bool Element() {
    if (!Take("<")) return false;
    const std::string name = Name();
    if (name.empty()) return false;
    std::vector<std::string> seen;
    for (Blanks(); at_ < text_.size() && text_[at_] != '>' && text_[at_] != '/';
         Blanks()) {
      const std::string attribute = Name();
      if (attribute.empty() || !Take("=\"") || !Text('"') || !Take("\""))
        return false;
      if (std::ranges::find(seen, attribute) != seen.end()) return false;
      seen.push_back(attribute);
    }
    if (Take("/>")) return true;
    if (!Take(">")) return false;
    while (true) {
      if (!Text('<')) return false;
      if (Take("</")) return Name() == name && Take(">");
      if (!Element()) return false;
    }
  }

  const std::string& text_;
  std::vector<std::string>* texts_;
  size_t at_ = 0;
};

// Nothing that a store would take as a name, but a suite's file may say it.
const std::vector<std::string>& Hostile() {
  static const std::vector<std::string> names = {
      "a\"><failure/>&amp;]]>'", "a|b\\|c\nd",
      "a\r\n::error::forged",    "<!-- <script>alert(1)</script>",
      "\x01\x1f\x7f\t",          "\xff\xfe broken UTF-8 \xc3",
      "\xed\xa0\x80 surrogate",  "\xef\xbf\xbe no character \xef\xbf\xbf",
      "gr\xc3\xbc\xc3\x9f",      "100%,:;"};
  return names;
}

CheckReport HostileReport() {
  CheckReport report;
  for (const std::string& name : Hostile()) {
    for (const Verdict verdict :
         {Verdict::kRegression, Verdict::kInconclusive}) {
      Comparison c = One(name, verdict);
      c.pins.suite = c.pins.profile = name;
      c.tiers.back().detail = name;
      if (c.divergence) c.divergence->text = name;
      report.comparisons.push_back(c);
    }
    report.suite = report.run_folder = name;
    report.notes.push_back(name);
  }
  return report;
}

TEST(CheckTable, FitsEightyAndSixtyColumns) {
  for (const int width : {80, 60, 100}) {
    const std::string table = CheckTable(Whole(), width);
    for (const std::string& line : Lines(table)) {
      if (line.find(' ', 2) == std::string::npos) continue;  // one long path
      EXPECT_LE(line.size(), static_cast<size_t>(width)) << line;
    }
  }
}

TEST(CheckTable, SaysVerdictsInWordsAndWhatToDo) {
  const std::string table = CheckTable(Whole(), 80);
  for (const char* word :
       {"pass", "regression", "invalid", "improvement", "inconclusive"}) {
    EXPECT_THAT(table, HasSubstr(" " + std::string(word) + " "));
    EXPECT_THAT(table, HasSubstr("1 " + std::string(word)));
  }
  EXPECT_THAT(table, HasSubstr("5 cases: "));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));  // words, not colours
  EXPECT_THAT(table, HasSubstr("prose.frozen "));
  EXPECT_THAT(table, HasSubstr("-1.25e-03"));
  EXPECT_THAT(table, HasSubstr("bits: 3 of 8 windows differ"));
  EXPECT_THAT(table, HasSubstr("first: window 2"));
  EXPECT_THAT(table, HasSubstr("plastometer review runs/quick-1"));
  EXPECT_THAT(table, HasSubstr("plastometer replay"));
  EXPECT_THAT(table, HasSubstr("CODE-CHANGE"));
}

TEST(CheckTable, APassIsOneLine) {
  CheckReport report = Whole();
  report.comparisons.resize(1);
  report.notes.clear();
  const std::string table = CheckTable(report, 80);
  EXPECT_THAT(table, Not(HasSubstr("next:")));
  EXPECT_THAT(table, HasSubstr("1 cases: 1 pass"));
}

TEST(CheckTable, NothingToCompareIsNoPass) {
  CheckReport report;
  report.suite = "quick";
  EXPECT_THAT(CheckTable(report, 80), HasSubstr("0 cases: none"));
}

TEST(CheckJson, HoldsEverythingAndNoNumberThatIsNone) {
  CheckReport report = Whole();
  report.comparisons[1].change_low = std::numeric_limits<double>::quiet_NaN();
  const auto json = nlohmann::json::parse(CheckJson(report));
  EXPECT_EQ(json["schema"], 1);
  EXPECT_EQ(json["run_folder"], "runs/quick-1");
  EXPECT_EQ(json["notes"].size(), 1U);
  ASSERT_EQ(json["cases"].size(), 5U);
  const auto& bad = json["cases"][1];
  EXPECT_EQ(bad["case"], "prose.frozen");
  EXPECT_EQ(bad["verdict"], "regression");
  EXPECT_EQ(bad["exit_code"], 1);
  EXPECT_EQ(bad["mean_nll_change"], -1.25e-3);
  EXPECT_TRUE(bad["change_low"].is_null());
  EXPECT_TRUE(bad["probe_kl"].is_null());
  EXPECT_EQ(bad["tiers"][3]["outcome"], "failed");
  EXPECT_EQ(bad["divergence"]["layer"], 3);
  EXPECT_TRUE(bad["divergence"]["head"].is_null());
  EXPECT_TRUE(bad["divergence"]["growth_rms_nats_by_octave"][2].is_null());
  EXPECT_TRUE(json["cases"][0]["divergence"].is_null());
}

TEST(CheckJson, HostileNamesAreStillJson) {
  const auto json = nlohmann::json::parse(CheckJson(HostileReport()));
  EXPECT_EQ(json["cases"][0]["case"], Hostile()[0]);
}

TEST(CheckJunit, CountsItsCases) {
  std::vector<std::string> texts;
  const std::string xml = CheckJunit(Whole());
  EXPECT_EQ(XmlReader::Problem(xml, &texts), "");
  EXPECT_THAT(xml, HasSubstr("tests=\"17\" failures=\"3\" skipped=\"1\""));
  EXPECT_THAT(xml, HasSubstr("classname=\"quick/prose.frozen\" name=\"bits\""));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"regression\""));
  EXPECT_THAT(xml, HasSubstr("<failure type=\"improvement\""));
}

TEST(CheckJunit, HostileNamesAreWellFormedXmlAndNames) {
  std::vector<std::string> texts;
  const std::string xml = CheckJunit(HostileReport());
  EXPECT_EQ(XmlReader::Problem(xml, &texts), "");
  for (const size_t i : {0, 3, 8, 9}) {  // what XML can say, it says
    const std::string name = Hostile()[i] + "/" + Hostile()[i];
    EXPECT_THAT(texts, ::testing::Contains(name));
  }
}

TEST(CheckJunit, TheReaderOfThisTestIsStrict) {
  std::vector<std::string> texts;
  const std::string head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  EXPECT_EQ(XmlReader::Problem(head + "<a b=\"1\"><c/>x&lt;</a>\n", &texts),
            "");
  for (const char* bad :
       {"<a>", "<a></b>", "<a b=\"<\"/>", "<a b=1/>", "<a>&x;</a>", "<a/><b/>",
        "<a>\x01</a>", "<a>\xff</a>", "<a>\xef\xbf\xbf</a>",
        "<a b=\"1\" b=\"2\"/>"})
    EXPECT_NE(XmlReader::Problem(head + bad, &texts), "") << bad;
}

TEST(CheckSummary, IsATableOfWhatDidNotPass) {
  const std::string text = CheckSummary(Whole());
  EXPECT_THAT(text, HasSubstr("### Goldens of suite quick\n"));
  EXPECT_THAT(text, HasSubstr("| prose.frozen | **regression** | bits | "
                              "-1.25e-03 | window 2"));
  EXPECT_THAT(text, Not(HasSubstr("| prose.uniform ")));
  EXPECT_THAT(text, HasSubstr("1 more passed"));
}

TEST(CheckSummary, HostileNamesStayInTheirCells) {
  const CheckReport report = HostileReport();
  const std::string text = CheckSummary(report);
  size_t rows = 0;
  for (const std::string& line : Lines(text)) {
    if (!line.starts_with("|")) continue;
    ++rows;
    int cells = -1;  // bars that no backslash makes a letter
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\')
        ++i;
      else if (line[i] == '|')
        ++cells;
    }
    EXPECT_EQ(cells, 5) << line;
  }
  EXPECT_EQ(rows, report.comparisons.size() + 2);
  EXPECT_THAT(text, Not(HasSubstr("<script>")));
  EXPECT_THAT(text, Not(HasSubstr("<!--")));
  EXPECT_THAT(text, Not(HasSubstr("\n::error")));
  EXPECT_THAT(text, Not(HasSubstr("\r")));
}

TEST(CheckAnnotations, AreOneCommandALine) {
  const auto lines = Lines(CheckAnnotations(Whole()));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_TRUE(lines[0].starts_with(
      "::error file=goldens/quick/prose.frozen/case.json,title="
      "quick/prose.frozen regression::bits: 3 of 8"))
      << lines[0];
  EXPECT_THAT(lines[0], HasSubstr("%0Awindow 2"));
  EXPECT_TRUE(lines[1].starts_with("::error "));
  EXPECT_TRUE(lines[2].starts_with("::warning "));
  EXPECT_TRUE(lines[3].starts_with("::warning "));
}

TEST(CheckAnnotations, HostileNamesForgeNoCommand) {
  const CheckReport report = HostileReport();
  const std::string text = CheckAnnotations(report);
  const auto lines = Lines(text);
  EXPECT_EQ(lines.size(), report.comparisons.size());
  EXPECT_THAT(text, Not(HasSubstr("\r")));
  for (const std::string& line : lines) {
    EXPECT_TRUE(line.starts_with("::error file=") ||
                line.starts_with("::warning file="))
        << line;
    const std::string properties = line.substr(0, line.find("::", 2));
    EXPECT_EQ(std::ranges::count(properties, ','), 1) << line;
    EXPECT_EQ(std::ranges::count(properties, ':'), 2) << line;
  }
}

}  // namespace
}  // namespace plastometer
