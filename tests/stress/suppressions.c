/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ThreadSanitizer is not to report: rte_ring_count() and rte_ring_empty() read the ring's
 * indices without an atomic load. They are a hint; whoever acts on it goes through the ring.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
	return "race:rte_ring_count\nrace:rte_ring_empty\n";
}
