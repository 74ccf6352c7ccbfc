package providermsg

import "strings"

// transferReasons maps ended reasons of transferred calls to whether the transfer succeeded. A name that ends in * is a
// prefix.
var transferReasons = map[string]bool{
	"assistant-forwarded-call":                           true,
	"assistant-request-returned-forwarding-phone-number": true,
	"call.ringing.hook-executed-transfer":                true,
	"call.ending.hook-executed-transfer":                 true,

	"call.forwarding.*":                               false, // operator-busy, no-answer
	"call.in-progress.error-transfer-failed":          false,
	"call.in-progress.error-warm-transfer-*":          false,
	"customer-ended-call-before-warm-transfer":        false,
	"customer-ended-call-after-warm-transfer-attempt": false,
	"customer-ended-call-during-transfer":             false,
}

// transfer returns whether the call was transferred, and whether it was to be transferred and was not. The statuses of
// artifact.transfers count first: each is one attempt, and only one that was connected or completed is a transfer. The
// ended reason counts next, and then a destination that the report names.
func (m Message) transfer(endedReason string) (transferred, failed bool) {
	for _, path := range []string{"artifact.transfers", "transfers", "call.transfers", "call.artifact.transfers"} {
		for _, attempt := range m.Objects(path) {
			switch status := strings.ToLower(attempt.Text("status", "transferStatus", "result.status")); status {
			case "":
			case "connected", "completed":
				return true, false
			default:
				failed = true // cancelled, no-answer, busy, failed, voicemail; or not connected by the end of the call
			}
		}
	}
	if failed {
		return false, true
	}
	reason := strings.ToLower(endedReason)
	for name, succeeded := range transferReasons {
		prefix, isPrefix := strings.CutSuffix(name, "*")
		if reason == name || isPrefix && strings.HasPrefix(reason, prefix) {
			return succeeded, !succeeded
		}
	}
	return m.Text("destination.number", "destination.sipUri", "call.destination.number", "call.destination.sipUri",
		"call.forwardedPhoneNumber", "forwardedPhoneNumber") != "", false
}
