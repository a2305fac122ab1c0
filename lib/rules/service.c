/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/service.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define PLACES (2 * TT_SERVICES)

/* Names are stored before their number is given to anyone. */
static const char *_Atomic names[TT_SERVICES];

/* Under the mutex: an open hash of the numbers. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint16_t places[PLACES];
static uint32_t given;

const char *tt_service_name(uint32_t number)
{
	return number < TT_SERVICES ? atomic_load_explicit(&names[number], memory_order_acquire)
				    : NULL;
}

static uint16_t number_of(const char *name)
{
	size_t place = (size_t)tt_hash_bytes(0, name, strlen(name)) % PLACES;

	for (; places[place] != 0; place = (place + 1) % PLACES)
		if (strcmp(tt_service_name(places[place]), name) == 0)
			return places[place];
	if (given == TT_SERVICES - 1)
		return 0;
	const char *copy = strdup(name);
	if (copy == NULL)
		return 0;
	places[place] = (uint16_t)++given;
	atomic_store_explicit(&names[given], copy, memory_order_release);
	return (uint16_t)given;
}

uint16_t tt_service_number(const char *name)
{
	pthread_mutex_lock(&mutex);
	uint16_t number = number_of(name);
	pthread_mutex_unlock(&mutex);
	return number;
}
