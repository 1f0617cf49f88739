#include "harness/run/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/base64.h"
#include "base/canonical_json.h"
#include "base/counters.h"
#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sha256.h"
#include "harness/results/trace_file.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;

constexpr size_t kDigestDigits = 16;
constexpr int64_t kMaxIndex = int64_t{1} << 40;
constexpr uint64_t kMaxJournalBytes = uint64_t{1} << 34;

std::string Line(const Json& json) {
  const std::string text = json.dump();
  return Sha256Hex(text).substr(0, kDigestDigits) + ' ' + text + '\n';
}

std::string EncodeLosses(const std::vector<double>& nll, int64_t loss_bytes) {
  std::string bytes(nll.size() * static_cast<size_t>(loss_bytes), '\0');
  for (size_t i = 0; i < nll.size(); ++i) {
    if (loss_bytes == 8) {
      std::memcpy(bytes.data() + 8 * i, &nll[i], 8);
    } else {
      const auto value = static_cast<float>(nll[i]);
      std::memcpy(bytes.data() + 4 * i, &value, 4);
    }
  }
  return Base64Encode(bytes);
}

// One record's fields; every key must be there, and no other.
class Record {
 public:
  Record(const Json& json, std::string where)
      : json_(json), where_(std::move(where)) {
    if (!json.is_object()) throw InvalidError(where_ + ": not an object");
  }
  const Json& Get(const char* key) {
    ++num_read_;
    const auto found = json_.find(key);
    if (found == json_.end())
      throw InvalidError(where_ + ": key \"" + key + "\" is missing");
    return *found;
  }
  int64_t Integer(const char* key) {
    const Json& value = Get(key);
    if (!value.is_number_integer() || value.get<int64_t>() < 0)
      throw Wrong(key, "an integer >= 0");
    return value.get<int64_t>();
  }
  int64_t Index(const char* key) {
    const int64_t value = Integer(key);
    if (value > kMaxIndex) throw Wrong(key, "an index");
    return value;
  }
  double Seconds(const char* key) {
    const Json& value = Get(key);
    if (!value.is_number() || !(value.get<double>() >= 0))
      throw Wrong(key, "seconds");
    return value.get<double>();
  }
  std::string Text(const char* key) {
    const Json& value = Get(key);
    if (!value.is_string()) throw Wrong(key, "a string");
    return value.get<std::string>();
  }
  std::string Bytes(const char* key) {
    return Base64Decode(Text(key), where_ + ": \"" + key + "\"");
  }
  bool Has(const char* key) const { return json_.contains(key); }
  void End() const {
    if (num_read_ != json_.size())
      throw InvalidError(where_ + ": it has " + std::to_string(json_.size()) +
                         " keys; expected " + std::to_string(num_read_));
  }
  Error Wrong(const char* key, const std::string& expected) const {
    return InvalidError(where_ + ": \"" + std::string(key) +
                        "\" is not valid; expected " + expected);
  }
  const std::string& where() const { return where_; }

 private:
  const Json& json_;
  std::string where_;
  size_t num_read_ = 0;
};

std::vector<double> DecodeLosses(Record& record, int64_t loss_bytes) {
  if (loss_bytes != 4 && loss_bytes != 8)
    throw record.Wrong("loss_bytes", "4 or 8");
  const std::string bytes = record.Bytes("nll");
  if (bytes.size() % static_cast<size_t>(loss_bytes) != 0)
    throw record.Wrong("nll", "whole losses");
  std::vector<double> nll(bytes.size() / static_cast<size_t>(loss_bytes));
  for (size_t i = 0; i < nll.size(); ++i) {
    float value = 0;
    if (loss_bytes == 8) {
      std::memcpy(&nll[i], bytes.data() + 8 * i, 8);
    } else {
      std::memcpy(&value, bytes.data() + 4 * i, 4);
      nll[i] = value;
    }
  }
  return nll;
}

