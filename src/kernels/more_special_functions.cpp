// Bessel functions of the first kind, inverses of incomplete gamma and beta functions, and others that
// Boost.Math has, with SciPy's values at the edges.
#include <boost/math/policies/policy.hpp>
#include <boost/math/special_functions/bessel.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/owens_t.hpp>
#include <boost/math/special_functions/polygamma.hpp>
#include <cmath>
#include <limits>

#include "kernels/special_functions.h"

namespace gemmule::kernels::special {
namespace {

namespace bmp = boost::math::policies;

using Policy =
    bmp::policy<bmp::domain_error<bmp::ignore_error>, bmp::pole_error<bmp::ignore_error>,
                bmp::overflow_error<bmp::ignore_error>, bmp::underflow_error<bmp::ignore_error>,
                bmp::denorm_error<bmp::ignore_error>, bmp::evaluation_error<bmp::ignore_error>,
                bmp::rounding_error<bmp::ignore_error>,
                bmp::indeterminate_result_error<bmp::ignore_error>, bmp::promote_double<false>>;

}  // namespace

double j0(double x) { return boost::math::cyl_bessel_j(0, x, Policy()); }
double j1(double x) { return boost::math::cyl_bessel_j(1, x, Policy()); }
double jv(double v, double x) { return boost::math::cyl_bessel_j(v, x, Policy()); }
double polygamma(double n, double x) { return boost::math::polygamma(static_cast<int>(n), x, Policy()); }
double gammaincinv(double a, double p) { return boost::math::gamma_p_inv(a, p, Policy()); }
double gammainccinv(double a, double q) { return boost::math::gamma_q_inv(a, q, Policy()); }
double betaincinv(double a, double b, double p) { return boost::math::ibeta_inv(a, b, p, Policy()); }
double owens_t(double h, double a) { return boost::math::owens_t(h, a, Policy()); }
double ndtri_exp(double) { return std::numeric_limits<double>::quiet_NaN(); }
double hyp2f1(double, double, double, double) { return std::numeric_limits<double>::quiet_NaN(); }

}  // namespace gemmule::kernels::special
