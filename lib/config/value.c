/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

/* By their names in records. */
static const struct protocol {
	const char *name;
	uint32_t number; /* IANA's protocol numbers */
} protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"icmp6", 58}, {"sctp", 132}, {NULL, 0}};

struct unit {
	const char *suffix;
	uint64_t factor;
};

/* From the largest on; of two with one factor the first is printed. */
static const struct unit size_units[] = {{"GiB", UINT64_C(1) << 30}, {"G", UINT64_C(1) << 30},
	{"MiB", UINT64_C(1) << 20}, {"M", UINT64_C(1) << 20}, {"KiB", UINT64_C(1) << 10},
	{"K", UINT64_C(1) << 10}, {"", 1}, {NULL, 0}};
static const struct unit count_units[] = {{"M", 1000000}, {"K", 1000}, {"", 1}, {NULL, 0}};
static const struct unit duration_units[] = {{"h", UINT64_C(3600000000)}, {"m", 60000000},
	{"s", 1000000}, {"ms", 1000}, {"us", 1}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units(enum tt_schema_type type)
{
	switch (type) {
	case TT_SCHEMA_SIZE:
		return size_units;
	case TT_SCHEMA_COUNT:
		return count_units;
	case TT_SCHEMA_DURATION:
		return duration_units;
	default:
		return no_units;
	}
}

const char *tt_value_expected(enum tt_schema_type type)
{
	switch (type) {
	case TT_SCHEMA_SECTION:
		return "a mapping of keys";
	case TT_SCHEMA_LIST:
		return "a list of mappings";
	case TT_SCHEMA_BOOL:
	case TT_SCHEMA_BIT:
		return "true or false";
	case TT_SCHEMA_UINT:
		return "a whole number";
	case TT_SCHEMA_COUNT:
		return "a whole number, or one with K or M (thousands, millions)";
	case TT_SCHEMA_SIZE:
		return "a number of bytes, or one with K, M, G, KiB, MiB or GiB";
	case TT_SCHEMA_DURATION:
		return "a whole number with us, ms, s, m or h";
	case TT_SCHEMA_CPU:
		return "a CPU's number or any";
	case TT_SCHEMA_CPUS:
		return "CPUs such as [1, 2] or 1-3,5, or any";
	case TT_SCHEMA_PORTS:
		return "ports such as [5300, 5301] or 5300-5309, or none";
	case TT_SCHEMA_NETWORK:
		return "a network like 10.0.0.0/8 or 2001:db8::/32, an address, or any";
	case TT_SCHEMA_PROTOCOL:
		return "icmp, tcp, udp, icmp6, sctp, a protocol's number, or any";
	case TT_SCHEMA_RANGE:
		return "a number, a range like 8000-8999, or any";
	default:
		return "a text";
	}
}

/* The text of a message; bytes that could forge lines or hide text are replaced. */
static bool refuse(char *message, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(char *message, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, TT_VALUE_MESSAGE_BYTES, format, arguments);
	va_end(arguments);
	for (char *byte = message; *byte != '\0'; byte++)
		if ((unsigned char)*byte < 0x20 || (unsigned char)*byte >= 0x7f)
			*byte = '?';
	return false;
}

static const char *suffix(enum tt_schema_type type, uint64_t number, uint64_t *shown)
{
	const struct unit *unit = units(type);

	if (number == 0)
		unit = type == TT_SCHEMA_DURATION ? &duration_units[2] : no_units;
	while (number % unit->factor != 0)
		unit++;
	*shown = number / unit->factor;
	return unit->suffix;
}

static void describe_range(const struct tt_schema_key *key, char *text, size_t text_bytes)
{
	uint64_t minimum;
	uint64_t maximum;
	const char *minimum_suffix = suffix(key->type, key->minimum, &minimum);
	const char *maximum_suffix = suffix(key->type, key->maximum, &maximum);

	snprintf(text, text_bytes, "%" PRIu64 "%s to %" PRIu64 "%s%s%s%s", minimum, minimum_suffix,
		maximum, maximum_suffix, key->unit == NULL ? "" : " ",
		key->unit == NULL ? "" : key->unit, key->power_of_two ? ", a power of two" : "");
}

static bool refuse_range(const struct tt_schema_key *key, const char *text, char *message)
{
	char range[128];

	describe_range(key, range, sizeof(range));
	return refuse(message, "%.40s is out of range: %s", text, range);
}

/* Decimal digits, as many as there are; *end is what follows. false: more than 64 bits. */
static bool read_digits(const char *text, const char **end, uint64_t *number)
{
	bool fits = true;

	*number = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*number > (UINT64_MAX - digit) / 10)
			fits = false;
		else
			*number = *number * 10 + digit;
	}
	*end = text;
	return fits;
}

