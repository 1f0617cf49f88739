#include "harness/golden/store.h"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "base/zstd_stream.h"
#include "harness/results/trace_file.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

// A pending golden may be larger than the store allows.
constexpr uint64_t kMaxJsonBytes = 16 << 20;
constexpr int kZstdLevel = 19;  // written once, read often

// The texts of the two files and the trace's bytes: what is written and hashed.
struct GoldenBytes {
  std::string pins, metrics, trace;
};

GoldenBytes BytesOf(const Golden& golden) {
  GoldenBytes bytes{PinsJson(golden.pins), "", EncodeTrace(golden.trace)};
  CaseMetrics metrics = golden.metrics;
  if (!metrics.hashes.emplace(kTraceHashKey, Sha256Hex(bytes.trace)).second) {
    throw InternalError(std::string("hash \"") + kTraceHashKey +
                        "\" of a golden is the store's own");
  }
  bytes.metrics = MetricsJson(metrics);
  return bytes;
}

void RequireStoreName(const std::string& name, const char* what) {
  if (IsStoreName(name)) return;
  throw UsageError(std::string(what) + " \"" + name +
                   "\": expected letters, digits and . _ + -, the first not a "
                   "dot, and not \"ledger\"");
}

// Names of the folders that hold `file`, or of all when it is empty; sorted.
std::vector<std::string> FoldersIn(const fs::path& folder,
                                   const std::string& file) {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_directory() || !IsStoreName(name)) continue;
    if (fs::exists(entry.path() / file)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void RequireSame(const fs::path& file, const char* what, const std::string& met,
                 const std::string& expected) {
  if (met == expected) return;
  throw InvalidError(file.string() + ": " + what + " is \"" + met +
                     "\", but its folder says \"" + expected + "\"");
}

fs::path MakeClassFolder(const Golden& golden, const fs::path& folder) {
  RequireStoreName(golden.metrics.numeric_class, "numeric class");
  const fs::path class_folder = folder / golden.metrics.numeric_class;
  MakeFolders(class_folder);
  return class_folder;
}

CasePins ReadPins(const fs::path& folder) {
  const fs::path file = folder / "case.json";
  return ParsePins(ReadFile(file, kMaxJsonBytes), file.string());
}

}  // namespace

std::string GoldenSha256(const Golden& golden) {
  const GoldenBytes bytes = BytesOf(golden);
  return Sha256Hex("case.json " + Sha256Hex(bytes.pins) + "\nmetrics.json " +
                   Sha256Hex(bytes.metrics) + "\ntrace " +
                   Sha256Hex(bytes.trace) + "\n");
}

void WriteGolden(const Golden& golden, const fs::path& folder) {
  StagedGolden(golden, folder).Commit();
}

StagedGolden::StagedGolden(const Golden& golden, const fs::path& folder)
    : folder_{MakeClassFolder(golden, folder)},
      pins_(folder / "case.json"),
      trace_(folder_.path / "trace.zst"),
      metrics_(folder_.path / "metrics.json") {
  const GoldenBytes bytes = BytesOf(golden);
  pins_.Write(bytes.pins);
  trace_.Write(ZstdCompress(bytes.trace, kZstdLevel));
  metrics_.Write(bytes.metrics);
  for (AtomicFile* file : {&pins_, &trace_, &metrics_}) file->Flush();
}

StagedGolden::ClassFolder::~ClassFolder() {
  std::error_code not_empty;
  fs::remove(path, not_empty);
  fs::remove(path.parent_path(), not_empty);
}

// A new trace beside old metrics is no golden: then the old trace comes back.
void StagedGolden::Commit() {
  const fs::path trace = folder_.path / "trace.zst",
                 metrics = folder_.path / "metrics.json";
  const std::string before = fs::exists(metrics) ? ReadFile(trace) : "";
  try {
    AtomicFile::CommitAll({&pins_, &trace_, &metrics_});
  } catch (const Error&) {
    if (metrics_.committed()) throw;
    if (before.empty())
      fs::remove(trace);
    else
      WriteFile(trace, before);
    throw;
  }
}

Golden ReadGolden(const fs::path& folder, const std::string& numeric_class) {
  RequireStoreName(numeric_class, "numeric class");
  const fs::path metrics_file = folder / numeric_class / "metrics.json";
  const fs::path trace_file = folder / numeric_class / "trace.zst";
  Golden golden;
  golden.pins = ReadPins(folder);
  golden.metrics = ParseMetrics(ReadFile(metrics_file, kMaxJsonBytes),
                                metrics_file.string());
  RequireSame(metrics_file, "numeric_class", golden.metrics.numeric_class,
              numeric_class);
  const std::string trace = ZstdDecompress(ReadFile(trace_file, kMaxTraceBytes),
                                           kMaxTraceBytes, trace_file.string());
  const auto expected = golden.metrics.hashes.extract(kTraceHashKey);
  const std::string met = Sha256Hex(trace);
  if (expected.empty() || expected.mapped() != met) {
    throw InvalidError(
        trace_file.string() + ": SHA-256 of its content is " + met + ", " +
        metrics_file.string() + " says " +
        (expected.empty() ? "nothing" : expected.mapped()) +
        ": the two are not of one golden (writing was interrupted?); restore "
        "both from git, or remove the folder if they were never committed");
  }
  golden.trace = DecodeTrace(trace, trace_file.string());
  return golden;
}

std::string GoldenText(const fs::path& file) {
  const std::string bytes = ZstdDecompress(ReadFile(file, kMaxTraceBytes),
                                           kMaxTraceBytes, file.string());
  return TraceText(DecodeTrace(bytes, file.string()));
}

bool IsStoreName(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
  return !name.empty() && name.size() <= 200 && name.front() != '.' &&
         name != kLedgerFolder &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

GoldenStore::GoldenStore(fs::path root) : root_(std::move(root)) {}

fs::path GoldenStore::CaseFolder(const std::string& suite,
                                 const std::string& name) const {
  RequireStoreName(suite, "suite");
  RequireStoreName(name, "case");
  return root_ / suite / name;
}

std::vector<std::string> GoldenStore::Cases(const std::string& suite) const {
  RequireStoreName(suite, "suite");
  return FoldersIn(root_ / suite, "case.json");
}

std::vector<std::string> GoldenStore::Classes(const std::string& suite,
                                              const std::string& name) const {
  return FoldersIn(CaseFolder(suite, name), "metrics.json");
}

std::optional<CasePins> GoldenStore::Pins(const std::string& suite,
                                          const std::string& name) const {
  const fs::path folder = CaseFolder(suite, name);
  if (!fs::exists(folder / "case.json")) return std::nullopt;
  CasePins pins = ReadPins(folder);
  RequireSame(folder / "case.json", "suite", pins.suite, suite);
  RequireSame(folder / "case.json", "name", pins.name, name);
  return pins;
}

std::optional<Golden> GoldenStore::Read(
    const std::string& suite, const std::string& name,
    const std::string& numeric_class) const {
  const fs::path folder = CaseFolder(suite, name);
  RequireStoreName(numeric_class, "numeric class");
  if (!fs::exists(folder / numeric_class)) return std::nullopt;
  if (!Pins(suite, name)) {
    throw InvalidError((folder / "case.json").string() +
                       ": missing, but there is a golden of class " +
                       numeric_class + "; restore it from git");
  }
  return ReadGolden(folder, numeric_class);
}

FileLock LockStore(const fs::path& root) {
  MakeFolders(root);
  return FileLock(root / kLockFile, "the golden store");
}

}  // namespace plastometer
