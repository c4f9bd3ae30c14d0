// Preloaded into the gateway and into the Python of the tests, this delays thread starts and system calls at
// random, as a busy machine does: mostly not at all, sometimes by a few milliseconds, rarely by up to 200. A
// test that passes only on a fast machine then fails. scripts/stress.sh runs the integration tests with this
// library.
//
// PORTCULLIS_STRESS_SEED=NUMBER turns it on. One seed gives each thread of each program the same delays at
// the same calls; the order of the threads differs, so a run is repeated approximately. Programs that the
// tests start (browsers, databases, shells) inherit the library but are not delayed: see is_stressed().
//
// PORTCULLIS_STRESS_FACTOR=NUMBER, 1 by default, multiplies the frequency of delays.
//
// Nothing here allocates or takes a lock, so the functions may run in a signal handler and between fork and
// exec. A delay leaves errno unchanged and ends early when a signal arrives.

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>

struct io_uring;

namespace {

// How often, in a million calls, a call has a short and a long delay.
struct Odds {
  uint32_t brief;
  uint32_t lengthy;
};
constexpr Odds kBegin{200'000,
                      30'000};  // calls that happen once: starts of threads and processes, binds of sockets
constexpr Odds kMeet{50'000, 10'000};  // beginnings and ends of connections
constexpr Odds kPass{7'000, 500};      // all other calls

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kMaxBrief = 4 * kMillisecond;
constexpr int64_t kMaxLengthy = 200 * kMillisecond;
// The max sum of a thread's delays is this plus a quarter of its age, multiplied by the factor.
constexpr int64_t kFirstBudget = 400 * kMillisecond;

std::atomic<bool> active = false;
std::atomic<uint32_t> factor = 1;
std::atomic<uint64_t> seed = 0;
std::atomic<uint64_t> threads = 0;  // number of threads since the seed was set

struct Thread {
  uint64_t seed = 0;  // the seed with which `state` began
  uint64_t state = 0;
  int64_t began = 0;  // nanoseconds of the monotonic clock
  int64_t spent = 0;
};
// The model of thread-local storage that is allocated together with the thread, so that the first use does
// not allocate.
[[gnu::tls_model("initial-exec")]] thread_local Thread self;

uint64_t mix(uint64_t value) {  // splitmix64
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

uint64_t hash(std::string_view text) {  // FNV-1a
  uint64_t value = 0xcbf29ce484222325;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return value;
}

// A random number below `bound`.
uint64_t draw(uint64_t bound) {
  const uint64_t now = seed.load(std::memory_order_relaxed);
  if (self.seed != now) {
    self.seed = now;
    self.state = mix(now ^ mix(threads.fetch_add(1, std::memory_order_relaxed)));
  }
  self.state = mix(self.state);
  return self.state % bound;
}

// Sleeps by libc's syscall(): nanosleep() itself is delayed here, and is a cancellation point.
std::atomic<long (*)(long, ...)> sleep_by = nullptr;

int64_t now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 * kMillisecond + time.tv_nsec;
}

void sleep_for(int64_t nanoseconds) {
  const timespec time{nanoseconds / (1000 * kMillisecond), nanoseconds % (1000 * kMillisecond)};
  if (const auto call = sleep_by.load()) call(SYS_nanosleep, &time, nullptr);
}

void delay(Odds odds) {
  if (!active.load(std::memory_order_relaxed)) return;
  const uint32_t times = factor.load(std::memory_order_relaxed);
  const auto drawn = static_cast<uint32_t>(draw(1'000'000)) / times;
  if (drawn >= odds.brief + odds.lengthy) return;
  const int saved = errno;
  int64_t length;
  if (drawn < odds.brief) {
    length = static_cast<int64_t>(draw(kMaxBrief));
  } else {
    // The square of a uniform random number, so half of the delays are shorter than 50 ms.
    const auto even = static_cast<int64_t>(draw(1000));
    length = kMaxLengthy * even / 1000 * even / 1000;
  }
  const int64_t time = now();
  if (self.began == 0) self.began = time;
  if (self.spent + length <= times * (kFirstBudget + (time - self.began) / 4)) {
    self.spent += length;
    sleep_for(length);
  }
  errno = saved;
}

// The programs that are delayed. Other programs that tests start have timeouts that these tests do not
// concern, and some (chromium, npm) start so many threads that they would never finish.
bool is_stressed(std::string_view program) {
  return program == "portcullis" || program.starts_with("python3");
}

[[gnu::constructor]] void turn_on() {
  const char* number = std::getenv("PORTCULLIS_STRESS_SEED");
  if (number == nullptr) return;
  std::array<char, 4096> path;
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  std::string_view program(path.data(), size > 0 ? static_cast<size_t>(size) : 0);
  program.remove_prefix(program.rfind('/') + 1);
  if (!is_stressed(program)) return;
  const char* times = std::getenv("PORTCULLIS_STRESS_FACTOR");
  factor = static_cast<uint32_t>(std::clamp(times == nullptr ? 1 : std::atoi(times), 1, 1000));
  // The delays depend on the test's name, so they are the same when the test runs alone.
  const char* test = std::getenv("PYTEST_CURRENT_TEST");
  seed = mix(std::strtoull(number, nullptr, 10) ^ hash(program) ^ hash(test == nullptr ? "" : test));
  active = true;
}

struct Start {
  std::atomic<bool> taken = false;
  void* (*routine)(void*) = nullptr;
  void* argument = nullptr;
};
std::array<Start, 1024> starts;  // of threads that have not begun yet

void* begin_thread(void* given) {
  auto& start = *static_cast<Start*>(given);
  const auto routine = start.routine;
  void* argument = start.argument;
  start.taken.store(false, std::memory_order_release);
  delay(kBegin);
  return routine(argument);
}

// The next definition of a function: libc's, or that of another preloaded library. Looked up before main(),
// because dlsym() may not be used between fork and exec; before main() it is looked up on use.
template <typename F>
class Real {
 public:
  explicit constexpr Real(const char* name) : name_(name) {}
  F* get() {
    F* found = kept_.load(std::memory_order_relaxed);
    if (found == nullptr) {
      found = reinterpret_cast<F*>(dlsym(RTLD_NEXT, name_));
      kept_.store(found, std::memory_order_relaxed);
    }
    return found;
  }

 private:
  std::atomic<F*> kept_ = nullptr;
  const char* name_;
};

}  // namespace

#define REAL(name, ...)                           \
  namespace {                                     \
  constinit Real<__VA_ARGS__> real_##name(#name); \
  [[gnu::constructor]] void resolve_##name() {    \
    real_##name.get();                            \
  }                                               \
  }

// Defines `name` as the original function after a delay. `EXCEPT` is noexcept where the system's header has
// it.
#define DELAYED(odds, result, name, PARAMETERS, ARGUMENTS, EXCEPT) \
  REAL(name, result PARAMETERS)                                    \
  extern "C" result name PARAMETERS EXCEPT {                       \
    auto* call = real_##name.get();                                \
    delay(odds);                                                   \
    return call ARGUMENTS;                                         \
  }

// clang-format off
DELAYED(kMeet, int, connect, (int fd, const sockaddr* a, socklen_t n), (fd, a, n), )
DELAYED(kMeet, int, accept, (int fd, sockaddr* a, socklen_t* n), (fd, a, n), )
DELAYED(kMeet, int, accept4, (int fd, sockaddr* a, socklen_t* n, int f), (fd, a, n, f), )
DELAYED(kMeet, int, shutdown, (int fd, int how), (fd, how), noexcept)
DELAYED(kBegin, int, bind, (int fd, const sockaddr* a, socklen_t n), (fd, a, n), noexcept)
DELAYED(kBegin, int, listen, (int fd, int n), (fd, n), noexcept)

DELAYED(kPass, ssize_t, read, (int fd, void* d, size_t n), (fd, d, n), )
DELAYED(kPass, ssize_t, readv, (int fd, const iovec* v, int n), (fd, v, n), )
DELAYED(kPass, ssize_t, pread64, (int fd, void* d, size_t n, off64_t at), (fd, d, n, at), )
DELAYED(kPass, ssize_t, preadv64v2, (int fd, const iovec* v, int n, off64_t at, int f), (fd, v, n, at, f), )
DELAYED(kPass, ssize_t, recv, (int fd, void* d, size_t n, int f), (fd, d, n, f), )
DELAYED(kPass, ssize_t, recvfrom, (int fd, void* d, size_t n, int f, sockaddr* a, socklen_t* s), (fd, d, n, f, a, s), )
DELAYED(kPass, ssize_t, recvmsg, (int fd, msghdr* m, int f), (fd, m, f), )
// The functions that a program compiled with _FORTIFY_SOURCE calls where it knows the buffer's size.
DELAYED(kPass, ssize_t, __read_chk, (int fd, void* d, size_t n, size_t room), (fd, d, n, room), )
DELAYED(kPass, ssize_t, __pread64_chk, (int fd, void* d, size_t n, off64_t at, size_t room), (fd, d, n, at, room), )
DELAYED(kPass, ssize_t, __recv_chk, (int fd, void* d, size_t n, size_t room, int f), (fd, d, n, room, f), )
DELAYED(kPass, int, __poll_chk, (pollfd* p, nfds_t n, int t, size_t room), (p, n, t, room), )
DELAYED(kPass, ssize_t, write, (int fd, const void* d, size_t n), (fd, d, n), )
DELAYED(kPass, ssize_t, writev, (int fd, const iovec* v, int n), (fd, v, n), )
DELAYED(kPass, ssize_t, pwrite64, (int fd, const void* d, size_t n, off64_t at), (fd, d, n, at), )
DELAYED(kPass, ssize_t, pwritev64, (int fd, const iovec* v, int n, off64_t at), (fd, v, n, at), )
DELAYED(kPass, ssize_t, send, (int fd, const void* d, size_t n, int f), (fd, d, n, f), )
DELAYED(kPass, ssize_t, sendto, (int fd, const void* d, size_t n, int f, const sockaddr* a, socklen_t s), (fd, d, n, f, a, s), )
DELAYED(kPass, ssize_t, sendmsg, (int fd, const msghdr* m, int f), (fd, m, f), )
DELAYED(kPass, ssize_t, sendfile, (int to, int from, off_t* at, size_t n), (to, from, at, n), noexcept)
DELAYED(kPass, ssize_t, sendfile64, (int to, int from, off64_t* at, size_t n), (to, from, at, n), noexcept)
DELAYED(kPass, int, io_uring_submit_and_wait, (struct io_uring* ring, unsigned n), (ring, n), )

DELAYED(kPass, int, epoll_wait, (int fd, epoll_event* e, int n, int t), (fd, e, n, t), )
DELAYED(kPass, int, poll, (pollfd* p, nfds_t n, int t), (p, n, t), )
DELAYED(kPass, int, select, (int n, fd_set* r, fd_set* w, fd_set* x, timeval* t), (n, r, w, x, t), )
DELAYED(kPass, int, nanosleep, (const timespec* t, timespec* left), (t, left), )
DELAYED(kPass, int, clock_nanosleep, (clockid_t c, int f, const timespec* t, timespec* left), (c, f, t, left), )

DELAYED(kPass, int, close, (int fd), (fd), )
DELAYED(kPass, int, rename, (const char* from, const char* to), (from, to), noexcept)
DELAYED(kPass, int, unlink, (const char* path), (path), noexcept)

DELAYED(kBegin, int, execv, (const char* path, char* const* a), (path, a), noexcept)
DELAYED(kBegin, int, execve, (const char* path, char* const* a, char* const* e), (path, a, e), noexcept)
DELAYED(kMeet, int, kill, (pid_t pid, int signal), (pid, signal), noexcept)
DELAYED(kPass, pid_t, waitpid, (pid_t pid, int* status, int f), (pid, status, f), )
DELAYED(kPass, pid_t, wait4, (pid_t pid, int* status, int f, rusage* u), (pid, status, f, u), noexcept)
// clang-format on

// vfork() returns twice from one call, so it cannot be wrapped; the exec that follows is wrapped.
REAL(fork, pid_t())
REAL(pthread_create, int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))
REAL(syscall, long(long, ...))
REAL(open, int(const char*, int, ...))
REAL(open64, int(const char*, int, ...))
REAL(openat, int(int, const char*, int, ...))
REAL(openat64, int(int, const char*, int, ...))

