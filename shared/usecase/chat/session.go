package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// Session is the conversation as the caller carries it: the request's call, and the answer's full_session.
type Session struct {
	ID                string
	CallerPhoneNumber string
	AssistantConfig   json.RawMessage // as the caller sent it; nil where it did not
	AssistantID       string          // as the caller sent it, or the one found where it sent no assistant_config
	ActiveAgent       string
	ContextVariables  map[string]any
	Messages          []agent.Message
	Usage             *agent.Usage
	Action            *aurora.Action
	Error             *TurnError
	// Carried says that the caller sent the active agent or the variables: it carries the session itself.
	ClientManaged bool
	// Rest is every other key that the caller had put into it.
	Extra map[string]json.RawMessage
}

// isClientManaged reports whether the caller carries the session itself.
func (s *Session) isClientManaged() bool {
	return s.ClientManaged || s.ActiveAgent != "" || s.ContextVariables != nil
}

// TurnError tells a voice server why a turn ended as it did.
type TurnError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// UnmarshalJSON reads a call. It may itself be a JSON string of the object, and so may its messages and its
// assistant_config.
func (s *Session) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	var rest map[string]json.RawMessage
	if err := json.Unmarshal(b, &rest); err != nil {
		return err
	}
	var id, caller, assistantID, other, agent aurora.Text
	_, carriesAgent := rest["active_agent"]
	_, carriesVariables := rest["context_variables"]
	*s = Session{ClientManaged: carriesAgent || carriesVariables}
	for _, f := range []struct {
		key    string
		target json.Unmarshaler
	}{
		{"id", &id}, {"caller_phone_number", &caller}, {"assistantId", &assistantID}, {"assistant_id", &other}, {"active_agent", &agent},
		{"context_variables", (*jsonObject)(&s.ContextVariables)}, {"messages", (*Messages)(&s.Messages)},
	} {
		if err := take(rest, f.key, f.target); err != nil {
			return err
		}
	}
	s.ID, s.CallerPhoneNumber, s.ActiveAgent = string(id), string(caller), string(agent)
	s.AssistantID = string(cmp.Or(assistantID, other))
	if raw, ok := rest["assistant_config"]; ok && string(raw) != "null" {
		s.AssistantConfig = raw
	}
	for _, ours := range []string{"assistant_config", "usage", "action", "error"} {
		delete(rest, ours)
	}
	s.Extra = rest
	return nil
}

// take moves a key from the map into a target.
func take(from map[string]json.RawMessage, key string, target json.Unmarshaler) error {
	raw, ok := from[key]
	if !ok {
		return nil
	}
	delete(from, key)
	if err := target.UnmarshalJSON(raw); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// MarshalJSON writes the session as full_session. Messages are always there, and are never system messages.
func (s *Session) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(s.Extra)+8)
	for k, v := range s.Extra {
		out[k] = v
	}
	set := func(key, value string) {
		if value != "" {
			out[key] = value
		}
	}
	set("id", s.ID)
	set("caller_phone_number", s.CallerPhoneNumber)
	set("active_agent", s.ActiveAgent)
	if s.AssistantConfig != nil {
		out["assistant_config"] = s.AssistantConfig
	}
	set("assistantId", s.AssistantID) // beside a configuration only where the caller had both
	out["context_variables"] = s.ContextVariables
	if s.ContextVariables == nil {
		out["context_variables"] = struct{}{}
	}
	out["messages"] = s.Messages
	if s.Messages == nil {
		out["messages"] = []agent.Message{}
	}
	if s.Usage != nil {
		out["usage"] = s.Usage
	}
	if s.Action != nil {
		out["action"] = s.Action
	}
	if s.Error != nil {
		out["error"] = s.Error
	}
	return json.Marshal(out)
}

// callSID is the telephone provider's name of the call, where the session says it: the document's callers, Vapi, or an
// id that is one.
func (s *Session) callSID() string {
	var said struct {
		CallSID    aurora.Text `json:"callSid"`
		Snake      aurora.Text `json:"call_sid"`
		ProviderID aurora.Text `json:"phoneCallProviderId"`
		Transport  struct {
			CallSID aurora.Text `json:"callSid"`
		} `json:"transport"`
	}
	for key, target := range map[string]any{"callSid": &said.CallSID, "call_sid": &said.Snake, "phoneCallProviderId": &said.ProviderID, "transport": &said.Transport} {
		_ = json.Unmarshal(s.Extra[key], target) // what is something else names no call
	}
	for _, sid := range []string{string(said.CallSID), string(said.Snake), string(said.Transport.CallSID), string(said.ProviderID), s.ID} {
		if aurora.IsCallSID(sid) {
			return sid
		}
	}
	return ""
}

// outboundCallIDs are the names under which we may have placed the session's call: our record's, and the provider's.
func (s *Session) outboundCallIDs() []string {
	var record aurora.Text
	_ = json.Unmarshal(s.Extra["callRecordId"], &record) // what is something else names no call
	var names []string
	for _, name := range []string{string(record), s.callSID()} {
		if aurora.IsSafeID(name) {
			names = append(names, name)
		}
	}
	return names
}

// Messages is a list of messages that may also come as a JSON string of the list.
type Messages []agent.Message

// UnmarshalJSON reads either form.
func (m *Messages) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, (*[]agent.Message)(m))
}

// jsonObject is a JSON object, which some callers send as a string. Its numbers keep their value: a whole one is an int64,
// and one that fits neither that nor a float64 stays a json.Number.
type jsonObject map[string]any

func (o *jsonObject) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	if !json.Valid(b) { // a Decoder would not look at what follows the object
		return errors.New("not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode((*map[string]any)(o)); err != nil {
		return err
	}
	exactNumbers(map[string]any(*o))
	return nil
}

// exactNumbers replaces the numbers in a value that encoding/json read, at any depth.
func exactNumbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = exactNumbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = exactNumbers(v[i])
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
	}
	return v
}

// UnquoteJSON returns the JSON inside a JSON string, and any other JSON as it is. An empty string is null.
func UnquoteJSON(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != '"' {
		return b, nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if s == "" {
		return []byte("null"), nil
	}
	return []byte(s), nil
}
