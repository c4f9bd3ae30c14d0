#include "base/curl_library.h"

#include <dlfcn.h>

#include <string>

namespace portcullis {
namespace {

constexpr const char* kLibcurl = "libcurl.so.4";  // the version of the interface in curl/curl.h

class LibcurlSymbols {
 public:
  explicit LibcurlSymbols(void* library) : library_(library) {}
  template <typename Function>
  void find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library_, name));
    if (function == nullptr && missing_.empty()) missing_ = name;
  }
  const std::string& missing() const { return missing_; }

 private:
  void* library_;
  std::string missing_;  // the first symbol that was not found
};

Result<CurlLibrary> load_libcurl() {
  // It is never unloaded: threads and handlers at exit that its libraries may have would be left without
  // code.
  void* library = ::dlopen(kLibcurl, RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr) return Error{std::string("libcurl cannot be loaded: ") + ::dlerror()};
  CurlLibrary curl{};
  LibcurlSymbols symbols(library);
  symbols.find("curl_global_init", curl.global_init);
  symbols.find("curl_slist_append", curl.slist_append);
  symbols.find("curl_slist_free_all", curl.slist_free_all);
  symbols.find("curl_easy_init", curl.easy_init);
  symbols.find("curl_easy_setopt", curl.easy_setopt);
  symbols.find("curl_easy_perform", curl.easy_perform);
  symbols.find("curl_easy_getinfo", curl.easy_getinfo);
  symbols.find("curl_easy_strerror", curl.easy_strerror);
  symbols.find("curl_easy_cleanup", curl.easy_cleanup);
  symbols.find("curl_multi_init", curl.multi_init);
  symbols.find("curl_multi_setopt", curl.multi_setopt);
  symbols.find("curl_multi_add_handle", curl.multi_add_handle);
  symbols.find("curl_multi_socket_action", curl.multi_socket_action);
  symbols.find("curl_multi_info_read", curl.multi_info_read);
  symbols.find("curl_multi_remove_handle", curl.multi_remove_handle);
  symbols.find("curl_multi_cleanup", curl.multi_cleanup);
  if (!symbols.missing().empty())
    return Error{std::string("libcurl cannot be used: ") + kLibcurl + " has no " + symbols.missing()};
  if (const CURLcode code = curl.global_init(CURL_GLOBAL_DEFAULT); code != CURLE_OK)
    return Error{std::string("libcurl cannot be used: ") + curl.easy_strerror(code)};
  return curl;
}

}  // namespace

const Result<CurlLibrary>& curl_library() {
  static const Result<CurlLibrary> loaded = load_libcurl();  // initialising a local static is thread-safe
  return loaded;
}

}  // namespace portcullis
