#pragma once

#include <google/protobuf/unknown_field_set.h>

#include <string>

namespace portcullis::policy::grpc_transcoding {

// Calls visit(number, value) for each length-delimited field of a message: strings, bytes and messages. Used
// for the few messages whose field numbers are known here, so that no description is needed. Returns false
// when the bytes are not a message.
template <typename Visit>
bool for_each_text(const std::string& bytes, Visit visit) {
  google::protobuf::UnknownFieldSet fields;
  if (!fields.ParseFromString(bytes)) return false;
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    if (field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      visit(field.number(), field.length_delimited());
  }
  return true;
}

}  // namespace portcullis::policy::grpc_transcoding