// A digit a loss.
std::vector<uint8_t> ParseCorrect(Record& record) {
  std::vector<uint8_t> correct;
  for (const char c : record.Text("correct")) {
    if (c != '0' && c != '1') throw record.Wrong("correct", "digits 0 and 1");
    correct.push_back(c == '1');
  }
  if (correct.empty()) throw record.Wrong("correct", "digits 0 and 1");
  return correct;
}

std::string CorrectText(const std::vector<uint8_t>& correct) {
  std::string text;
  for (const uint8_t c : correct) text += c != 0 ? '1' : '0';
  return text;
}

JournalHeader ParseHeader(Record record) {
  JournalHeader header;
  record.Get("type");
  if (record.Integer("schema") != kGoldenSchema)
    throw record.Wrong("schema", std::to_string(kGoldenSchema));
  header.plan_sha256 = record.Text("plan_sha256");
  header.code_tree = record.Text("code_tree");
  header.shard_idx = record.Index("shard");
  header.num_shards = record.Index("shards");
  record.End();
  if (header.shard_idx >= header.num_shards)
    throw record.Wrong("shard", "less than \"shards\"");
  return header;
}

JournalUnit ParseUnit(Record record) {
  JournalUnit unit;
  record.Get("type");
  unit.key = record.Text("key");
  unit.group_idx = record.Index("group");
  unit.profile_idx = record.Index("profile");
  unit.window_idx = record.Index("window");
  unit.batch_idx = record.Index("batch");
  unit.batch_windows = record.Index("batch_windows");
  unit.batch_seconds = record.Seconds("batch_seconds");
  unit.loss_bytes = record.Integer("loss_bytes");
  for (const auto& [name, member] : kCounterFields)
    unit.counters.*member = record.Integer(name);
  unit.nll = DecodeLosses(record, unit.loss_bytes);
  if (record.Has("working_bytes"))
    unit.working_bytes = record.Integer("working_bytes");
  if (record.Has("correct")) unit.correct = ParseCorrect(record);
  record.End();
  if (unit.batch_windows < 1) throw record.Wrong("batch_windows", ">= 1");
  return unit;
}

JournalTrace ParseTrace(Record record) {
  JournalTrace trace;
  record.Get("type");
  trace.key = record.Text("key");
  trace.group_idx = record.Index("group");
  trace.profile_idx = record.Index("profile");
  trace.window_idx = record.Index("window");
  trace.trace = DecodeTrace(record.Bytes("trace"), record.where());
  record.End();
  return trace;
}

void ParseLine(std::string_view line, const std::string& where, bool is_first,
               Journal& journal) {
  for (const std::string_view marker : {"<<<<<<<", "=======", ">>>>>>>"}) {
    if (line.starts_with(marker))
      throw InvalidError(where +
                         ": a merge-conflict marker; a journal is not "
                         "merged by git: use plastometer merge");
  }
  const std::string_view text =
      line.size() > kDigestDigits ? line.substr(kDigestDigits + 1) : "";
  const std::string digest = Sha256Hex(text).substr(0, kDigestDigits);
  if (text.empty() || line[kDigestDigits] != ' ' ||
      line.substr(0, kDigestDigits) != digest)
    throw InvalidError(where + ": the line is damaged: its digest is " +
                       digest + ", it says \"" +
                       std::string(line.substr(0, kDigestDigits)) + "\"");
  const Json json = ParseJson(text, where);
  const std::string type =
      json.is_object() && json.contains("type") && json["type"].is_string()
          ? json["type"].get<std::string>()
          : "";
  if (is_first != (type == "plan"))
    throw InvalidError(where + ": a \"" + type +
                       "\" record; expected \"plan\" first and only there");
  if (is_first) {
    journal.header = ParseHeader({json, where});
  } else if (type == "unit") {
    journal.units.push_back(ParseUnit({json, where}));
  } else if (type == "trace") {
    journal.traces.push_back(ParseTrace({json, where}));
  } else {
    throw InvalidError(where + ": record type \"" + type +
                       "\" is unknown; expected unit or trace");
  }
}

