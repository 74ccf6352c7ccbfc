package completions

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// request is a decoded request and the form of its answer.
type request struct {
	chat.Request
	stream       bool
	includeUsage bool // send a usage chunk before [DONE]
	bareSession  bool // send the session as an event of its own, as the API document shows it
	fromVapi     bool // the request has the shape of Vapi's
}

// wantsJSON reports whether the answer is to be JSON.
func (r *request) wantsJSON() bool {
	var format struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(r.Options["response_format"], &format) // ignored: a format in another form asks for text
	return format.Type != "" && format.Type != "text"
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

// decoder decodes one request.
type decoder struct {
	ctx context.Context
	raw map[string]json.RawMessage
	// allowedOptions are the restricted parameters that are sent to the model.
	allowedOptions []string
	// lenient leaves out what cannot be read, item by item, and names it in a warning. Otherwise the first such item is the
	// error.
	lenient bool
}

// reject returns the error of a part of the request that cannot be used, or nil to go on without it.
func (d *decoder) reject(part string, err error) error {
	if err == nil || !d.lenient {
		return err
	}
	slog.WarnContext(d.ctx, "part of the request ignored", "event", "request.part_ignored", "part", part, "error", err)
	return nil
}

// decode reads a request. Its errors are faults that name the field.
func (e *Handler) decode(r *http.Request) (request, error) { return e.decodeWith(r, false) }

// decodeLenient reads a request and leaves out what cannot be read. Only a body that is not JSON is an error.
func (e *Handler) decodeLenient(r *http.Request) (request, error) {
	r.Header.Del("Content-Type") // a body in JSON is accepted under any content type
	return e.decodeWith(r, true)
}

func (e *Handler) decodeWith(r *http.Request, lenient bool) (request, error) {
	d := decoder{ctx: r.Context(), allowedOptions: e.AllowedOptions, lenient: lenient}
	if err := web.ReadObject(r, &d.raw); err != nil {
		return request{}, err
	}
	var out request
	for _, decode := range []func(*request) error{d.decodeModel, d.decodeMessages, d.decodeForm, d.decodeSession, d.checkRequired, d.decodeTools, d.decodeOptions, d.decodePerson} {
		if err := decode(&out); err != nil {
			return request{}, err
		}
	}
	out.Principal = web.PrincipalOf(r)
	if out.Session == nil || out.Session.ID == "" {
		out.Hash = d.hash(out.Principal.ID)
	}
	err := d.decodeStreamForm(&out, r.Header.Get("X-Aurora-Stream"))
	return out, err
}

// hash returns a text that only the same request of the same key has.
func (d *decoder) hash(keyID string) string {
	parts := []string{keyID}
	for _, name := range slices.Sorted(maps.Keys(d.raw)) {
		parts = append(parts, name, string(d.raw[name]))
	}
	return fmt.Sprintf("%x", idempotency.Digest(parts...))
}

func (d *decoder) decodeModel(out *request) error {
	var model, target aurora.Text
	if err := d.reject("model", decodeField(d.raw, "model", &model)); err != nil {
		return err
	}
	err := d.reject("target_assistant_id", decodeField(d.raw, "target_assistant_id", &target))
	out.Model, out.TargetAssistantID = string(model), string(target)
	return err
}

func (d *decoder) decodeMessages(out *request) error {
	raw, ok := d.raw["messages"]
	if !ok || string(raw) == "null" {
		return nil
	}
	var err error
	out.Messages, err = chat.DecodeMessages(raw, "messages", func(part string, err error) error {
		return d.reject(part, fault.New(fault.Invalid, "messages must be a list of messages, or a JSON string of one.").WithParam("messages").Because(err))
	})
	if d.lenient {
		for i := range out.Messages {
			out.Messages[i].Role = knownRole(out.Messages[i].Role)
		}
	}
	return err
}

func (d *decoder) decodeForm(out *request) error {
	var stream *bool
	if err := d.reject("stream", decodeField(d.raw, "stream", &stream)); err != nil {
		return err
	}
	var options *streamOptions
	if err := d.reject("stream_options", decodeField(d.raw, "stream_options", &options)); err != nil {
		return err
	}
	out.stream, out.includeUsage = stream != nil && *stream, options != nil && options.IncludeUsage
	var n *int
	if err := d.reject("n", decodeField(d.raw, "n", &n)); err != nil {
		return err
	}
	if n != nil && *n != 1 {
		return d.reject("n", fault.New(fault.Invalid, "n must be 1: a conversation goes on in one way.").WithParam("n"))
	}
	var functions []json.RawMessage
	if err := d.reject("functions", decodeField(d.raw, "functions", &functions)); err != nil {
		return err
	}
	if len(functions) > 0 {
		return d.reject("functions", fault.New(fault.Invalid, "functions is no longer supported; tools takes its place.").WithParam("functions"))
	}
	return nil
}

func (d *decoder) decodeSession(out *request) error {
	raw, ok := d.raw["call"]
	if !ok {
		return nil
	}
	var err error
	out.Session, err = chat.DecodeSession(raw, func(part string, err error) error {
		return d.reject(part, wrongType("call", err))
	})
	return err
}

func (d *decoder) checkRequired(out *request) error {
	if out.Messages == nil && (out.Session == nil || len(out.Session.Messages) == 0) {
		return d.reject("messages", fault.New(fault.Invalid, "messages is required: a list of messages.").WithParam("messages").WithCode("missing_required_parameter"))
	}
	return nil
}

// decodePerson reads who is at the other end, and which of our numbers was called. Vapi sends both; they are ignored if they
// are anything else.
func (d *decoder) decodePerson(out *request) error {
	out.Number = string(decodePhoneNumber(d.raw["phoneNumber"]).Number)
	out.fromVapi = isVapi(d.raw, out.Session)
	_ = json.Unmarshal(d.raw["customer"], &out.Customer) // ignored, as above
	return nil
}

// isVapi reports whether a request has the shape of Vapi's: a call of its own kind, or what it sends beside the call
// (https://docs.vapi.ai/customization/custom-llm/using-your-server).
func isVapi(raw map[string]json.RawMessage, s *chat.Session) bool {
	if s == nil || s.CallerPhoneNumber != "" || s.AssistantConfig != nil {
		return false
	}
	for _, key := range []string{"orgId", "phoneCallProvider", "phoneNumberId", "webCallUrl"} {
		if s.Extra[key] != nil {
			return true
		}
	}
	for _, key := range []string{"phoneNumber", "customer", "assistant"} {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw[key], &object) == nil && object != nil {
			return true
		}
	}
	return false
}

