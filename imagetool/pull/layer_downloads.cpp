// SPDX-License-Identifier: Apache-2.0
#include "imagetool/pull/layer_downloads.hpp"

#include <algorithm>
#include <utility>

#include "bundle-spec/cli/log.hpp"
#include "bundle-spec/error.hpp"

namespace {
constexpr std::size_t kAtOnce = 3;  // as docker does
constexpr std::size_t kGathered = std::size_t{256} << 10;
}  // namespace

LayerDownloads::LayerDownloads(registry::Registry& registry, const BlobStore& blobs,
                               const std::vector<oci::Descriptor>& layers, std::stop_source stop,
                               Progress& progress)
    : registry_(registry), blobs_(blobs), stop_(std::move(stop)), progress_(progress) {
  for (std::size_t index = 0; index < layers.size(); ++index) {
    const auto same = std::ranges::find(slots_, layers[index].digest,
                                        [](const Slot& slot) { return slot.layer->digest; });
    slot_of_.push_back(static_cast<std::size_t>(same - slots_.begin()));
    if (same == slots_.end())
      slots_.push_back({.layer = &layers[index], .progress_index = index, .reader = {}});
    else
      progress.set_phase(index, LayerPhase::kPresent);
  }
  const std::size_t count = std::min(kAtOnce, slots_.size());
  for (std::size_t number = 0; number < count; ++number) threads_.emplace_back([this] { work(); });
}

LayerDownloads::~LayerDownloads() {
  const bool unfinished =
      std::ranges::any_of(threads_, [](const std::thread& one) { return one.joinable(); });
  if (unfinished) stop_.request_stop();
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

void LayerDownloads::work() {
  for (;;) {
    Slot* slot = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (failure_ || next_ == slots_.size()) return;
      slot = &slots_[next_++];
    }
    try {
      download(*slot);
    } catch (...) {
      {
        const std::scoped_lock lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        slot->state = State::kFailed;
        changed_.notify_all();
      }
      stop_.request_stop();  // whoever sees this finds the cause
    }
  }
}

void LayerDownloads::download(Slot& slot) {
  const oci::Descriptor& layer = *slot.layer;
  std::optional<BlobWriter> writer = begin(layer);
  if (!writer) {
    progress_.set_phase(slot.progress_index, LayerPhase::kPresent);
    return set_state(slot, State::kThere);
  }
  progress_.set_phase(slot.progress_index, LayerPhase::kDownloading);
  bool is_there = false;
  while (!is_there && writer && writer->written() > 0) {
    is_there = go_on(slot, *writer);
    // Nobody has seen what an earlier pull left and is wrong: from the first byte, then.
    if (!is_there) writer.reset();
    if (!is_there) writer = begin(layer);
  }
  if (!is_there && writer) {
    set_state(slot, State::kComing, writer->reader());
    fetch(slot, *writer);
    writer->commit();
  }
  progress_.set_phase(slot.progress_index, LayerPhase::kDownloaded);
  set_state(slot, State::kThere);
}

std::optional<BlobWriter> LayerDownloads::begin(const oci::Descriptor& layer) {
  return blobs_.begin(Digest::parse(layer.digest), static_cast<std::uint64_t>(layer.size),
                      stop_.get_token(), Resume::kYes);
}

/// The part that an earlier pull left, and what is missing behind it; false when that is not the
/// layer. There is no reader before the digest of the whole was compared.
bool LayerDownloads::go_on(Slot& slot, BlobWriter& writer) {
  logging::debug(sentence(slot.layer->digest, ": ", writer.written(), " bytes are here already"));
  if (writer.written() < static_cast<std::uint64_t>(slot.layer->size)) fetch(slot, writer);
  try {
    writer.commit();
    return true;
  } catch (const Error& error) {
    logging::warning(
        sentence("what an earlier pull left is damaged: ", error.what(), "; fetching it anew"));
    return false;
  }
}

void LayerDownloads::fetch(Slot& slot, BlobWriter& writer) {
  const oci::Descriptor& layer = *slot.layer;
  // libcurl hands out at most 16 KiB at once: that many writes and wake-ups would cost more than
  // the copying.
  std::vector<std::byte> gathered;
  gathered.reserve(std::min<std::size_t>(kGathered, static_cast<std::size_t>(layer.size)));
  const auto flush = [&] {
    writer.write(gathered);
    gathered.clear();
    progress_.set_bytes(slot.progress_index, LayerPhase::kDownloading, writer.written());
  };
  const auto sink = [&](std::span<const std::byte> bytes) {
    if (gathered.size() + bytes.size() > kGathered) flush();
    gathered.insert(gathered.end(), bytes.begin(), bytes.end());
  };
  try {
    registry_.blob(layer, sink, static_cast<std::int64_t>(writer.written()));
  } catch (...) {
    if (!gathered.empty()) flush();  // for the next pull
    throw;
  }
  flush();
}

void LayerDownloads::set_state(Slot& slot, State state, std::optional<ByteSource> reader) {
  const std::scoped_lock lock(mutex_);
  slot.state = state;
  if (reader) slot.reader = std::move(reader);
  changed_.notify_all();
}

void LayerDownloads::rethrow_failure() {
  if (failure_) std::rethrow_exception(failure_);
}

ByteSource LayerDownloads::open(std::size_t index) {
  Slot& slot = slots_[slot_of_.at(index)];
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    return slot.state == State::kThere || slot.reader.has_value() || failure_ != nullptr;
  });
  rethrow_failure();
  if (slot.reader) {
    return [this, read = std::move(*std::exchange(slot.reader, std::nullopt))](
               std::span<std::byte> buffer) {
      try {
        return read(buffer);
      } catch (...) {
        reader_failed_ = true;
        throw;
      }
    };
  }
  return blobs_.read(Digest::parse(slot.layer->digest));
}

void LayerDownloads::rethrow_cause() {
  if (reader_failed_) finish();
  const std::scoped_lock lock(mutex_);
  rethrow_failure();
}

void LayerDownloads::finish() {
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  rethrow_failure();
}
