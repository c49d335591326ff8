package status

import "github.com/sdnctl/sdnctl/controller/pipeline"

// CountBound updates the number of bound ports of nodes for a port whose place changed.
func (b *Board) CountBound(was, is pipeline.Place) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for place, by := range map[pipeline.Place]int{was: -1, is: +1} {
		if place.OFPort == 0 || was == is {
			continue
		}
		if b.bound[place.Node] += by; b.bound[place.Node] == 0 {
			delete(b.bound, place.Node)
		}
	}
}
