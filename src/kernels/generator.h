// NumPy's random generators, as values of the IR.
//
// In the IR a generator is a u64: the address of a Generator. Drawing moves its state on; the op
// `random` gives the same address as its first result, so that what is drawn next depends on it.
// Each of these values is therefore read by one node: where the graph reads one more often, or has
// to leave it as it was, the frontend puts `random` with distribution "copy" in between, which
// works on its own memory.
#pragma once

#include <numpy/random/bitgen.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace gemmule::kernels {

// By the struct that numpy/random/src has for the state.
enum class StateLayout : std::uint8_t { pcg64, mt19937, philox, sfc64 };

struct Generator {
  bitgen_t* bits = nullptr;
  StateLayout layout = StateLayout::pcg64;
  const void* origin = nullptr;  // the bit generator of Python that it is, or a copy of
};

// Room for a state of any layout, without pointers into itself.
struct GeneratorState {
  alignas(16) std::array<std::byte, 2560> bytes;
};
void save(const Generator& generator, GeneratorState& state);
void restore(const Generator& generator, const GeneratorState& state);
// `to` continues as `from` would; both have one layout.
void copy_state(const Generator& from, const Generator& to);

inline Generator& generator_at(std::uint64_t address) {
  return *reinterpret_cast<Generator*>(address);
}
inline std::uint64_t address_of(const Generator& generator) {
  return reinterpret_cast<std::uint64_t>(&generator);
}

// A generator in memory of its own.
class OwnGenerator {
 public:
  OwnGenerator() = default;
  OwnGenerator(const OwnGenerator&) = delete;
  OwnGenerator& operator=(const OwnGenerator&) = delete;

  // Becomes a copy of `from`; the state that it had is lost.
  Generator& assign(const Generator& from);

 private:
  // The state and, for PCG64 and Philox, what it points at.
  alignas(16) std::array<std::byte, 2560> state_;
  alignas(16) std::array<std::byte, 64> pointed_at_;
  bitgen_t bits_{};
  Generator generator_;
};

}  // namespace gemmule::kernels