static bool read_quantity(
	const struct tt_schema_key *key, const char *text, uint64_t *number, char *message)
{
	const struct unit *unit = units(key->type);
	const char *expected = tt_value_expected(key->type);
	bool negative = text[0] == '-' && text[1] >= '0' && text[1] <= '9';
	const char *digits = text + negative;
	const char *end;
	bool fits = read_digits(digits, &end, number);

	/* 010 is 8 to one reader of YAML and 10 to another; 0x10 is none of our suffixes. */
	if (end == digits || (digits[0] == '0' && end - digits > 1) || *end == '.' || *end == '_' ||
		(digits[0] == '0' && (*end == 'x' || *end == 'o' || *end == 'b')))
		return refuse(message, "\"%.40s\" is not in plain decimal digits, expected %s",
			text, expected);
	while (unit->suffix != NULL && strcmp(unit->suffix, end) != 0)
		unit++;
	if (unit->suffix == NULL && *end == '\0')
		return refuse(message, "%.40s has no unit, expected %s", text, expected);
	if (unit->suffix == NULL)
		return refuse(message, "\"%.40s\" has a wrong unit, expected %s", text, expected);
	if (negative || !fits || __builtin_mul_overflow(*number, unit->factor, number) ||
		*number < key->minimum || *number > key->maximum ||
		(key->power_of_two && (*number & (*number - 1)) != 0))
		return refuse_range(key, text, message);
	return true;
}

#define COMPARED_BYTES 32 /* longer names are not misspelt ones */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance (Damerau 1964, each pair of neighbours swapped once). */
unsigned int tt_value_distance(const char *name, const char *meant)
{
	unsigned int rows[3][COMPARED_BYTES + 1];
	size_t name_length = strlen(name);
	size_t meant_length = strlen(meant);

	if (name_length > COMPARED_BYTES || meant_length > COMPARED_BYTES)
		return TT_VALUE_FAR;
	for (unsigned int j = 0; j <= meant_length; j++)
		rows[0][j] = j;
	for (unsigned int i = 1; i <= name_length; i++) {
		unsigned int *row = rows[i % 3];
		const unsigned int *above = rows[(i + 2) % 3];
		const unsigned int *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned int j = 1; j <= meant_length; j++) {
			row[j] = least(least(above[j], row[j - 1]) + 1,
				above[j - 1] + (name[i - 1] != meant[j - 1]));
			if (i > 1 && j > 1 && name[i - 1] == meant[j - 2] &&
				name[i - 2] == meant[j - 1])
				row[j] = least(row[j], two_above[j - 2] + 1);
		}
	}
	/* An edit for each three letters: more makes another word of it. */
	unsigned int edits = rows[name_length % 3][meant_length];
	return edits <= (meant_length + 2) / 3 ? edits : TT_VALUE_FAR;
}

