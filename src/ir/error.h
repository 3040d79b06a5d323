// Two kinds of errors: the user's and ours.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace gemmule {

// Something is wrong with what the user gave: "[gemm] A is f64[3,4], B is f64[5,6]: inner dimensions
// 4 and 5 differ".
struct UserError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The sizes or dtypes of arguments do not fit: PyTensor users expect ValueError and TypeError.
struct ShapeError : UserError {
  using UserError::UserError;
};
struct DTypeError : UserError {
  using UserError::UserError;
};

// An index is out of bounds: Python's IndexError.
struct IndexError : UserError {
  using UserError::UserError;
};

// A factorisation has no result for these values: NumPy's LinAlgError.
struct LinAlgError : UserError {
  using UserError::UserError;
};

// The op is not (or not with these dtypes) in the core: the frontend hands the node on.
struct UnsupportedError : UserError {
  using UserError::UserError;
};

// A mistake of ours. The message asks for a report.
struct InternalError : std::logic_error {
  explicit InternalError(const std::string& what)
      : std::logic_error(what + "\nThis is a bug in Gemmule: please report it with this message.") {}
};

}  // namespace gemmule
