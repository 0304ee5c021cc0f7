/* SPDX-License-Identifier: Apache-2.0 */
/* One variable of each type of client.h that commands read. Never loaded. */
#include "client.h"

union {
	struct client client;
	enum client_counter client_counter;
} types;
