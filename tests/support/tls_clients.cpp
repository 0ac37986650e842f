// SPDX-License-Identifier: Apache-2.0
// Many TLS clients in one thread, each of which shakes hands again and again:
//   tls_clients [OPTIONS] PORT
//     -c CLIENTS   at the same time (1)
//     -n COUNT     ends after so many connections of all clients
//     -t SECONDS   or after this time (60), or at SIGTERM
//     -v VERSION   1.2 or 1.3; -s SIGALGS; -a FILE: the authority that has to have signed
//     -h           no client waits for the end of its handshake (HangUp)
// It resumes no session. It prints the number of handshakes, of failures, and the handshakes a
// second until the end of the time. Ends with 1 if a handshake has failed, or none has succeeded.
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

// A handshake that takes longer has failed.
constexpr auto patience = 20s;

constexpr const char* host = "localhost";

struct Options {
    unsigned port = 0;
    std::size_t clients = 1;
    std::size_t connections = SIZE_MAX;
    Clock::duration time = 60s;
    int version = 0; ///< as SSL_CTX_set_min_proto_version takes it
    const char* signatures = nullptr;
    const char* authority = nullptr;
    bool hangUp = false;
};

volatile std::sig_atomic_t stopped = 0;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "tls_clients: %s: %s\n", what, std::strerror(errno));
    ERR_print_errors_fp(stderr);
    std::exit(2);
}

/// How a client hangs up: it has sent its ClientHello, waits for a while or for the first byte, and
/// ends the connection with FIN or RST.
struct HangUp {
    std::chrono::milliseconds after;
    bool atFirstByte;
    bool reset;
};
constexpr std::array ways{HangUp{0ms, false, false},   HangUp{0ms, false, true},
                          HangUp{1ms, false, false},   HangUp{1ms, false, true},
                          HangUp{3ms, false, true},    HangUp{patience, true, false},
                          HangUp{patience, true, true}};

struct Counts {
    std::size_t begun = 0;
    std::size_t good = 0;
    std::size_t bad = 0;
    bool isOver = false;     ///< no more are begun
    std::size_t inTime = 0;  ///< good ones that ended before
    Clock::time_point first; ///< the end of the first of them
    Clock::time_point last;

    double perSecond() const {
        const std::chrono::duration<double> time = last - first;
        return inTime > 1 ? static_cast<double>(inTime - 1) / time.count() : 0;
    }
    void end(bool isGood);
};

void Counts::end(bool isGood) {
    (isGood ? good : bad) += 1;
    if (!isGood || isOver)
        return;
    last = Clock::now();
    if (inTime++ == 0)
        first = last;
}

/// One client: a connection after the other.
class Client {
  public:
    Client(SSL_CTX* context, const Options& options, int epoll, Counts& counts)
        : context_(context), options_(options), epoll_(epoll), counts_(counts) {}
    ~Client() { close(false); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void connect();
    void goOn();
    /// Ends a handshake that takes too long, or has to be left.
    void checkTime(Clock::time_point now);
    bool isConnected() const { return ssl_ != nullptr; }

  private:
    void hangUpIfDue(bool ready, Clock::time_point now);
    void finish(bool good);
    void close(bool reset);

    SSL_CTX* context_;
    const Options& options_;
    int epoll_;
    Counts& counts_;
    SSL* ssl_ = nullptr;
    int socket_ = -1;
    Clock::time_point begun_;
    HangUp way_ = ways.front();
};

void Client::connect() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ssl_ = SSL_new(context_);
    if (socket_ < 0 || ssl_ == nullptr || SSL_set_fd(ssl_, socket_) != 1 ||
        SSL_set_tlsext_host_name(ssl_, host) != 1 || SSL_set1_host(ssl_, host) != 1)
        fail("socket");
    const int yes = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    begun_ = Clock::now();
    way_ = ways.at(counts_.begun++ % ways.size());
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
        errno != EINPROGRESS)
        return finish(false);
    epoll_event event{EPOLLIN | EPOLLOUT | EPOLLET, {this}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &event) != 0)
        fail("epoll_ctl");
}

// What hangs up never reads more than a few bytes, so that SSL_connect runs once, to send.
void Client::goOn() {
    char some[5];
    if (options_.hangUp && !SSL_in_before(ssl_)) {
        const auto size = recv(socket_, some, sizeof some, 0);
        return hangUpIfDue(size >= 0 || errno != EAGAIN, Clock::now());
    }
    const int result = SSL_connect(ssl_);
    const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return;
    if (error == SSL_ERROR_SYSCALL)
        std::fprintf(stderr, "the connection broke: %s\n", std::strerror(errno));
    else if (error != SSL_ERROR_NONE)
        ERR_print_errors_fp(stderr);
    finish(error == SSL_ERROR_NONE);
}

