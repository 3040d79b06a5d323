// Special functions of one double each, with SciPy's values at poles, infinities and outside
// domains.
#pragma once

namespace gemmule::kernels::special {

double erfcx(double x);  // exp(x^2) erfc(x)
double erfinv(double x);
double erfcinv(double x);
double gamma(double x);
double gammaln(double x);  // log |gamma(x)|
double digamma(double x);
double trigamma(double x);
double gammainc(double a, double x);   // regularised lower
double gammaincc(double a, double x);  // regularised upper
double betainc(double a, double b, double x);
double i0(double x);
double i1(double x);
double ive(double v, double x);  // exp(-|x|) I_v(x)
double kve(double v, double x);  // exp(x) K_v(x)
double j0(double x);
double j1(double x);
double jv(double v, double x);
double polygamma(double n, double x);
double gammaincinv(double a, double p);
double gammainccinv(double a, double q);
double betaincinv(double a, double b, double p);
double owens_t(double h, double a);
double ndtri_exp(double x);  // the normal quantile of exp(x)
double hyp2f1(double a, double b, double c, double z);

}  // namespace gemmule::kernels::special
