#include "datasets/fetch.h"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/sha256.h"
#include "datasets/extract/extract.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

std::string LastLines(const std::string& output, size_t count = 3) {
  size_t at = output.find_last_not_of('\n');
  if (at == std::string::npos) return "(it printed nothing)";
  const size_t end = at + 1;
  for (; count > 0 && at != std::string::npos && at > 0; --count)
    at = output.rfind('\n', at - 1);
  return output.substr(at == std::string::npos || at == 0 ? 0 : at + 1,
                       end - (at == std::string::npos || at == 0 ? 0 : at + 1));
}

std::string Offline(const Source& source) {
  return "; put " + source.DebName() + " into a folder and give it with --from";
}

[[noreturn]] void FailDownload(const Source& source,
                               const ProcessResult& result) {
  const std::string what = source.package + "=" + source.version;
  const auto says = [&](const char* text) {
    return result.output.find(text) != std::string::npos;
  };
  if (result.exit_code == 127) {
    throw InfrastructureError("apt-get is not on this system, so " + what +
                              " cannot be downloaded" + Offline(source));
  }
  if (says("No space left on device"))
    throw InfrastructureError("disk full while " + what + " was downloaded");
  if (says("was not found") || says("Unable to locate package") ||
      says("Can't find a source to download version")) {
    throw InfrastructureError("the package archive no longer offers " + what +
                              " (or this system uses another release)" +
                              Offline(source) +
                              ". apt-get says: " + LastLines(result.output));
  }
  throw InfrastructureError("the package archive is out of reach for " + what +
                            Offline(source) +
                            ". apt-get says: " + LastLines(result.output));
}

std::vector<std::string> AptGet(const std::vector<std::string>& options) {
  std::vector<std::string> command = {"apt-get", "-q", "-o",
                                      "Acquire::Retries=3"};
  // Root's downloads otherwise go through a user that may not write where we
  // ask, with a warning.
  if (geteuid() == 0)
    command.insert(command.end(), {"-o", "APT::Sandbox::User=root"});
  command.insert(command.end(), options.begin(), options.end());
  return command;
}

ProcessResult Download(const Source& source, const fs::path& into,
                       std::vector<std::string> options) {
  options.insert(options.end(),
                 {"download", source.package + "=" + source.version});
  return RunProcess(AptGet(options), into);
}

// Package lists of our own, for a system whose lists were deleted (container
// images) and a user without root.
std::vector<std::string> PrivateLists(const fs::path& data_folder) {
  const fs::path state = data_folder / "apt" / "state",
                 cache = data_folder / "apt" / "cache";
  MakeFolders(state / "lists" / "partial");
  MakeFolders(cache / "archives" / "partial");
  return {"-o", "Dir::State=" + state.string(), "-o",
          "Dir::Cache=" + cache.string()};
}

// With the lists of an earlier call if they still serve, else with new ones.
ProcessResult DownloadWithPrivateLists(const Source& source,
                                       const fs::path& into,
                                       const fs::path& data_folder) {
  const auto options = PrivateLists(data_folder);
  ProcessResult result = Download(source, into, options);
  if (result.exit_code == 0) return result;
  auto update = options;
  // Without it apt-get update exits 0 when no list could be had.
  update.insert(update.end(), {"-o", "APT::Update::Error-Mode=any", "update"});
  const ProcessResult updated = RunProcess(AptGet(update), into);
  result = Download(source, into, options);
  if (result.exit_code != 0 && updated.exit_code != 0) {
    result.output = updated.output;
  }
  return result;
}

// A copy of our own: what is checked is then what is unpacked, whoever may
// write to `folder`. No more is read than is pinned.
fs::path CopyOfGivenDeb(const Source& source, const fs::path& folder,
                        const fs::path& into) {
  const fs::path given = folder / source.DebName(),
                 copy = into / source.DebName();
  if (!fs::is_regular_file(given)) {
    throw InvalidError(folder.string() + " has no " + source.DebName() +
                       "; expected the package file under that name");
  }
  WriteFile(copy, ReadFile(given, source.bytes));
  return copy;
}

}  // namespace

fs::path DownloadDeb(const Source& source, const fs::path& into,
                     const fs::path& data_folder) {
  const fs::path deb = into / source.DebName();
  ProcessResult result = Download(source, into, {});
  const bool can_retry = result.exit_code != 0 && result.exit_code != 127;
  if (can_retry) result = DownloadWithPrivateLists(source, into, data_folder);
  if (result.exit_code != 0 || !fs::is_regular_file(deb))
    FailDownload(source, result);
  return deb;
}

void CheckDeb(const fs::path& deb, const Source& source) {
  const uint64_t bytes = fs::file_size(deb);
  const std::string sha256 = Sha256OfFile(deb);
  if (bytes == source.bytes && sha256 == source.sha256) return;
  throw InvalidError(
      deb.filename().string() + ": " + std::to_string(bytes) +
      " bytes, SHA-256 " + sha256 + "; pinned are " +
      std::to_string(source.bytes) + " bytes, " + source.sha256 +
      ". The package is not the one that results refer to; nothing was stored");
}

void UnpackDeb(const fs::path& deb, const fs::path& into) {
  const ProcessResult result =
      RunProcess({"dpkg-deb", "-x", deb.string(), into.string()}, into);
  if (result.exit_code == 0) return;
  if (result.exit_code == 127) {
    throw InfrastructureError(
        "dpkg-deb is not on this system; fetch the text on a Debian system and "
        "copy the data folder");
  }
  const bool full =
      result.output.find("No space left on device") != std::string::npos;
  throw InfrastructureError(
      deb.filename().string() +
      (full ? ": disk full while unpacking" : ": dpkg-deb cannot unpack it") +
      ". dpkg-deb says: " + LastLines(result.output));
}

FetchResult FetchSource(const Source& source, const FetchOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  auto log = [&](const std::string& line) {
    if (options.log) options.log(source.name + ": " + line);
  };
  FetchResult result;
  if (auto stored = FindStoredText(options.data_folder, source)) {
    result.text = *stored;
    result.was_there = true;
    return result;
  }
  TemporaryFolder folder;
  const fs::path root = folder.path() / "root";
  MakeFolders(root);
  log((options.debs.empty() ? "downloading " : "reading ") + source.DebName());
  const fs::path deb =
      options.debs.empty()
          // Apt runs in another folder.
          ? DownloadDeb(source, folder.path(),
                        fs::absolute(options.data_folder))
          : CopyOfGivenDeb(source, options.debs, folder.path());
  CheckDeb(deb, source);
  log("unpacking and extracting");
  UnpackDeb(deb, root);
  std::vector<Document> documents;
  try {
    documents =
        ExtractDocuments(root, ParseJson(source.extract_json, "sources.json"));
  } catch (const nlohmann::json::exception& e) {
    throw InvalidError("sources.json: extract rules of " + source.name + ": " +
                       e.what());
  }
  if (!source.text_sha256.empty() &&
      TextSha256(documents, SplitOf(source, documents)) != source.text_sha256) {
    throw InternalError(source.name + ": the extracted text has SHA-256 " +
                        TextSha256(documents, SplitOf(source, documents)) +
                        "; pinned is " + source.text_sha256);
  }
  result.text = StoreText(options.data_folder, source, documents);
  result.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  return result;
}

}  // namespace plastometer
