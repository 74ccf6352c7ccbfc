package fakerelay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
)

// frame is a message to Twilio.
type frame struct {
	Type          string  `json:"type"`
	Token         *string `json:"token"`
	Last          *bool   `json:"last"`
	Lang          *string `json:"lang"`
	Interruptible *bool   `json:"interruptible"`
	Preemptible   *bool   `json:"preemptible"`
	Source        *string `json:"source"`
	Loop          *int    `json:"loop"`
	Digits        *string `json:"digits"`
	HandoffData   *string `json:"handoffData"`
}

// fieldRule is the documented type of a field.
type fieldRule struct {
	kind     string // string, bool or int
	required bool
}

// frameFields are the documented fields of each message to Twilio, besides type. The fields of config and hints are not
// documented where they could be read, so all are accepted (nil).
var frameFields = map[string]map[string]fieldRule{
	"text":       {"token": {"string", true}, "last": {"bool", false}, "lang": {"string", false}, "interruptible": {"bool", false}, "preemptible": {"bool", false}},
	"play":       {"source": {"string", true}, "loop": {"int", false}, "interruptible": {"bool", false}, "preemptible": {"bool", false}},
	"sendDigits": {"digits": {"string", true}},
	"language":   {"ttsLanguage": {"string", false}, "transcriptionLanguage": {"string", false}},
	"end":        {"handoffData": {"string", false}},
	"config":     nil,
	"hints":      nil,
}

// markup is what a voice would read aloud, or read as SSML.
var markup = regexp.MustCompile("[<>]|\\*\\*|__|`|^#{1,6} |\\]\\(|https?://")

// readFrame reads a message, and returns why it differs from its documentation, or "".
func readFrame(data []byte) (f frame, wrong string) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return frame{}, "not a JSON object: " + err.Error()
	}
	var kind string
	if json.Unmarshal(fields["type"], &kind) != nil || kind == "" {
		return frame{}, "no type"
	}
	rules, known := frameFields[kind]
	if !known {
		return frame{}, fmt.Sprintf("unknown type %q", kind)
	}
	f = frame{Type: kind}
	if rules == nil {
		return f, ""
	}
	for name, value := range fields {
		if name == "type" {
			continue
		}
		rule, known := rules[name]
		switch {
		case !known:
			return frame{}, fmt.Sprintf("%s has no field %s", kind, name)
		case kindOf(value) != rule.kind:
			return frame{}, fmt.Sprintf("%s.%s must be a %s", kind, name, rule.kind)
		}
	}
	for name, rule := range rules {
		if _, given := fields[name]; rule.required && !given {
			return frame{}, fmt.Sprintf("%s lacks %s", kind, name)
		}
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return frame{}, err.Error()
	}
	return f, ""
}

// kindOf returns the type of a JSON value: string, bool, int or another.
func kindOf(value json.RawMessage) string {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0:
		return ""
	case value[0] == '"':
		return "string"
	case slices.Contains([]string{"true", "false"}, string(value)):
		return "bool"
	case json.Unmarshal(value, new(int)) == nil && string(value) != "null":
		return "int"
	}
	return "another type"
}
