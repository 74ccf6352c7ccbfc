package aurora

import "strings"

// Class says what became of a call, for counting.
type Class string

// The classes. A call has exactly one.
const (
	Answered  Class = "answered"
	Voicemail Class = "voicemail"
	NoAnswer  Class = "no-answer"
	Busy      Class = "busy"
	Failed    Class = "failed"
)

// bySpeech marks reasons that say nothing by themselves: the call was answered if anybody spoke.
const bySpeech Class = ""

// endedReasons is the one table from ended reason to class. A name that ends in * is a prefix; an exact name wins over
// prefixes, and a longer prefix over a shorter one. The names are Vapi's (https://docs.vapi.ai/calls/call-ended-reason),
// the final call statuses are Twilio's (https://www.twilio.com/docs/voice/api/call-resource#call-status-values).
var endedReasons = map[string]Class{
	// The assistant or the customer ended it, or it ran into a limit.
	"assistant-ended-call*":     Answered,
	"assistant-said-*":          Answered,
	"assistant-forwarded-call*": Answered,
	"customer-ended-call*":      Answered,
	"silence-timed-out*":        Answered,
	"exceeded-max-duration*":    Answered,

	// Nobody there.
	"voicemail*":              Voicemail,
	"customer-did-not-answer": NoAnswer,
	"customer-busy":           Busy,
	"call.ringing.sip-inbound-caller-hungup-before-call-connect": NoAnswer,
	"customer-did-not-give-microphone-permission":                Failed,

	// The assistant never came.
	"assistant-error":        Failed,
	"assistant-join-*":       Failed,
	"assistant-not-*":        Failed,
	"assistant-request-*":    Failed,
	"call-start-error-*":     Failed,
	"call.start.error-*":     Failed,
	"db-error":               Failed,
	"license-check-failed":   Failed,
	"no-server-available":    Failed,
	"scheduled-call-deleted": Failed,
	"call-deleted":           Failed,
	"unknown-error":          Failed,
	"worker-shutdown":        Failed,
	"pipeline-*":             Failed,
	"call.ringing.error-*":   Failed,
	"assistant-request-returned-forwarding-phone-number": Answered,

	// It broke off. What happened before counts only where the reason does not blame a machine.
	"call.in-progress.error-*":                                Failed,
	"call.in-progress.error-transfer-failed":                  bySpeech,
	"call.in-progress.error-warm-transfer-*":                  bySpeech,
	"call.in-progress.error-providerfault-outbound-sip-408-*": NoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-480-*": NoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-486-*": Busy,
	"call.in-progress.error-providerfault-outbound-sip-487-*": NoAnswer,
	"call.in-progress.error-providerfault-outbound-sip-600-*": Busy,
	"call.in-progress.error-providerfault-outbound-sip-603-*": NoAnswer,
	"call.in-progress.twilio-completed-call":                  bySpeech,
	"call.in-progress.sip-completed-call":                     bySpeech,
	"call.forwarding.operator-busy":                           Answered,
	"call.ringing.hook-executed-transfer":                     Answered,
	"call.ringing.hook-executed-*":                            bySpeech,
	"call.ending.hook-executed-*":                             bySpeech,
	"manually-canceled":                                       bySpeech,
	"phone-call-provider-closed-websocket":                    bySpeech,
	"phone-call-provider-bypass-enabled-but-no-call-received": Failed,
	"twilio-*":            Failed,
	"vonage-*":            Failed,
	"vonage-completed":    bySpeech,
	"vonage-disconnected": bySpeech,

	// Twilio's final statuses, for senders that give no reason.
	"completed": bySpeech,
	"busy":      Busy,
	"no-answer": NoAnswer,
	"canceled":  NoAnswer,
	"failed":    Failed,
}

// Classify gives the class of an ended reason: by its exact name, else by the longest prefix known, else by whether
// anybody but the assistant spoke. It minds neither case nor _ for -.
func Classify(endedReason string, spoke bool) Class {
	name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(endedReason)), "_", "-")
	class, known := endedReasons[name]
	for end := len(name); !known && end > 0; end-- {
		class, known = endedReasons[name[:end]+"*"]
	}
	switch {
	case class != bySpeech:
		return class
	case spoke:
		return Answered
	default:
		return NoAnswer
	}
}
