/* SPDX-License-Identifier: Apache-2.0 */
#include "packet/decode.h"

const char *tt_layer_name(enum tt_layer_kind kind)
{
	static const char *const names[TT_LAYER_KINDS] = {
		[TT_LAYER_NONE] = "none",
		[TT_LAYER_MPLS] = "mpls",
		[TT_LAYER_PPPOE] = "pppoe",
		[TT_LAYER_GRE] = "gre",
		[TT_LAYER_PPTP] = "pptp",
		[TT_LAYER_NVGRE] = "nvgre",
		[TT_LAYER_ERSPAN1] = "erspan1",
		[TT_LAYER_ERSPAN2] = "erspan2",
		[TT_LAYER_ERSPAN3] = "erspan3",
		[TT_LAYER_VXLAN] = "vxlan",
		[TT_LAYER_VXLAN_GPE] = "vxlan_gpe",
		[TT_LAYER_GENEVE] = "geneve",
		[TT_LAYER_GTPU] = "gtpu",
		[TT_LAYER_IPIP] = "ipip",
		[TT_LAYER_6IN4] = "6in4",
		[TT_LAYER_4IN6] = "4in6",
		[TT_LAYER_6IN6] = "6in6",
		[TT_LAYER_TEREDO] = "teredo",
		[TT_LAYER_L2TP] = "l2tp",
		[TT_LAYER_NSH] = "nsh",
		[TT_LAYER_ETHERIP] = "etherip",
		[TT_LAYER_AH] = "ah",
	};

	return kind < TT_LAYER_KINDS ? names[kind] : "unknown";
}