void Client::hangUpIfDue(bool ready, Clock::time_point now) {
    if ((ready && way_.atFirstByte) || now - begun_ >= way_.after) {
        counts_.end(true);
        close(way_.reset);
    }
}

void Client::checkTime(Clock::time_point now) {
    if (options_.hangUp && !SSL_in_before(ssl_))
        hangUpIfDue(false, now);
    else if (now - begun_ >= patience) {
        std::fprintf(stderr, "a handshake takes too long\n");
        finish(false);
    }
}

void Client::finish(bool good) {
    counts_.end(good);
    close(false);
}

void Client::close(bool reset) {
    const linger atOnce{1, 0};
    if (reset)
        setsockopt(socket_, SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce);
    SSL_free(ssl_);
    ssl_ = nullptr;
    if (socket_ >= 0)
        ::close(socket_);
    socket_ = -1;
}

std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> makeContext(const Options& options) {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                              SSL_CTX_free);
    if (!context || SSL_CTX_set_min_proto_version(context.get(), options.version) != 1 ||
        SSL_CTX_set_max_proto_version(context.get(), options.version) != 1 ||
        SSL_CTX_set1_groups_list(context.get(), "X25519:P-256") != 1 ||
        SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256") != 1)
        fail("SSL_CTX");
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    if (options.signatures != nullptr &&
        SSL_CTX_set1_sigalgs_list(context.get(), options.signatures) != 1)
        fail(options.signatures);
    if (options.authority != nullptr) {
        if (SSL_CTX_load_verify_file(context.get(), options.authority) != 1)
            fail(options.authority);
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    }
    return context;
}

Counts run(const Options& options) {
    const auto context = makeContext(options);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    const auto start = Clock::now();
    Counts counts;
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t i = 0; i < options.clients; ++i)
        clients.push_back(std::make_unique<Client>(context.get(), options, epoll, counts));
    for (;;) {
        const auto now = Clock::now();
        counts.isOver = stopped != 0 || now - start >= options.time;
        bool anyConnected = false;
        for (const auto& client : clients) {
            if (client->isConnected())
                client->checkTime(now);
            if (!client->isConnected() && !counts.isOver && counts.begun < options.connections)
                client->connect();
            anyConnected |= client->isConnected();
        }
        if (!anyConnected)
            break;
        // One event at a time: who has ended connects again at once, so that the clients do not go
        // in step.
        epoll_event event{};
        if (epoll_wait(epoll, &event, 1, options.hangUp ? 1 : 100) == 1)
            static_cast<Client*>(event.data.ptr)->goOn();
    }
    clients.clear();
    close(epoll);
    return counts;
}

// Without a number, 0.
double numberIn(const char* text) {
    return std::strtod(text, nullptr);
}

std::optional<Options> readOptions(int argc, char** argv) {
    Options options;
    int option = 0;
    while ((option = getopt(argc, argv, "c:n:t:v:s:a:h")) != -1) {
        switch (option) {
        case 'c':
            options.clients = static_cast<std::size_t>(numberIn(optarg));
            break;
        case 'n':
            options.connections = static_cast<std::size_t>(numberIn(optarg));
            break;
        case 't':
            options.time = std::chrono::duration_cast<Clock::duration>(
                std::chrono::duration<double>(numberIn(optarg)));
            break;
        case 'v':
            options.version = optarg == std::string("1.2") ? TLS1_2_VERSION : TLS1_3_VERSION;
            break;
        case 's':
            options.signatures = optarg;
            break;
        case 'a':
            options.authority = optarg;
            break;
        case 'h':
            options.hangUp = true;
            break;
        default:
            return std::nullopt;
        }
    }
    if (optind + 1 != argc)
        return std::nullopt;
    options.port = static_cast<unsigned>(numberIn(argv[optind]));
    return options;
}

} // namespace

int main(int argc, char** argv) {
    const auto options = readOptions(argc, argv);
    if (!options) {
        std::fprintf(stderr,
                     "usage: %s [-c CLIENTS] [-n COUNT] [-t SECONDS] [-v VERSION] "
                     "[-s SIGALGS] [-a FILE] [-h] PORT\n",
                     argv[0]);
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, [](int) { stopped = 1; });
    const auto counts = run(*options);
    std::printf("%zu good, %zu bad, %.1f a second\n", counts.good, counts.bad, counts.perSecond());
    return counts.good == 0 || counts.bad != 0 ? 1 : 0;
}
