#include "model/weights/import.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "base/error.h"
#include "base/json.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "model/weights/infer.h"
#include "model/weights/model_file.h"
#include "model/weights/weight_source.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

std::unique_ptr<WeightSource> Open(const ImportOptions& options) {
  std::error_code ignored;
  if (fs::equivalent(options.source, options.out, ignored)) {
    throw UsageError("the output " + options.out.string() +
                     " is the source itself");
  }
  if (options.from == "flax") return OpenFlaxWeights(options.source);
  if (options.from == "hf") return OpenTorchWeights(options.source);
  throw UsageError("cannot import from \"" + options.from +
                   "\", expected \"flax\" or \"hf\"");
}

std::optional<fs::path> FindConfig(const ImportOptions& options) {
  if (options.config || options.from != "hf") return options.config;
  std::error_code ignored;
  const fs::path folder = fs::is_directory(options.source, ignored)
                              ? options.source
                              : options.source.parent_path();
  const fs::path beside = folder / "config.json";
  if (fs::exists(beside, ignored)) return beside;
  return std::nullopt;
}

std::string SourceSha256(const WeightSource& source) {
  if (source.files().size() == 1) return Sha256OfFile(source.files()[0]);
  Sha256 list;
  for (const fs::path& file : source.files()) {
    list.Update(Sha256OfFile(file) + "  " + file.filename().string() + "\n");
  }
  return list.HexDigest();
}

void WriteModel(const WeightSource& source, const ImportOptions& options,
                ImportSummary* summary) {
  std::map<std::string, TensorInfo> layout;
  std::set<std::string> dtypes;
  for (const auto& [name, tensor] : source.tensors()) {
    layout.emplace(name, TensorInfo{tensor.dtype, tensor.shape, 0, 0});
    dtypes.insert(DTypeName(tensor.dtype));
  }
  for (const std::string& dtype : dtypes) {
    summary->dtype += (summary->dtype.empty() ? "" : "+") + dtype;
  }
  // Not the name of the source: it would make equal models differ.
  SafetensorsWriter writer(
      options.out, layout,
      ModelMetadata(summary->config,
                    {{"source_sha256", summary->source_sha256}}));
  for (const auto& [name, info] : layout) {
    const HostTensor tensor = source.Read(name);
    writer.Write(name, tensor.bytes);
    ++summary->num_kept;
    summary->kept_bytes += tensor.bytes.size();
  }
  writer.Commit();
}

}  // namespace

ImportSummary ImportWeights(const ImportOptions& options) {
  const std::unique_ptr<WeightSource> source = Open(options);
  const std::string name = options.source.string();
  const std::optional<fs::path> config_path = FindConfig(options);
  std::optional<nlohmann::json> json;
  if (config_path) json = ReadJsonFile(*config_path);
  ImportSummary summary;
  summary.config =
      ResolveConfig(*source, name, json,
                    config_path ? config_path->string() : "", &summary.assumed);
  CheckParameters(*source, name, summary.config);
  summary.num_skipped = source->num_skipped();
  summary.skipped_bytes = source->skipped_bytes();
  summary.source_sha256 = SourceSha256(*source);
  WriteModel(*source, options, &summary);
  summary.out_sha256 = Sha256OfFile(options.out);
  return summary;
}

}  // namespace plastometer
