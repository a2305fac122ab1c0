/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/route.h"

#include "suite.h"

#include <stdio.h>

static const struct {
	const char *path;
	const char *route;
} routes[] = {
	{"/", "/"},
	{"//a//", "//a//"},
	{"/index.html", "/index.html"},
	{"/api/v1/users/123", "/api/v1/users/*"},
	{"/V12/x", "/V12/x"},
	{"/v/v1234/v1a/w1", "/v/*/*/*"},
	{"/orders/2024-11-24/items", "/orders/*/items"},
	{"/o/6ba7b810-9dad-11d1-80b4-00c04fd430c8", "/o/*"},
	{"/o/deadbeef/cafe", "/o/*/cafe"},
	{"/o/DEADBEEF", "/o/*"},
	{"/o/deadbeeg", "/o/deadbeeg"},
	{"/mail/a.b@example.com/read", "/mail/*/read"},
	{"/a%20b/c", "/*/c"},
	{"/user_account/sign-in", "/user_account/sign-in"},
	{"/getUserAccountDetailsByName", "/getUserAccountDetailsByName"},
	{"/t/dGhXcyBpcyBhVGVzdAaB", "/t/*"},
	{"/averyveryveryveryveryveryverylongsegmentindeed", "/*"},
	{"http://h:80/a/1?", "/a/*"},
	{"http://h", "*"},
	{"h:443", "*"},
	{"*", "*"},
	{"\xff", "*"},
};

static void test_routes(void)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct guarded guarded = guarded_copy(routes[i].path, strlen(routes[i].path));
		char route[TT_ROUTE_BYTES + 1];
		unsigned int length = tt_route_make(
			route, (const char *)guarded.bytes, strlen(routes[i].path), false);
		route[length] = 0;
		CU_ASSERT_STRING_EQUAL(route, routes[i].route);
		if (strcmp(route, routes[i].route) != 0)
			printf("\n    %s: %s\n", routes[i].path, route);
		guarded_free(&guarded);
	}
}

static void test_bounds(void)
{
	static const char cut[] = "/users/ann";
	char path[400];
	char made[TT_ROUTE_BYTES];

	CU_ASSERT_EQUAL(tt_route_make(made, cut, strlen(cut), true), 8);
	CU_ASSERT_NSTRING_EQUAL(made, "/users/*", 8);
	CU_ASSERT_EQUAL(tt_route_make(made, "/users/", 7, true), 8);
	CU_ASSERT_EQUAL(tt_route_make(made, "", 0, false), 0);
	for (size_t length = 1; length < sizeof(path); length++) {
		for (size_t i = 0; i < length; i++)
			path[i] = "/ab"[i % 3];
		uint8_t blank[TT_ROUTE_BYTES] = {0};
		struct guarded out = guarded_copy(blank, sizeof(blank));
		unsigned int written = tt_route_make((char *)out.bytes, path, length, false);
		CU_ASSERT_TRUE(written >= 1 && written <= TT_ROUTE_BYTES);
		guarded_free(&out);
	}
	/* 3,000 paths of one route. */
	for (unsigned int i = 0; i < 3000; i++) {
		int length = snprintf(path, sizeof(path), "/shop/%u/item/%x-%u", i, i * 77u, i);
		CU_ASSERT_EQUAL(tt_route_make(made, path, (size_t)length, false), 14);
	}
}

static const struct suite_test tests[] = {
	{"routes", test_routes},
	{"bounds", test_bounds},
};

SUITE_MAIN("route", tests)
