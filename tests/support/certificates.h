#pragma once

// Certificates for tests, made while they run: an authority of our own and what it signs. P-256 keys.

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/base/check.h"

namespace bt::test {

inline constexpr std::int64_t kCertificateBegin = 1'700'000'000;  // Unix time
inline constexpr std::int64_t kCertificateDay = 86'400;
inline constexpr std::int64_t kCertificateEnd = kCertificateBegin + 100 * kCertificateDay;
inline constexpr std::int64_t kWithinCertificate = kCertificateBegin + 50 * kCertificateDay;

struct Certificate {
    std::string pem;
    std::string key;
};

// A file that lives as long as this.
class PemFile {
  public:
    explicit PemFile(const std::string& text) {
        static int counter = 0;
        path_ = (std::filesystem::temp_directory_path() /
                 ("swarm-test-" + std::to_string(getpid()) + "-" + std::to_string(counter++) + ".pem"))
                    .string();
        std::FILE* file = std::fopen(path_.c_str(), "wb");
        BT_CHECK(file != nullptr);
        BT_CHECK(std::fwrite(text.data(), 1, text.size(), file) == text.size());
        std::fclose(file);
    }
    ~PemFile() { std::remove(path_.c_str()); }
    PemFile(const PemFile&) = delete;
    PemFile& operator=(const PemFile&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class CertificateAuthority {
  public:
    explicit CertificateAuthority(const std::string& name = "Test CA")
        : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
        fill(certificate_.get(), key_.get(), name, kCertificateBegin - kCertificateDay, kCertificateEnd);
        add(certificate_.get(), NID_basic_constraints, "critical,CA:TRUE");
        sign(certificate_.get());
    }

    [[nodiscard]] std::string pem() const { return pem_of(certificate_.get()); }

    // `names` as OpenSSL writes them: "DNS:tracker.test,IP:127.0.0.1".
    [[nodiscard]] Certificate issue(const std::string& names, std::int64_t begin = kCertificateBegin,
                                    std::int64_t end = kCertificateEnd, const std::string& subject = "a server") const {
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), X509_free);
        fill(certificate.get(), key.get(), subject, begin, end);
        if (!names.empty()) add(certificate.get(), NID_subject_alt_name, names.c_str());
        sign(certificate.get());
        Certificate made{pem_of(certificate.get()), {}};
        BIO* out = BIO_new(BIO_s_mem());
        BT_CHECK(PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
        made.key = take(out);
        return made;
    }

  private:
    void fill(X509* certificate, EVP_PKEY* key, const std::string& subject, std::int64_t begin,
              std::int64_t end) const {
        static std::int64_t serial = 1;
        BT_CHECK(X509_set_version(certificate, 2) == 1);
        ASN1_INTEGER_set_int64(X509_get_serialNumber(certificate), serial++);
        ASN1_TIME_set(X509_getm_notBefore(certificate), static_cast<time_t>(begin));
        ASN1_TIME_set(X509_getm_notAfter(certificate), static_cast<time_t>(end));
        X509_set_pubkey(certificate, key);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
        X509_set_issuer_name(certificate, X509_get_subject_name(certificate_.get()));
    }
    void add(X509* certificate, int extension, const char* value) const {
        X509V3_CTX context;
        X509V3_set_ctx(&context, certificate_.get(), certificate, nullptr, nullptr, 0);
        X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension, value);
        BT_CHECK(made != nullptr);
        X509_add_ext(certificate, made, -1);
        X509_EXTENSION_free(made);
    }
    void sign(X509* certificate) const { BT_CHECK(X509_sign(certificate, key_.get(), EVP_sha256()) > 0); }
    static std::string take(BIO* bio) {
        char* data = nullptr;
        const long size = BIO_get_mem_data(bio, &data);
        std::string text(data, static_cast<std::size_t>(size));
        BIO_free(bio);
        return text;
    }
    static std::string pem_of(X509* certificate) {
        BIO* out = BIO_new(BIO_s_mem());
        BT_CHECK(PEM_write_bio_X509(out, certificate) == 1);
        return take(out);
    }

    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> certificate_;
};

}  // namespace bt::test
