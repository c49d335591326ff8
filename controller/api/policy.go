package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindPolicy is the kind of policies.
const KindPolicy Kind = "Policy"

// Policy says who may talk to the ports that it selects, and to whom these may talk.
type Policy = Resource[model.PolicySpec, PolicyStatus]

// PolicyStatus is what a policy applies to.
type PolicyStatus struct {
	ID      uint32          `json:"id" doc:"Number of the policy in the data path" example:"1"`
	Subject PortGroupStatus `json:"subject" doc:"The ports that the policy applies to; all of them are listed by /v1/ports?policy=NAME"`
	Rules   int             `json:"rules" doc:"How many rules the policy has, of both directions" example:"1"`
}
