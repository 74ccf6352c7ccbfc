package openai

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// encodeRequest returns the body of a request. go-openai's own types would drop what they do not know: parameters that are
// newer than they are, null beside tool calls, zeros, and the keys that other servers need back. Those keys are left out
// for OpenAI itself, which does not take them.
func encodeRequest(r agent.ModelRequest, forOpenAI bool) ([]byte, error) {
	options, err := encodeOptions(r)
	if err != nil {
		return nil, err
	}
	messages := make([]wireMessage, len(r.Messages))
	for i, m := range r.Messages {
		if messages[i], err = newWireMessage(m, !forOpenAI); err != nil {
			return nil, err
		}
	}
	options["messages"], err = json.Marshal(messages)
	if err != nil {
		return nil, err
	}
	if _, isSet := options[cacheKeyOption]; forOpenAI && r.CacheKey != "" && !isSet {
		options[cacheKeyOption], _ = json.Marshal(r.CacheKey) // a string: cannot fail
	}
	if _, isSet := options[storeOption]; forOpenAI && !isSet {
		options[storeOption] = json.RawMessage(`false`)
	}
	if len(r.Tools) > 0 {
		if options["tools"], err = json.Marshal(newWireTools(r.Tools)); err != nil {
			return nil, err
		}
	}
	options["model"], _ = json.Marshal(r.Model) // a string: cannot fail
	options["stream"], options["stream_options"] = json.RawMessage(`true`), json.RawMessage(`{"include_usage":true}`)
	return encodeBody(options)
}

// cacheKeyOption is OpenAI's parameter for requests that begin in the same way. Other servers may reject what they do not know
// (https://platform.openai.com/docs/guides/prompt-caching).
const cacheKeyOption = "prompt_cache_key"

// storeOption says whether OpenAI stores the conversation. It does so by default for new accounts
// (https://platform.openai.com/docs/guides/migrate-to-responses).
const storeOption = "store"

