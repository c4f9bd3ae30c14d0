#include "compression/encoder.h"

#include <brotli/encode.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

namespace portcullis::compression {
namespace {

constexpr size_t kEncodedChunk = 16 * 1024;  // bytes by which `out` grows at a time
constexpr size_t kMaxSpare = 8;              // max compressors of one kind that a thread keeps
constexpr int kLastFastGzip = 3;             // up to this level, gzip is made by ISA-L

// A thread's unused compressors: creating a compressor costs more than compressing a small body.
template <typename T, void (*Free)(T*)>
class Spares {
 public:
  T* take(int level) {
    std::vector<T*>& mine = spares_[level];
    if (mine.empty()) return nullptr;
    T* one = mine.back();
    mine.pop_back();
    return one;
  }
  void give(int level, T* one) {
    std::vector<T*>& mine = spares_[level];
    if (mine.size() < kMaxSpare) return mine.push_back(one);
    Free(one);
  }
  ~Spares() {
    for (auto& [level, mine] : spares_) {
      for (T* one : mine) Free(one);
    }
  }

 private:
  std::map<int, std::vector<T*>> spares_;
};

void free_deflate(z_stream* stream) {
  ::deflateEnd(stream);
  delete stream;
}
void free_zstd(ZSTD_CCtx* context) {
  ::ZSTD_freeCCtx(context);
}

// A compressor of ISA-L with its working memory.
struct FastGzip {
  isal_zstream stream;
  uint8_t memory[ISAL_DEF_LVL3_DEFAULT];
};
void free_fast_gzip(FastGzip* one) {
  delete one;
}

thread_local Spares<FastGzip, free_fast_gzip> fast_gzips;
thread_local Spares<libdeflate_compressor, ::libdeflate_free_compressor> whole_gzips;
thread_local Spares<z_stream, free_deflate> gzips;
thread_local Spares<ZSTD_CCtx, free_zstd> zstds;

template <typename T>
T* must(T* made) {
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

// Compresses a whole body in one call. libdeflate is twice as fast as zlib, but cannot stream.
class WholeGzip final : public Encoder {
 public:
  WholeGzip(int level, size_t length) : level_(level) { body_.reserve(length); }
  void write(std::string_view data, std::string&) override { body_ += data; }
  void flush(std::string&) override {}
  void finish(std::string& out) override {
    libdeflate_compressor* compressor = whole_gzips.take(level_);
    if (compressor == nullptr) compressor = must(::libdeflate_alloc_compressor(level_));
    const size_t begin = out.size();
    const size_t max = ::libdeflate_gzip_compress_bound(compressor, body_.size());
    out.resize(begin + max);
    const size_t size =
        ::libdeflate_gzip_compress(compressor, body_.data(), body_.size(), out.data() + begin, max);
    out.resize(begin + size);
    whole_gzips.give(level_, compressor);
  }
  bool waits_for_all() const override { return true; }

 private:
  int level_;
  std::string body_;
};

class GzipEncoder final : public Encoder {
 public:
  explicit GzipEncoder(int level) : level_(level), stream_(gzips.take(level)) {
    if (stream_ != nullptr) return;
    stream_ = new z_stream{};
    constexpr int kGzipWindow = 15 + 16;
    if (::deflateInit2(stream_, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  GzipEncoder(const GzipEncoder&) = delete;
  GzipEncoder& operator=(const GzipEncoder&) = delete;
  ~GzipEncoder() override {
    ::deflateReset(stream_);
    gzips.give(level_, stream_);
  }
  void write(std::string_view data, std::string& out) override { run(data, Z_NO_FLUSH, out); }
  void flush(std::string& out) override { run({}, Z_SYNC_FLUSH, out); }
  void finish(std::string& out) override { run({}, Z_FINISH, out); }

 private:
  void run(std::string_view data, int how, std::string& out) {
    stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_->avail_in = static_cast<uInt>(data.size());
    do {
      const size_t begin = out.size();
      out.resize(begin + kEncodedChunk);
      stream_->next_out = reinterpret_cast<Bytef*>(out.data() + begin);
      stream_->avail_out = kEncodedChunk;
      ::deflate(stream_, how);
      out.resize(begin + kEncodedChunk - stream_->avail_out);
    } while (stream_->avail_out == 0);
  }

  int level_;
  z_stream* stream_;
};

// ISA-L is three times as fast as libdeflate at its lowest level, and its result is as small. It has no
// levels that compress better.
class FastGzipEncoder final : public Encoder {
 public:
  explicit FastGzipEncoder(int level) : level_(level), gzip_(fast_gzips.take(level)) {
    if (gzip_ == nullptr) gzip_ = new FastGzip;
    isal_zstream& stream = gzip_->stream;
    ::isal_deflate_init(&stream);
    stream.level = static_cast<uint32_t>(level);
    stream.level_buf = gzip_->memory;
    stream.level_buf_size = sizeof gzip_->memory;
    stream.gzip_flag = IGZIP_GZIP;
  }
  FastGzipEncoder(const FastGzipEncoder&) = delete;
  FastGzipEncoder& operator=(const FastGzipEncoder&) = delete;
  ~FastGzipEncoder() override { fast_gzips.give(level_, gzip_); }
  void write(std::string_view data, std::string& out) override {
    holds_input_ |= !data.empty();
    run(data, NO_FLUSH, out);
  }
  // ISA-L writes a marker for each flush, also when there is nothing to be flushed.
  void flush(std::string& out) override {
    if (std::exchange(holds_input_, false)) run({}, SYNC_FLUSH, out);
  }
  void finish(std::string& out) override {
    gzip_->stream.end_of_stream = 1;
    run({}, NO_FLUSH, out);
  }

 private:
  void run(std::string_view data, uint16_t how, std::string& out) {
    isal_zstream& stream = gzip_->stream;
    stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uint32_t>(data.size());
    stream.flush = how;
    do {
      const size_t begin = out.size();
      out.resize(begin + kEncodedChunk);
      stream.next_out = reinterpret_cast<uint8_t*>(out.data() + begin);
      stream.avail_out = kEncodedChunk;
      ::isal_deflate(&stream);
      out.resize(begin + kEncodedChunk - stream.avail_out);
    } while (stream.avail_out == 0);
  }

  int level_;
  FastGzip* gzip_;
  bool holds_input_ = false;  // something has been written since the last flush
};

class ZstdEncoder final : public Encoder {
 public:
  ZstdEncoder(int level, std::optional<uint64_t> length) : level_(level), context_(zstds.take(level)) {
    if (context_ == nullptr) context_ = must(::ZSTD_createCCtx());
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    // Limits memory, as for brotli: a client that does not read keeps this memory in use. A decoder need not
    // support more than 23 (RFC 9659).
    ::ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, 19);
    if (length) ::ZSTD_CCtx_setPledgedSrcSize(context_, *length);
  }
  ZstdEncoder(const ZstdEncoder&) = delete;
  ZstdEncoder& operator=(const ZstdEncoder&) = delete;
  ~ZstdEncoder() override {
    ::ZSTD_CCtx_reset(context_, ZSTD_reset_session_and_parameters);
    zstds.give(level_, context_);
  }
  void write(std::string_view data, std::string& out) override { run(data, ZSTD_e_continue, out); }
  void flush(std::string& out) override { run({}, ZSTD_e_flush, out); }
  void finish(std::string& out) override { run({}, ZSTD_e_end, out); }

 private:
  void run(std::string_view data, ZSTD_EndDirective how, std::string& out) {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    for (size_t left = 1; left != 0;) {
      const size_t begin = out.size();
      out.resize(begin + kEncodedChunk);
      ZSTD_outBuffer room{out.data() + begin, kEncodedChunk, 0};
      left = ::ZSTD_compressStream2(context_, &room, &in, how);
      out.resize(begin + room.pos);
      if (::ZSTD_isError(left) != 0) return;
      if (how == ZSTD_e_continue && in.pos == in.size) return;
    }
  }

  int level_;
  ZSTD_CCtx* context_;
};

class BrotliEncoder final : public Encoder {
 public:
  BrotliEncoder(int level, std::optional<uint64_t> length)
      : state_(must(::BrotliEncoderCreateInstance(nullptr, nullptr, nullptr))) {
    ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_QUALITY, static_cast<uint32_t>(level));
    // A smaller window is sufficient for most bodies, and takes less memory per response.
    ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_LGWIN, 19);
    // For a larger size hint, brotli allocates another 4 MiB for its hash table.
    constexpr uint64_t kMaxHint = (1 << 20) - 1;
    if (length)
      ::BrotliEncoderSetParameter(state_, BROTLI_PARAM_SIZE_HINT,
                                  static_cast<uint32_t>(std::min(*length, kMaxHint)));
  }
  BrotliEncoder(const BrotliEncoder&) = delete;
  BrotliEncoder& operator=(const BrotliEncoder&) = delete;
  ~BrotliEncoder() override { ::BrotliEncoderDestroyInstance(state_); }
  void write(std::string_view data, std::string& out) override { run(data, BROTLI_OPERATION_PROCESS, out); }
  void flush(std::string& out) override { run({}, BROTLI_OPERATION_FLUSH, out); }
  void finish(std::string& out) override { run({}, BROTLI_OPERATION_FINISH, out); }

 private:
  void run(std::string_view data, BrotliEncoderOperation how, std::string& out) {
    const auto* in = reinterpret_cast<const uint8_t*>(data.data());
    size_t left = data.size();
    do {
      size_t no_room = 0;
      uint8_t* nowhere = nullptr;
      if (::BrotliEncoderCompressStream(state_, how, &left, &in, &no_room, &nowhere, nullptr) == BROTLI_FALSE)
        return;
      size_t size = 0;
      const uint8_t* made = ::BrotliEncoderTakeOutput(state_, &size);
      if (size > 0) out.append(reinterpret_cast<const char*>(made), size);
    } while (left > 0 || ::BrotliEncoderHasMoreOutput(state_) == BROTLI_TRUE);
  }

  BrotliEncoderState* state_;
};

// Collects a small body completely, so that it is sent in one piece.
class Patient final : public Encoder {
 public:
  Patient(std::unique_ptr<Encoder> inner, size_t length) : inner_(std::move(inner)) { body_.reserve(length); }
  void write(std::string_view data, std::string&) override { body_ += data; }
  void flush(std::string&) override {}
  void finish(std::string& out) override {
    // At once as much as is needed for a body that cannot be compressed: memory that grows step by step
    // leaves holes.
    out.reserve(out.size() + body_.size() + 2 * kEncodedChunk);
    inner_->write(body_, out);
    inner_->finish(out);
  }
  bool waits_for_all() const override { return true; }

 private:
  std::unique_ptr<Encoder> inner_;
  std::string body_;
};

}  // namespace

uint64_t Encoder::memory_of(Coding coding, int level) {
  // KiB by level, measured for 2 MB of text with the windows that are set above.
  static constexpr uint64_t kBrotli[] = {300,   400,    1'800,  1'800,  5'600,  6'200,
                                         7'300, 13'400, 21'600, 39'300, 11'100, 11'100};
  static constexpr uint64_t kZstd[] = {2'050,  1'350,  1'550,  2'050,  3'350,  4'350,  4'350,
                                       7'450,  7'450,  13'600, 25'900, 25'900, 50'500, 50'500,
                                       50'500, 66'900, 66'900, 66'900, 66'900, 84'000};
  const auto of = [level](const auto& table) {
    return table[std::clamp<size_t>(static_cast<size_t>(level), 0, std::size(table) - 1)] << 10;
  };
  switch (coding) {
    case Coding::kGzip: return 500 << 10;
    case Coding::kBrotli: return of(kBrotli);
    case Coding::kZstd: return of(kZstd);
  }
  return 0;
}

std::unique_ptr<Encoder> Encoder::make(Coding coding, int level, std::optional<uint64_t> length) {
  const bool whole = length && *length <= kWhole;
  const size_t size = whole ? static_cast<size_t>(*length) : 0;
  std::unique_ptr<Encoder> made;
  switch (coding) {
    case Coding::kGzip:
      if (level <= kLastFastGzip) {
        made = std::make_unique<FastGzipEncoder>(level);
        break;
      }
      if (whole) return std::make_unique<WholeGzip>(level, size);
      return std::make_unique<GzipEncoder>(level);
    case Coding::kBrotli: made = std::make_unique<BrotliEncoder>(level, length); break;
    case Coding::kZstd: made = std::make_unique<ZstdEncoder>(level, length); break;
  }
  if (!whole) return made;
  return std::make_unique<Patient>(std::move(made), size);
}

}  // namespace portcullis::compression
