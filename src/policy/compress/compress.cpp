#include "policy/compress/compress.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/arena_text.h"
#include "base/text.h"
#include "compression/decoder.h"
#include "compression/encoder.h"
#include "compression/memory_part.h"
#include "http/cache_control.h"
#include "http/conditions.h"
#include "policy/convert_stage.h"

namespace portcullis::policy::compress {
namespace {

using compression::Accepted;
using compression::Coding;
using http::FieldId;

enum class Decompress { kNever, kWhenNeeded, kAlways };
constexpr auto names_of(Decompress) {
  return std::to_array<EnumName<Decompress>>({{Decompress::kNever, "never"},
                                              {Decompress::kWhenNeeded, "when_needed"},
                                              {Decompress::kAlways, "always"}});
}

const std::vector<std::string> kAlgorithms{std::string(name_of(Coding::kZstd)),
                                           std::string(name_of(Coding::kBrotli)),
                                           std::string(name_of(Coding::kGzip))};
const std::vector<std::string> kTypes{"text/*",
                                      "*+json",
                                      "*+xml",
                                      "application/json",
                                      "application/javascript",
                                      "application/xml",
                                      "application/wasm",
                                      "application/x-ndjson",
                                      "application/yaml",
                                      "application/graphql-response+json",
                                      "font/ttf",
                                      "font/otf",
                                      "image/bmp",
                                      "image/vnd.microsoft.icon"};

struct Settings {
  std::vector<std::string> algorithms = kAlgorithms;
  std::vector<std::string> types = kTypes;
  uint64_t min_size = 1024;
  uint64_t gzip_level = 1;
  uint64_t brotli_level = 4;
  uint64_t zstd_level = 3;
  uint64_t memory = 256 << 20;
  Decompress decompress = Decompress::kNever;
};

// The encoder of one body, with the memory that it has reserved.
struct Compressor {
  compression::MemoryPart memory;
  Coding coding;
  std::unique_ptr<compression::Encoder> encoder;
};

// Decodes the body, encodes it, or both.
class Recoder final : public BodyConverter {
 public:
  Recoder(std::unique_ptr<compression::Decoder> decoder, std::optional<Compressor> compressor)
      : decoder_(std::move(decoder)), compressor_(std::move(compressor)) {
    if (compressor_) encoder_ = compressor_->encoder.get();
  }

  Step convert(std::string_view data, std::string& out) override {
    if (!decoder_) {
      encoder_->write(data, out);
      return Step::kDone;
    }
    fed_ |= !data.empty();
    std::string& plain = begin_plain(out);
    return encode(decoder_->write(data, plain, kMaxMadeAtOnce), out);
  }
  Step more(std::string& out) override {
    std::string& plain = begin_plain(out);
    return encode(decoder_->more(plain, kMaxMadeAtOnce), out);
  }
  Step finish(std::string_view, std::string& out) override {
    // Some servers name a coding for an empty body, so a decoder without input has not failed.
    if (decoder_ && fed_ && !decoder_->is_complete()) return Step::kFailed;
    if (encoder_ != nullptr) encoder_->finish(out);
    // Releases the memory now, because the client may take long to receive the last bytes.
    encoder_ = nullptr;
    compressor_.reset();
    return Step::kDone;
  }
  void flush(std::string& out) override {
    if (encoder_ != nullptr) encoder_->flush(out);
  }
  bool waits_for_all() const override { return encoder_ != nullptr && encoder_->waits_for_all(); }
  bool checks_beginning() const override { return decoder_ != nullptr; }
  bool keeps_trailers() const override { return true; }

 private:
  // The string that the decoder appends to: `plain_` when the body is encoded again, otherwise `out`.
  std::string& begin_plain(std::string& out) {
    plain_.clear();
    return encoder_ != nullptr ? plain_ : out;
  }
  Step encode(bool decoded, std::string& out) {
    if (!decoded) return Step::kFailed;
    if (encoder_ != nullptr) encoder_->write(plain_, out);
    return decoder_->has_more() ? Step::kMore : Step::kDone;
  }