Error CannotWrite(const std::filesystem::path& path) {
  return InfrastructureError("cannot write " + path.string() + ": " +
                             std::generic_category().message(errno));
}

// Calls `release` now and then: what is parsed is not read again.
template <class Release>
Journal Parse(std::string_view bytes, const std::string& source,
              const Release& release) {
  constexpr size_t kReleasedBytes = size_t{1} << 24;
  Journal journal;
  int64_t line_number = 1;
  size_t released = 0;
  for (size_t begin = 0; begin < bytes.size(); ++line_number) {
    const size_t end = bytes.find('\n', begin);
    if (end == std::string_view::npos) {
      journal.torn = true;
      break;
    }
    ParseLine(bytes.substr(begin, end - begin),
              source + ": line " + std::to_string(line_number) + ", byte " +
                  std::to_string(begin),
              line_number == 1, journal);
    begin = end + 1;
    journal.valid_bytes = begin;
    if (begin - released < kReleasedBytes) continue;
    release();
    released = begin;
  }
  if (journal.valid_bytes == 0)
    throw InvalidError(source +
                       ": it holds no whole record; nothing was "
                       "finished: start the run anew");
  return journal;
}

}  // namespace

Journal ParseJournal(std::string_view bytes, const std::string& source) {
  return Parse(bytes, source, [] {});
}

Journal ReadJournal(const std::filesystem::path& path) {
  const MappedFile file(path);
  if (file.bytes().size() > kMaxJournalBytes)
    throw InvalidError(
        path.string() + " has " + std::to_string(file.bytes().size()) +
        " bytes; expected at most " + std::to_string(kMaxJournalBytes));
  return Parse(
      {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
      path.string(), [&] { file.Release(); });
}

std::string JournalLine(const JournalHeader& header) {
  return Line({{"type", "plan"},
               {"schema", kGoldenSchema},
               {"plan_sha256", header.plan_sha256},
               {"code_tree", header.code_tree},
               {"shard", header.shard_idx},
               {"shards", header.num_shards}});
}

std::string JournalLine(const JournalUnit& unit) {
  Json json = {{"type", "unit"},
               {"key", unit.key},
               {"group", unit.group_idx},
               {"profile", unit.profile_idx},
               {"window", unit.window_idx},
               {"batch", unit.batch_idx},
               {"batch_windows", unit.batch_windows},
               {"batch_seconds", unit.batch_seconds},
               {"loss_bytes", unit.loss_bytes},
               {"nll", EncodeLosses(unit.nll, unit.loss_bytes)}};
  for (const auto& [name, member] : kCounterFields)
    json[name] = unit.counters.*member;
  if (unit.working_bytes >= 0) json["working_bytes"] = unit.working_bytes;
  if (!unit.correct.empty()) json["correct"] = CorrectText(unit.correct);
  return Line(json);
}

std::string JournalLine(const JournalTrace& trace) {
  return Line({{"type", "trace"},
               {"key", trace.key},
               {"group", trace.group_idx},
               {"profile", trace.profile_idx},
               {"window", trace.window_idx},
               {"trace", Base64Encode(EncodeTrace(trace.trace))}});
}

JournalWriter::JournalWriter(const std::filesystem::path& path,
                             uint64_t valid_bytes)
    : path_(path),
      fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) {
  if (fd_ < 0) throw CannotWrite(path_);
  const bool locked = flock(fd_, LOCK_EX | LOCK_NB) == 0;
  if (!locked || ftruncate(fd_, static_cast<off_t>(valid_bytes)) != 0 ||
      lseek(fd_, 0, SEEK_END) < 0) {
    const Error error =
        locked ? CannotWrite(path_)
               : RefusedError(path_.string() +
                              ": another process is writing this run");
    close(fd_);
    throw error;
  }
}

JournalWriter::~JournalWriter() { close(fd_); }

void JournalWriter::Append(const std::string& lines) {
  WriteAll(fd_, lines, path_);
  if (fsync(fd_) != 0) throw CannotWrite(path_);
}

}  // namespace plastometer
