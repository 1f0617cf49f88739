// What is pinned about the process and the machine, and whether it holds.
// Nothing of LibTorch in here: the probes that need it come from the model as
// plain results.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace plastometer {

struct EnvironmentPin {
  std::string variable, value;
  std::string why;  // half a sentence, printed by `plastometer env`
};

// Those of every lane, and those that the named lanes add (ATen's and oneDNN's
// ISA cap and MKL's reproducible mode for the reference lanes). Throws kUsage
// when two lanes need different values of one variable, naming both.
std::vector<EnvironmentPin> PinsFor(const std::vector<std::string>& lanes);

// Locale and time zone: what is printed depends on them, no number does. Set
// over whatever the user has, so that nobody's settings are in the way.
std::vector<EnvironmentPin> LocalePins();

// Sets what is missing and executes this program once more with the same
// arguments, so that libraries which read the environment when they start see
// it; returns when everything is already as pinned. Throws kRefused naming
// variable, value met and value pinned when the user's environment contradicts
// a pin. Must come before LibTorch is used.
void ApplyPins(const std::vector<EnvironmentPin>& pins, char** argv);

// What can change the numbers, and what can change the times.
struct Fingerprint {
  std::map<std::string, std::string> numeric, timing;
};
struct NumericFacts {  // from model/: what LibTorch and the kernels say
  std::string libtorch_version, aten_capability, portable_isa, blas;
  int64_t num_threads = 1;
};
Fingerprint MakeFingerprint(const std::string& lane, const NumericFacts& facts);
// "portable-1", or "<lane>+<LibTorch>+<ISA cap>+t<threads>":
// docs/environment.md.
std::string NumericClass(const std::string& lane, const NumericFacts& facts);
// Names of the numeric pins that differ, "name: a -> b".
std::vector<std::string> MovedPins(const Fingerprint& before,
                                   const Fingerprint& now);

// Identity of the code in this program: SHA-256 (40 digits) over the entries
// of the source tree that can change a result; "unknown" outside git. Set at
// build time, independent of commits: squash and rebase keep it.
std::string CodeTree();
bool BuiltFromCommit();  // false: some file differed from HEAD at build time

}  // namespace plastometer
