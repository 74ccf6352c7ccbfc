package aurora

import (
	"context"
	"strings"

	"example.com/aurora/shared/core/logfields"
)

// LogCall names the call in every further log line of a request. ids are all ids by which it is known, the primary one first; empty
// ones are left out.
func LogCall(ctx context.Context, ids ...string) {
	first, sid := "", ""
	var others []string
	for _, id := range ids {
		switch {
		case id == "" || id == first:
		case IsCallSID(id) && sid == "":
			sid = id
			if first == "" {
				first = id
			}
		case first == "":
			first = id
		case id != sid:
			others = append(others, id)
		}
	}
	logfields.Set(ctx, logfields.CallID, first, logfields.CallSID, sid, logfields.OtherIDs, strings.Join(others, " "))
}

// LogAssistant names the assistant of the call, and its version, in every further log line of a request.
func LogAssistant(ctx context.Context, a Assistant) {
	logfields.Set(ctx, logfields.AssistantID, a.ID(), logfields.AssistantVersion, a.Version)
}

// LogOutboundCall names an outbound call by the ids of its record in every further log line of a request.
func LogOutboundCall(ctx context.Context, r OutboundCall) {
	LogCall(ctx, r.SID)
	logfields.Set(ctx, logfields.RecordID, r.ID, logfields.AssistantID, r.AssistantID)
}
