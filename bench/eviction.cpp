// Compares the hit ratios of S3-FIFO, which the store uses, and LRU with equal space, on a generated trace:
// objects requested by Zipf's law, and some that are requested only once.
// Usage: eviction; prints JSON.

#include <cmath>
#include <cstdio>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "cache/s3_fifo.h"

using namespace portcullis;

namespace {

constexpr size_t kObjects = 100'000;
constexpr size_t kRequests = 2'000'000;
constexpr size_t kOnceIn = 5;  // every fifth request is for an object that is requested only once

struct Request {
  uint64_t object;
  size_t size;
};

std::vector<Request> make_trace(double skew) {
  std::vector<double> cumulative(kObjects);
  double sum = 0;
  for (size_t i = 0; i < kObjects; ++i) cumulative[i] = sum += 1 / std::pow(static_cast<double>(i + 1), skew);
  Random random(7);
  std::vector<Request> out;
  out.reserve(kRequests);
  for (size_t i = 0; i < kRequests; ++i) {
    uint64_t object = kObjects + i;
    if (i % kOnceIn != 0) {
      const double at = static_cast<double>(random.next() >> 11) / 9007199254740992.0 * sum;
      object = static_cast<uint64_t>(std::lower_bound(cumulative.begin(), cumulative.end(), at) -
                                     cumulative.begin());
    }
    out.push_back({object, 1024 + hash_mix(object, 3) % 30'000});
  }
  return out;
}

double s3_fifo(const std::vector<Request>& trace, size_t room) {
  struct Object {
    std::shared_ptr<cache::Entry> entry = std::make_shared<cache::Entry>(200, "", http::Fields());
  };
  std::unordered_map<uint64_t, Object> objects;
  cache::S3Fifo queue(room / 4096);
  size_t hits = 0;
  for (const Request& request : trace) {
    const auto found = objects.find(request.object);
    if (found != objects.end()) {
      ++hits;
      found->second.entry->note_use();
      continue;
    }
    cache::Place& place = objects[request.object].entry->place;
    place.hash = request.object;
    queue.add(place, request.size);
    while (queue.cost() > room) objects.erase(queue.evict()->hash);
  }
  return static_cast<double>(hits) / static_cast<double>(trace.size());
}

double lru(const std::vector<Request>& trace, size_t room) {
  std::list<Request> order;
  std::unordered_map<uint64_t, std::list<Request>::iterator> objects;
  size_t used = 0, hits = 0;
  for (const Request& request : trace) {
    const auto found = objects.find(request.object);
    if (found != objects.end()) {
      ++hits;
      order.splice(order.begin(), order, found->second);
      continue;
    }
    order.push_front(request);
    objects[request.object] = order.begin();
    for (used += request.size; used > room; order.pop_back()) {
      used -= order.back().size;
      objects.erase(order.back().object);
    }
  }
  return static_cast<double>(hits) / static_cast<double>(trace.size());
}

}  // namespace

int main() {
  std::printf("[");
  const char* comma = "";
  for (const double skew : {0.8, 1.0}) {
    const std::vector<Request> trace = make_trace(skew);
    for (const double share : {0.01, 0.1}) {
      const auto room = static_cast<size_t>(share * kObjects * 16'000);
      std::printf("%s{\"skew\": %.1f, \"room\": %.2f, \"s3_fifo\": %.4f, \"lru\": %.4f}", comma, skew, share,
                  s3_fifo(trace, room), lru(trace, room));
      comma = ", ";
    }
  }
  std::printf("]\n");
}
