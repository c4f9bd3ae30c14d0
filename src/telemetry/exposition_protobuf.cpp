// Writes the metrics page as messages of Prometheus's client model (io/prometheus/client/metrics.proto),
// which have native histograms.

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <cmath>
#include <numeric>

#include "telemetry/exposition.h"

namespace portcullis::telemetry {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedOutputStream;
using google::protobuf::io::StringOutputStream;

// One serialised message.
template <typename Write>
std::string message(Write write) {
  std::string out;
  StringOutputStream bytes(&out);
  CodedOutputStream stream(&bytes);
  write(stream);
  stream.Trim();
  return out;
}

void write_bytes(int field, const std::string& bytes, CodedOutputStream& out) {
  WireFormatLite::WriteBytes(field, bytes, &out);
}

std::string value_message(double value) {  // of a Gauge or a Counter
  return message([value](CodedOutputStream& out) { WireFormatLite::WriteDouble(1, value, &out); });
}

std::string label_message(const prometheus::ClientMetric::Label& label) {
  return message([&label](CodedOutputStream& out) {
    write_bytes(1, label.name, out);
    write_bytes(2, label.value, out);
  });
}

// Empty buckets are omitted: spans give the positions of the other buckets, and each count is the difference
// to the previous one.
void write_native(const std::vector<uint64_t>& fine, CodedOutputStream& out) {
  WireFormatLite::WriteSInt32(5, FineBuckets::kSchema, &out);
  WireFormatLite::WriteDouble(6, 1.0 / (1 << (-FineBuckets::kFirst / 4)),
                              &out);  // upper bound of the zero bucket
  WireFormatLite::WriteUInt64(7, fine[0], &out);
  int expected = 0;  // the index after the previous bucket
  bool first = true;
  for (size_t at = 1; at < fine.size();) {
    if (fine[at] == 0) {
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < fine.size() && fine[at] != 0) ++at;
    const int index = FineBuckets::kFirst + static_cast<int>(begin);
    const int offset = first ? index : index - expected;
    const auto length = static_cast<uint32_t>(at - begin);
    write_bytes(12, message([=](CodedOutputStream& span) {
                  WireFormatLite::WriteSInt32(1, offset, &span);
                  WireFormatLite::WriteUInt32(2, length, &span);
                }),
                out);
    expected = index + static_cast<int>(length);
    first = false;
  }
  int64_t before = 0;
  for (size_t at = 1; at < fine.size(); ++at) {
    if (fine[at] == 0) continue;
    const auto count = static_cast<int64_t>(fine[at]);
    WireFormatLite::WriteSInt64(13, count - before, &out);
    before = count;
  }
}

// Counting continues while the buckets are read, so the total is computed from the buckets to be consistent.
std::string histogram_message(const prometheus::ClientMetric::Histogram& histogram,
                              const std::vector<uint64_t>* fine) {
  uint64_t count = histogram.sample_count;
  if (fine != nullptr) count = std::accumulate(fine->begin(), fine->end(), uint64_t{0});
  return message([&](CodedOutputStream& out) {
    WireFormatLite::WriteUInt64(1, count, &out);
    WireFormatLite::WriteDouble(2, histogram.sample_sum, &out);
    for (const auto& bucket : histogram.bucket) {
      const uint64_t below =
          std::isinf(bucket.upper_bound) ? count : std::min(bucket.cumulative_count, count);
      write_bytes(3, message([&bucket, below](CodedOutputStream& one) {
                    WireFormatLite::WriteUInt64(1, below, &one);
                    WireFormatLite::WriteDouble(2, bucket.upper_bound, &one);
                  }),
                  out);
    }
    if (fine != nullptr) write_native(*fine, out);
  });
}

}  // namespace

std::string Exposition::protobuf() {
  native_ = true;
  collect();
  enum Type { kCounter = 0, kGauge = 1, kHistogram = 4 };  // values of MetricType
  return message([this](CodedOutputStream& out) {
    for (size_t i = 0; i < families_.size(); ++i) {
      const prometheus::MetricFamily& family = families_[i];
      const Type type = family.type == MetricType::Counter ? kCounter
                        : family.type == MetricType::Gauge ? kGauge
                                                           : kHistogram;
      const std::string told = message([&](CodedOutputStream& of_family) {
        write_bytes(1, family.name, of_family);
        write_bytes(2, family.help, of_family);
        WireFormatLite::WriteEnum(3, type, &of_family);
        for (size_t j = 0; j < family.metric.size(); ++j) {
          const prometheus::ClientMetric& metric = family.metric[j];
          const auto fine = fine_.find({i, j});
          write_bytes(
              4, message([&](CodedOutputStream& of_metric) {
                for (const auto& label : metric.label) write_bytes(1, label_message(label), of_metric);
                if (type == kGauge) write_bytes(2, value_message(metric.gauge.value), of_metric);
                if (type == kCounter) write_bytes(3, value_message(metric.counter.value), of_metric);
                if (type == kHistogram)
                  write_bytes(
                      7, histogram_message(metric.histogram, fine != fine_.end() ? &fine->second : nullptr),
                      of_metric);
              }),
              of_family);
        }
      });
      out.WriteVarint32(static_cast<uint32_t>(told.size()));
      out.WriteString(told);
    }
  });
}

}  // namespace portcullis::telemetry
