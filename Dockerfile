# SPDX-License-Identifier: Apache-2.0
# docker build -t taptrace .
# docker run --rm -v "$PWD:/captures:ro" taptrace taptrace read /captures/X.pcap
# docker run --rm --privileged --network host -v /path/to/taptrace.yaml:/etc/taptrace.yaml:ro taptrace
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY . .
RUN scripts/build && DESTDIR=/out meson install -C build/release

FROM debian:bookworm-slim
# DPDK's drivers are plugins, found at run time.
RUN apt-get update \
	&& apt-get install -y --no-install-recommends \
		libpcap0.8 libyaml-0-2 libjansson4 libmicrohttpd12 libcurl4 libsystemd0 libssl3 libhyperscan5 libncurses6 \
		libseccomp2 \
		librte-meta-bus librte-meta-common librte-meta-mempool librte-meta-net librte-telemetry23 \
	&& rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
CMD ["taptraced", "-c", "/etc/taptrace.yaml"]