// The mode argument, which follows `flags` when a file may be created.
#define MODE(flags)                                                 \
  mode_t mode = 0;                                                  \
  if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) { \
    va_list more;                                                   \
    va_start(more, flags);                                          \
    mode = va_arg(more, mode_t);                                    \
    va_end(more);                                                   \
  }                                                                 \
  delay(kPass)

extern "C" {

int open(const char* path, int flags, ...) {
  MODE(flags);
  return real_open.get()(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  MODE(flags);
  return real_open64.get()(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  MODE(flags);
  return real_openat.get()(folder, path, flags, mode);
}

int openat64(int folder, const char* path, int flags, ...) {
  MODE(flags);
  return real_openat64.get()(folder, path, flags, mode);
}

pid_t fork() noexcept {
  const pid_t child = real_fork.get()();
  delay(kBegin);  // in the parent and in the child
  return child;
}

long syscall(long number, ...) noexcept {
  std::array<long, 6> given;
  va_list more;
  va_start(more, number);
  for (long& one : given) one = va_arg(more, long);
  va_end(more);
  if (number == SYS_io_uring_enter) delay(kPass);
  return real_syscall.get()(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                   void* argument) noexcept {
  auto* call = real_pthread_create.get();
  auto* start = active ? std::find_if(starts.begin(), starts.end(),
                                      [](Start& one) { return !one.taken.exchange(true); })
                       : starts.end();
  if (start == starts.end()) return call(thread, attributes, routine, argument);
  start->routine = routine;
  start->argument = argument;
  const int result = call(thread, attributes, begin_thread, start);
  if (result != 0) start->taken = false;
  return result;
}

// Restarts all random sequences, so that a test has the same delays whichever tests ran before it. The tests'
// plugin calls this with the name of each test.
void portcullis_stress_begin(const char* test) {
  if (!active) return;
  const char* number = std::getenv("PORTCULLIS_STRESS_SEED");
  threads = 0;
  seed = mix(std::strtoull(number == nullptr ? "0" : number, nullptr, 10) ^ hash(test));
}
}

namespace {
[[gnu::constructor]] void enable_sleep() {
  sleep_by = real_syscall.get();
}
}  // namespace
