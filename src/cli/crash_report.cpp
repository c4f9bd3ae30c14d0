#include "cli/crash_report.h"

#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <string_view>

#include "base/sanitizers.h"
#include "base/say.h"

namespace portcullis::cli {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};

// Writes text with functions that are safe in signal handlers (signal-safety(7)).
class Writer {
 public:
  Writer& text(std::string_view more) {
    const size_t fits = std::min(more.size(), sizeof buffer_ - size_);
    std::memcpy(buffer_ + size_, more.data(), fits);
    size_ += fits;
    return *this;
  }
  Writer& number(uint64_t value, unsigned base = 10) {
    char digits[20];
    size_t at = sizeof digits;
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return text({digits + at, sizeof digits - at});
  }
  ~Writer() { (void)!::write(message_descriptor(), buffer_, size_); }

 private:
  char buffer_[512];
  size_t size_ = 0;
};

std::string_view name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGILL: return "SIGILL";
    case SIGFPE: return "SIGFPE";
    case SIGABRT: return "SIGABRT";
    default: return "SIGTRAP";
  }
}

void report(int signal, siginfo_t* info, void*) {
  // From here on, a crash in this handler or in another thread ends the process at once.
  for (const int one : kSignals) std::signal(one, SIG_DFL);
  // A stuck reader of standard error must not keep a crashed process from ending.
  ::fcntl(message_descriptor(), F_SETFL, ::fcntl(message_descriptor(), F_GETFL) | O_NONBLOCK);
  char thread[16] = "?";
  ::pthread_getname_np(::pthread_self(), thread, sizeof thread);
  {
    Writer out;
    out.text("portcullis: crashed: ").text(name_of(signal));
    if (signal == SIGSEGV || signal == SIGBUS) {
      out.text(" at address 0x").number(reinterpret_cast<uintptr_t>(info->si_addr), 16);
    }
    if (info->si_code <= 0) out.text(", sent by process ").number(static_cast<uint64_t>(info->si_pid));
    out.text("; thread ").text(thread).text(", version " PORTCULLIS_VERSION ", time ");
    out.number(static_cast<uint64_t>(std::time(nullptr))).text("\n");
  }
  std::array<void*, 64> frames;
  const int count = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), count, message_descriptor());
  Writer().text(
      "portcullis: end of the crash report; `addr2line -Cfie portcullis OFFSET` says more of the offsets in "
      "parentheses, with the same build\n");
  ::raise(signal);  // ends the process as without this handler: with a core file, where enabled
  // Process 1 of a container ignores signals without a handler.
  if (::getpid() == 1) ::_exit(128 + signal);
}

// Reports an uncaught exception before SIGABRT ends the process.
[[noreturn]] void tell_exception() {
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      Writer().text("portcullis: uncaught exception: ").text(error.what()).text("\n");
    } catch (...) {
      Writer().text("portcullis: uncaught exception of an unknown kind\n");
    }
  }
  std::abort();
}

}  // namespace

void report_crashes() {
  std::set_terminate(tell_exception);
  if (kSanitized) return;  // the sanitizers' reports say more
  // Loads the library that backtrace() needs, which a signal handler could not do.
  void* frame = nullptr;
  ::backtrace(&frame, 1);
  struct sigaction action {};
  action.sa_sigaction = report;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (const int one : kSignals) ::sigaction(one, &action, nullptr);
}

}  // namespace portcullis::cli
