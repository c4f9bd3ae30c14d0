#include "compression/decoder.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <new>

namespace portcullis::compression {
namespace {

constexpr size_t kDecodedChunk = 16 * 1024;
constexpr uint64_t kFree = 16 << 20;

// Decodes one or more members (RFC 1952 section 2.2).
class GzipDecoder final : public Decoder {
 public:
  GzipDecoder() {
    if (::inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  GzipDecoder(const GzipDecoder&) = delete;
  GzipDecoder& operator=(const GzipDecoder&) = delete;
  ~GzipDecoder() override { ::inflateEnd(&stream_); }
  bool is_complete() const override { return ended_; }

 private:
  bool run(std::string_view& data, char* room, size_t size, size_t& made) override {
    if (ended_ && !data.empty()) {
      ::inflateReset(&stream_);
      ended_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream_.avail_in = static_cast<uInt>(data.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room);
    stream_.avail_out = static_cast<uInt>(size);
    const int result = ::inflate(&stream_, Z_NO_FLUSH);
    data.remove_prefix(data.size() - stream_.avail_in);
    made = size - stream_.avail_out;
    full_ = stream_.avail_out == 0;
    ended_ = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
  }
  bool is_full() const override { return full_ && !ended_; }

  z_stream stream_{};
  bool ended_ = false;
  bool full_ = false;
};

class BrotliDecoder final : public Decoder {
 public:
  BrotliDecoder() : state_(::BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (state_ == nullptr) throw std::bad_alloc();
  }
  BrotliDecoder(const BrotliDecoder&) = delete;
  BrotliDecoder& operator=(const BrotliDecoder&) = delete;
  ~BrotliDecoder() override { ::BrotliDecoderDestroyInstance(state_); }
  bool is_complete() const override { return ::BrotliDecoderIsFinished(state_) == BROTLI_TRUE; }

 private:
  bool run(std::string_view& data, char* room, size_t size, size_t& made) override {
    size_t left = data.size();
    size_t free = size;
    const auto* in = reinterpret_cast<const uint8_t*>(data.data());
    auto* out = reinterpret_cast<uint8_t*>(room);
    const bool was_done = is_complete();
    const BrotliDecoderResult result =
        ::BrotliDecoderDecompressStream(state_, &left, &in, &free, &out, nullptr);
    // Data after the end of the stream is an error.
    if (result == BROTLI_DECODER_RESULT_ERROR || (was_done && !data.empty()) ||
        (result == BROTLI_DECODER_RESULT_SUCCESS && left > 0))
      return false;
    data.remove_prefix(data.size() - left);
    made = size - free;
    return true;
  }
  bool is_full() const override { return ::BrotliDecoderHasMoreOutput(state_) == BROTLI_TRUE; }

  BrotliDecoderState* state_;
};

// Decodes one or more frames (RFC 8878 section 3.1).
class ZstdDecoder final : public Decoder {
 public:
  ZstdDecoder() : context_(::ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ::ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 23);  // RFC 9659: a window of at most 8 MiB
  }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;
  ~ZstdDecoder() override { ::ZSTD_freeDCtx(context_); }
  bool is_complete() const override { return ended_; }

 private:
  bool run(std::string_view& data, char* room, size_t size, size_t& made) override {
    ZSTD_inBuffer in{data.data(), data.size(), 0};
    ZSTD_outBuffer out{room, size, 0};
    const size_t result = ::ZSTD_decompressStream(context_, &out, &in);
    if (::ZSTD_isError(result) != 0) return false;
    data.remove_prefix(in.pos);
    made = out.pos;
    full_ = out.pos == out.size;
    ended_ = result == 0;
    return true;
  }
  bool is_full() const override { return full_ && !ended_; }

  ZSTD_DCtx* context_;
  bool ended_ = false;
  bool full_ = false;
};

}  // namespace

std::unique_ptr<Decoder> Decoder::make(Coding coding) {
  switch (coding) {
    case Coding::kGzip: return std::make_unique<GzipDecoder>();
    case Coding::kBrotli: return std::make_unique<BrotliDecoder>();
    case Coding::kZstd: return std::make_unique<ZstdDecoder>();
  }
  return nullptr;
}

bool Decoder::write(std::string_view data, std::string& out, size_t max) {
  left_ = data;
  taken_ += data.size();
  return more(out, max);
}

bool Decoder::more(std::string& out, size_t max) {
  const size_t first = out.size();
  while (has_more() && out.size() - first < max) {
    const size_t before = left_.size();
    const size_t begin = out.size();
    out.resize(begin + kDecodedChunk);
    size_t made = 0;
    const bool good = run(left_, out.data() + begin, kDecodedChunk, made);
    out.resize(begin + made);
    made_ += made;
    if (!good || made_ > kFree + taken_ * kMaxRatio) return false;
    if (made == 0 && left_.size() == before) return left_.empty();  // the decoder needs more input
  }
  return true;
}

}  // namespace portcullis::compression
