package aurora

import "strings"

// Disposition says what became of a call, for counting.
type Disposition string

// The classes. A call has exactly one.
const (
	DispositionAnswered  Disposition = "answered"
	DispositionVoicemail Disposition = "voicemail"
	DispositionNoAnswer  Disposition = "no-answer"
	DispositionBusy      Disposition = "busy"
	DispositionFailed    Disposition = "failed"
)

// bySpeech marks reasons that say nothing by themselves: the call was answered if anybody spoke.
const bySpeech Disposition = ""

// endedReasons is the one table from ended reason to class. A name that ends in * is a prefix; an exact name wins over
// prefixes, and a longer prefix over a shorter one. The names are Vapi's (https://docs.vapi.ai/calls/call-ended-reason),
// the final call statuses are Twilio's (https://www.twilio.com/docs/voice/api/call-resource#call-status-values).
var endedReasons = map[string]Disposition{
	// The assistant or the customer ended it, or it ran into a limit.
	"assistant-ended-call*":     DispositionAnswered,
	"assistant-said-*":          DispositionAnswered,
	"assistant-forwarded-call*": DispositionAnswered,
	"customer-ended-call*":      DispositionAnswered,
	"silence-timed-out*":        DispositionAnswered,
	"exceeded-max-duration*":    DispositionAnswered,

	// Nobody there.
	"voicemail*":              DispositionVoicemail,
	"customer-did-not-answer": DispositionNoAnswer,
	"customer-busy":           DispositionBusy,
	"call.ringing.sip-inbound-caller-hungup-before-call-connect": DispositionNoAnswer,
	"customer-did-not-give-microphone-permission":                DispositionFailed,

	// The assistant never came.
	"assistant-error":        DispositionFailed,
	"assistant-join-*":       DispositionFailed,
	"assistant-not-*":        DispositionFailed,
	"assistant-request-*":    DispositionFailed,
	"call-start-error-*":     DispositionFailed,
	"call.start.error-*":     DispositionFailed,
	"db-error":               DispositionFailed,
	"license-check-failed":   DispositionFailed,
	"no-server-available":    DispositionFailed,
	"scheduled-call-deleted": DispositionFailed,
	"call-deleted":           DispositionFailed,
	"unknown-error":          DispositionFailed,
	"worker-shutdown":        DispositionFailed,
	"pipeline-*":             DispositionFailed,
	"call.ringing.error-*":   DispositionFailed,
	"assistant-request-returned-forwarding-phone-number": DispositionAnswered,

	// It broke off. What happened before counts only where the reason does not blame a machine.
	"call.in-progress.error-*":                                DispositionFailed,
	"call.in-progress.error-transfer-failed":                  bySpeech,
	"call.in-progress.error-warm-transfer-*":                  bySpeech,
	"call.in-progress.error-providerfault-outbound-sip-408-*": DispositionNoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-480-*": DispositionNoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-486-*": DispositionBusy,
	"call.in-progress.error-providerfault-outbound-sip-487-*": DispositionNoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-600-*": DispositionBusy,
	"call.in-progress.error-providerfault-outbound-sip-603-*": DispositionNoAnswer,
	"call.in-progress.twilio-completed-call":                  bySpeech,
	"call.in-progress.sip-completed-call":                     bySpeech,
	"call.forwarding.operator-busy":                           DispositionAnswered,
	"call.ringing.hook-executed-transfer":                     DispositionAnswered,
	"call.ringing.hook-executed-*":                            bySpeech,
	"call.ending.hook-executed-*":                             bySpeech,
	"manually-canceled":                                       bySpeech,
	"phone-call-provider-closed-websocket":                    bySpeech,
	"phone-call-provider-bypass-enabled-but-no-call-received": DispositionFailed,
	"twilio-*":            DispositionFailed,
	"vonage-*":            DispositionFailed,
	"vonage-completed":    bySpeech,
	"vonage-disconnected": bySpeech,

	// Twilio's final statuses, for senders that give no reason.
	"completed": bySpeech,
	"busy":      DispositionBusy,
	"no-answer": DispositionNoAnswer,
	"canceled":  DispositionNoAnswer,
	"failed":    DispositionFailed,
}

// Classify gives the class of an ended reason: by its exact name, else by the longest prefix known, else by whether
// anybody but the assistant spoke. It minds neither case nor _ for -.
func Classify(endedReason string, spoke bool) Disposition {
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(endedReason)), "_", "-")
	class, known := endedReasons[name]
	for end := len(name); !known && end > 0; end-- {
		class, known = endedReasons[name[:end]+"*"]
	}
	switch {
	case class != bySpeech:
		return class
	case spoke:
		return DispositionAnswered
	default:
		return DispositionNoAnswer
	}
}
