// What simpler means make of the windows that a text model is judged on:
// interpolated byte models of order 3 and 5 trained on the same training text,
// xz -6 and zstd -19 on each window. Bits per byte by domain, as JSON on
// standard output.
//   text_baseline TRAIN_CONFIG.json WINDOWS_PER_DOMAIN
#include <lzma.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/files.h"
#include "base/zstd_stream.h"
#include "baselines/byte_ngram.h"
#include "datasets/corpus.h"
#include "datasets/sources.h"

namespace plastometer {
namespace {

constexpr uint32_t kXzPreset = 6;
constexpr int kZstdLevel = 19;

double XzBits(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  const lzma_ret code = lzma_easy_buffer_encode(
      kXzPreset, LZMA_CHECK_CRC64, nullptr,
      reinterpret_cast<const uint8_t*>(text.data()), text.size(),
      reinterpret_cast<uint8_t*>(out.data()), &size, out.size());
  if (code != LZMA_OK)
    throw InternalError("xz failed with code " + std::to_string(code));
  return 8.0 * static_cast<double>(size);
}

struct Sums {
  double order3_bits = 0, order5_bits = 0, xz_bits = 0, zstd_bits = 0;
  double scored_bytes = 0, bytes = 0;
  int64_t windows = 0;
  std::set<std::string> works;
  nlohmann::json xz_by_window = nlohmann::json::array();
};

std::string TextOf(const Window& window, const Tokenizer& tokenizer) {
  return tokenizer.Decode(window.ids);
}

int Main(const std::filesystem::path& config_file, int64_t windows_per_domain) {
  const auto config = nlohmann::json::parse(ReadFile(config_file));
  const auto tokenizer = LoadTokenizer(
      (HomeFolder() / config.at("tokenizer").get<std::string>()).string());
  const int64_t context = config.at("context");
  ByteNgram ngram(5);
  std::vector<std::string> held_out;
  nlohmann::json trained = nlohmann::json::object(),
                 licences = nlohmann::json::object();
  std::set<std::string> trained_domains;
  for (const auto& entry : config.at("sources")) {
    const std::string name = entry.is_string()
                                 ? entry.get<std::string>()
                                 : entry.at("name").get<std::string>();
    int64_t bytes = 0;
    ForEachDocument(name, "train", [&](Document&& document) {
      ngram.Train(document.text);
      bytes += static_cast<int64_t>(document.text.size());
      return true;
    });
    trained[name] = bytes;
    licences[name] = FindSource(name).licence;
    trained_domains.insert(FindSource(name).domain);
    bool any = false;
    ForEachDocument(name, "heldout", [&](Document&&) {
      any = true;
      return false;
    });
    if (any) held_out.push_back(name);
  }
  for (const Source& source : Sources()) {
    if (source.in_default && !source.training_allowed)
      held_out.push_back(source.name);
  }
  const EvaluationSet set =
      SourceEvaluation(held_out, *tokenizer, context, windows_per_domain);
  std::map<std::string, Sums> domains;
  for (const Window& window : set.windows) {
    const std::string text = TextOf(window, *tokenizer);
    Sums& sums = domains[window.domain];
    const auto first = static_cast<size_t>(window.token_bytes.front());
    sums.order3_bits += ngram.Bits(text, 3, first);
    sums.order5_bits += ngram.Bits(text, 5, first);
    sums.zstd_bits +=
        8.0 * static_cast<double>(ZstdCompress(text, kZstdLevel).size());
    sums.scored_bytes +=
        static_cast<double>(text.size()) - window.token_bytes.front();
    const double xz = XzBits(text);
    sums.xz_bits += xz;
    sums.bytes += static_cast<double>(text.size());
    sums.xz_by_window.push_back(
        {{"document", window.document},
         {"first_token", window.first_token},
         {"bits_per_byte", xz / static_cast<double>(text.size())}});
    sums.windows += 1;
    sums.works.insert(window.work);
  }
  nlohmann::json out = {{"slice_sha256", set.sha256},
                        {"trained_bytes", trained},
                        {"licences", licences},
                        {"trained_domains", trained_domains}};
  for (const auto& [domain, sums] : domains) {
    out["domains"][domain] = {
        {"windows", sums.windows},
        {"works", sums.works.size()},
        {"order3_bits_per_byte", sums.order3_bits / sums.scored_bytes},
        {"order5_bits_per_byte", sums.order5_bits / sums.scored_bytes},
        {"zstd19_bits_per_byte", sums.zstd_bits / sums.bytes},
        {"xz6_bits_per_byte", sums.xz_bits / sums.bytes},
        {"xz6_by_window", sums.xz_by_window}};
  }
  std::cout << out.dump(1) << "\n";
  return 0;
}

}  // namespace
}  // namespace plastometer

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr,
                 "usage: text_baseline TRAIN_CONFIG.json WINDOWS_PER_DOMAIN\n");
    return 2;
  }
  try {
    return plastometer::Main(argv[1], std::stoll(argv[2]));
  } catch (const plastometer::Error& error) {
    std::fprintf(stderr, "text_baseline: %s\n", error.what());
    return error.exit_code();
  }
}