// encodeBody writes the body: the model, the messages, and all else in the order of the names. The values are valid JSON;
// json.Marshal would read all of them again.
func encodeBody(fields map[string]json.RawMessage) ([]byte, error) {
	names := make([]string, 0, len(fields))
	size := 2
	for name, value := range fields {
		names = append(names, name)
		size += len(name) + len(value) + 4
	}
	leading := []string{"messages", "model"} // the last one comes first; all others have the index -1
	first := func(name string) int { return slices.Index(leading, name) }
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(first(b), first(a)), cmp.Compare(a, b)) })
	b := bytes.NewBuffer(make([]byte, 0, size))
	for i, name := range names {
		b.WriteByte("{,"[min(i, 1)])
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b.Write(quoted)
		b.WriteByte(':')
		b.Write(fields[name])
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encodeOptions returns the parameters of a request, as far as its model takes them.
func encodeOptions(r agent.ModelRequest) (map[string]json.RawMessage, error) {
	options := map[string]json.RawMessage{}
	if len(r.Options) > 0 {
		if err := json.Unmarshal(r.Options, &options); err != nil {
			return nil, fault.New(fault.Invalid, "The parameters of the model are not an object.").Because(err)
		}
		if options == nil { // null
			options = map[string]json.RawMessage{}
		}
	}
	delete(options, "n")
	if isReasoningModel(r.Model) {
		if limit, ok := options["max_tokens"]; ok && options["max_completion_tokens"] == nil {
			options["max_completion_tokens"] = limit
		}
		for _, name := range notForReasoning {
			delete(options, name)
		}
	}
	if len(r.Tools) == 0 { // the API rejects them if there are no tools
		delete(options, "tool_choice")
		delete(options, "parallel_tool_calls")
	} else if r.ToolChoice != nil {
		options["tool_choice"] = r.ToolChoice
	}
	return options, nil
}

// notForReasoning are the parameters that OpenAI's reasoning models reject
// (https://platform.openai.com/docs/guides/reasoning, https://learn.microsoft.com/azure/ai-foundry/openai/how-to/reasoning).
var notForReasoning = []string{"max_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}

// isReasoningModel reports whether a model is one of OpenAI's reasoning models. Routers put the provider before the name, as
// in openai/o3-mini. gpt-5-chat does not reason.
func isReasoningModel(model string) bool {
	name := strings.ToLower(model[strings.LastIndexAny(model, "/:")+1:])
	if strings.HasPrefix(name, "gpt-") && strings.Contains(name, "-chat") {
		return false
	}
	for _, family := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if rest, ok := strings.CutPrefix(name, family); ok && (rest == "" || rest[0] == '-' || rest[0] == '.') {
			return true
		}
	}
	return false
}

type wireTool struct {
	Type     string       `json:"type"`
	Function wireFunction `json:"function"`
}

type wireFunction struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Strict      bool            `json:"strict,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

func newWireTools(tools []agent.Tool) []wireTool {
	out := make([]wireTool, len(tools))
	for i, t := range tools {
		out[i] = wireTool{Type: "function", Function: wireFunction{t.Name, t.Description, t.Strict, t.Parameters}}
		if len(t.Parameters) == 0 || string(t.Parameters) == "null" {
			out[i].Function.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
	}
	return out
}

// wireMessage is a message as a model server takes it.
type wireMessage struct {
	agent.Message
	content json.RawMessage
}

// MarshalJSON writes the message without what models are never sent.
func (m wireMessage) MarshalJSON() ([]byte, error) {
	return agent.AppendExtra(struct {
		Role       string           `json:"role"`
		Content    json.RawMessage  `json:"content"`
		Name       string           `json:"name,omitempty"`
		ToolCalls  []agent.ToolCall `json:"tool_calls,omitempty"`
		ToolCallID string           `json:"tool_call_id,omitempty"`
	}{m.Role, m.content, m.Name, m.ToolCalls, m.ToolCallID}, m.Extra)
}

// newWireMessage prepares a message. A message of the assistant that only calls tools has the content null, as in OpenAI's
// own answers: some servers want the key, and others reject an empty text.
func newWireMessage(m agent.Message, withExtra bool) (wireMessage, error) {
	out := wireMessage{Message: m}
	if !withExtra {
		out.Extra = nil
	}
	if len(m.ToolCalls) > 0 {
		out.ToolCalls = make([]agent.ToolCall, len(m.ToolCalls))
		for i, c := range m.ToolCalls {
			if c.Arguments == "" || c.Arguments == "[]" {
				c.Arguments = "{}" // the API rejects a call without arguments, and PHP writes [] for {}
			}
			if !withExtra {
				c.Extra, c.FunctionExtra = nil, nil
			}
			out.ToolCalls[i] = c
		}
	}
	parts, err := checkParts(m.Parts, m.Role)
	switch {
	case err != nil:
		return out, fault.New(fault.Invalid, "A message's content must be a string or a list of text, image_url, input_audio and file parts.").
			WithParam("messages").Because(err)
	case parts != nil:
		out.content = parts
	case m.Content != "":
		out.content, err = json.Marshal(m.Content)
	case len(m.ToolCalls) > 0:
		out.content = json.RawMessage(`null`)
	case m.Role == agent.RoleTool:
		out.content = json.RawMessage(`""`)
	default:
		out.content = json.RawMessage(`" "`) // many servers reject a message without content
	}
	return out, err
}

// partKeys are the kinds of parts that OpenAI documents, each with the key of its content.
var partKeys = map[string]string{"text": "text", "refusal": "refusal", "image_url": "image_url", "input_audio": "input_audio", "file": "file"}

// checkParts returns content that is a list of parts, or nil if the list is empty. It rejects kinds that OpenAI does not
// document, and parts without content.
func checkParts(raw json.RawMessage, role string) (json.RawMessage, error) {
	if raw == nil {
		return nil, nil
	}
	var parts []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, nil
	}
	changed := false
	for i, p := range parts {
		var kind string
		_ = json.Unmarshal(p["type"], &kind) // ignored: another type is no kind
		key, ok := partKeys[kind]
		content := string(p[key])
		switch {
		case !ok || content == "" || content == "null":
			return nil, fmt.Errorf("part %d is not of a known type, or has no content", i)
		case kind == "refusal" && role != agent.RoleAssistant:
			return nil, fmt.Errorf("part %d is a refusal, which only the assistant says", i)
		case kind == "text" && content == `""`:
			p["text"], changed = json.RawMessage(`" "`), true
		}
	}
	if !changed {
		return raw, nil
	}
	return json.Marshal(parts)
}