  std::unique_ptr<compression::Decoder> decoder_;
  std::optional<Compressor> compressor_;
  // Owned by `compressor_`; null when the body is only decoded, and after finish().
  compression::Encoder* encoder_ = nullptr;
  std::string plain_;
  bool fed_ = false;  // the decoder has received at least one byte
};

bool matches(std::string_view pattern, std::string_view type) {
  if (pattern.ends_with("/*")) {
    pattern.remove_suffix(1);
    return equals_ignoring_case(type.substr(0, pattern.size()), pattern);
  }
  if (pattern.starts_with("*+")) {
    pattern.remove_prefix(1);
    return equals_ignoring_case(type.substr(type.size() - std::min(type.size(), pattern.size())), pattern);
  }
  return equals_ignoring_case(type, pattern);
}

bool forbids_change(const http::Fields& fields) {
  bool forbids = false;
  for (const http::Field& field : fields) {
    if (field.id != FieldId::kCacheControl) continue;
    for_each_list_element(field.value, [&](std::string_view directive) {
      forbids |= equals_ignoring_case(directive, "no-transform");
    });
  }
  return forbids;
}

// The length of the body before this policy changes it; nothing when the length is unknown.
std::optional<uint64_t> length_of(const Context& context) {
  const http::Field* length = context.response.fields.find(FieldId::kContentLength);
  return length == nullptr ? std::nullopt : parse_decimal(length->value);
}

void add_vary(Context& context) {
  bool said = false;
  for (const http::Field& field : context.response.fields) {
    if (field.id != FieldId::kVary) continue;
    for_each_list_element(field.value, [&](std::string_view name) {
      said |= name == "*" || equals_ignoring_case(name, "accept-encoding");
    });
  }
  if (!said) context.response.fields.add("vary", "accept-encoding", FieldId::kVary);
}

class Compress final : public Policy {
 public:
  explicit Compress(const Settings& settings) : settings_(settings) {
    for (const std::string& name : settings.algorithms) offered_.push_back(*compression::coding_of(name));
    types_ = settings.types;
  }

  // Keeps the Accept-Encoding of the client, because policies behind this one may change the field for the
  // upstream.
  Decision on_request(Context& context) const override {
    context.keep(this, context.arena.make<Asked>(accept_encoding(context)));
    return Decision::proceed();
  }

  Decision on_response(Context& context) const override {
    recode(context);
    return Decision::proceed();
  }

  Notes explain(Context& context, const Decision&) const override {
    const auto coding = Accepted(accept_encoding(context)).best_of(offered_);
    return {coding ? "would compress the response with " + std::string(name_of(*coding))
                   : std::string(
                         "would not compress the response: the client accepts none of the offered codings")};
  }

 private:
  void recode(Context& context) const {
    http::ResponseHead& response = context.response;
    if (response.status == 304) return weaken_not_modified(context);
    if (!may_change(context)) return;
    const Accepted accepted(context.kept<Asked>(this)->codings);
    // An empty body has no coding, and its Content-Length stays.
    if (length_of(context) == uint64_t{0}) return;
    std::unique_ptr<compression::Decoder> decoder;
    const http::Field* coded = response.fields.find("content-encoding");
    if (coded != nullptr && !equals_ignoring_case(coded->value, "identity")) {
      const auto coding = compression::coding_of(trim(coded->value));
      if (!coding || settings_.decompress == Decompress::kNever) return;
      if (settings_.decompress == Decompress::kWhenNeeded) add_vary(context);
      if (settings_.decompress == Decompress::kWhenNeeded && accepted.takes(*coding)) return;
      decoder = compression::Decoder::make(*coding);
      response.fields.remove("content-encoding");
    }
    std::optional<Compressor> compressor;
    const auto length = decoder ? std::nullopt : length_of(context);
    if ((!length || *length >= settings_.min_size) && is_wanted(response)) {
      add_vary(context);
      compressor = choose(accepted, length);
      if (compressor) {
        response.fields.set("content-encoding", name_of(compressor->coding));
      } else if (accepted.best_of(offered_)) {
        if (context.remarks.note.empty()) context.remarks.note = "compress_memory";
        context.response_body.forbid_storing();
      }
    }
    if (!decoder && !compressor) return;
    change_head(context);
    if (response.body.kind == http::BodyKind::kNone) return;
    auto recoder = std::make_unique<Recoder>(std::move(decoder), std::move(compressor));
    context.response_body.pass_through([&](std::unique_ptr<http::BodySource> body) {
      return std::make_unique<ConvertStage>(std::move(body), std::move(recoder), context.loop);
    });
  }

  // Chooses the coding that the client prefers among those for which enough memory is left.
  std::optional<Compressor> choose(Accepted accepted, std::optional<uint64_t> length) const {
    const bool in_one_piece = length && *length <= compression::Encoder::kWhole;
    while (const auto coding = accepted.best_of(offered_)) {
      const uint64_t bytes = in_one_piece ? 0 : compression::Encoder::memory_of(*coding, level_of(*coding));
      if (auto memory = compression::MemoryPart::take(bytes, settings_.memory))
        return Compressor{std::move(*memory), *coding,
                          compression::Encoder::make(*coding, level_of(*coding), length)};
      accepted.refuse(*coding);
    }
    return std::nullopt;
  }

  struct Asked {
    std::string_view codings;
  };

  static std::string_view accept_encoding(Context& context) {
    ArenaText all(context.arena);
    for (const http::Field& field : context.request.fields) {
      if (equals_ignoring_case(field.name, "accept-encoding")) all.add_after(",", field.value);
    }
    return all.view();
  }

