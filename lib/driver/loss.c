/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loss.h"

#include <dirent.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/socket.h>

/* From Linux 4.20's if_packet.h. */
#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

static bool get_option(int socket, int level, int name, int *value)
{
	socklen_t length = sizeof(*value);

	return getsockopt(socket, level, name, value, &length) == 0;
}

/* Is it a socket of net_af_packet's on the interface? Those have a ring of version 2 and are in a
 * fanout group; libpcap's have version 3 and are in none. */
static bool is_ours(int socket, unsigned int ifindex)
{
	struct sockaddr_ll address;
	socklen_t length = sizeof(address);
	int domain, version, fanout;

	return get_option(socket, SOL_SOCKET, SO_DOMAIN, &domain) && domain == AF_PACKET &&
		get_option(socket, SOL_PACKET, PACKET_VERSION, &version) && version == TPACKET_V2 &&
		get_option(socket, SOL_PACKET, PACKET_FANOUT, &fanout) && fanout != 0 &&
		getsockname(socket, (struct sockaddr *)&address, &length) == 0 &&
		(unsigned int)address.sll_ifindex == ifindex;
}

static int compare(const void *one, const void *other)
{
	return *(const int *)one - *(const int *)other;
}

bool tt_packet_sockets_find(
	struct tt_packet_sockets *sockets, unsigned int ifindex, unsigned int queues)
{
	DIR *folder = opendir("/proc/self/fd");

	*sockets = (struct tt_packet_sockets){0};
	if (folder == NULL)
		return false;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		int socket = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || !is_ours(socket, ifindex))
			continue;
		if (sockets->count < TT_CONFIG_WORKERS)
			sockets->sockets[sockets->count] = socket;
		sockets->count++;
	}
	closedir(folder);
	if (sockets->count != queues || queues > TT_CONFIG_WORKERS) {
		sockets->count = 0;
		return false;
	}
	/* The PMD opened them queue after queue, and a new descriptor is the lowest free one. */
	qsort(sockets->sockets, sockets->count, sizeof(sockets->sockets[0]), compare);
	return true;
}

bool tt_packet_sockets_ignore_outgoing(const struct tt_packet_sockets *sockets)
{
	const int on = 1;

	for (unsigned int i = 0; i < sockets->count; i++)
		if (setsockopt(sockets->sockets[i], SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
			    sizeof(on)) != 0)
			return false;
	return true;
}

bool tt_packet_socket_take(int socket, uint64_t *accepted, uint64_t *dropped)
{
	struct tpacket_stats statistics;
	socklen_t length = sizeof(statistics);

	if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) != 0)
		return false;
	/* tp_packets counts the dropped ones, too (packet_getsockopt() of the kernel). */
	*accepted = statistics.tp_packets - statistics.tp_drops;
	*dropped = statistics.tp_drops;
	return true;
}

void tt_packet_sockets_update(struct tt_packet_sockets *sockets)
{
	uint64_t accepted, dropped;

	for (unsigned int i = 0; i < sockets->count; i++)
		if (tt_packet_socket_take(sockets->sockets[i], &accepted, &dropped)) {
			sockets->accepted += accepted;
			sockets->dropped += dropped;
		}
}
