package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	api "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// newAPIRequest converts a request to the API's form.
func newAPIRequest(r agent.ModelRequest) (api.ChatCompletionRequest, error) {
	var out api.ChatCompletionRequest
	if len(r.Options) > 0 {
		if err := json.Unmarshal(r.Options, &out); err != nil {
			return out, optionError(err)
		}
		keepZeroOptions(r.Options, &out)
	}
	out.Model, out.Stream, out.N = r.Model, true, 0
	out.StreamOptions = &api.StreamOptions{IncludeUsage: true}
	if isReasoningModel(r.Model) {
		if out.MaxCompletionTokens == 0 {
			//lint:ignore SA1019 callers still send it, and models that do not reason accept nothing else
			out.MaxCompletionTokens = out.MaxTokens
		}
		//lint:ignore SA1019 as above
		out.MaxTokens, out.Temperature, out.TopP, out.PresencePenalty, out.FrequencyPenalty = 0, 0, 0, 0, 0
	}
	out.Messages = make([]api.ChatCompletionMessage, len(r.Messages))
	for i, m := range r.Messages {
		var err error
		if out.Messages[i], err = newAPIMessage(m); err != nil {
			return out, err
		}
	}
	out.Tools = make([]api.Tool, len(r.Tools))
	for i, t := range r.Tools {
		f := &api.FunctionDefinition{Name: t.Name, Description: t.Description, Strict: t.Strict, Parameters: t.Parameters}
		if len(t.Parameters) == 0 || string(t.Parameters) == "null" {
			f.Parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		out.Tools[i] = api.Tool{Type: api.ToolTypeFunction, Function: f}
	}
	if len(out.Tools) == 0 {
		out.ToolChoice, out.ParallelToolCalls = nil, nil // the API rejects them if there are no tools
	}
	return out, nil
}

// isReasoningModel reports whether a model is one of OpenAI's reasoning models, which accept neither max_tokens nor sampling
// parameters (https://platform.openai.com/docs/guides/reasoning).
func isReasoningModel(model string) bool {
	for _, p := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if strings.HasPrefix(model, p) {
			return true
		}
	}
	return false
}

// keepZeroOptions sends a zero temperature or top_p as the smallest float, because go-openai drops zeros. Servers read it as
// 0.
func keepZeroOptions(options json.RawMessage, out *api.ChatCompletionRequest) {
	var given struct {
		Temperature *float32 `json:"temperature"`
		TopP        *float32 `json:"top_p"`
	}
	if json.Unmarshal(options, &given) != nil {
		return
	}
	if given.Temperature != nil && *given.Temperature == 0 {
		out.Temperature = math.SmallestNonzeroFloat32
	}
	if given.TopP != nil && *given.TopP == 0 {
		out.TopP = math.SmallestNonzeroFloat32
	}
}

func newAPIMessage(m agent.Message) (api.ChatCompletionMessage, error) {
	out := api.ChatCompletionMessage{Role: m.Role, Content: m.Content, Name: m.Name, ToolCallID: m.ToolCallID}
	var err error
	if out.MultiContent, err = decodeParts(m.Parts); err != nil {
		return out, fault.New(fault.Invalid, "A message's content must be a string or a list of text and image_url parts.").
			WithParam("messages").Because(err)
	}
	for _, c := range m.ToolCalls {
		f := api.FunctionCall{Name: c.Name, Arguments: c.Arguments}
		if f.Arguments == "" {
			f.Arguments = "{}" // go-openai drops an empty value, and the API rejects a call without arguments
		}
		out.ToolCalls = append(out.ToolCalls, api.ToolCall{ID: c.ID, Type: api.ToolTypeFunction, Function: f})
	}
	if out.Content == "" && len(out.MultiContent) == 0 && len(out.ToolCalls) == 0 {
		out.Content = " " // go-openai drops an empty value, and the API rejects a message without content
	}
	return out, nil
}

// decodeParts decodes content that is a list of parts. It rejects kinds that go-openai does not know, which would otherwise be
// sent empty.
func decodeParts(raw json.RawMessage) ([]api.ChatMessagePart, error) {
	if raw == nil {
		return nil, nil
	}
	var parts []api.ChatMessagePart
	if err := json.Unmarshal(raw, &parts); err != nil {
		return nil, err
	}
	for i := range parts {
		p := &parts[i]
		switch {
		case p.Type == api.ChatMessagePartTypeText && p.Text == "":
			p.Text = " "
		case p.Type == api.ChatMessagePartTypeText, p.Type == api.ChatMessagePartTypeImageURL && p.ImageURL != nil:
		default:
			return nil, fmt.Errorf("part %d is neither text nor an image", i)
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return parts, nil
}

func optionError(err error) error {
	f := fault.New(fault.Invalid, "A parameter of the request has the wrong type.").Because(err)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		f = fault.New(fault.Invalid, fmt.Sprintf("%s must not be a %s.", wrong.Field, wrong.Value)).WithParam(wrong.Field).Because(err)
	}
	return f
}
