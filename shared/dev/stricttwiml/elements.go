package stricttwiml

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// verbNames are the verbs, which stand directly in Response.
var verbNames = []string{"Say", "Play", "Pause", "Hangup", "Reject", "Redirect", "Dial", "Start", "Connect"}

// textRule says whether an element holds text.
type textRule int

const (
	textNone textRule = iota
	textNeeded
	textOrChild // Dial: a number, or nouns
)

// value returns why a value is not accepted, or "".
type value func(string) string

// element is what the documentation says about a verb or noun.
type element struct {
	attributes map[string]value
	required   []string
	children   []string
	text       textRule
	one        bool // exactly one child
	whole      func(Element) []string
}

var (
	callbackAttributes = map[string]value{"statusCallback": webAddress, "statusCallbackMethod": method,
		"statusCallbackEvent": words("initiated", "ringing", "answered", "completed"), "url": webAddress, "method": method}
	recordingAttributes = map[string]value{"recordingStatusCallback": webAddress, "recordingStatusCallbackMethod": method,
		"recordingStatusCallbackEvent": words("in-progress", "completed", "absent"), "trim": oneOf("trim-silence", "do-not-trim")}
)

// with returns attributes together with others.
func with(some, others map[string]value) map[string]value {
	all := map[string]value{}
	for _, m := range []map[string]value{some, others} {
		for name, v := range m {
			all[name] = v
		}
	}
	return all
}

// elements are the known verbs and nouns.
var elements = map[string]element{
	"Say":      {attributes: map[string]value{"voice": anyText, "language": language, "loop": between(0, 1000)}, text: textNeeded},
	"Play":     {attributes: map[string]value{"loop": between(0, 1000), "digits": keys}, text: textNeeded},
	"Pause":    {attributes: map[string]value{"length": between(1, 3600)}},
	"Hangup":   {},
	"Reject":   {attributes: map[string]value{"reason": oneOf("rejected", "busy")}},
	"Redirect": {attributes: map[string]value{"method": method}, text: textNeeded},
	"Dial": {attributes: with(map[string]value{"action": webAddress, "method": method, "answerOnBridge": boolean, "callerId": anyText, "callReason": anyText,
		"hangupOnStar": boolean, "timeLimit": between(1, 86400), "timeout": between(1, 600), "ringTone": anyText, "sequential": boolean,
		"record":         oneOf("do-not-record", "record-from-answer", "record-from-ringing", "record-from-answer-dual", "record-from-ringing-dual"),
		"recordingTrack": oneOf("inbound", "outbound", "both"), "referMethod": method, "referUrl": webAddress}, recordingAttributes),
		children: []string{"Number", "Sip"}, text: textOrChild},
	"Number":    {attributes: with(map[string]value{"sendDigits": keys, "byoc": anyText}, callbackAttributes), text: textNeeded, whole: checkNumber},
	"Sip":       {attributes: with(map[string]value{"username": anyText, "password": anyText}, callbackAttributes), text: textNeeded, whole: checkSIP},
	"Start":     {attributes: map[string]value{"action": webAddress, "method": method}, children: []string{"Recording"}, one: true},
	"Recording": {attributes: with(map[string]value{"channels": oneOf("mono", "dual"), "track": oneOf("inbound", "outbound", "both")}, recordingAttributes)},
	"Connect":   {attributes: map[string]value{"action": webAddress, "method": method}, children: []string{"ConversationRelay", "Stream"}, one: true},
	"Stream": {attributes: map[string]value{"url": socketAddress, "name": anyText, "track": oneOf("inbound_track", "outbound_track", "both_tracks"),
		"statusCallback": webAddress, "statusCallbackMethod": method}, required: []string{"url"}, children: []string{"Parameter"}},
	"Parameter":         {attributes: map[string]value{"name": anyText, "value": anyText}, required: []string{"name"}},
	"Language":          {attributes: with(map[string]value{"code": language}, speechAttributes), required: []string{"code"}},
	"ConversationRelay": {attributes: with(relayAttributes, speechAttributes), required: []string{"url"}, children: []string{"Language", "Parameter"}, whole: checkRelay},
}

var (
	phonePattern    = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	keysPattern     = regexp.MustCompile(`^[0-9A-D*#wW]+$`)
	languagePattern = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
)

func checkNumber(e Element) []string {
	if e.Text != "" && !phonePattern.MatchString(e.Text) {
		return []string{fmt.Sprintf("<Number>: %q is not a number in E.164", e.Text)}
	}
	return nil
}

func checkSIP(e Element) []string {
	if e.Text != "" && !strings.HasPrefix(e.Text, "sip:") && !strings.HasPrefix(e.Text, "sips:") {
		return []string{fmt.Sprintf("<Sip>: %q is not a SIP address", e.Text)}
	}
	return nil
}

func anyText(string) string { return "" }

func oneOf(values ...string) value {
	return func(v string) string {
		if slices.Contains(values, v) {
			return ""
		}
		return "want one of " + strings.Join(values, ", ")
	}
}

var (
	boolean = oneOf("true", "false")
	method  = oneOf("GET", "POST")
)

// words accepts some of the values, separated by spaces.
func words(values ...string) value {
	return func(v string) string {
		for _, word := range strings.Fields(v) {
			if !slices.Contains(values, word) {
				return "want some of " + strings.Join(values, " ")
			}
		}
		return ""
	}
}

func between(least, most int) value {
	return func(v string) string {
		if n, err := strconv.Atoi(v); err != nil || n < least || n > most {
			return fmt.Sprintf("want a whole number from %d to %d", least, most)
		}
		return ""
	}
}

func keys(v string) string {
	if !keysPattern.MatchString(v) {
		return "want keys"
	}
	return ""
}

func language(v string) string {
	if !languagePattern.MatchString(v) {
		return "want a BCP 47 tag such as en-US"
	}
	return ""
}

// webAddress accepts an address to which Twilio posts. A relative one is documented, and depends on the document's own address.
func webAddress(v string) string {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" || u.Scheme != "" && u.Host == "" || v == "" {
		return "want an http or https address"
	}
	return ""
}

func socketAddress(v string) string {
	u, err := url.Parse(v)
	if err != nil || !strings.HasPrefix(v, "wss://") || u.Host == "" {
		return "the address must begin with wss://"
	}
	return ""
}
