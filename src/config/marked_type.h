#pragma once

#include <functional>
#include <string>

#include "config/schema.h"

// Texts that are more than their value: secrets, and the names of files. Reading such a text marks its node
// (YamlNode::mark), so that the code that shows or stores what was read can tell.
namespace portcullis::config {

// A secret: the text is encrypted where it is stored, and shown as `***` to all who read the configuration.
Type<std::string> secret(const Type<std::string>& text);
// A text that is a secret when it contains one, as a URL with a password does.
Type<std::string> secret_if(const Type<std::string>& text, std::function<bool(const std::string&)> contains);
// The path of a file that the gateway reads; `example` is shown in the JSON Schema.
Type<std::string> file_path(std::string example);

}  // namespace portcullis::config