/* The one of `names` (ended by NULL) that was probably meant; NULL when none is near. */
static const char *nearest_name(const char *name, const char *const *names)
{
	const char *nearest = NULL;
	unsigned int least_edits = TT_VALUE_FAR;

	for (; *names != NULL; names++) {
		unsigned int edits = tt_value_distance(name, *names);

		if (edits < least_edits) {
			least_edits = edits;
			nearest = *names;
		}
	}
	return nearest;
}

static bool read_name(
	const struct tt_schema_key *key, const char *text, uint64_t *number, char *message)
{
	char choices[TT_VALUE_MESSAGE_BYTES];

	for (uint32_t i = 0; key->names[i] != NULL; i++) {
		if (strcmp(key->names[i], text) == 0) {
			*number = i;
			return true;
		}
	}
	tt_value_range(key, choices);
	const char *nearest = nearest_name(text, key->names);
	return refuse(message, "\"%.40s\" is not one of %s%s%s%s", text, choices,
		nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
		nearest == NULL ? "" : "?");
}

static bool read_bool(const char *text, uint64_t *number, char *message)
{
	static const char *const no[] = {"no", "off", "n", "false", NULL};
	static const char *const yes[] = {"yes", "on", "y", "true", NULL};
	const char *meant = NULL;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		*number = text[0] == 't';
		return true;
	}
	for (int i = 0; no[i] != NULL; i++) {
		if (strcasecmp(text, no[i]) == 0)
			meant = "false";
		else if (strcasecmp(text, yes[i]) == 0)
			meant = "true";
	}
	return refuse(message, "\"%.40s\" is not true or false%s%s%s", text,
		meant == NULL ? "" : "; did you mean ", meant == NULL ? "" : meant,
		meant == NULL ? "" : "?");
}

/* A number of the key's at the start of `rest`, a part of `text`; *end is what follows. */
static bool read_list_number(const struct tt_schema_key *key, const char *text, const char *rest,
	const char **end, uint32_t *cpu, char *message)
{
	uint64_t number;
	bool fits = read_digits(rest, end, &number);

	*cpu = (uint32_t)number;
	if (*end == rest || (rest[0] == '0' && *end - rest > 1))
		return refuse(message, "\"%.40s\" is not %s", text, tt_value_expected(key->type));
	if (!fits || number < key->minimum || number > key->maximum)
		return refuse(message, "%.40s is out of range: %" PRIu64 " to %" PRIu64, text,
			key->minimum, key->maximum);
	return true;
}

static bool read_protocol(
	const struct tt_schema_key *key, const char *text, uint64_t *number, char *message)
{
	for (const struct protocol *protocol = protocols; protocol->name != NULL; protocol++)
		if (strcmp(protocol->name, text) == 0) {
			*number = protocol->number;
			return true;
		}
	if (text[0] < '0' || text[0] > '9')
		return refuse(message, "\"%.40s\" is not %s", text, tt_value_expected(key->type));
	return read_quantity(key, text, number, message);
}

/* A number of a range, which begins at `rest`, a part of `text`; *end is what follows. */
static bool read_bound(const struct tt_schema_key *key, const char *text, const char *rest,
	const char **end, uint64_t *number, char *message)
{
	bool fits = read_digits(rest, end, number);

	if (*end == rest || (rest[0] == '0' && *end - rest > 1))
		return refuse(message, "\"%.40s\" is not %s", text, tt_value_expected(key->type));
	if (!fits || *number < key->minimum || *number > key->maximum)
		return refuse_range(key, text, message);
	return true;
}

static bool read_range(
	const struct tt_schema_key *key, const char *text, uint64_t *number, char *message)
{
	uint64_t first;
	uint64_t last;
	const char *end;

	if (!read_bound(key, text, text, &end, &first, message))
		return false;
	last = first;
	if (*end == '-' && !read_bound(key, text, end + 1, &end, &last, message))
		return false;
	if (*end != '\0')
		return refuse(message, "\"%.40s\" is not %s", text, tt_value_expected(key->type));
	if (last < first)
		return refuse(message, "\"%.40s\" counts down", text);
	*number = first << 16 | last;
	return true;
}

