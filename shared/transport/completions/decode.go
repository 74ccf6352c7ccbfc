package completions

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// forwardedOptions are the parameters of OpenAI's API that are sent to the model unchanged. Everything else in a request stays
// here.
var forwardedOptions = []string{"temperature", "top_p", "max_tokens", "max_completion_tokens", "stop", "presence_penalty",
	"frequency_penalty", "response_format", "seed", "logit_bias", "user", "tool_choice", "parallel_tool_calls",
	"reasoning_effort", "service_tier", "verbosity", "prediction", "safety_identifier", "store"}

// maxTokens limits the tokens of one answer, whatever a request asks for.
const maxTokens = 16_384

// request is a decoded request and the form of its answer.
type request struct {
	chat.Request
	stream       bool
	includeUsage bool // send a usage chunk before [DONE]
	bareSession  bool // send the session as an event of its own, as the API document shows it
}

type wireRequest struct {
	Model             aurora.Text       `json:"model"`
	Messages          *messageList      `json:"messages"`
	Stream            *bool             `json:"stream"`
	StreamOptions     *streamOptions    `json:"stream_options"`
	N                 *int              `json:"n"`
	Tools             []wireTool        `json:"tools"`
	Functions         []json.RawMessage `json:"functions"`
	Call              *chat.Session     `json:"call"`
	TargetAssistantID aurora.Text       `json:"target_assistant_id"`
	PhoneNumber       json.RawMessage   `json:"phoneNumber"`
	Customer          json.RawMessage   `json:"customer"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type wireTool struct {
	Type     string `json:"type"`
	Function *struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      bool            `json:"strict"`
	} `json:"function"`
}

// messageList is a list of messages whose error names the field.
type messageList []agent.Message

func (m *messageList) UnmarshalJSON(b []byte) error {
	if err := (*chat.Messages)(m).UnmarshalJSON(b); err != nil {
		return fault.New(fault.Invalid, "messages must be a list of messages, or a JSON string of one.").WithParam("messages").Because(err)
	}
	return nil
}

// decode reads a request. Its errors are faults that name the field.
func decode(r *http.Request) (request, error) {
	return decodeWith(r, func(err error) error { return err })
}

// decodeLenient reads a request and ignores the fields that cannot be read. Only a body that is not JSON is an error.
func decodeLenient(r *http.Request) (request, error) {
	r.Header.Del("Content-Type") // a body in JSON is accepted under any content type
	return decodeWith(r, func(err error) error {
		if err != nil {
			slog.WarnContext(r.Context(), "field of the request ignored", "event", "request.field_ignored", "error", err)
		}
		return nil
	})
}

// decodeWith reads a request. It passes the result of each check to filter, which returns the error to report, or nil to go on.
func decodeWith(r *http.Request, filter func(error) error) (request, error) {
	var raw map[string]json.RawMessage
	if err := web.ReadObject(r, &raw); err != nil {
		return request{}, err
	}
	var w wireRequest
	for _, f := range []struct {
		name   string
		target any
	}{
		{"model", &w.Model}, {"messages", &w.Messages}, {"stream", &w.Stream}, {"stream_options", &w.StreamOptions}, {"n", &w.N},
		{"tools", &w.Tools}, {"functions", &w.Functions}, {"call", &w.Call}, {"target_assistant_id", &w.TargetAssistantID},
		{"phoneNumber", &w.PhoneNumber}, {"customer", &w.Customer},
	} {
		if err := filter(decodeField(raw, f.name, f.target)); err != nil {
			return request{}, err
		}
	}
	out := request{stream: w.Stream != nil && *w.Stream, includeUsage: w.StreamOptions != nil && w.StreamOptions.IncludeUsage}
	out.Model, out.Session, out.TargetAssistantID = string(w.Model), w.Call, string(w.TargetAssistantID)
	if w.Messages != nil {
		out.Messages = *w.Messages
	} else if _, ok := raw["messages"]; ok { // a list in which some messages are invalid
		out.Messages = decodeValidMessages(raw["messages"])
	}
	if err := filter(w.validate()); err != nil {
		return request{}, err
	}
	var invalid error
	if out.Tools, invalid = decodeTools(w.Tools); filter(invalid) != nil {
		return request{}, invalid
	}
	if out.Options, invalid = decodeOptions(raw); filter(invalid) != nil {
		return request{}, invalid
	}
	number := decodePhoneNumber(w.PhoneNumber)
	out.Number = string(number.Number)
	_ = json.Unmarshal(w.Customer, &out.Customer) // sent by Vapi; ignored if it is anything else
	out.bareSession, invalid = wantsBareSession(r.Header.Get("X-Aurora-Stream"), w.Call)
	return out, filter(invalid)
}

// validate checks the fields that have the right type.
func (w *wireRequest) validate() error {
	if w.Messages == nil && (w.Call == nil || len(w.Call.Messages) == 0) {
		return fault.New(fault.Invalid, "messages is required: a list of messages.").WithParam("messages").WithCode("missing_required_parameter")
	}
	if w.N != nil && *w.N != 1 {
		return fault.New(fault.Invalid, "n must be 1: a conversation goes on in one way.").WithParam("n")
	}
	if len(w.Functions) > 0 {
		return fault.New(fault.Invalid, "functions is no longer supported; tools takes its place.").WithParam("functions")
	}
	return nil
}

// decodeValidMessages returns the messages of a list that can be read, and leaves the others out.
func decodeValidMessages(raw json.RawMessage) []agent.Message {
	raw, err := chat.UnquoteJSON(raw)
	if err != nil {
		return nil
	}
	var each []json.RawMessage
	_ = json.Unmarshal(raw, &each) // ignored: a value that is not a list has no messages
	var all []agent.Message
	for _, one := range each {
		var m agent.Message
		if json.Unmarshal(one, &m) == nil {
			all = append(all, m)
		}
	}
	return all
}

func decodeField(raw map[string]json.RawMessage, name string, target any) error {
	b, ok := raw[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(b, target); err != nil {
		if f := fault.From(err); f.Kind == fault.Invalid {
			return f
		}
		return fault.Newf(fault.Invalid, "%s has the wrong type: %s.", name, expectedTypes[name]).WithParam(name).Because(err)
	}
	return nil
}

// expectedTypes describes the fields in the error for a wrong type.
var expectedTypes = map[string]string{"model": "it must be a string", "stream": "it must be true or false", "n": "it must be 1",
	"stream_options": "it must be an object", "tools": "it must be a list of tools", "functions": "it must be a list",
	"call":                "it must be an object, or a JSON string of one, whose messages are a list",
	"target_assistant_id": "it must be a string", "temperature": "it must be a number from 0 to 2",
	"max_tokens": "it must be a whole number of at least 1", "max_completion_tokens": "it must be a whole number of at least 1"}

func decodeTools(ws []wireTool) ([]agent.Tool, error) {
	tools := make([]agent.Tool, 0, len(ws))
	for _, w := range ws {
		if w.Type != "function" || w.Function == nil || w.Function.Name == "" {
			return nil, fault.New(fault.Invalid, "Every tool must be of type function and have a function with a name.").WithParam("tools")
		}
		f := w.Function
		tools = append(tools, agent.Tool{Name: f.Name, Description: f.Description, Parameters: f.Parameters, Strict: f.Strict})
	}
	return tools, nil
}

// decodeOptions collects the parameters for the model. It checks the temperature and limits the number of tokens.
func decodeOptions(raw map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	picked := map[string]json.RawMessage{}
	for _, name := range forwardedOptions {
		if v, ok := raw[name]; ok && string(v) != "null" {
			picked[name] = v
		}
	}
	var temperature *float64
	if err := decodeField(raw, "temperature", &temperature); err != nil {
		return nil, err
	}
	if temperature != nil && (*temperature < 0 || *temperature > 2) {
		return nil, fault.New(fault.Invalid, "temperature must be from 0 to 2.").WithParam("temperature")
	}
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		var n *int
		if err := decodeField(raw, name, &n); err != nil {
			return nil, err
		}
		if n == nil {
			continue
		}
		if *n < 1 {
			return nil, fault.Newf(fault.Invalid, "%s must be at least 1.", name).WithParam(name)
		}
		picked[name] = fmt.Appendf(nil, "%d", min(*n, maxTokens))
	}
	if stop := picked["stop"]; len(stop) > 0 && stop[0] == '"' { // a string or a list in OpenAI's API; go-openai has only the list
		picked["stop"] = slices.Concat([]byte{'['}, stop, []byte{']'})
	}
	return picked, nil
}

// decodePhoneNumber reads phoneNumber: Vapi's object with a number, or the number itself.
func decodePhoneNumber(raw json.RawMessage) (n struct {
	Number aurora.Text `json:"number"`
}) {
	if json.Unmarshal(raw, &n) != nil {
		_ = json.Unmarshal(raw, &n.Number)
	}
	return n
}

// wantsBareSession reports whether a stream sends the session as an event of its own. Without the header it does so for callers
// that send the API document's fields.
func wantsBareSession(header string, call *chat.Session) (bool, error) {
	switch header {
	case "document":
		return true, nil
	case "openai":
		return false, nil
	case "":
		return call != nil && (call.CallerPhoneNumber != "" || call.AssistantConfig != nil), nil
	}
	return false, fault.New(fault.Invalid, "X-Aurora-Stream must be document or openai.").WithParam("X-Aurora-Stream")
}
