package emulator

import (
	"encoding/json"
	"strings"
)

// decision is an authorizer's answer: who it is, and what they may do.
type decision struct {
	PrincipalID string `json:"principalId"`
	Policy      struct {
		Statement statements `json:"Statement"`
	} `json:"policyDocument"`
	Context map[string]any `json:"context"`
}

type statement struct {
	Effect    string          `json:"Effect"`
	Action    oneOrMore       `json:"Action"`
	Resource  oneOrMore       `json:"Resource"`
	Condition json.RawMessage `json:"Condition"`
}

// statements is a list of statements, or a single one.
type statements []statement

// UnmarshalJSON reads either form.
func (s *statements) UnmarshalJSON(b []byte) error {
	var many []statement
	if json.Unmarshal(b, &many) == nil {
		*s = many
		return nil
	}
	var one statement
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*s = statements{one}
	return nil
}

// oneOrMore is a list of strings, or a single one.
type oneOrMore []string

// UnmarshalJSON reads either form.
func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var many []string
	if json.Unmarshal(b, &many) == nil {
		*o = many
		return nil
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*o = oneOrMore{one}
	return nil
}

// readDecision reads an authorizer's answer. API Gateway takes none without a principal and a policy, nor a context
// that holds lists or objects.
func readDecision(payload []byte) (*decision, error) {
	d := &decision{}
	if err := json.Unmarshal(payload, d); err != nil {
		return nil, &authorizerError{message: "the authorizer's answer is malformed: " + err.Error()}
	}
	if d.PrincipalID == "" || len(d.Policy.Statement) == 0 {
		return nil, &authorizerError{message: "the authorizer's answer lacks principalId or policyDocument"}
	}
	for name, value := range d.Context {
		switch value.(type) {
		case map[string]any, []any:
			return nil, &authorizerError{message: "the authorizer's context holds more than scalars: " + name}
		}
	}
	return d, nil
}

// allows says whether a policy lets a request pass: some Allow fits, and no Deny. A condition is not worked out: an
// Allow with one never fits, and a Deny with one always does.
func (d *decision) allows(arn string) bool {
	allowed := false
	for _, s := range d.Policy.Statement {
		if !matchesAny(s.Action, "execute-api:Invoke") || !matchesAny(s.Resource, arn) {
			continue
		}
		conditional := len(s.Condition) > 0 && string(s.Condition) != "null" && string(s.Condition) != "{}"
		switch s.Effect {
		case "Deny":
			return false
		case "Allow":
			allowed = allowed || !conditional
		}
	}
	return allowed
}

// authorizerContext is the authorizer's context as the function sees it: every value a string.
func (d *decision) authorizerContext() map[string]any {
	out := map[string]any{"principalId": d.PrincipalID, "integrationLatency": 0}
	for name, value := range d.Context {
		if value != nil {
			out[name] = toString(value)
		}
	}
	return out
}

func matchesAny(patterns []string, value string) bool {
	for _, p := range patterns {
		if matchesWildcard(p, value) {
			return true
		}
	}
	return false
}

// matchesWildcard matches IAM's wildcards: * is any run of characters, ? is one. Actions are compared in any case.
func matchesWildcard(pattern, value string) bool {
	if strings.HasPrefix(value, "execute-api:") {
		pattern, value = strings.ToLower(pattern), strings.ToLower(value)
	}
	p, v, star, mark := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, v
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == value[v]):
			p++
			v++
		case star >= 0:
			mark++
			p, v = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
