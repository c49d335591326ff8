package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/topology"
)

// maxPools is how many pools the metrics have, one for a network and family: those
// with the largest share of their addresses used.
const maxPools = 1000

// pools are the metrics of how many addresses of networks are used. They are
// computed when they are scraped, which visits each port once.
type pools struct {
	snapshot                     func() *topology.Snapshot
	capacity, allocated, fullest *prometheus.Desc
}

func newPools(snapshot func() *topology.Snapshot) *pools {
	network := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(name, help+" Of the 1,000 networks and families with the greatest share used.", []string{"network", "family"}, nil)
	}
	return &pools{
		snapshot:  snapshot,
		capacity:  network("sdnd_network_addresses", "Addresses that ports of the network may have; of a segmented network those in the blocks of its nodes."),
		allocated: network("sdnd_network_addresses_allocated", "Addresses that ports of the network have."),
		fullest:   network("sdnd_network_fullest_block_ratio", "Used share, 0 to 1, of the block of the network that has the greatest; of a stretched network that of the whole."),
	}
}

// Describe is part of prometheus.Collector.
func (p *pools) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.capacity, p.allocated, p.fullest} {
		to <- d
	}
}

// Collect is part of prometheus.Collector.
func (p *pools) Collect(to chan<- prometheus.Metric) {
	all := slices.Collect(p.snapshot().Pools())
	if len(all) > maxPools {
		slices.SortFunc(all, func(a, b topology.Pool) int {
			return cmp.Or(cmp.Compare(b.Fullest, a.Fullest), cmp.Compare(a.Network, b.Network), cmp.Compare(a.Family, b.Family))
		})
		all = all[:maxPools]
	}
	for _, pool := range all {
		for d, v := range map[*prometheus.Desc]float64{p.capacity: pool.Capacity, p.allocated: pool.Allocated, p.fullest: pool.Fullest} {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, pool.Network, strings.ToLower(pool.Family.String()))
		}
	}
}
