#include "cache/entry.h"

namespace portcullis::cache {

StoredHead::StoredHead(uint16_t status, std::string_view reason, const http::Fields& fields)
    : status_(status), fields_(fields.begin(), fields.end()) {
  size_t size = reason.size();
  for (const http::Field& field : fields) size += field.name.size() + field.value.size();
  text_.reserve(size);
  const auto keep = [this](std::string_view text) {
    const size_t begin = text_.size();
    text_ += text;
    return std::string_view(text_).substr(begin);
  };
  reason_ = keep(reason);
  for (http::Field& field : fields_) {
    field.name = keep(field.name);
    field.value = keep(field.value);
  }
  validators_ = {value_of(http::FieldId::kEtag), value_of(http::FieldId::kLastModified)};
}

std::string_view StoredHead::value_of(http::FieldId id) const {
  for (const http::Field& field : fields_) {
    if (field.id == id) return field.value;
  }
  return {};
}

void StoredHead::write(http::ResponseHead& out) const {
  out.status = status_;
  out.reason = reason_;
  out.fields.clear();
  for (const http::Field& field : fields_) out.fields.add(field.name, field.value, field.id);
}

EntryPointer select(const Variants& variants, const http::Fields& request) {
  Arena scratch;  // has only the values that are compared with, because a request's fields may be long
  const Vary* last = nullptr;
  std::string_view values;
  for (size_t i = variants.size(); i-- > 0;) {
    const Entry& entry = *variants[i];
    if (entry.vary.any) continue;
    if (entry.vary.names.empty()) return variants[i];
    if (last == nullptr || entry.vary != *last) {
      scratch.reset();
      values = selecting_values(request, entry.vary.names, scratch);
      last = &entry.vary;
    }
    if (entry.selecting == values) return variants[i];
  }
  return nullptr;
}

}  // namespace portcullis::cache
