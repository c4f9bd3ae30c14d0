// Emulates a kernel with TLS support, for machines whose kernel has none. Preloaded into a process, it
// implements sending as Linux's networking/tls.rst describes: TLS_TX with AES-GCM, for TLS 1.2 and 1.3;
// records of other types by TLS_SET_RECORD_TYPE. Receiving is left to the program (TLS_RX is refused).

#include <dlfcn.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif

namespace {

constexpr size_t kRecord = 16 * 1024;
constexpr size_t kTag = 16;
constexpr uint8_t kApplicationData = 23;

struct Sender {
  bool ready = false;  // the keys have been set
  bool is_13 = false;
  std::string key, salt, iv;
  uint64_t sequence = 0;
};

std::array<std::atomic<Sender*>, 65536> senders;

Sender* sender_of(int fd) {
  Sender* found = fd >= 0 && static_cast<size_t>(fd) < senders.size() ? senders[fd].load() : nullptr;
  return found != nullptr && found->ready ? found : nullptr;
}

template <typename F>
F real(const char* name) {
  return reinterpret_cast<F>(dlsym(RTLD_NEXT, name));
}

std::string big_endian(uint64_t number, int bytes) {
  std::string out;
  while (bytes-- > 0) out += static_cast<char>(number >> (8 * bytes));
  return out;
}

std::string seal(Sender& sender, uint8_t type, std::string plain) {
  std::string nonce = sender.salt + sender.iv;
  std::string head, extra;
  if (sender.is_13) {  // RFC 8446 section 5.2 and 5.3
    const std::string sequence = big_endian(sender.sequence, 8);
    for (size_t i = 0; i < 8; ++i) nonce[4 + i] = static_cast<char>(nonce[4 + i] ^ sequence[i]);
    plain += static_cast<char>(type);
    head = std::string("\x17\x03\x03", 3) + big_endian(plain.size() + kTag, 2);
    extra = head;
  } else {  // RFC 5288 section 3
    const std::string explicit_nonce = sender.iv;
    head = std::string(1, static_cast<char>(type)) + "\x03\x03" + big_endian(plain.size() + kTag + 8, 2) +
           explicit_nonce;
    extra =
        big_endian(sender.sequence, 8) + static_cast<char>(type) + "\x03\x03" + big_endian(plain.size(), 2);
    for (size_t i = 8; i-- > 0 && ++sender.iv[i] == 0;) continue;
  }
  ++sender.sequence;
  std::string out(plain.size() + kTag, '\0');
  const auto bytes = [](std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); };
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int size = 0;
  EVP_EncryptInit_ex(context, sender.key.size() == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm(), nullptr,
                     bytes(sender.key), bytes(nonce));
  EVP_EncryptUpdate(context, nullptr, &size, bytes(extra), static_cast<int>(extra.size()));
  EVP_EncryptUpdate(context, bytes(out), &size, bytes(plain), static_cast<int>(plain.size()));
  EVP_EncryptFinal_ex(context, bytes(out) + size, &size);
  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, kTag, bytes(out) + plain.size());
  EVP_CIPHER_CTX_free(context);
  return head + out;
}

// Sends everything, or nothing when there is no space at all. A real kernel would keep encrypted data that it
// cannot send.
ssize_t send_sealed(int fd, Sender& sender, uint8_t type, const std::string& plain) {
  pollfd room{fd, POLLOUT, 0};
  if (poll(&room, 1, 0) == 0) {
    errno = EAGAIN;
    return -1;
  }
  std::string records;
  for (size_t at = 0; at < plain.size(); at += kRecord)
    records += seal(sender, type, plain.substr(at, kRecord));
  static const auto send_plain = real<ssize_t (*)(int, const void*, size_t, int)>("send");
  for (size_t at = 0; at < records.size();) {
    const ssize_t sent = send_plain(fd, records.data() + at, records.size() - at, MSG_NOSIGNAL);
    if (sent > 0) at += static_cast<size_t>(sent);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (sent < 0) poll(&room, 1, 5000);
  }
  return static_cast<ssize_t>(plain.size());
}

template <typename Info>
void take_keys(Sender& sender, const void* value) {
  Info info;
  std::memcpy(&info, value, sizeof info);
  const auto text = [](const unsigned char* bytes, size_t size) {
    return std::string(reinterpret_cast<const char*>(bytes), size);
  };
  sender.key = text(info.key, sizeof info.key);
  sender.salt = text(info.salt, sizeof info.salt);
  sender.iv = text(info.iv, sizeof info.iv);
  for (const unsigned char byte : info.rec_seq) sender.sequence = sender.sequence << 8 | byte;
  sender.is_13 = info.info.version == TLS_1_3_VERSION;
  sender.ready = true;
}

}  // namespace

extern "C" {

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  static const auto ask = real<int (*)(int, int, int, const void*, socklen_t)>("setsockopt");
  if (level == IPPROTO_TCP && name == TCP_ULP) {
    delete senders[fd].exchange(new Sender);
    return 0;
  }
  if (level != SOL_TLS) return ask(fd, level, name, value, size);
  Sender* sender = senders[fd].load();
  const auto& info = *static_cast<const tls_crypto_info*>(value);
  errno = EINVAL;
  if (name != TLS_TX || sender == nullptr) return -1;
  if (info.cipher_type == TLS_CIPHER_AES_GCM_128 && size == sizeof(tls12_crypto_info_aes_gcm_128)) {
    take_keys<tls12_crypto_info_aes_gcm_128>(*sender, value);
  } else if (info.cipher_type == TLS_CIPHER_AES_GCM_256 && size == sizeof(tls12_crypto_info_aes_gcm_256)) {
    take_keys<tls12_crypto_info_aes_gcm_256>(*sender, value);
  } else {
    return -1;
  }
  return 0;
}

ssize_t send(int fd, const void* data, size_t size, int flags) {
  static const auto ask = real<ssize_t (*)(int, const void*, size_t, int)>("send");
  Sender* sender = sender_of(fd);
  if (sender == nullptr) return ask(fd, data, size, flags);
  return send_sealed(fd, *sender, kApplicationData, std::string(static_cast<const char*>(data), size));
}

ssize_t write(int fd, const void* data, size_t size) {
  static const auto ask = real<ssize_t (*)(int, const void*, size_t)>("write");
  return sender_of(fd) == nullptr ? ask(fd, data, size) : send(fd, data, size, 0);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static const auto ask = real<ssize_t (*)(int, const msghdr*, int)>("sendmsg");
  Sender* sender = sender_of(fd);
  if (sender == nullptr) return ask(fd, message, flags);
  uint8_t type = kApplicationData;
  msghdr* whole = const_cast<msghdr*>(message);
  for (cmsghdr* one = CMSG_FIRSTHDR(whole); one != nullptr; one = CMSG_NXTHDR(whole, one)) {
    if (one->cmsg_level == SOL_TLS && one->cmsg_type == TLS_SET_RECORD_TYPE) type = *CMSG_DATA(one);
  }
  std::string plain;
  for (size_t i = 0; i < message->msg_iovlen; ++i)
    plain.append(static_cast<const char*>(message->msg_iov[i].iov_base), message->msg_iov[i].iov_len);
  return send_sealed(fd, *sender, type, plain);
}

// Data sent by io_uring would bypass this library, so io_uring is disabled.
int io_uring_queue_init(unsigned, void*, unsigned) {
  return -ENOSYS;
}

int close(int fd) {
  static const auto ask = real<int (*)(int)>("close");
  if (fd >= 0 && static_cast<size_t>(fd) < senders.size()) delete senders[fd].exchange(nullptr);
  return ask(fd);
}
}
