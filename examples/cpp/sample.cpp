// Draws from the posterior of a PyMC model by Hamiltonian Monte Carlo, without Python:
//
//   sample model.gemmule [draws] [seed]
//
// prints mean, standard deviation and number of effective draws of every variable. In Python,
// `gemmule.export(model, "model.gemmule")` writes the file.
//
// Leapfrog steps of random number, with a step size and scales that are tuned while it warms up;
// the same as PyMC's HamiltonianMC does, in 100 lines. For serious work there is NUTS: see
// docs/sampling.md.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <gemmule/program.hpp>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Vector = std::vector<double>;

struct Point {
  Vector x, gradient;
  double logp = 0;
};

// Mean and variance of what was added, element by element (Welford).
struct Moments {
  double count = 0;
  Vector mean, sum;

  explicit Moments(std::size_t size) : mean(size, 0.0), sum(size, 0.0) {}
  void add(const Vector& x) {
    ++count;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double d = x[i] - mean[i];
      mean[i] += d / count;
      sum[i] += d * (x[i] - mean[i]);
    }
  }
  double variance(std::size_t i) const { return count > 1 ? sum[i] / (count - 1) : 1.0; }
};

class Chain {
 public:
  Chain(const gemmule::Density& density, unsigned seed)
      : density_(density), random_(seed), scales_(density.dim(), 1.0) {
    at_.x = density.initial_point();
    at_.gradient.resize(at_.x.size());
    std::normal_distribution<double> jitter(0.0, 0.1);
    for (double& x : at_.x) x += jitter(random_);
    evaluate(at_);
    if (!std::isfinite(at_.logp))
      throw std::runtime_error("the density is not finite at the initial point");
  }

  // All draws, expanded, after as many that tune.
  std::vector<Vector> run(int draws) {
    Moments found(at_.x.size());
    for (int i = 0; i < draws; ++i) {
      const double rate = step();
      // Towards 80 % accepted (Nesterov's dual averaging, as Hoffman and Gelman 2014 have it, but
      // simpler).
      step_size_ *= std::exp((rate - 0.8) / std::sqrt(1.0 + i));
      found.add(at_.x);
      if (i == draws / 4 || i == draws / 2) {
        for (std::size_t k = 0; k < scales_.size(); ++k)
          scales_[k] = std::sqrt(found.variance(k) + 1e-6);
        found = Moments(at_.x.size());
        step_size_ = 0.5;
      }
    }
    std::vector<Vector> all;
    for (int i = 0; i < draws; ++i) {
      step();
      Vector draw(density_.expanded());
      density_.expand(at_.x.data(), draw.data());
      all.push_back(std::move(draw));
    }
    return all;
  }

 private:
  void evaluate(Point& point) { point.logp = density_(point.x.data(), point.gradient.data()); }

  // One trajectory; the probability with which its end is accepted.
  double step() {
    const std::size_t n = at_.x.size();
    std::normal_distribution<double> normal;
    Vector momentum(n);
    for (double& p : momentum) p = normal(random_);
    const auto energy = [&](const Point& point) {
      double sum = -point.logp;
      for (const double p : momentum) sum += p * p / 2;
      return sum;
    };
    const double before = energy(at_);
    Point end = at_;
    const int steps = std::uniform_int_distribution<int>(1, 20)(random_);
    for (int i = 0; i < steps && std::isfinite(end.logp); ++i) {
      for (std::size_t k = 0; k < n; ++k) {
        momentum[k] += step_size_ / 2 * scales_[k] * end.gradient[k];
        end.x[k] += step_size_ * scales_[k] * momentum[k];
      }
      evaluate(end);
      for (std::size_t k = 0; k < n; ++k)
        momentum[k] += step_size_ / 2 * scales_[k] * end.gradient[k];
    }
    const double after = std::isfinite(end.logp) ? energy(end) : INFINITY;
    const double rate = std::isfinite(after) ? std::min(1.0, std::exp(before - after)) : 0.0;
    if (std::uniform_real_distribution<double>()(random_) < rate) at_ = std::move(end);
    return rate;
  }

  const gemmule::Density& density_;
  std::mt19937_64 random_;
  Vector scales_;
  double step_size_ = 0.1;
  Point at_;
};

// Draws that would say as much if they were independent: from batches of sqrt(n) draws (Geyer
// 1992).
double effective_draws(const std::vector<std::vector<Vector>>& chains, std::size_t k) {
  Moments all(1), batches(1);
  const std::size_t draws = chains[0].size();
  const auto length = static_cast<std::size_t>(std::sqrt(static_cast<double>(draws)));
  for (const auto& chain : chains) {
    for (std::size_t first = 0; first + length <= draws; first += length) {
      double sum = 0;
      for (std::size_t i = first; i < first + length; ++i) {
        all.add({chain[i][k]});
        sum += chain[i][k];
      }
      batches.add({sum / static_cast<double>(length)});
    }
  }
  return all.count * all.variance(0) / (static_cast<double>(length) * batches.variance(0));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "sample model.gemmule [draws] [seed]\n");
    return 2;
  }
  const int draws = argc > 2 ? std::atoi(argv[2]) : 2000;
  if (draws < 1) {
    std::fprintf(stderr, "the number of draws is at least 1, not %s\n", argv[2]);
    return 2;
  }
  const unsigned seed = argc > 3 ? static_cast<unsigned>(std::atoi(argv[3])) : 1;
  try {
    const gemmule::Density density(gemmule::Program::load(argv[1]));
    std::vector<std::vector<Vector>> chains(4);
    std::vector<std::future<std::vector<Vector>>> threads;
    for (unsigned c = 0; c < chains.size(); ++c) {
      threads.push_back(std::async(std::launch::async, [&density, seed, draws, c] {
        return Chain(density, seed + 1000 * c).run(draws);
      }));
    }
    // What a chain throws is thrown here.
    for (std::size_t c = 0; c < chains.size(); ++c) chains[c] = threads[c].get();

    Moments moments(density.expanded());
    for (const auto& chain : chains) {
      for (const Vector& draw : chain) moments.add(draw);
    }
    std::printf("%-24s %12s %12s %8s\n", "variable", "mean", "sd", "draws");
    for (const gemmule::Variable& variable : density.program().function("expand").parts()) {
      for (std::size_t i = 0; i < variable.size(); ++i) {
        const std::size_t k = variable.offset + i;
        const std::string name =
            variable.shape.empty() ? variable.name : variable.name + "[" + std::to_string(i) + "]";
        std::printf("%-24s %12.6g %12.6g %8.0f\n", name.c_str(), moments.mean[k],
                    std::sqrt(moments.variance(k)), effective_draws(chains, k));
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
