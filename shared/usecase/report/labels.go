package report

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

// endedReasonLabels are labels for the most frequent ended reasons. The names are those that providermsg.Classify knows.
var endedReasonLabels = map[string]string{
	"customer-ended-call":                                             "Customer ended the call",
	"customer-ended-call-before-warm-transfer":                        "Customer ended the call before the transfer",
	"customer-ended-call-after-warm-transfer-attempt":                 "Customer ended the call after the transfer was tried",
	"customer-ended-call-during-transfer":                             "Customer ended the call during the transfer",
	"customer-did-not-answer":                                         "Customer did not answer",
	"customer-busy":                                                   "Customer's line was busy",
	"customer-did-not-give-microphone-permission":                     "Customer did not allow the microphone",
	"assistant-ended-call":                                            "Assistant ended the call",
	"assistant-ended-call-after-message-spoken":                       "Assistant ended the call after its last words",
	"assistant-ended-call-with-hangup-task":                           "Assistant ended the call",
	"assistant-said-end-call-phrase":                                  "Assistant said goodbye",
	"assistant-said-message-with-end-call-enabled":                    "Assistant said goodbye",
	"assistant-forwarded-call":                                        "Assistant passed the call on",
	"assistant-error":                                                 "The assistant failed",
	"assistant-not-found":                                             "The assistant was not found",
	"assistant-join-timed-out":                                        "The assistant did not come in time",
	"silence-timed-out":                                               "Nobody said anything for too long",
	"exceeded-max-duration":                                           "The call reached its longest time",
	"voicemail":                                                       "Reached voicemail",
	"manually-canceled":                                               "Cancelled by hand",
	"twilio-failed-to-connect-call":                                   "The call could not be connected",
	"twilio-reported-customer-misdialed":                              "The number was wrong",
	"vonage-completed":                                                "The call was completed",
	"vonage-disconnected":                                             "The line was cut",
	"vonage-failed-to-connect-call":                                   "The call could not be connected",
	"vonage-rejected":                                                 "The call was rejected",
	"phone-call-provider-closed-websocket":                            "The telephone provider cut the line",
	"call.in-progress.error-transfer-failed":                          "The transfer failed",
	"call.in-progress.twilio-completed-call":                          "The call was completed",
	"call.in-progress.sip-completed-call":                             "The call was completed",
	"call.in-progress.error-assistant-did-not-receive-customer-audio": "Nothing was heard of the customer",
	"call.ringing.sip-inbound-caller-hungup-before-call-connect":      "Caller hung up before the call was connected",
	"call.forwarding.operator-busy":                                   "Nobody was free to take the call over",
	"call.ringing.hook-executed-transfer":                             "Passed on while it rang",
	"unknown-error":                                                   "An unknown error",
	"unknown":                                                         "Unknown",
	"completed":                                                       "The call was completed",
	"busy":                                                            "The line was busy",
	"no-answer":                                                       "Nobody answered",
	"canceled":                                                        "Cancelled before anybody answered",
	"failed":                                                          "The call could not be connected",
}

// endedReasonLabel returns a label for an ended reason. raw is the reason itself, or empty if the label says the same.
func endedReasonLabel(reason string) (words, raw string) {
	raw = text.DisplayLine(reason, 120)
	if raw == "" {
		return "Unknown", ""
	}
	if w, ok := endedReasonLabels[strings.ReplaceAll(strings.ToLower(raw), "_", "-")]; ok {
		if strings.EqualFold(w, raw) {
			raw = ""
		}
		return w, raw
	}
	words = strings.Join(strings.FieldsFunc(raw, func(r rune) bool { return r == '-' || r == '.' || r == '_' || r == ' ' }), " ")
	if words == "" {
		return raw, ""
	}
	words = capitalize(words)
	if strings.EqualFold(words, raw) {
		return words, ""
	}
	return words, raw
}

func capitalize(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// directionLabel returns a label for the direction of a call.
func directionLabel(d aurora.Direction) string {
	switch d {
	case aurora.DirectionInbound:
		return "Incoming"
	case aurora.DirectionOutbound:
		return "Outgoing"
	case aurora.DirectionWeb:
		return "Over the web"
	}
	return ""
}

// barRow is one row of a list with bars.
type barRow struct {
	Label string
	Raw   string // the provider's word; empty if the label says the same
	Count string
	Share string // percent of the calls
	Width int    // of the bar, in percent of the longest
	Class string // for the colour: positive, neutral, negative
}

// newBarRows returns the entries of a map as rows, ordered by count and then by name. The entries after limit become one row.
func newBarRows[K ~string](counts map[K]int, limit int, name func(string) (string, string)) []barRow {
	type entry struct {
		key string
		n   int
	}
	var all []entry
	sum := 0
	for k, n := range counts {
		if n > 0 {
			all = append(all, entry{string(k), n})
			sum += n
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(b.n-a.n, strings.Compare(a.key, b.key)) })
	if len(all) == limit+1 {
		limit++ // "1 other" would take the same space and say less
	}
	var rows []barRow
	rest := 0
	for i, e := range all {
		if i >= limit {
			rest += e.n
			continue
		}
		label, raw := name(e.key)
		rows = append(rows, newBarRow(label, raw, e.n, sum, all[0].n))
	}
	if rest > 0 {
		rows = append(rows, newBarRow(formatInt(len(all)-limit)+" others together", "", rest, sum, all[0].n))
	}
	return rows
}

func newBarRow(label, raw string, n, whole, longest int) barRow {
	return barRow{Label: label, Raw: raw, Count: formatInt(n), Share: formatShare(n, whole),
		Width: min(100, max(1, int(100*float64(n)/float64(max(longest, 1)))))}
}

// plainLabel returns a label for an outcome or a sentiment.
func plainLabel(key string) (words, raw string) {
	words = capitalize(text.DisplayLine(key, 60))
	if words == "" {
		words = "Unknown"
	}
	return words, ""
}
