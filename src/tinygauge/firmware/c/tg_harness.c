/* The board's side of the MLPerf Tiny serial protocol: reads commands that end in '%', answers in
 * lines, and ends every answer with "m-ready".
 *
 * Whatever arrives, the harness answers and goes on: a command that is too long, unknown or damaged
 * is refused with an "e-[...]" line, nothing is stored beyond the input buffer, and inference is
 * refused unless a whole input was loaded, so that a lost byte never becomes a wrong result.
 *
 * Commands: name, profile, timestamp, help, db load N, db HEX, db print, infer N [W], results, and
 * one of our own: output, the raw output tensor in the form of "db print".
 */
#include "tg_harness.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tg_engine.h"
#include "tg_port.h"

enum {
    COMMAND_BYTES = 80, /* what the reference firmware's buffer holds */
    MOST_WORDS = 4,
    BYTES_PER_LINE = 8,
    DEFAULT_WARMUPS = 10,
};

static struct {
    uint8_t bytes[TG_MAX_INPUT_BYTES];
    uint32_t expected; /* bytes announced by "db load"; 0 before */
    uint32_t received;
} input;

static bool has_results;

/* --- writing ------------------------------------------------------------------------------- */

static void put(const char *text)
{
    for (; *text != '\0'; text++) {
        tg_port_write((uint8_t)*text);
    }
}

static void end_line(void)
{
    put("\r\n");
}

static void line(const char *text)
{
    put(text);
    end_line();
}

static void put_unsigned(uint64_t value)
{
    char digits[21];
    size_t at = sizeof digits;
    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put(digits + at);
}

static void numbered(const char *before, uint64_t value, const char *after)
{
    put(before);
    put_unsigned(value);
    put(after);
}

/* A decimal with three digits after the point, rounded as printf("%.3f") does: the product with
 * 1000 is exact in double (24 and 10 bits), halves go to the even digit. */
static void put_result(float value)
{
    if (value != value) {
        put("nan");
        return;
    }
    double magnitude = (double)value;
    if (value < 0.0f) {
        tg_port_write('-');
        magnitude = -magnitude;
    }
    if (magnitude >= 1e15) {
        put("inf");
        return;
    }
    const double scaled = magnitude * 1000.0;
    uint64_t thousandths = (uint64_t)scaled;
    const double rest = scaled - (double)thousandths;
    if (rest > 0.5 || (rest == 0.5 && thousandths % 2 == 1)) {
        thousandths++;
    }
    put_unsigned(thousandths / 1000);
    tg_port_write('.');
    for (uint32_t unit = 100; unit != 0; unit /= 10) {
        tg_port_write((uint8_t)('0' + thousandths / unit % 10));
    }
}

static void put_hex(uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    tg_port_write((uint8_t)digits[byte >> 4]);
    tg_port_write((uint8_t)digits[byte & 15]);
}

/* Lines "m-NAME-xx-xx-...", eight bytes each. */
static void dump(const char *name, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i % BYTES_PER_LINE == 0) {
            put(name);
        }
        tg_port_write('-');
        put_hex(bytes[i]);
        if (i % BYTES_PER_LINE == BYTES_PER_LINE - 1 || i == count - 1) {
            end_line();
        }
    }
}

static void refuse(const char *reason)
{
    put("e-[");
    put(reason);
    line("]");
}

/* What the host sent may hold anything; an error line stays a line of text. */
static void refuse_naming(const char *reason, const char *word, const char *after)
{
    put("e-[");
    put(reason);
    for (; *word != '\0'; word++) {
        const bool harmless = *word > ' ' && *word < '\x7f' && *word != '[' && *word != ']';
        tg_port_write((uint8_t)(harmless ? *word : '?'));
    }
    put(after);
    line("]");
}

/* --- reading ------------------------------------------------------------------------------- */

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* A whole decimal number up to 2^31 - 1. */
static bool parse_number(const char *text, uint32_t *value)
{
    uint32_t number = 0;
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        const uint32_t digit = (uint32_t)(*text - '0');
        if (number > (INT32_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *value = number;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return -1;
}

/* Reads up to '%'. False when the link is closed. `*length` is more than COMMAND_BYTES - 1 where
 * the command did not fit. Line ends and NUL, which terminals add, don't count. */
static bool read_command(char *command, size_t *length)
{
    size_t count = 0;
    for (;;) {
        const int byte = tg_port_read();
        if (byte < 0) {
            return false;
        }
        if (byte == '%') {
            command[count < COMMAND_BYTES ? count : COMMAND_BYTES - 1] = '\0';
            *length = count;
            return true;
        }
        if (byte == '\r' || byte == '\n' || byte == '\0') {
            continue;
        }
        if (count < COMMAND_BYTES - 1) {
            command[count] = (char)byte;
        }
        if (count < COMMAND_BYTES) {
            count++;
        }
    }
}

/* Cuts a command at its spaces, in place; returns how many words there are, at most MOST_WORDS,
 * of which the last may then hold the rest. */
static size_t split(char *command, char *words[MOST_WORDS])
{
    size_t count = 0;
    char *at = command;
    while (count < MOST_WORDS) {
        while (*at == ' ') {
            at++;
        }
        if (*at == '\0') {
            break;
        }
        words[count++] = at;
        while (*at != ' ' && *at != '\0') {
            at++;
        }
        if (*at == ' ' && count < MOST_WORDS) {
            *at++ = '\0';
        }
    }
    return count;
}

/* --- commands ------------------------------------------------------------------------------ */

static void timestamp(void)
{
#ifdef TG_ENERGY
    tg_port_timestamp_pulse();
#else
    numbered("m-lap-us-", tg_port_microseconds(), "\r\n");
#endif
}

static void help(void)
{
    line("TinyGauge firmware, MLPerf Tiny serial protocol");
    line("name, profile, timestamp, help, results, output");
    line("db load N   expect N bytes of input");
    line("db HEX      take the next bytes, two digits each");
    line("db print    show the input");
    line("infer N W   run N timed inferences after W that are not timed (10 where W is left out)");
}

static void results(void)
{
    if (!has_results) {
        refuse("There are no results: run infer first");
        return;
    }
    put("m-results-[");
    const uint32_t count = tg_engine_result_count();
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) {
            tg_port_write(',');
        }
        put_result(tg_engine_result(i));
    }
    line("]");
}

