/* SPDX-License-Identifier: Apache-2.0 */
/* Counters that stop at their maximum, whatever their width. Used by the tcp_*.c files. */
#ifndef TT_FLOW_TCP_COUNT_H
#define TT_FLOW_TCP_COUNT_H

/* An unsigned bit field of all ones is followed by 0. */
#define TT_TCP_COUNT(field)                                                                        \
	do {                                                                                       \
		if (++(field) == 0)                                                                \
			(field)--;                                                                 \
	} while (0)

#endif