/* A prefix's length or, of IPv4, the netmask that has it. */
static bool read_prefix(const char *text, unsigned int bits, unsigned int *prefix_bits)
{
	struct in_addr mask;
	const char *end;
	uint64_t number;

	if (bits == 32 && inet_pton(AF_INET, text, &mask) == 1) {
		uint32_t host = ~ntohl(mask.s_addr);

		*prefix_bits = 32 - (unsigned int)__builtin_popcount(host);
		return (host & (host + 1)) == 0;
	}
	bool fits = read_digits(text, &end, &number);
	*prefix_bits = (unsigned int)number;
	return fits && number <= bits && end != text && *end == '\0' &&
		(text[0] != '0' || end == text + 1);
}

bool tt_value_network(const char *text, struct tt_config_network *network, char *message)
{
	static const uint8_t mapped[12] = {[10] = 0xff, 0xff}; /* RFC 4291, 2.5.5.2 */
	char address[INET6_ADDRSTRLEN + 1];
	size_t length = strcspn(text, "/");
	unsigned int prefix_bits;

	*network = (struct tt_config_network){0};
	if (strcmp(text, "any") == 0)
		return true;
	snprintf(address, sizeof(address), "%.*s", (int)(length < 64 ? length : 64), text);
	if (inet_pton(AF_INET, address, network->address) == 1)
		network->ip_version = 4;
	else if (inet_pton(AF_INET6, address, network->address) == 1)
		network->ip_version = 6;
	else
		return refuse(
			message, "\"%.80s\" is not %s", text, tt_value_expected(TT_SCHEMA_NETWORK));

	unsigned int bits = network->ip_version == 4 ? 32 : 128;
	prefix_bits = bits;
	if (text[length] == '/' && !read_prefix(text + length + 1, bits, &prefix_bits))
		return refuse(message, "\"%.80s\" has no prefix of 0 to %u bits%s", text, bits,
			bits == 32 ? " or netmask" : "");
	if (network->ip_version == 6 && prefix_bits >= 96 &&
		memcmp(network->address, mapped, sizeof(mapped)) == 0) {
		memcpy(network->address, network->address + 12, 4);
		memset(network->address + 4, 0, 12);
		network->ip_version = 4;
		prefix_bits -= 96;
		bits = 32;
	}
	network->prefix_bits = (uint8_t)prefix_bits;
	for (unsigned int bit = prefix_bits; bit < bits; bit++)
		if (network->address[bit / 8] & 0x80 >> bit % 8)
			return refuse(message, "\"%.80s\" has bits set behind its prefix", text);
	return true;
}

void tt_value_print_network(const struct tt_config_network *network, FILE *out)
{
	char address[INET6_ADDRSTRLEN];

	if (network->ip_version == 0) {
		fputs("any", out);
		return;
	}
	inet_ntop(network->ip_version == 4 ? AF_INET : AF_INET6, network->address, address,
		sizeof(address));
	/* Quoted, for ':' means something to YAML. */
	fprintf(out, "\"%s/%u\"", address, network->prefix_bits);
}

bool tt_value_number(
	const struct tt_schema_key *key, const char *text, uint64_t *number, char *message)
{
	const char *end;
	uint32_t cpu;

	switch (key->type) {
	case TT_SCHEMA_BOOL:
	case TT_SCHEMA_BIT:
		return read_bool(text, number, message);
	case TT_SCHEMA_ENUM:
		return read_name(key, text, number, message);
	case TT_SCHEMA_CPU:
		*number = UINT64_MAX;
		if (strcmp(text, "any") == 0)
			return true;
		if (!read_list_number(key, text, text, &end, &cpu, message))
			return false;
		*number = cpu;
		return *end == '\0' ||
			refuse(message, "\"%.40s\" is not %s", text, tt_value_expected(key->type));
	case TT_SCHEMA_PROTOCOL:
	case TT_SCHEMA_RANGE:
		*number = 0;
		if (strcmp(text, "any") == 0)
			return true;
		return key->type == TT_SCHEMA_RANGE ? read_range(key, text, number, message)
						    : read_protocol(key, text, number, message);
	default:
		return read_quantity(key, text, number, message);
	}
}

