#include "kernels/scalar_code.h"

#include <cstring>

#include "kernels/scalar_functions.h"

namespace gemmule::kernels {
namespace {

// Bools are 0 and 1.
bool truth(double x) { return x != 0; }

// What the switch in `run` knows.
bool is_inline(Op op) {
  switch (op) {
    case Op::add:
    case Op::subtract:
    case Op::multiply:
    case Op::divide:
    case Op::maximum:
    case Op::minimum:
    case Op::negative:
    case Op::absolute:
    case Op::square:
    case Op::sqrt:
    case Op::reciprocal:
    case Op::equal:
    case Op::not_equal:
    case Op::less:
    case Op::less_equal:
    case Op::greater:
    case Op::greater_equal:
    case Op::isnan:
    case Op::isinf:
    case Op::where:
      return true;
    default:
      return false;
  }
}

bool is_logical(Op op) {
  return op == Op::bitwise_and || op == Op::bitwise_or || op == Op::bitwise_xor || op == Op::invert;
}

}  // namespace

std::optional<ScalarCode> ScalarCode::of(const ElementwiseProgram& program) {
  if (program.registers.size() > kMostRegisters) return std::nullopt;
  for (const DType dtype : program.registers) {
    if (dtype != DType::f64 && dtype != DType::bool_) return std::nullopt;
  }
  const auto value = [&](int reg) { return Value{static_cast<std::uint8_t>(reg), program.registers[reg] == DType::bool_}; };
  ScalarCode code;
  for (int reg = 0; reg < program.n_inputs; ++reg) code.inputs_.push_back(value(reg));
  for (const int reg : program.outputs) code.outputs_.push_back(value(reg));
  for (const ElementwiseConstant& constant : program.constants) {
    double number = 0;
    if (value(constant.reg).is_bool) {
      number = constant.bits[0] != std::byte{0} ? 1 : 0;
    } else {
      std::memcpy(&number, constant.bits.data(), sizeof number);
    }
    code.constants_.emplace_back(static_cast<std::uint8_t>(constant.reg), number);
  }
  for (const ElementwiseInstruction& i : program.code) {
    Instruction instruction{i.op, {}, static_cast<std::uint8_t>(i.out), nullptr};
    bool bools = value(i.out).is_bool, all_bools = bools;
    const int arity = info(i.op).arity;
    for (int k = 0; k < arity; ++k) {
      instruction.in[k] = static_cast<std::uint8_t>(i.in[k]);
      bools = bools || value(i.in[k]).is_bool;
      all_bools = all_bools && value(i.in[k]).is_bool;
    }
    const bool on_numbers = i.op == Op::where ? !value(i.out).is_bool : arity == 0 || !value(i.in[0]).is_bool;
    if (is_inline(i.op) ? !on_numbers : !(is_logical(i.op) && all_bools)) {
      if (bools || i.op == Op::cast) return std::nullopt;
      instruction.op = Op::fused;
      instruction.loop = kernels::loop(i.op, DType::f64);
      if (instruction.loop == nullptr) return std::nullopt;
    }
    code.code_.push_back(instruction);
  }
  return code;
}

void ScalarCode::run(const void* const* in, void* const* out) const {
  std::array<double, kMostRegisters> r;
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    r[inputs_[k].reg] = inputs_[k].is_bool ? *static_cast<const bool*>(in[k]) : *static_cast<const double*>(in[k]);
  }
  for (const auto& [reg, number] : constants_) r[reg] = number;
  for (const Instruction& i : code_) {
    const double x = r[i.in[0]], y = r[i.in[1]];
    double& z = r[i.out];
    switch (i.op) {
      case Op::add:
        z = fn_add{}(x, y);
        break;
      case Op::subtract:
        z = fn_subtract{}(x, y);
        break;
      case Op::multiply:
        z = fn_multiply{}(x, y);
        break;
      case Op::divide:
        z = fn_divide{}(x, y);
        break;
      case Op::maximum:
        z = fn_maximum{}(x, y);
        break;
      case Op::minimum:
        z = fn_minimum{}(x, y);
        break;
      case Op::negative:
        z = fn_negative{}(x);
        break;
      case Op::absolute:
        z = fn_absolute{}(x);
        break;
      case Op::square:
        z = fn_square{}(x);
        break;
      case Op::sqrt:
        z = fn_sqrt{}(x);
        break;
      case Op::reciprocal:
        z = fn_reciprocal{}(x);
        break;
      case Op::equal:
        z = fn_equal{}(x, y);
        break;
      case Op::not_equal:
        z = fn_not_equal{}(x, y);
        break;
      case Op::less:
        z = fn_less{}(x, y);
        break;
      case Op::less_equal:
        z = fn_less_equal{}(x, y);
        break;
      case Op::greater:
        z = fn_greater{}(x, y);
        break;
      case Op::greater_equal:
        z = fn_greater_equal{}(x, y);
        break;
      case Op::isnan:
        z = fn_isnan{}(x);
        break;
      case Op::isinf:
        z = fn_isinf{}(x);
        break;
      case Op::where:
        z = truth(x) ? y : r[i.in[2]];
        break;
      case Op::bitwise_and:
        z = truth(x) && truth(y);
        break;
      case Op::bitwise_or:
        z = truth(x) || truth(y);
        break;
      case Op::bitwise_xor:
        z = truth(x) != truth(y);
        break;
      case Op::invert:
        z = !truth(x);
        break;
      default: {
        const void* const operands[] = {&r[i.in[0]], &r[i.in[1]], &r[i.in[2]]};
        i.loop(operands, &z, 1);
      }
    }
  }
  for (std::size_t k = 0; k < outputs_.size(); ++k) {
    if (outputs_[k].is_bool) {
      *static_cast<bool*>(out[k]) = truth(r[outputs_[k].reg]);
    } else {
      *static_cast<double*>(out[k]) = r[outputs_[k].reg];
    }
  }
}

}  // namespace gemmule::kernels
