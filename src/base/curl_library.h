#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace portcullis {

// The functions of libcurl that the gateway uses, by their names without `curl_`.
struct CurlLibrary {
  decltype(&::curl_global_init) global_init;
  decltype(&::curl_slist_append) slist_append;
  decltype(&::curl_slist_free_all) slist_free_all;
  decltype(&::curl_easy_init) easy_init;
  decltype(&::curl_easy_setopt) easy_setopt;
  decltype(&::curl_easy_perform) easy_perform;
  decltype(&::curl_easy_getinfo) easy_getinfo;
  decltype(&::curl_easy_strerror) easy_strerror;
  decltype(&::curl_easy_cleanup) easy_cleanup;
  decltype(&::curl_multi_init) multi_init;
  decltype(&::curl_multi_setopt) multi_setopt;
  decltype(&::curl_multi_add_handle) multi_add_handle;
  decltype(&::curl_multi_socket_action) multi_socket_action;
  decltype(&::curl_multi_info_read) multi_info_read;
  decltype(&::curl_multi_remove_handle) multi_remove_handle;
  decltype(&::curl_multi_cleanup) multi_cleanup;
};

// libcurl, which the first call loads and initialises, or why it cannot be loaded. The program is not linked
// with it, because libcurl needs some twenty further libraries, and to load these takes as long as all the
// rest of a process's start: only processes that use libcurl wait for it. Any thread.
const Result<CurlLibrary>& curl_library();

}  // namespace portcullis