bool tt_value_list(const struct tt_schema_key *key, const char *text, uint32_t *numbers,
	uint32_t *count, char *message)
{
	const char *rest = text;

	for (;;) {
		uint32_t first;
		uint32_t last;

		if (!read_list_number(key, text, rest, &rest, &first, message))
			return false;
		last = first;
		if (*rest == '-' && !read_list_number(key, text, rest + 1, &rest, &last, message))
			return false;
		if (last < first)
			return refuse(message, "\"%.40s\" counts down", text);
		for (uint32_t number = first; number <= last; number++) {
			if (*count == key->capacity)
				return refuse(message, "more than %" PRIu32 " %s", key->capacity,
					key->type == TT_SCHEMA_CPUS ? "CPUs" : "ports");
			numbers[(*count)++] = number;
		}
		if (*rest == '\0')
			return true;
		if (*rest != ',')
			return refuse(
				message, "\"%.40s\" is not %s", text, tt_value_expected(key->type));
		rest++;
		while (*rest == ' ')
			rest++;
	}
}

const char *tt_value_empty_list(enum tt_schema_type type)
{
	return type == TT_SCHEMA_CPUS ? "any" : "none";
}

bool tt_value_is_null(const char *text)
{
	return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
		strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

/* Control characters, and what YAML takes for a line's end or does not take unescaped: U+0080 to
 * U+009F, U+2028, U+2029, U+FEFF, U+FFFE, U+FFFF. `text` is UTF-8: libyaml checked it. */
static bool has_control(const char *text)
{
	for (const unsigned char *byte = (const unsigned char *)text; *byte != 0; byte++) {
		if (*byte < 0x20 || *byte == 0x7f)
			return true;
		if (*byte == 0xc2 && byte[1] < 0xa0)
			return true;
		if (*byte == 0xe2 && byte[1] == 0x80 && (byte[2] == 0xa8 || byte[2] == 0xa9))
			return true;
		if (*byte == 0xef && byte[1] == 0xbb && byte[2] == 0xbf)
			return true;
		if (*byte == 0xef && byte[1] == 0xbf && byte[2] >= 0xbe)
			return true;
	}
	return false;
}

static bool is_pci_address(const char *text)
{
	static const char form[] = "xxxx:xx:xx.7";

	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		char low = (char)(text[i] | 0x20);
		bool octal = text[i] >= '0' && text[i] <= '7';
		bool hex = octal || text[i] == '8' || text[i] == '9' || (low >= 'a' && low <= 'f');

		if (form[i] == 'x' ? !hex : form[i] == '7' ? !octal : text[i] != form[i])
			return false;
	}
	return text[sizeof(form) - 1] == '\0';
}

static bool is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_-.";

	return text[0] != '-' && text[0] != '.' && text[strspn(text, allowed)] == '\0';
}

