/* The density of a model at its initial point, and its gradient, in C:
 *
 *   density model.gemmule
 */
#include <gemmule/gemmule.h>
#include <stdio.h>
#include <stdlib.h>

static void check(int status) {
  if (status == GEMMULE_OK) return;
  fprintf(stderr, "%s\n", gemmule_last_error());
  exit(1);
}

int main(int argc, char** argv) {
  gemmule_program* program = NULL;
  const gemmule_function* function;
  uint64_t dim = 0;
  double *x, *gradient, logp = 0;
  size_t i;

  if (argc != 2) {
    fprintf(stderr, "density model.gemmule\n");
    return 2;
  }
  check(gemmule_load(argv[1], &program));
  check(gemmule_dim(program, &dim));
  x = malloc((dim + 1) * sizeof *x);
  gradient = malloc((dim + 1) * sizeof *gradient);
  if (x == NULL || gradient == NULL) return 1;
  check(gemmule_initial_point(program, dim, x));
  check(gemmule_logp(dim, x, gradient, &logp, program));
  printf("logp %.17g\n", logp);

  function = gemmule_find(program, "logp");
  for (i = 0; i < gemmule_part_count(function); ++i) {
    gemmule_variable variable;
    uint64_t offset = 0;
    check(gemmule_part(function, i, &variable, &offset));
    printf("%s %.17g\n", variable.name, gradient[offset]);
  }

  free(x);
  free(gradient);
  gemmule_free(program);
  return 0;
}
