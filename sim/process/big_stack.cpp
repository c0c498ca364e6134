#include "sim/process/big_stack.h"

#include <cstddef>

#include <pthread.h>

namespace gridlock {

namespace {

void* ThreadMain(void* argument) {
  (*static_cast<const std::function<void()>*>(argument))();
  return nullptr;
}

}  // namespace

void RunOnBigStack(const std::function<void()>& work) {
  constexpr std::size_t kStackBytes = std::size_t{2} << 30;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread{};
  std::function<void()> copy = work;
  if (pthread_attr_setstacksize(&attributes, kStackBytes) != 0 ||
      pthread_create(&thread, &attributes, &ThreadMain, &copy) != 0) {
    work();  // an address-space limit: the usual stack serves most scenarios
    return;
  }
  pthread_join(thread, nullptr);
}

}  // namespace gridlock