bool tt_value_text(const struct tt_schema_key *key, const char *text, char *message)
{
	size_t length = strlen(text);
	uint8_t address[16];

	if (length == 0)
		return refuse(message, "is empty");
	if (length > TT_SCHEMA_TEXT_BYTES)
		return refuse(message, "is longer than %d bytes", TT_SCHEMA_TEXT_BYTES);
	if (has_control(text))
		return refuse(message, "\"%.40s\" holds a control character", text);
	switch (key->form) {
	case TT_SCHEMA_NAME:
		return is_name(text) ||
			refuse(message,
				"\"%.40s\" is not a name of letters, digits, '_', "
				"'-' and '.'",
				text);
	case TT_SCHEMA_ROUTE:
		return text[0] == '/' || strcmp(text, TT_CONFIG_ROUTE_NONE) == 0 ||
			refuse(message, "\"%.40s\" is neither a path nor none", text);
	case TT_SCHEMA_INTERFACE:
		/* As the kernel's dev_valid_name(); IFNAMSIZ is 16. */
		return (length < 16 && text[strcspn(text, "/: ")] == '\0' &&
			       strcmp(text, ".") != 0 && strcmp(text, "..") != 0) ||
			refuse(message, "\"%.40s\" is not an interface name (1 to 15 bytes)", text);
	case TT_SCHEMA_PCI:
		return is_pci_address(text) ||
			refuse(message, "\"%.40s\" is not a PCI address like 0000:3b:00.0", text);
	case TT_SCHEMA_ADDRESS:
		return inet_pton(AF_INET, text, address) == 1 ||
			inet_pton(AF_INET6, text, address) == 1 ||
			refuse(message, "\"%.40s\" is not an IPv4 or IPv6 address", text);
	default:
		return true;
	}
}

void tt_value_print(const struct tt_schema_key *key, uint64_t number, FILE *out)
{
	uint64_t shown;
	const char *unit;

	switch (key->type) {
	case TT_SCHEMA_BOOL:
	case TT_SCHEMA_BIT:
		fputs(number != 0 ? "true" : "false", out);
		break;
	case TT_SCHEMA_ENUM:
		fputs(key->names[number], out);
		break;
	case TT_SCHEMA_CPU:
		if (number == UINT64_MAX)
			fputs("any", out);
		else
			fprintf(out, "%" PRIu64, number);
		break;
	case TT_SCHEMA_PROTOCOL:
		if (number == 0)
			fputs("any", out);
		else
			fprintf(out, "%" PRIu64, number);
		break;
	case TT_SCHEMA_RANGE:
		if (number == 0)
			fputs("any", out);
		else if (number >> 16 == (number & UINT16_MAX))
			fprintf(out, "%" PRIu64, number >> 16);
		else
			fprintf(out, "%" PRIu64 "-%" PRIu64, number >> 16, number & UINT16_MAX);
		break;
	default:
		unit = suffix(key->type, number, &shown);
		fprintf(out, "%" PRIu64 "%s", shown, unit);
	}
}

void tt_value_range(const struct tt_schema_key *key, char *text)
{
	size_t length = 0;

	text[0] = '\0';
	switch (key->type) {
	case TT_SCHEMA_UINT:
	case TT_SCHEMA_COUNT:
	case TT_SCHEMA_SIZE:
	case TT_SCHEMA_DURATION:
		describe_range(key, text, TT_VALUE_MESSAGE_BYTES);
		break;
	case TT_SCHEMA_NETWORK:
	case TT_SCHEMA_PROTOCOL:
		snprintf(text, TT_VALUE_MESSAGE_BYTES, "%s", tt_value_expected(key->type));
		break;
	case TT_SCHEMA_RANGE:
		describe_range(key, text, TT_VALUE_MESSAGE_BYTES);
		length = strlen(text);
		snprintf(text + length, TT_VALUE_MESSAGE_BYTES - length,
			", a range of them, or any");
		break;
	case TT_SCHEMA_CPU:
	case TT_SCHEMA_CPUS:
		snprintf(text, TT_VALUE_MESSAGE_BYTES, "0 to %" PRIu64 ", or any", key->maximum);
		break;
	case TT_SCHEMA_ENUM:
		for (uint32_t i = 0; key->names[i] != NULL; i++)
			length += (size_t)snprintf(text + length, TT_VALUE_MESSAGE_BYTES - length,
				"%s%s", i == 0 ? "" : ", ", key->names[i]);
		break;
	case TT_SCHEMA_LIST:
		snprintf(text, TT_VALUE_MESSAGE_BYTES, "at most %" PRIu32, key->capacity);
		break;
	default:
		break;
	}
}
