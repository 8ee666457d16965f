// SPDX-License-Identifier: Apache-2.0
// toyrun-nftables: gives nftables the rules of toyrun's networks, as libnftables exists as a shared
// object only. Requests and answers as in runtime/conversation: one string, a batch for nft(8),
// which is applied whole or not at all.
#include <nftables/libnftables.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bundle-spec/error.hpp"
#include "runtime/conversation.hpp"

namespace {

struct FreeContext {
  void operator()(nft_ctx* context) const { ::nft_ctx_free(context); }
};

void apply(const std::string& batch) {
  const std::unique_ptr<nft_ctx, FreeContext> context(::nft_ctx_new(NFT_CTX_DEFAULT));
  if (context == nullptr) throw Error("nftables: out of memory");
  ::nft_ctx_buffer_error(context.get());
  ::nft_ctx_buffer_output(context.get());
  if (::nft_run_cmd_from_buffer(context.get(), batch.c_str()) == 0) return;
  // The first line says what; a drawing of the place follows.
  const std::string_view why = ::nft_ctx_get_error_buffer(context.get());
  throw Error(sentence("nftables refused the rules: ", why.substr(0, why.find('\n'))));
}

int usage() {
  constexpr std::string_view kUsage =
      "toyrun-nftables is a part of toyrun, which runs it for networks.\n";
  return ::write(STDERR_FILENO, kUsage.data(), kUsage.size()) < 0 ? 1 : 2;
}

}  // namespace

int main(int count, char**) {
  if (count != 1 || ::isatty(STDIN_FILENO) != 0) return usage();
  Conversation conversation;
  try {
    std::vector<std::string> words;
    while (conversation.read_request(words)) {
      if (words.size() != 1) return usage();
      apply(words.front());
      Conversation::answer('+', "");
    }
    return 0;
  } catch (const std::exception& error) {
    Conversation::answer('-', error.what());
    return 1;
  }
}
