#include "pipeline/ledger_totals.h"
#include "run.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
static uint64_t n;
static void on(void *c, const struct tt_connection_record *r)
{
	(void)c;
	n++;
	char a[2][64];
	for (int i = 0; i < 2; i++)
		inet_ntop(r->ip_version == 4 ? AF_INET : AF_INET6, r->address[i], a[i], 64);
	char t[16];
	switch (r->ip_protocol) {
	case 6:
		strcpy(t, "tcp");
		break;
	case 17:
		strcpy(t, "udp");
		break;
	case 132:
		strcpy(t, "sctp");
		break;
	case 1:
		strcpy(t, "icmp");
		break;
	case 58:
		strcpy(t, "icmp6");
		break;
	default:
		sprintf(t, "ip/%d", r->ip_protocol);
	}
	printf("{\"type\":\"connection\",\"transport\":\"%s\",\"close_reason\":\"%s\",\"start_us\":"
	       "%lu,\"end_us\":%lu,\"df\":%d,\"client\":{\"address\":\"%s\",\"port\":%d},"
	       "\"server\":{\"address\":\"%s\",\"port\":%d},\"client_to_server\":{\"packets\":%lu,"
	       "\"ip_bytes\":%lu,\"payload_bytes\":%lu,\"fragments\":%u},\"server_to_client\":{"
	       "\"packets\":%lu,\"ip_bytes\":%lu,\"payload_bytes\":%lu,\"fragments\":%u}}\n",
		t, tt_close_reason_name(r->close_reason), r->start_us, r->end_us, r->direction_from,
		a[0], r->port[0], a[1], r->port[1], r->counters[0].packets, r->counters[0].ip_bytes,
		r->counters[0].payload_bytes, r->fragments[0], r->counters[1].packets,
		r->counters[1].ip_bytes, r->counters[1].payload_bytes, r->fragments[1]);
}
int main(int argc, char **argv)
{
	struct tt_config *c;
	tt_config_default(&c);
	int w = 1;
	int i = 1;
	for (; i < argc; i++) {
		if (!strcmp(argv[i], "read") || !strcmp(argv[i], "--json"))
			continue;
		if (!strcmp(argv[i], "--workers")) {
			w = atoi(argv[++i]);
			continue;
		}
		break;
	}
	c->workers.count = w;
	struct tt_run r;
	if (tt_run_open(&r,
		    &(struct tt_run_options){.config = c,
			    .capture_files = (const char *const *)argv + i,
			    .capture_file_count = argc - i,
			    .closed = on}))
		return 1;
	if (tt_run_start(&r))
		return 1;
	tt_control_run(r.control);
	tt_run_stop(&r);
	struct tt_ledger_totals t;
	tt_ledger_totals(&t, r.pipeline, r.driver);
	printf("{\"type\":\"summary\",\"packets\":%lu,\"connections\":%lu,\"ledger\":{\"received\":"
	       "%lu,\"processed\":%lu,\"closes\":%s,\"dropped\":{",
		t.received, n, t.received, t.processed,
		t.closes && t.in_flight == 0 ? "true" : "false");
	for (int k = 0; k < TT_DROP_REASONS; k++)
		printf("%s\"%s\":%lu", k ? "," : "", tt_drop_reason_name(k), t.dropped[k]);
	printf("}}}\n");
	fflush(stdout);
	tt_run_close(&r);
	return 0;
}