// decodeStreamForm decides whether a stream sends the session as an event of its own. Without the header it does so for
// callers that send the API document's fields.
func (d *decoder) decodeStreamForm(out *request, header string) error {
	switch s := out.Session; header {
	case "document":
		out.bareSession = true
	case "openai":
	case "":
		out.bareSession = s != nil && (s.CallerPhoneNumber != "" || s.AssistantConfig != nil)
	default:
		return d.reject("X-Aurora-Stream", fault.New(fault.Invalid, "X-Aurora-Stream must be document or openai.").WithParam("X-Aurora-Stream"))
	}
	return nil
}

// knownRole returns the role that a role stands for. Voice servers write them in their own ways.
func knownRole(role string) string {
	switch role := strings.ToLower(strings.TrimSpace(role)); role {
	case "human", "customer", "caller":
		return agent.RoleUser
	case "bot", "ai", "agent", "model":
		return agent.RoleAssistant
	default:
		return role
	}
}

func decodeField(raw map[string]json.RawMessage, name string, target any) error {
	b, ok := raw[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(b, target); err != nil {
		return wrongType(name, err)
	}
	return nil
}

// wrongType is the error of a field whose type is wrong.
func wrongType(name string, cause error) error {
	return fault.Newf(fault.Invalid, "%s has the wrong type: %s.", name, expectedTypes[name]).WithParam(name).Because(cause)
}

// expectedTypes describes the fields in the error for a wrong type.
var expectedTypes = map[string]string{"model": "it must be a string", "stream": "it must be true or false", "n": "it must be 1",
	"stream_options": "it must be an object", "tools": "it must be a list of tools", "functions": "it must be a list",
	"call":                "it must be an object, or a JSON string of one, whose messages are a list",
	"target_assistant_id": "it must be a string"}

// toolName is the form of a tool's name that OpenAI accepts.
var toolName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) })

// decodeTools reads the caller's tools, and the choice among them.
func (d *decoder) decodeTools(out *request) error {
	var list []json.RawMessage
	if err := d.reject("tools", decodeField(d.raw, "tools", &list)); err != nil {
		return err
	}
	for i, raw := range list {
		tool, err := decodeTool(raw)
		if err != nil {
			if err := d.reject(fmt.Sprintf("tools[%d]", i), err); err != nil {
				return err
			}
			continue
		}
		out.Tools = append(out.Tools, tool)
	}
	return nil
}

// decodeTool reads a tool. Its function may stand in an object of its own, as in the Chat Completions API, or beside the type,
// as in OpenAI's newer APIs.
func decodeTool(raw json.RawMessage) (agent.Tool, error) {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      bool            `json:"strict"`
	}
	var w struct {
		Type string `json:"type"`
		function
		Function *function `json:"function"`
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return agent.Tool{}, wrongType("tools", err)
	}
	if w.Function == nil {
		w.Function = &w.function
	}
	f := w.Function
	if w.Type != "function" || !toolName().MatchString(f.Name) {
		return agent.Tool{}, fault.New(fault.Invalid, "Every tool must be of type function and have a function with a name of letters, digits, _ and -.").WithParam("tools")
	}
	parameters, err := schemaOf(f.Parameters)
	if err != nil {
		return agent.Tool{}, fault.New(fault.Invalid, "The parameters of a tool must be a JSON Schema, which is an object.").WithParam("tools").Because(err)
	}
	return agent.Tool{Name: f.Name, Description: f.Description, Parameters: parameters, Strict: f.Strict}, nil
}

// schemaOf returns a tool's parameters; nil if there are none. An empty list is an empty object: PHP cannot tell them apart.
func schemaOf(raw json.RawMessage) (json.RawMessage, error) {
	if len(raw) == 0 || string(raw) == "null" || isEmptyList(raw) {
		return nil, nil
	}
	var schema map[string]json.RawMessage
	if err := json.Unmarshal(raw, &schema); err != nil {
		return nil, err
	}
	if !isEmptyList(schema["properties"]) {
		return raw, nil
	}
	schema["properties"] = json.RawMessage(`{}`)
	return json.Marshal(schema)
}

func isEmptyList(raw json.RawMessage) bool {
	var list []json.RawMessage
	return json.Unmarshal(raw, &list) == nil && list != nil && len(list) == 0
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
