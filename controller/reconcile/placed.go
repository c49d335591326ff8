package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// maxNamed is how many ports of one event are logged with their names; of more
// only the number is, and the names with level debug.
const maxNamed = 32

// recordPlaces counts and logs ports that were bound, unbound or moved.
func (d *dispatcher) recordPlaces(changes []pipeline.PlaceChange) {
	say := d.f.log.Info
	if len(changes) > maxNamed {
		d.f.log.Info("many ports came, went or moved", "ports", len(changes))
		say = d.f.log.Debug
	}
	for _, c := range changes {
		was, is := c.Before, c.After
		d.f.board.CountBound(was, is)
		d.f.drops.Forget(c.Port)
		switch {
		case is.OFPort == 0 && was.OFPort == 0:
			continue // it is remembered where it was
		case is.OFPort == 0:
			say("port unbound", "port", c.Port, "node", was.Node, "interface", was.Interface)
		case was.OFPort == 0:
			say("port bound", "port", c.Port, "node", is.Node, "interface", is.Interface)
		case was.Node != is.Node || was.Interface != is.Interface:
			say("port moved", "port", c.Port, "node", is.Node, "interface", is.Interface, "from_node", was.Node, "from_interface", was.Interface)
		default:
			continue // another number
		}
		d.f.board.Changed(portRef(c.Port))
	}
}
