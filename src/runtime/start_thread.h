#pragma once

#include <pthread.h>

#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace portcullis {

// Starts a thread with a name (at most 15 characters). Throws std::system_error when the system allows no
// further threads; the message names the thread, the reason and the limits. Call this only while starting or
// reloading, where the exception is caught.
template <typename Body>
std::thread start_thread(const std::string& name, Body body) {
  try {
    return std::thread([name, body = std::move(body)]() mutable {
      ::pthread_setname_np(::pthread_self(), name.c_str());
      body();
    });
  } catch (const std::system_error& problem) {
    throw std::system_error(problem.code(),
                            "cannot start the thread `" + name +
                                "`; the limits of threads are `ulimit -u`, TasksMax= of a systemd "
                                "unit, and pids.max of a container");
  }
}

}  // namespace portcullis
