package chat

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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

// UnmarshalJSON reads a call; see DecodeSession.
func (s *Session) UnmarshalJSON(b []byte) error {
	decoded, err := DecodeSession(b, func(_ string, err error) error { return err })
	if err == nil && decoded != nil {
		*s = *decoded
	}
	return err
}

// DecodeSession reads a call. The call, its messages and its assistant_config may each be a JSON string that contains the
// value, and an empty object may be a list, as PHP writes it. reject is called for each part that cannot be read, with its
// name. It returns nil to leave the part out, or the error to end with. A call that is null is nil.
func DecodeSession(b []byte, reject func(part string, err error) error) (*Session, error) {
	b, err := UnquoteJSON(b)
	if err != nil {
		return nil, reject("call", err)
	}
	if string(bytes.TrimSpace(b)) == "null" {
		return nil, nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(emptyObject(b), &fields); err != nil {
		return nil, reject("call", err)
	}
	var id, caller, assistantID, snakeAssistantID, activeAgent aurora.Text
	_, hasAgent := fields["active_agent"]
	_, hasVariables := fields["context_variables"]
	s := &Session{ClientManaged: hasAgent || hasVariables}
	for _, f := range []struct {
		key    string
		target json.Unmarshaler
	}{
		{"id", &id}, {"caller_phone_number", &caller}, {"assistantId", &assistantID}, {"assistant_id", &snakeAssistantID}, {"active_agent", &activeAgent},
		{"context_variables", (*jsonObject)(&s.ContextVariables)},
	} {
		if err := takeField(fields, f.key, f.target); err != nil {
			if err := reject("call."+f.key, err); err != nil {
				return nil, err
			}
		}
	}
	if raw, ok := fields["messages"]; ok {
		delete(fields, "messages")
		if s.Messages, err = DecodeMessages(raw, "call.messages", reject); err != nil {
			return nil, err
		}
	}
	s.ID, s.CallerPhoneNumber, s.ActiveAgent = string(id), string(caller), string(activeAgent)
	s.AssistantID = string(cmp.Or(assistantID, snakeAssistantID))
	if raw, ok := fields["assistant_config"]; ok && string(raw) != "null" {
		s.AssistantConfig = emptyObject(raw)
	}
	for _, key := range []string{"assistant_config", "usage", "action", "error"} { // each turn has its own
		delete(fields, key)
	}
	s.Extra = fields
	return s, nil
}

// takeField moves a field from the map into a target.
func takeField(from map[string]json.RawMessage, key string, target json.Unmarshaler) error {
	raw, ok := from[key]
	if !ok {
		return nil
	}
	delete(from, key)
	return target.UnmarshalJSON(raw)
}

// DecodeMessages reads a list of messages, or a JSON string that contains one. PHP writes a list from which something was
// removed as an object whose keys are the places. reject is called for each message that cannot be read, as in
// DecodeSession.
func DecodeMessages(b []byte, name string, reject func(part string, err error) error) ([]agent.Message, error) {
	b, err := UnquoteJSON(b)
	if err != nil {
		return nil, reject(name, err)
	}
	list, err := decodeList(b)
	if err != nil {
		return nil, reject(name, err)
	}
	messages := make([]agent.Message, 0, len(list))
	for i, raw := range list {
		var m agent.Message
		err := json.Unmarshal(raw, &m)
		if err == nil && string(raw) == "null" {
			err = errors.New("a message must be an object")
		}
		if err != nil {
			if err := reject(fmt.Sprintf("%s[%d]", name, i), err); err != nil {
				return nil, err
			}
			continue
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// decodeList reads a list, or an object whose keys are whole numbers.
func decodeList(b []byte) ([]json.RawMessage, error) {
	var list []json.RawMessage
	err := json.Unmarshal(b, &list)
	if err == nil {
		return list, nil
	}
	var numbered map[int]json.RawMessage
	if json.Unmarshal(b, &numbered) != nil {
		return nil, err
	}
	for _, place := range slices.Sorted(maps.Keys(numbered)) {
		list = append(list, numbered[place])
	}
	return list, nil
}

// emptyObject returns {} for an empty list, and any other JSON as it is. PHP has one type for lists and objects.
func emptyObject(b []byte) []byte {
	if trimmed := bytes.TrimSpace(b); len(trimmed) > 1 && trimmed[0] == '[' && len(bytes.TrimSpace(trimmed[1:len(trimmed)-1])) == 0 {
		return []byte("{}")
	}
	return b
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
	var ids []string
	for _, id := range []string{s.recordID(), s.callSID()} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// recordID returns the id of the record of an outbound call, or "".
func (s *Session) recordID() string {
	var record aurora.Text
	_ = json.Unmarshal(s.Extra["callRecordId"], &record) // ignored: a value of another type is not an id
	if !aurora.IsSafeID(string(record)) {
		return ""
	}
	return string(record)
}

// jsonObject is a JSON object, which some callers send as a string. No number loses digits: a whole number becomes an int64,
// another one a float64, and a number that fits neither stays a json.Number.
type jsonObject map[string]any

func (o *jsonObject) UnmarshalJSON(b []byte) error {
	b, err := UnquoteJSON(b)
	if err != nil {
		return err
	}
	b = emptyObject(b)
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
