package server

import "github.com/sdnctl/sdnctl/controller/condition"

func nodeConditions(v view, name string) []condition.Condition {
	st, _ := v.fabric.NodeStatus(name)
	return st.Conditions
}

func networkConditions(v view, name string) []condition.Condition {
	return v.fabric.NetworkConditions(name, v.only)
}

func routerConditions(v view, name string) []condition.Condition {
	return v.fabric.RouterConditions(v.snap, name)
}

func portConditions(v view, name string) []condition.Condition {
	return v.fabric.PortStatus(name).Conditions
}

func serviceConditions(v view, name string) []condition.Condition {
	return v.fabric.ServiceStatus(v.snap, name).Conditions
}

func floatingIPConditions(v view, name string) []condition.Condition {
	return v.fabric.FloatingIPStatus(v.snap, name).Conditions
}

func egressIPConditions(v view, name string) []condition.Condition {
	return v.fabric.EgressIPStatus(v.snap, name).Conditions
}