  // A partial response must not be changed, because its offsets are those of the whole (RFC 9110 section
  // 14.2), and `no-transform` forbids a change (section 7.7).
  static bool may_change(const Context& context) {
    const http::ResponseHead& response = context.response;
    if (http::has_no_content(response.status) || response.status == 205 || response.status == 206)
      return false;
    if (response.fields.find("content-range") != nullptr) return false;
    return !forbids_change(response.fields) && !forbids_change(context.request.fields);
  }

  bool is_wanted(const http::ResponseHead& response) const {
    const std::string_view type = response.fields.value_of("content-type");
    const std::string_view plain = trim(type.substr(0, type.find(';')));
    return std::any_of(types_.begin(), types_.end(),
                       [&](const std::string& pattern) { return matches(pattern, plain); });
  }

  int level_of(Coding coding) const {
    switch (coding) {
      case Coding::kGzip: return static_cast<int>(settings_.gzip_level);
      case Coding::kBrotli: return static_cast<int>(settings_.brotli_level);
      case Coding::kZstd: return static_cast<int>(settings_.zstd_level);
    }
    return 0;
  }

  // Removes the fields that describe the bytes before the change, and makes a strong ETag weak: a strong one
  // would promise identical bytes.
  static void change_head(Context& context) {
    http::Fields& fields = context.response.fields;
    forget_length(context);
    for (const std::string_view name :
         {"accept-ranges", "content-md5", "digest", "content-digest", "repr-digest"})
      fields.remove(name);
    for (http::Field& field : fields) {
      if (field.id == FieldId::kEtag && field.value.starts_with('"'))
        field.value = context.arena.concat("W/", field.value);
    }
  }

  // A client that revalidates with the weak ETag of a compressed response gets the weak ETag again.
  static void weaken_not_modified(Context& context) {
    for (http::Field& field : context.response.fields) {
      if (field.id != FieldId::kEtag || !field.value.starts_with('"')) continue;
      const std::string_view weak = context.arena.concat("W/", field.value);
      const http::Field* asked = context.request.fields.find(FieldId::kIfNoneMatch);
      if (asked != nullptr && asked->value.find(weak) != std::string_view::npos) field.value = weak;
    }
  }

  Settings settings_;
  std::vector<Coding> offered_;
  std::vector<std::string> types_;
};

}  // namespace

Kind kind() {
  auto algorithm =
      config::checked_text("zstd, br or gzip", "^(zstd|br|gzip)$", "gzip", [](const std::string& text) {
        return std::find(kAlgorithms.begin(), kAlgorithms.end(), text) != kAlgorithms.end()
                   ? std::string()
                   : "`" + text + "` is not one of zstd, br and gzip" +
                         suggestion_for(text, {kAlgorithms.begin(), kAlgorithms.end()});
      });
  auto type = std::make_shared<config::ObjectType<Settings>>(
      "compress",
      "Compresses responses for clients that accept it (RFC 9110 section 12.5.3), while they pass. Responses "
      "that are small, already compressed, partial, or `no-transform` are not compressed. Behind `cache`, a "
      "response is compressed once for each coding, and stored compressed; before `cache`, for each "
      "request.");
  type->optional("algorithms", &Settings::algorithms, config::list_of<std::string>(algorithm),
                 "The codings that the gateway offers. Among those that a client likes equally, the first "
                 "one is used.")
      .optional("types", &Settings::types, config::list_of<std::string>(config::text("application/json")),
                "Content types that are compressed: `text/html`, `text/*`, `*+json`.")
      .default_in_words("text, JSON, XML, scripts and fonts")
      .optional("min_size", &Settings::min_size, config::size(),
                "Min size of a body; smaller bodies are not compressed.")
      .optional("gzip_level", &Settings::gzip_level, config::integer(1, 9),
                "The level of compression: a higher level is slower, and its result smaller.")
      .optional("brotli_level", &Settings::brotli_level, config::integer(0, 11),
                "The level of compression: a higher level is slower, and its result smaller.")
      .optional("zstd_level", &Settings::zstd_level, config::integer(1, 19),
                "The level of compression: a higher level is slower, and its result smaller.")
      .optional("memory", &Settings::memory, config::size(),
                "Approximate max memory for all compressions of the process. Beyond it, this policy uses a "
                "coding that needs less memory, or passes the response on uncompressed.")
      .optional("decompress", &Settings::decompress, config::choice<Decompress>(),
                "Whether responses that the upstream has compressed (gzip, brotli, zstd) are decompressed: "
                "`never`; `when_needed`, for clients that do not accept the coding; or `always`, so that the "
                "gateway compresses them again.");
  return make_kind<Settings, Compress>("compress", type);
}

}  // namespace portcullis::policy::compress
