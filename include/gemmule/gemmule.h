/* The C interface of Gemmule: programs that run without Python.
 *
 * A program is a file that `gemmule.export` wrote: one or more functions, and the data that they
 * read. That of a compiled function has the function "main"; that of a PyMC model has "logp", the
 * density of a flat vector and its gradient, and "expand", from a flat vector to all that is worth
 * keeping of a draw.
 *
 *   gemmule_program* program = NULL;
 *   if (gemmule_load("model.gemmule", &program) != GEMMULE_OK) puts(gemmule_last_error());
 *   uint64_t dim = 0;
 *   gemmule_dim(program, &dim);
 *   int status = gemmule_logp(dim, x, gradient, &logp, program);
 *   gemmule_free(program);
 *
 * Programs never change: threads may use one at once, but for gemmule_free, which must be the last
 * use. No function throws, and none keeps a pointer that it was given longer than the call. Where a
 * function fails, arrays that it writes hold any values, and handles that it gives are null.
 * Pointers to text and shapes that it gives belong to the program or call that was asked, and live
 * as long.
 *
 * A process may fork while none of its other threads is in a call; the child then goes on.
 */
#ifndef GEMMULE_GEMMULE_H
#define GEMMULE_GEMMULE_H

#include <stddef.h>
#include <stdint.h>

#if !defined(GEMMULE_API)
#if defined(_WIN32)
#define GEMMULE_API
#else
#define GEMMULE_API __attribute__((visibility("default")))
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. Positive: at this point only; a sampler may reject the point and go on.
 * Negative: this call, or this file, does not work, and a sampler ends; of these GEMMULE_BAD_INDEX
 * may be of the point, and GEMMULE_OUT_OF_MEMORY of the moment. gemmule_last_error() says more. */
typedef enum gemmule_status {
  GEMMULE_OK = 0,
  GEMMULE_CHECK_FAILED = 1, /* a check of the model's, of a parameter for example */
  GEMMULE_LINALG = 2, /* a factorisation has no result: a matrix that is not positive definite */
  GEMMULE_GRADIENT_NOT_FINITE = 3, /* of gemmule_logp; the results are there */
  GEMMULE_LOGP_NOT_FINITE = 4,     /* likewise */
  GEMMULE_BAD_ARGUMENT = -1, /* a null pointer, a name that there is not, a wrong shape or dtype */
  GEMMULE_BAD_INDEX = -2,    /* an index out of bounds, found while computing */
  GEMMULE_UNSUPPORTED = -3,  /* no kernel computes this */
  GEMMULE_IO = -4,           /* the file cannot be read or written */
  GEMMULE_TRUNCATED = -5,    /* the file ends early */
  GEMMULE_DAMAGED = -6,      /* the file is no program, or not as it was written */
  GEMMULE_NEWER = -7,        /* a newer Gemmule wrote the file */
  GEMMULE_OUT_OF_MEMORY = -8,
  GEMMULE_INTERNAL = -9 /* a mistake of Gemmule's own: please report it */
} gemmule_status;

/* The message of the last call of this thread that did not return GEMMULE_OK, in UTF-8, of 1023
 * bytes at most; "" before there was one; never null. The next such call of this thread writes over
 * it. Functions that return null or 0 leave it as it is. */
GEMMULE_API const char* gemmule_last_error(void);

/* "0.1.0" */
GEMMULE_API const char* gemmule_version(void);

/* -- programs -- */

typedef struct gemmule_program gemmule_program;

GEMMULE_API int gemmule_load(const char* path, gemmule_program** program);
GEMMULE_API int gemmule_load_memory(const void* bytes, size_t size, gemmule_program** program);
GEMMULE_API int gemmule_save(const gemmule_program* program, const char* path);
/* Null is allowed. Functions of the program, and calls, but to free them, must not be used
 * afterwards. */
GEMMULE_API void gemmule_free(gemmule_program* program);

/* What is said about the program under a word ("gemmule_version"), or null. */
GEMMULE_API const char* gemmule_metadata(const gemmule_program* program, const char* key);

/* -- the density of a model, by address -- */

/* The length of x. GEMMULE_BAD_ARGUMENT where the program has no "logp", or one of any length that
 * was not called yet: the first call decides. */
GEMMULE_API int gemmule_dim(const gemmule_program* program, uint64_t* dim);
/* The length of what gemmule_expand writes. */
GEMMULE_API int gemmule_expanded(const gemmule_program* program, uint64_t* expanded);
/* The point that PyMC starts from. */
GEMMULE_API int gemmule_initial_point(const gemmule_program* program, uint64_t dim, double* x);
/* Does now what the first call of gemmule_logp and gemmule_expand would: milliseconds. */
GEMMULE_API int gemmule_prepare(const gemmule_program* program);

