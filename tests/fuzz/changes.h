// Seeded changes of a file, the same on every machine: of its bytes, and of
// what it says, so that its form stays good and what lies behind the form is
// reached.
#pragma once
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace plastometer::fuzz {

// The standard fixes the numbers of the generator, not of its distributions.
class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  size_t Below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

 private:
  std::mt19937_64 random_;
};

// Bits, bytes, lengths that lie, pieces cut out or doubled, the end cut off.
std::string ChangeBytes(std::string bytes, Random& random);

// One value of a JSON text: another number, text or type; a key or an element
// taken out or doubled. JSON within a string is changed in the same ways. Bytes
// where it is no JSON.
std::string ChangeJson(std::string_view text, Random& random);
// The same of one line of several, from its first brace on.
std::string ChangeJsonLines(std::string_view text, Random& random);

// One tensor of a safetensors file: another value, shape, type or name, or
// none. The file's own form stays good. Bytes where it is no such file.
std::string ChangeTensors(std::string_view bytes, Random& random);

// A JSON text, a NUL, safetensors: one of the two.
std::string ChangePair(std::string_view pair, Random& random);

}  // namespace plastometer::fuzz
