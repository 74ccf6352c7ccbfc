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

// Session is the state of a conversation that goes back and forth: the caller sends it as call and gets it back as
// full_session.
type Session struct {
	ID                string
	CallerPhoneNumber string
	AssistantConfig   json.RawMessage // as the caller sent it; nil if it sent none
	AssistantID       string          // as the caller sent it, or the one that was found if it sent no assistant_config
	ActiveAgent       string
	ContextVariables  map[string]any
	Messages          []agent.Message
	Usage             *agent.Usage
	Action            *aurora.Action
	Error             *TurnError
	// ClientManaged says that the caller sent active_agent or context_variables: it stores the state itself.
	ClientManaged bool
	// Extra holds every other key that the caller sent. They are sent back unchanged.
	Extra map[string]json.RawMessage
}

// isClientManaged reports whether the caller stores the state of the session itself.
func (s *Session) isClientManaged() bool {
	return s.ClientManaged || s.ActiveAgent != "" || s.ContextVariables != nil
}

// TurnError says why a turn failed, or why it ended other than the model wanted.
type TurnError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// UnmarshalJSON reads a call. The call, its messages and its assistant_config may each be a JSON string that contains the
// value.
func (s *Session) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return err
	}
	var id, caller, assistantID, snakeAssistantID, activeAgent aurora.Text
	_, hasAgent := fields["active_agent"]
	_, hasVariables := fields["context_variables"]
	*s = Session{ClientManaged: hasAgent || hasVariables}
	for _, f := range []struct {
		key    string
		target json.Unmarshaler
	}{
		{"id", &id}, {"caller_phone_number", &caller}, {"assistantId", &assistantID}, {"assistant_id", &snakeAssistantID}, {"active_agent", &activeAgent},
		{"context_variables", (*jsonObject)(&s.ContextVariables)}, {"messages", (*Messages)(&s.Messages)},
	} {
		if err := takeField(fields, f.key, f.target); err != nil {
			return err
		}
	}
	s.ID, s.CallerPhoneNumber, s.ActiveAgent = string(id), string(caller), string(activeAgent)
	s.AssistantID = string(cmp.Or(assistantID, snakeAssistantID))
	if raw, ok := fields["assistant_config"]; ok && string(raw) != "null" {
		s.AssistantConfig = raw
	}
	for _, key := range []string{"assistant_config", "usage", "action", "error"} { // each turn has its own
		delete(fields, key)
	}
	s.Extra = fields
	return nil
}

// takeField moves a field from the map into a target.
func takeField(from map[string]json.RawMessage, key string, target json.Unmarshaler) error {
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

// MarshalJSON writes the session as full_session. It always has messages and context_variables.
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
	set("assistantId", s.AssistantID) // empty if the caller sent only an assistant_config
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

// callSID returns Twilio's sid of the call, or "". Voice servers send it in different fields, or as the call's id.
func (s *Session) callSID() string {
	var fields struct {
		CallSID    aurora.Text `json:"callSid"`
		Snake      aurora.Text `json:"call_sid"`
		ProviderID aurora.Text `json:"phoneCallProviderId"`
		Transport  struct {
			CallSID aurora.Text `json:"callSid"`
		} `json:"transport"`
	}
	for key, target := range map[string]any{"callSid": &fields.CallSID, "call_sid": &fields.Snake, "phoneCallProviderId": &fields.ProviderID, "transport": &fields.Transport} {
		_ = json.Unmarshal(s.Extra[key], target) // ignored: a value of another type is not a sid
	}
	for _, sid := range []string{string(fields.CallSID), string(fields.Snake), string(fields.Transport.CallSID), string(fields.ProviderID), s.ID} {
		if aurora.IsCallSID(sid) {
			return sid
		}
	}
	return ""
}

// outboundCallIDs returns the ids by which the record of an outbound call can be found: the record's own id and the call's
// sid.
func (s *Session) outboundCallIDs() []string {
	var record aurora.Text
	_ = json.Unmarshal(s.Extra["callRecordId"], &record) // ignored: a value of another type is not an id
	var ids []string
	for _, id := range []string{string(record), s.callSID()} {
		if aurora.IsSafeID(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Messages is a list of messages that may also come as a JSON string of the list.
type Messages []agent.Message

// UnmarshalJSON reads a list, or a JSON string that contains one.
func (m *Messages) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, (*[]agent.Message)(m))
}

// jsonObject is a JSON object, which some callers send as a string. No number loses digits: a whole number becomes an int64,
// another one a float64, and a number that fits neither stays a json.Number.
type jsonObject map[string]any

func (o *jsonObject) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	if !json.Valid(b) { // the Decoder does not see what follows the object
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

// exactNumbers replaces each json.Number in a value, at any depth, by an int64 or a float64 if that holds it.
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
