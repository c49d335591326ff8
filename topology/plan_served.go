package topology

import "github.com/sdnctl/sdnctl/topology/model"

// serve allocates the service zones of networks whose ports may now use services.
func (w *identifying) serve() {
	if w.x.services.byName.Len() == 0 {
		return
	}
	for _, it := range w.of(model.KindService) {
		if it.same || it.broken || it.del {
			continue
		}
		for _, ref := range it.spec.(model.ServiceSpec).Scopes() {
			w.serveAll(w.networksIn(ref))
		}
	}
	for _, it := range w.of(KindRouter) {
		if !it.same && !it.broken && !it.del {
			w.serveAll(it.spec.(RouterSpec).Networks)
		}
	}
	for _, it := range w.of(KindNetwork) {
		if !it.same && !it.broken && !it.del {
			w.serveAll([]string{it.ref.Name})
		}
	}
}

func (w *identifying) serveAll(networks []string) {
	for _, name := range networks {
		n, ok := w.x.networks.Get(name)
		if !ok || !w.x.served(n) {
			continue
		}
		if !w.giveZone(n.Ref().String(), func(n *Numbering) *Zone { return &n.Services }) {
			return
		}
	}
}
