#include "COrdinalSystem.h"

#include <stdatomic.h>
#include <string.h>

/* CRC-32C (Castagnoli, reflected 0x82F63B78): RFC 3720, appendix B.4. */

static uint32_t crc_table[8][256];
static atomic_int crc_is_ready;

/* Any number of threads may fill it at once: all write the same. */
static void crc_fill(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    crc_table[0][i] = crc;
  }
  for (uint32_t i = 0; i < 256; i++) {
    for (int k = 1; k < 8; k++) {
      crc_table[k][i] = crc_table[k - 1][i] >> 8 ^ crc_table[0][crc_table[k - 1][i] & 0xFF];
    }
  }
  atomic_store_explicit(&crc_is_ready, 1, memory_order_release);
}

static uint32_t crc_by_table(uint32_t crc, const unsigned char *bytes, size_t count) {
  if (!atomic_load_explicit(&crc_is_ready, memory_order_acquire)) crc_fill();
  while (count >= 8) {
    uint32_t low = crc ^ ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                          (uint32_t)bytes[3] << 24);
    crc = crc_table[7][low & 0xFF] ^ crc_table[6][low >> 8 & 0xFF] ^
          crc_table[5][low >> 16 & 0xFF] ^ crc_table[4][low >> 24] ^ crc_table[3][bytes[4]] ^
          crc_table[2][bytes[5]] ^ crc_table[1][bytes[6]] ^ crc_table[0][bytes[7]];
    bytes += 8;
    count -= 8;
  }
  while (count-- > 0) crc = crc >> 8 ^ crc_table[0][(crc ^ *bytes++) & 0xFF];
  return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

/* The instruction has a latency of three cycles: three independent streams of a block each, joined by
   advancing the first ones over what follows them. */
enum { crc_stream = 1024 };
static uint32_t crc_shift[4][256]; /* over one stream's zero bytes */
static atomic_int crc_shift_is_ready;

static void crc_fill_shift(void) {
  static const unsigned char zeros[crc_stream];
  for (int byte = 0; byte < 4; byte++) {
    for (uint32_t i = 0; i < 256; i++) {
      crc_shift[byte][i] = crc_by_table(i << (8 * byte), zeros, crc_stream);
    }
  }
  atomic_store_explicit(&crc_shift_is_ready, 1, memory_order_release);
}

static uint32_t crc_over_zeros(uint32_t crc) {
  return crc_shift[0][crc & 0xFF] ^ crc_shift[1][crc >> 8 & 0xFF] ^ crc_shift[2][crc >> 16 & 0xFF] ^
         crc_shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t crc_by_instruction(
    uint32_t start, const unsigned char *bytes, size_t count) {
  uint64_t crc = start;
  if (count >= 3 * crc_stream &&
      !atomic_load_explicit(&crc_shift_is_ready, memory_order_acquire)) {
    crc_fill_shift();
  }
  while (count >= 3 * crc_stream) {
    uint64_t second = 0, third = 0;
    for (int i = 0; i < crc_stream; i += 8) {
      uint64_t a, b, c;
      memcpy(&a, bytes + i, 8);
      memcpy(&b, bytes + crc_stream + i, 8);
      memcpy(&c, bytes + 2 * crc_stream + i, 8);
      crc = _mm_crc32_u64(crc, a);
      second = _mm_crc32_u64(second, b);
      third = _mm_crc32_u64(third, c);
    }
    crc = crc_over_zeros((uint32_t)crc) ^ second;
    crc = crc_over_zeros((uint32_t)crc) ^ third;
    bytes += 3 * crc_stream;
    count -= 3 * crc_stream;
  }
  for (; count >= 8; bytes += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  uint32_t narrow = (uint32_t)crc;
  while (count-- > 0) narrow = _mm_crc32_u8(narrow, *bytes++);
  return narrow;
}
#endif

uint32_t ordinal_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
  return ~crc_by_table(~crc, bytes, count);
}

uint32_t ordinal_crc32c(uint32_t crc, const void *bytes, size_t count) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~crc_by_instruction(~crc, bytes, count);
#endif
  return ordinal_crc32c_portable(crc, bytes, count);
}
