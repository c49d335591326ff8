package api

import "time"

// Severities of a condition.
const (
	// SeverityError says that packets do not flow as declared.
	SeverityError = "error"
	// SeverityWarning says that packets flow, but that something is not as it
	// should be.
	SeverityWarning = "warning"
)

// Condition is one thing that is wrong with an object now. docs/conditions.md
// lists all reasons.
type Condition struct {
	Reason   string    `json:"reason" doc:"What is wrong, as a word that never changes its meaning; docs/conditions.md lists all" example:"TunnelPortMissing"`
	Severity string    `json:"severity" doc:"error: packets do not flow as declared; warning: they do, but something is not as it should be" enum:"error,warning" example:"error"`
	Message  string    `json:"message" doc:"What is wrong, in words" example:"the bridge has no port vxlan-sdn, so no packet goes from or to another node"`
	Action   string    `json:"action" doc:"The command or step that fixes it" example:"on that machine run the line that this prints: sdnctl node invite node1"`
	Since    time.Time `json:"since" doc:"When it began, or when sdnd started if that was later"`
}
