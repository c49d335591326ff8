package binding

// numbers holds the port numbers of a node by the name that OpenFlow gives. Most names have one
// number. Names that are truncated to the same 15 bytes share an entry, so it may have many.
type numbers struct {
	one  map[string]uint32
	more map[string]map[uint32]bool // all numbers of the names that have more than one
}

func newNumbers() numbers {
	return numbers{one: map[string]uint32{}, more: map[string]map[uint32]bool{}}
}

func (n numbers) add(name string, number uint32) {
	if all, ok := n.more[name]; ok {
		all[number] = true
	} else if first, ok := n.one[name]; ok {
		n.more[name] = map[uint32]bool{first: true, number: true}
		delete(n.one, name)
	} else {
		n.one[name] = number
	}
}

func (n numbers) drop(name string, number uint32) {
	all, ok := n.more[name]
	if !ok {
		delete(n.one, name)
		return
	}
	if delete(all, number); len(all) > 1 {
		return
	}
	delete(n.more, name)
	for last := range all {
		n.one[name] = last
	}
}

// only returns the number of the only port with the name, or 0.
func (n numbers) only(name string) uint32 { return n.one[name] }