static void output(void)
{
    if (!has_results) {
        refuse("There is no output: run infer first");
        return;
    }
    dump("m-output", tg_engine_output(), tg_engine_output_bytes());
}

static void db_load(const char *count)
{
    uint32_t bytes;
    if (!parse_number(count, &bytes) || bytes == 0) {
        refuse("Command 'db load' must be >0 bytes");
        return;
    }
    if (bytes > TG_MAX_INPUT_BYTES) {
        numbered("e-[Supplied buffer size ", bytes, " exceeds maximum of ");
        numbered("", TG_MAX_INPUT_BYTES, "]\r\n");
        return;
    }
    input.expected = bytes;
    input.received = 0;
    numbered("m-[Expecting ", bytes, " bytes]\r\n");
}

/* Takes a whole command or nothing of it, so that the host can send a refused one again. */
static void db_bytes(const char *digits)
{
    size_t length = 0;
    for (; digits[length] != '\0'; length++) {
        if (hex_digit(digits[length]) < 0) {
            const size_t first = length - length % 2;
            const char pair[3] = {digits[first], digits[first + 1], '\0'};
            refuse_naming("Invalid hex digit '", pair, "'");
            return;
        }
    }
    if (length % 2 != 0) {
        refuse("Insufficent number of hex digits"); /* as the reference firmware spells it */
        return;
    }
    if (input.expected == 0) {
        refuse("Nothing is expected: send 'db load' first");
        return;
    }
    if (input.received == input.expected) {
        return;
    }
    for (size_t i = 0; i < length && input.received < input.expected; i += 2) {
        const int byte = hex_digit(digits[i]) * 16 + hex_digit(digits[i + 1]);
        input.bytes[input.received++] = (uint8_t)byte;
    }
    if (input.received == input.expected) {
        line("m-load-done");
    }
}

static void db(size_t count, char *words[MOST_WORDS])
{
    if (count < 2) {
        refuse("Command 'db' requires a subcommand");
    } else if (same(words[1], "load")) {
        db_load(count == 3 ? words[2] : "");
    } else if (same(words[1], "print")) {
        dump("m-buffer", input.bytes, input.received);
    } else if (count > 2) { /* a '%' was lost between two commands */
        refuse("Command 'db' takes one word of hex digits");
    } else {
        db_bytes(words[1]);
    }
}

static bool load_input(void)
{
    if (input.received != input.expected || input.expected != tg_engine_input_bytes) {
        numbered("e-[The input takes ", tg_engine_input_bytes, " bytes, ");
        numbered("", input.received, " of ");
        numbered("", input.expected, " are loaded]\r\n");
        return false;
    }
    if (!tg_engine_set_input(input.bytes)) {
        refuse("The engine does not take the input");
        return false;
    }
    return true;
}

static bool repeat(uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        if (!tg_engine_infer()) {
            refuse("Inference failed");
            return false;
        }
    }
    return true;
}

static void infer(size_t count, char *words[MOST_WORDS])
{
    uint32_t inferences;
    uint32_t warmups = DEFAULT_WARMUPS;
    if (count < 2 || !parse_number(words[1], &inferences) || inferences == 0) {
        refuse("Inference iterations must be >0");
        return;
    }
    if (count > 3 || (count == 3 && !parse_number(words[2], &warmups))) {
        refuse("Inference warmup must be >=0");
        return;
    }
    has_results = false;
    if (!load_input()) {
        return;
    }
    numbered("m-warmup-start-", warmups, "\r\n");
    if (!repeat(warmups)) {
        return;
    }
    line("m-warmup-done");
    numbered("m-infer-start-", inferences, "\r\n");
    timestamp();
    if (!repeat(inferences)) {
        return;
    }
    timestamp();
    line("m-infer-done");
    has_results = true;
    results();
}

static void profile(void)
{
    line("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
    put("m-model-[");
    put(tg_engine_model);
    line("]");
}

static void answer(char *command)
{
    char *words[MOST_WORDS];
    const size_t count = split(command, words);
    const char *verb = count > 0 ? words[0] : "";
    if (same(verb, "name")) {
        line("m-name-dut-[" TG_VENDOR "]");
    } else if (same(verb, "profile")) {
        profile();
    } else if (same(verb, "timestamp")) {
        timestamp();
    } else if (same(verb, "help")) {
        help();
    } else if (same(verb, "db")) {
        db(count, words);
    } else if (same(verb, "infer")) {
        infer(count, words);
    } else if (same(verb, "results")) {
        results();
    } else if (same(verb, "output")) {
        output();
    } else {
        refuse_naming("Unknown command: ", verb, "");
    }
}

void tg_run(void)
{
    char command[COMMAND_BYTES];
    size_t length;
#ifdef TG_ENERGY
    line("m-timestamp-mode-energy");
#else
    line("m-timestamp-mode-performance");
#endif
    timestamp();
    line("m-init-done");
    line("m-ready");
    while (read_command(command, &length)) {
        if (length >= COMMAND_BYTES) {
            refuse("Command is too long");
        } else {
            answer(command);
        }
        line("m-ready");
    }
}
