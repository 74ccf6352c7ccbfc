package emulator

import (
	"encoding/json"
	"strings"
)

// decision is an authorizer's response: the principal and the policy.
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

// statements is a list of statements. The JSON may be a single statement.
type statements []statement

// UnmarshalJSON reads a list or a single value.
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

// oneOrMore is a list of strings. The JSON may be a single string.
type oneOrMore []string

// UnmarshalJSON reads a list or a single value.
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

// readDecision reads an authorizer's response. Like API Gateway, it rejects one without a principal or a policy, and one
// whose context holds lists or objects.
func readDecision(payload []byte) (*decision, error) {
	d := &decision{}
	if err := json.Unmarshal(payload, d); err != nil {
		return nil, &authorizerError{message: "the authorizer's response is malformed: " + err.Error()}
	}
	if d.PrincipalID == "" || len(d.Policy.Statement) == 0 {
		return nil, &authorizerError{message: "the authorizer's response has no principalId or no policyDocument"}
	}
	for name, value := range d.Context {
		switch value.(type) {
		case map[string]any, []any:
			return nil, &authorizerError{message: "the authorizer's context has a list or an object under " + name}
		}
	}
	return d, nil
}

// allows reports whether the policy allows a request: an Allow statement matches, and no Deny does. Conditions are not
// evaluated: an Allow with a condition never matches, and a Deny with a condition always does.
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

// authorizerContext returns the authorizer's context as the function receives it: every value is a string.
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

// matchesWildcard matches IAM's wildcards: * stands for any characters, ? for one. Letter case does not matter.
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
