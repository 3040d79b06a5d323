#include "kernels/workers.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#ifndef _WIN32
#include <pthread.h>
#endif

#include "kernels/blas.h"

namespace gemmule::kernels {
namespace {

// Parts are taken in order by whoever is free.
struct Work {
  int count;
  const std::function<void(int)>& part;
  std::atomic<int> next = 0;
  std::mutex mutex;  // guards the error of the first part that failed
  std::exception_ptr error = nullptr;
  int failed = 0;

  Work(int count, const std::function<void(int)>& part) : count(count), part(part) {}

  void run() {
    for (int i = next++; i < count; i = next++) {
      try {
        part(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error || i < failed) error = std::current_exception(), failed = i;
      }
    }
  }
};

class Workers {
 public:
  // One caller has the threads at a time.
  bool try_run(Work& work, int helpers) {
    const std::unique_lock owner(owner_, std::try_to_lock);
    if (!owner) return false;
    {
      const std::lock_guard lock(mutex_);
      try {
        while (threads_ < helpers) {
          std::thread([this, index = threads_] { wait_for_work(index); }).detach();
          ++threads_;
        }
      } catch (const std::system_error&) {  // no more threads are to be had: fewer do the same
        helpers = threads_;
      }
      work_ = &work;
      wanted_ = busy_ = helpers;
      ++round_;
    }
    begin_.notify_all();
    work.run();
    std::unique_lock lock(mutex_);
    end_.wait(lock, [this] { return busy_ == 0; });
    work_ = nullptr;
    return true;
  }

 private:
  void wait_for_work(int index) {
    long seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      begin_.wait(lock, [&] { return round_ != seen && (index >= wanted_ || work_ != nullptr); });
      seen = round_;
      if (index >= wanted_) continue;
      Work& work = *work_;
      lock.unlock();
      work.run();
      lock.lock();
      if (--busy_ == 0) end_.notify_one();
    }
  }

  std::mutex owner_, mutex_;
  std::condition_variable begin_, end_;
  Work* work_ = nullptr;
  int threads_ = 0, wanted_ = 0, busy_ = 0;
  long round_ = 0;
};

// Never destroyed: its threads wait until the process ends. A forked child has none of them and
// starts anew.
std::atomic<Workers*> workers = nullptr;

Workers& the_workers() {
  static const bool registered = [] {
    workers = new Workers;
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] { workers = new Workers; });
#endif
    return true;
  }();
  (void)registered;
  return *workers;
}

thread_local bool runs_part = false;

}  // namespace

bool in_part() { return runs_part; }

InPart::InPart(bool in_part) : outer_(runs_part) { runs_part = outer_ || in_part; }
InPart::~InPart() { runs_part = outer_; }

void run_parts(int count, const std::function<void(int)>& part) {
  const std::function<void(int)> marked = [&](int i) {
    const InPart in_part;
    part(i);
  };
  Work work(count, marked);
  const int helpers = runs_part ? 0 : std::min(blas_threads(), count) - 1;
  if (helpers < 1 || !the_workers().try_run(work, helpers)) work.run();
  if (work.error) std::rethrow_exception(work.error);
}

}  // namespace gemmule::kernels
