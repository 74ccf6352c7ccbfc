package providermsg

import (
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

// maxReasonName is more than the length of any name in endedReasons.
const maxReasonName = 100

// dispositionBySpeech marks reasons that do not say enough: the rest of the report decides. See Evidence.
const dispositionBySpeech aurora.Disposition = ""

// endedReasons maps ended reasons to dispositions. A name that ends in * is a prefix. An exact name counts before any
// prefix, and a longer prefix before a shorter one. The names are Vapi's (https://docs.vapi.ai/calls/call-ended-reason)
// and Twilio's final call statuses (https://www.twilio.com/docs/voice/api/call-resource#call-status-values).
var endedReasons = map[string]aurora.Disposition{
	// The assistant or the customer ended it, or it ran into a limit.
	"assistant-ended-call*":     aurora.DispositionAnswered,
	"assistant-said-*":          aurora.DispositionAnswered,
	"assistant-forwarded-call*": aurora.DispositionAnswered,
	"customer-ended-call*":      aurora.DispositionAnswered,
	"silence-timed-out*":        aurora.DispositionAnswered,
	"exceeded-max-duration*":    aurora.DispositionAnswered,

	// The other side was not reached.
	"voicemail*":              aurora.DispositionVoicemail,
	"customer-did-not-answer": aurora.DispositionNoAnswer,
	"customer-busy":           aurora.DispositionBusy,
	"call.ringing.sip-inbound-caller-hungup-before-call-connect": aurora.DispositionNoAnswer,
	"customer-did-not-give-microphone-permission":                aurora.DispositionFailed,

	// The assistant did not join.
	"assistant-error":        aurora.DispositionFailed,
	"assistant-join-*":       aurora.DispositionFailed,
	"assistant-not-*":        aurora.DispositionFailed,
	"assistant-request-*":    aurora.DispositionFailed,
	"call-start-error-*":     aurora.DispositionFailed,
	"call.start.*":           aurora.DispositionFailed,
	"db-error":               aurora.DispositionFailed,
	"license-check-failed":   aurora.DispositionFailed,
	"no-server-available":    aurora.DispositionFailed,
	"scheduled-call-deleted": aurora.DispositionFailed,
	"call-deleted":           aurora.DispositionFailed,
	"unknown-error":          aurora.DispositionFailed,
	"worker-shutdown":        aurora.DispositionFailed,
	"pipeline-*":             aurora.DispositionFailed,
	"call.ringing.error-*":   aurora.DispositionFailed,
	"assistant-request-returned-forwarding-phone-number": aurora.DispositionAnswered,

	// The call broke off. Speech before that counts only if the reason does not name a technical fault.
	"call.in-progress.error-*":                                aurora.DispositionFailed,
	"call.in-progress.error-transfer-failed":                  dispositionBySpeech,
	"call.in-progress.error-warm-transfer-*":                  dispositionBySpeech,
	"call.in-progress.error-providerfault-outbound-sip-408-*": aurora.DispositionNoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-480-*": aurora.DispositionNoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-486-*": aurora.DispositionBusy,
	"call.in-progress.error-providerfault-outbound-sip-487-*": aurora.DispositionNoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-600-*": aurora.DispositionBusy,
	"call.in-progress.error-providerfault-outbound-sip-603-*": aurora.DispositionNoAnswer,
	"call.in-progress.twilio-completed-call":                  dispositionBySpeech,
	"call.in-progress.sip-completed-call":                     dispositionBySpeech,
	"call.forwarding.*":                                       dispositionBySpeech,
	"call.ringing.hook-executed-transfer":                     aurora.DispositionAnswered,
	"call.ringing.hook-executed-*":                            dispositionBySpeech,
	"call.ending.hook-executed-*":                             dispositionBySpeech,
	"manually-canceled":                                       dispositionBySpeech,
	"phone-call-provider-closed-websocket":                    dispositionBySpeech,
	"phone-call-provider-bypass-enabled-but-no-call-received": aurora.DispositionFailed,
	"twilio-*":            aurora.DispositionFailed,
	"vonage-*":            aurora.DispositionFailed,
	"vonage-completed":    dispositionBySpeech,
	"vonage-disconnected": dispositionBySpeech,

	// Twilio's final statuses, for senders that give no reason.
	"completed": dispositionBySpeech,
	"busy":      aurora.DispositionBusy,
	"no-answer": aurora.DispositionNoAnswer,
	"canceled":  aurora.DispositionNoAnswer,
	"failed":    aurora.DispositionFailed,
}

// Evidence is what a report says about a call besides its ended reason.
type Evidence struct {
	Spoke   bool // anyone but the assistant spoke
	Unknown bool // the report has no readable transcript, so it is not known whether anyone spoke
	Seconds *float64
	Success string // the provider's evaluation, as sent
}

// disposition returns the disposition of a call whose ended reason does not say enough. Without a transcript it was
// answered, unless it lasted no time at all: then it never started.
func (e Evidence) disposition() aurora.Disposition {
	switch {
	case e.Spoke:
		return aurora.DispositionAnswered
	case !e.Unknown:
		return aurora.DispositionNoAnswer
	case e.Seconds != nil && *e.Seconds == 0 && outcomeFromEvaluation(e.Success) != aurora.OutcomeResolved:
		return aurora.DispositionFailed
	default:
		return aurora.DispositionAnswered
	}
}

// unknownErrors are parts of the names of technical faults. Providers add names of faults more often than any others.
var unknownErrors = []string{"error-", "-error", "vapifault", "providerfault", "-failed"}

// Classify returns the disposition of an ended reason: of its exact name, else of the longest known prefix, else failed if
// the name is that of a technical fault. Where the reason does not say enough, the evidence decides. Upper case counts as
// lower case, and _ and spaces as -.
func Classify(endedReason string, e Evidence) aurora.Disposition {
	name := text.Clip(strings.TrimSpace(endedReason), 2*maxReasonName) // the sender sets no limit
	name = strings.NewReplacer("_", "-", " ", "-").Replace(strings.ToLower(name))
	disposition, known := endedReasons[name]
	for end := min(len(name), maxReasonName); !known && end > 0; end-- {
		disposition, known = endedReasons[name[:end]+"*"]
	}
	for _, part := range unknownErrors {
		if !known && strings.Contains(name, part) {
			return aurora.DispositionFailed
		}
	}
	if disposition == dispositionBySpeech {
		return e.disposition()
	}
	return disposition
}