/* x[dim] -> *logp and gradient[dim], which overlap nothing. `program` is a gemmule_program.
 * Allocates nothing once as many threads have called it as do now. */
GEMMULE_API int gemmule_logp(uint64_t dim, const double* x, double* gradient, double* logp,
                             const void* program);
/* x[dim] -> out[expanded] */
GEMMULE_API int gemmule_expand(uint64_t dim, uint64_t expanded, const double* x, double* out,
                               const void* program);

/* -- any function -- */

typedef enum gemmule_dtype {
  GEMMULE_BOOL = 0, /* one byte, 0 or 1 */
  GEMMULE_INT8,
  GEMMULE_INT16,
  GEMMULE_INT32,
  GEMMULE_INT64,
  GEMMULE_UINT8,
  GEMMULE_UINT16,
  GEMMULE_UINT32,
  GEMMULE_UINT64,
  GEMMULE_FLOAT16,
  GEMMULE_FLOAT32,
  GEMMULE_FLOAT64,
  GEMMULE_COMPLEX64,
  GEMMULE_COMPLEX128 /* real part, imaginary part */
} gemmule_dtype;

/* An array in the caller's memory. */
typedef struct gemmule_array {
  const void* data; /* the element with all indices 0, aligned as its dtype asks */
  gemmule_dtype dtype;
  int32_t rank;
  const int64_t* shape;   /* [rank] */
  const int64_t* strides; /* [rank], counting elements; null: row-major */
} gemmule_array;

/* An input or output of a function. */
typedef struct gemmule_variable {
  const char* name;
  gemmule_dtype dtype;
  int32_t rank;
  const int64_t* shape; /* [rank]; -1: any size */
} gemmule_variable;

/* Belongs to its program. */
typedef struct gemmule_function gemmule_function;

GEMMULE_API size_t gemmule_function_count(const gemmule_program* program);
/* Null where there is none. */
GEMMULE_API const gemmule_function* gemmule_function_at(const gemmule_program* program,
                                                        size_t index);
GEMMULE_API const gemmule_function* gemmule_find(const gemmule_program* program, const char* name);
GEMMULE_API const char* gemmule_function_name(const gemmule_function* function);

/* Inputs are those that a call gives: inputs with data are none of them. */
GEMMULE_API size_t gemmule_input_count(const gemmule_function* function);
GEMMULE_API int gemmule_input(const gemmule_function* function, size_t index,
                              gemmule_variable* input);
GEMMULE_API size_t gemmule_output_count(const gemmule_function* function);
GEMMULE_API int gemmule_output(const gemmule_function* function, size_t index,
                               gemmule_variable* output);

/* The variables of a model, row-major one behind the other, f64 all: in the vector that "logp"
 * takes, in that which "expand" gives, with the sizes that they have for the program's data.
 * `offset`, if not null, gets the index of the first element. */
GEMMULE_API size_t gemmule_part_count(const gemmule_function* function);
GEMMULE_API int gemmule_part(const gemmule_function* function, size_t index, gemmule_variable* part,
                             uint64_t* offset);

/* A function for inputs of given shapes, which runs by addresses. */
typedef struct gemmule_call gemmule_call;

/* The data of `inputs` are read only where sizes are made of them (a length that is an input), and
 * may be null elsewhere. Takes milliseconds where the function was not bound to these shapes
 * before. The call is freed with gemmule_call_free. */
GEMMULE_API int gemmule_bind(const gemmule_function* function, const gemmule_array* inputs,
                             size_t input_count, gemmule_call** call);
GEMMULE_API void gemmule_call_free(gemmule_call* call);
/* All sizes are known here. */
GEMMULE_API int gemmule_call_output(const gemmule_call* call, size_t index,
                                    gemmule_variable* output);
/* inputs[i] as described to gemmule_bind; outputs[i] row-major, overlapping nothing. Threads may
 * run one call at once. */
GEMMULE_API int gemmule_run(const gemmule_call* call, const void* const* inputs,
                            void* const* outputs);

/* -- data -- */

GEMMULE_API size_t gemmule_data_count(const gemmule_program* program);
/* `value`, if not null, gets the elements, which belong to the program. */
GEMMULE_API int gemmule_data(const gemmule_program* program, size_t index, gemmule_variable* data,
                             const void** value);
/* The same program with another value of one datum: of the same dtype and rank. The value is
 * copied. */
GEMMULE_API int gemmule_with_data(const gemmule_program* program, const char* name,
                                  const gemmule_array* value, gemmule_program** changed);

#ifdef __cplusplus
}
#endif

#endif
