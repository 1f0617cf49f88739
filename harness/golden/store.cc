#include "harness/golden/store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/sha256.h"
#include "harness/base/zstd_stream.h"
#include "harness/golden/canonical_json.h"
#include "harness/golden/trace_file.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

// A pending golden may be larger than the store allows.
constexpr uint64_t kMaxJsonBytes = 16 << 20;
constexpr int kZstdLevel = 19;  // written once, read often

template <typename T, typename Convert>
std::map<std::string, T> ReadMap(const Json& object, const std::string& where,
                                 Convert convert) {
  std::map<std::string, T> values;
  for (const auto& [key, value] : object.items()) {
    values.emplace(key, convert(value, where + "." + key));
  }
  return values;
}

CaseMetrics::Tolerance ToleranceOf(const Json& value,
                                   const std::string& where) {
  ObjectReader fields(value, where);
  CaseMetrics::Tolerance tolerance;
  tolerance.max_abs_nll = fields.Float("max_abs_nll");
  tolerance.max_abs_mean_nll = fields.Float("max_abs_mean_nll");
  tolerance.reason = fields.String("reason");
  fields.Finish();
  return tolerance;
}

Json TolerancesJson(const CaseMetrics& metrics) {
  Json all = Json::object();
  for (const auto& [lane, tolerance] : metrics.tolerances) {
    all[lane] = {{"max_abs_nll", FloatJson(tolerance.max_abs_nll)},
                 {"max_abs_mean_nll", FloatJson(tolerance.max_abs_mean_nll)},
                 {"reason", tolerance.reason}};
  }
  return all;
}

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
    if (file.empty() || fs::exists(entry.path() / file)) names.push_back(name);
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

CasePins ReadPins(const fs::path& folder) {
  const fs::path file = folder / "case.json";
  return ParsePins(ReadFile(file, kMaxJsonBytes), file.string());
}

void MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw InfrastructureError("cannot make the folder " + folder.string() +
                              ": " + error.message());
  }
}

}  // namespace

std::string PinsJson(const CasePins& pins) {
  return SealedText({{"suite", pins.suite},
                     {"name", pins.name},
                     {"profile", pins.profile},
                     {"profile_lambdas", pins.profile_lambdas},
                     {"model_name", pins.model_name},
                     {"model_sha256", pins.model_sha256},
                     {"config_json", pins.config_json},
                     {"tokenizer_sha256", pins.tokenizer_sha256},
                     {"data_sha256", pins.data_sha256},
                     {"num_windows", pins.num_windows},
                     {"context_tokens", pins.context_tokens},
                     {"batch_size", pins.batch_size},
                     {"traced_windows", pins.traced_windows},
                     {"expect", pins.expect}});
}

CasePins ParsePins(std::string_view text, const std::string& source) {
  const Json object = ParseSealed(text, source);
  ObjectReader fields(object, source);
  CasePins pins;
  pins.suite = fields.String("suite");
  pins.name = fields.String("name");
  pins.profile = fields.String("profile");
  pins.profile_lambdas = fields.String("profile_lambdas");
  pins.model_name = fields.String("model_name");
  pins.model_sha256 = fields.String("model_sha256");
  pins.config_json = fields.String("config_json");
  pins.tokenizer_sha256 = fields.String("tokenizer_sha256");
  pins.data_sha256 = fields.String("data_sha256");
  pins.num_windows = fields.Integer("num_windows");
  pins.context_tokens = fields.Integer("context_tokens");
  pins.batch_size = fields.Integer("batch_size");
  pins.traced_windows = fields.Integer("traced_windows");
  pins.expect = fields.String("expect");
  fields.Finish();
  if (pins.expect != "finite" && pins.expect != "diverges") {
    throw InvalidError(source + ": expect is \"" + pins.expect +
                       "\", expected \"finite\" or \"diverges\"");
  }
  return pins;
}

std::string MetricsJson(const CaseMetrics& metrics) {
  Json values = Json::object();
  for (const auto& [name, value] : metrics.values) {
    values[name] = FloatJson(value);
  }
  return SealedText({{"numeric_class", metrics.numeric_class},
                     {"lane", metrics.lane},
                     {"code_tree", metrics.code_tree},
                     {"environment", metrics.environment},
                     {"counts", metrics.counts},
                     {"values", std::move(values)},
                     {"hashes", metrics.hashes},
                     {"tolerances", TolerancesJson(metrics)}});
}

CaseMetrics ParseMetrics(std::string_view text, const std::string& source) {
  const Json object = ParseSealed(text, source);
  ObjectReader fields(object, source);
  CaseMetrics metrics;
  metrics.numeric_class = fields.String("numeric_class");
  metrics.lane = fields.String("lane");
  metrics.code_tree = fields.String("code_tree");
  metrics.environment = ReadMap<std::string>(
      fields.Object("environment"), source + ": environment", StringOf);
  metrics.counts =
      ReadMap<int64_t>(fields.Object("counts"), source + ": counts", IntegerOf);
  metrics.values =
      ReadMap<double>(fields.Object("values"), source + ": values", FloatOf);
  metrics.hashes = ReadMap<std::string>(fields.Object("hashes"),
                                        source + ": hashes", StringOf);
  metrics.tolerances = ReadMap<CaseMetrics::Tolerance>(
      fields.Object("tolerances"), source + ": tolerances", ToleranceOf);
  fields.Finish();
  return metrics;
}

std::string GoldenSha256(const Golden& golden) {
  const GoldenBytes bytes = BytesOf(golden);
  return Sha256Hex("case.json " + Sha256Hex(bytes.pins) + "\nmetrics.json " +
                   Sha256Hex(bytes.metrics) + "\ntrace " +
                   Sha256Hex(bytes.trace) + "\n");
}

void WriteGolden(const Golden& golden, const fs::path& folder) {
  RequireStoreName(golden.metrics.numeric_class, "numeric class");
  const GoldenBytes bytes = BytesOf(golden);
  const fs::path class_folder = folder / golden.metrics.numeric_class;
  MakeFolder(class_folder);
  WriteFile(folder / "case.json", bytes.pins);
  WriteFile(class_folder / "trace.zst", ZstdCompress(bytes.trace, kZstdLevel));
  WriteFile(class_folder / "metrics.json", bytes.metrics);
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

std::vector<std::string> GoldenStore::Suites() const {
  return FoldersIn(root_, "");
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

StoreLock::StoreLock(const fs::path& root) {
  MakeFolder(root);
  const fs::path file = root / kLockFile;
  const auto reason = [] { return std::generic_category().message(errno); };
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    throw InfrastructureError("cannot write " + file.string() + ": " +
                              reason());
  }
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    const bool held = errno == EWOULDBLOCK;
    const std::string why = reason();
    close(fd_);
    if (!held) {
      throw InfrastructureError("cannot lock " + file.string() + ": " + why);
    }
    std::string holder = ReadFile(file, 4096);
    holder.resize(std::min(holder.find('\n'), holder.size()));
    throw RefusedError("the golden store is being written by " +
                       (holder.empty() ? "another process" : holder) +
                       ", which holds " + file.string() +
                       "; wait until it has ended");
  }
  // For the message above only: who holds the lock is the kernel's knowledge.
  const std::string holder = "process " + std::to_string(getpid()) + "\n";
  if (ftruncate(fd_, 0) != 0 ||
      write(fd_, holder.data(), holder.size()) != std::ssize(holder)) {
    const std::string why = reason();
    close(fd_);
    throw InfrastructureError("cannot write " + file.string() + ": " + why);
  }
}

StoreLock::~StoreLock() { close(fd_); }

}  // namespace plastometer
