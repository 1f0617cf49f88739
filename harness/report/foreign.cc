#include "harness/report/foreign.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "harness/report/columns.h"

namespace plastometer {
namespace {

constexpr int64_t kMaxPosition = int64_t{1} << 40;
// "profile, position, loss, and if known flops_per_token, ..."
std::string ExpectedColumns() {
  return "profile, position, loss, and if known " +
         JoinEach(CostAxes(),
                  [](const CostAxis& a) { return a.foreign_column; });
}

// One file, record by record.
class CsvReader {
 public:
  explicit CsvReader(std::filesystem::path path)
      : path_(std::move(path)), text_(ReadFile(path_)) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  // False at the end of the file.
  bool Next(std::vector<std::string>& cells) {
    cells.clear();
    line_ = next_line_;
    if (at_ >= text_.size()) return false;
    do cells.push_back(Cell());
    while (at_ < text_.size() && text_[at_++] == ',');
    ++next_line_;
    return true;
  }

  [[noreturn]] void Fail(const std::string& where, const std::string& met,
                         const std::string& expected) const {
    throw InvalidError(path_.string() + ", line " + std::to_string(line_) +
                       ", " + where + ": '" + EscapedLine(met.substr(0, 60)) +
                       "', expected " + expected);
  }
  std::string Sha256OfText() const { return Sha256Hex(text_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::string Cell() {
    if (at_ < text_.size() && text_[at_] == '"') return QuotedCell();
    const size_t end = std::min(text_.find_first_of(",\n", at_), text_.size());
    std::string cell = text_.substr(at_, end - at_);
    at_ = end;
    if (cell.ends_with('\r')) cell.pop_back();
    return cell;
  }

  std::string QuotedCell() {
    std::string cell;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"' && text_.compare(at_, 2, "\"\"") != 0) break;
      if (text_[at_] == '"') ++at_;
      if (text_[at_] == '\n') ++next_line_;
      cell += text_[at_];
    }
    if (at_ >= text_.size()) Fail("a quoted cell", cell, "its closing quote");
    ++at_;
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n')
      Fail("after a quoted cell", text_.substr(at_, 10), "a comma");
    return cell;
  }

  std::filesystem::path path_;
  std::string text_;
  size_t at_ = 0;
  int64_t line_ = 1, next_line_ = 1;
};

template <class Number>
std::optional<Number> Parsed(const std::string& cell) {
  Number value{};
  const char* end = cell.data() + cell.size();
  const auto [rest, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || rest != end) return std::nullopt;
  return value;
}

// Where each column stands.
std::map<std::string, size_t> Header(CsvReader& csv) {
  std::vector<std::string> cells;
  std::map<std::string, size_t> columns;
  if (!csv.Next(cells)) csv.Fail("the header", "", ExpectedColumns());
  for (size_t c = 0; c < cells.size(); ++c) {
    const std::string& name = cells[c];
    const bool cost = std::ranges::any_of(CostAxes(), [&](const CostAxis& a) {
      return name == a.foreign_column;
    });
    if (!cost && name != "profile" && name != "position" && name != "loss")
      csv.Fail("column " + std::to_string(c + 1), name, ExpectedColumns());
    if (!columns.emplace(name, c).second)
      csv.Fail("column " + std::to_string(c + 1), name, "each column once");
  }
  for (const char* name : {"profile", "position", "loss"})
    if (!columns.count(name))
      csv.Fail("the header has no column " + std::string(name), cells.front(),
               ExpectedColumns());
  return columns;
}

void AddCosts(const CsvReader& csv,
              const std::map<std::string, size_t>& columns,
              const std::vector<std::string>& cells, ForeignLosses& to) {
  for (const CostAxis& axis : CostAxes()) {
    const auto column = columns.find(axis.foreign_column);
    if (column == columns.end() || cells[column->second].empty()) continue;
    const std::string& cell = cells[column->second];
    const std::string where = "column " + std::string(axis.foreign_column);
    const auto value = Parsed<double>(cell);
    if (!value || !std::isfinite(*value) || *value < 0)
      csv.Fail(where, cell, "a number of 0 or more, or nothing");
    const auto [known, is_new] =
        to.costs.emplace(axis.cost.id, *value / axis.unit);
    if (!is_new && known->second != *value / axis.unit)
      csv.Fail(where, cell, "the same in every row of '" + to.profile + "'");
  }
}

// The profile of this name; those before `begin` are of other files.
ForeignLosses& Named(const std::string& name, const CsvReader& csv,
                     const std::string& sha256, size_t begin,
                     std::vector<ForeignLosses>& profiles) {
  if (name.empty()) csv.Fail("column profile", name, "a name");
  if (EscapedLine(name) != name)
    csv.Fail("column profile", name, "a name that can be printed");
  const auto found = std::ranges::find(profiles, name, &ForeignLosses::profile);
  if (found == profiles.end())
    return profiles.emplace_back(
        ForeignLosses{name, csv.path().string(), sha256, {}, {}});
  if (found - profiles.begin() < static_cast<int64_t>(begin))
    csv.Fail("column profile", name,
             "a name that " + found->file + " does not have");
  return *found;
}

void AddFile(const std::filesystem::path& path,
             std::vector<ForeignLosses>& profiles) {
  CsvReader csv(path);
  const std::map<std::string, size_t> columns = Header(csv);
  const std::string sha256 = csv.Sha256OfText();
  const size_t before = profiles.size();
  std::vector<std::string> cells;
  while (csv.Next(cells)) {
    if (cells.size() != columns.size())
      csv.Fail("the row", std::to_string(cells.size()) + " cells",
               std::to_string(columns.size()));
    const std::string& place = cells[columns.at("position")];
    const auto position = Parsed<int64_t>(place);
    if (!position || *position < 1 || *position > kMaxPosition)
      csv.Fail("column position", place, "a whole number from 1 on");
    const std::string& text = cells[columns.at("loss")];
    const auto loss = Parsed<double>(text);
    if (!loss || !std::isfinite(*loss) || *loss < 0)
      csv.Fail("column loss", text, "nats per token, 0 or more");
    ForeignLosses& profile =
        Named(cells[columns.at("profile")], csv, sha256, before, profiles);
    ForeignLosses::Losses& losses = profile.by_position[*position];
    losses.sum += *loss;
    ++losses.rows;
    AddCosts(csv, columns, cells, profile);
  }
  if (profiles.size() == before) csv.Fail("after the header", "", "a row");
}

}  // namespace

int64_t ForeignLosses::num_rows() const {
  int64_t rows = 0;
  for (const auto& [position, losses] : by_position) rows += losses.rows;
  return rows;
}

double ForeignLosses::MeanLoss(int64_t from, int64_t to) const {
  double sum = 0;
  int64_t rows = 0;
  for (auto at = by_position.lower_bound(from);
       at != by_position.end() && at->first < to; ++at)
    sum += at->second.sum, rows += at->second.rows;
  return rows > 0 ? sum / static_cast<double>(rows)
                  : std::numeric_limits<double>::quiet_NaN();
}

std::vector<ForeignLosses> ReadForeign(
    const std::vector<std::filesystem::path>& files) {
  std::vector<ForeignLosses> profiles;
  for (const std::filesystem::path& file : files) AddFile(file, profiles);
  return profiles;
}

}  // namespace plastometer
