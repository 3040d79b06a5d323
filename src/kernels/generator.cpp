#include "kernels/generator.h"

#include <cstring>

namespace gemmule::kernels {
namespace {

// The structs of numpy/random/src: pcg64.h (PCG64 and PCG64DXSM), mt19937.h, philox.h, sfc64.h.
struct Pcg64 {
  struct State {  // as 128-bit numbers where the compiler has them
    std::uint64_t state[2], increment[2];
  };
  State* state;
  int has_uint32;
  std::uint32_t uinteger;
};

struct Mt19937 {
  std::uint32_t key[624];
  int pos;
};

struct Philox {
  struct Counter {
    std::uint64_t v[4];
  };
  struct Key {
    std::uint64_t v[2];
  };
  Counter* counter;
  Key* key;
  int buffer_pos;
  std::uint64_t buffer[4];
  int has_uint32;
  std::uint32_t uinteger;
};

struct Sfc64 {
  std::uint64_t s[4];
  int has_uint32;
  std::uint32_t uinteger;
};

// What save() writes: the struct with its pointers, which restore() does not read, then what they
// point at.
struct SavedPcg64 {
  Pcg64 rest;
  Pcg64::State state;
};
struct SavedPhilox {
  Philox rest;
  Philox::Counter counter;
  Philox::Key key;
};

template <class Saved>
Saved& as(GeneratorState& state) {
  static_assert(sizeof(Saved) <= sizeof(GeneratorState));
  return *reinterpret_cast<Saved*>(state.bytes.data());
}
template <class Saved>
const Saved& as(const GeneratorState& state) {
  return *reinterpret_cast<const Saved*>(state.bytes.data());
}

template <class Struct>
Struct& struct_of(const Generator& generator) {
  return *static_cast<Struct*>(generator.bits->state);
}

}  // namespace

void save(const Generator& generator, GeneratorState& state) {
  switch (generator.layout) {
    case StateLayout::pcg64: {
      const Pcg64& from = struct_of<Pcg64>(generator);
      as<SavedPcg64>(state) = {from, *from.state};
      return;
    }
    case StateLayout::mt19937:
      as<Mt19937>(state) = struct_of<Mt19937>(generator);
      return;
    case StateLayout::philox: {
      const Philox& from = struct_of<Philox>(generator);
      as<SavedPhilox>(state) = {from, *from.counter, *from.key};
      return;
    }
    case StateLayout::sfc64:
      as<Sfc64>(state) = struct_of<Sfc64>(generator);
      return;
  }
}

void restore(const Generator& generator, const GeneratorState& state) {
  switch (generator.layout) {
    case StateLayout::pcg64: {
      const auto& saved = as<SavedPcg64>(state);
      Pcg64& to = struct_of<Pcg64>(generator);
      *to.state = saved.state;
      to = {to.state, saved.rest.has_uint32, saved.rest.uinteger};
      return;
    }
    case StateLayout::mt19937:
      struct_of<Mt19937>(generator) = as<Mt19937>(state);
      return;
    case StateLayout::philox: {
      const auto& saved = as<SavedPhilox>(state);
      Philox& to = struct_of<Philox>(generator);
      Philox::Counter* counter = to.counter;
      Philox::Key* key = to.key;
      to = saved.rest;
      to.counter = counter;
      to.key = key;
      *counter = saved.counter;
      *key = saved.key;
      return;
    }
    case StateLayout::sfc64:
      struct_of<Sfc64>(generator) = as<Sfc64>(state);
      return;
  }
}

void copy_state(const Generator& from, const Generator& to) {
  GeneratorState state;
  save(from, state);
  restore(to, state);
}

Generator& OwnGenerator::assign(const Generator& from) {
  bits_ = *from.bits;
  bits_.state = state_.data();
  generator_ = {&bits_, from.layout, from.origin};
  if (from.layout == StateLayout::pcg64) {
    reinterpret_cast<Pcg64*>(state_.data())->state =
        reinterpret_cast<Pcg64::State*>(pointed_at_.data());
  } else if (from.layout == StateLayout::philox) {
    auto* philox = reinterpret_cast<Philox*>(state_.data());
    philox->counter = reinterpret_cast<Philox::Counter*>(pointed_at_.data());
    philox->key = reinterpret_cast<Philox::Key*>(pointed_at_.data() + sizeof(Philox::Counter));
  }
  copy_state(from, generator_);
  return generator_;
}

}  // namespace gemmule::kernels
