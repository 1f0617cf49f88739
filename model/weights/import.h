// Foreign weights in, foreign weights out, one tensor in memory at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "model/config.h"

namespace plastometer {

struct ImportOptions {
  // "flax": a stream of ttt-lm-jax; "hf": PyTorch names in safetensors.
  std::string from;
  std::filesystem::path source;
  // JSON; for "hf" config.json beside the source is found by itself.
  std::optional<std::filesystem::path> config;
  std::filesystem::path out;
};

struct ImportSummary {
  ModelConfig config;
  // Of its fields, by our names: those that neither the checkpoint nor its
  // config says; they have the published models' values.
  std::vector<std::string> assumed;
  // Tensors; skipped: optimizer records, step counters, a tied lm_head.
  int64_t num_kept = 0, num_skipped = 0;
  uint64_t kept_bytes = 0, skipped_bytes = 0;
  std::string dtype;  // "BF16", or "BF16+F32" when mixed
  // Of the file; of the list "SHA-256  NAME" a line when there are several.
  std::string source_sha256;
  std::string out_sha256;
};

// Throws kUsage (unknown `from`, out = source), kInvalid (anything wrong with
// source or config: names file, key and byte offset), kInfrastructure (cannot
// write). Nothing is left at `out` unless it returns.
ImportSummary ImportWeights(const ImportOptions& options);

// Writes model.safetensors and config.json in the layout of Hugging Face's
// ttt-lm-pytorch. Values stay as stored.
void ExportWeights(const std::filesystem::path& model,
                   const std::filesystem::path& out_folder);

}  // namespace plastometer
