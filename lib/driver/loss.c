/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/loss.h"

#include <dirent.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool get_option(int socket, int level, int name, int *value)
{
	socklen_t length = sizeof(*value);

	return getsockopt(socket, level, name, value, &length) == 0;
}

/* Is it a socket of net_af_packet's on the interface? Those have a ring of version 2 and are in a
 * fanout group; libpcap's have version 3 and are in none. */
static bool is_ours(int socket, unsigned int ifindex)
{
	struct sockaddr_ll address = {0};
	socklen_t length = sizeof(address);
	int domain = 0, version = 0, fanout = 0;

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
		int socket = (int)strtol(entry->d_name, NULL, 10);
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

/* A filter, as PACKET_IGNORE_OUTGOING has no effect on a socket in a fanout group. What it lets go
 * of is not among the socket's counts. */
bool tt_packet_sockets_ignore_outgoing(const struct tt_packet_sockets *sockets)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = {
		.len = sizeof(program) / sizeof(program[0]), .filter = program};

	for (unsigned int i = 0; i < sockets->count; i++)
		if (setsockopt(sockets->sockets[i], SOL_SOCKET, SO_ATTACH_FILTER, &filter,
			    sizeof(filter)) != 0)
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

static bool contains(const struct tt_xdp_sockets *sockets, int socket)
{
	for (unsigned int i = 0; sockets != NULL && i < sockets->count; i++)
		if (sockets->sockets[i] == socket)
			return true;
	return false;
}

void tt_xdp_sockets_find(struct tt_xdp_sockets *sockets, const struct tt_xdp_sockets *others)
{
	const unsigned int limit = sizeof(sockets->sockets) / sizeof(sockets->sockets[0]);
	DIR *folder = opendir("/proc/self/fd");
	int domain;

	sockets->count = 0;
	if (folder == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
		int socket = (int)strtol(entry->d_name, NULL, 10);
		if (entry->d_name[0] != '.' && sockets->count < limit &&
			get_option(socket, SOL_SOCKET, SO_DOMAIN, &domain) && domain == AF_XDP &&
			!contains(others, socket))
			sockets->sockets[sockets->count++] = socket;
	}
	closedir(folder);
}

uint64_t tt_xdp_sockets_dropped(const struct tt_xdp_sockets *sockets)
{
	uint64_t dropped = 0;

	for (unsigned int i = 0; i < sockets->count; i++) {
		struct xdp_statistics statistics = {0};
		socklen_t length = sizeof(statistics);
		/* Before Linux 5.9 there is no rx_ring_full, and those are in rx_dropped. */
		if (getsockopt(sockets->sockets[i], SOL_XDP, XDP_STATISTICS, &statistics,
			    &length) == 0)
			dropped += statistics.rx_dropped + statistics.rx_ring_full;
	}
	return dropped;
}
