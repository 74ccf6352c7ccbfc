package completions

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// maxTokens limits the tokens of one answer, whatever a request asks for.
const maxTokens = 16_384

// forwardedOptions are the parameters of OpenAI's API that are sent to the model, each with the check of its value. Everything
// else in a request stays here. The parameters are those of
// https://platform.openai.com/docs/api-reference/chat/create.
var forwardedOptions = map[string]optionCheck{
	"temperature": numberBetween(0, 2), "top_p": numberBetween(0, 1), "presence_penalty": numberBetween(-2, 2), "frequency_penalty": numberBetween(-2, 2),
	"max_tokens": tokenLimit, "max_completion_tokens": tokenLimit, "seed": wholeNumber, "top_logprobs": wholeNumber,
	"stop": stopTexts, "user": text, "safety_identifier": text, "prompt_cache_key": text, "prompt_cache_retention": text,
	"reasoning_effort": text, "service_tier": text, "verbosity": text,
	"logprobs": flag, "parallel_tool_calls": flag, "store": flag,
	"response_format": object, "logit_bias": object, "prediction": object, "audio": object, "web_search_options": object, "moderation": object,
	"modalities": list,
}

// restrictedOptions are the forwarded parameters that cost more than the tokens of the answer, or with which the model's
// server keeps data: another price for each token (service_tier), paid searches (web_search_options), speech (modalities,
// audio), and conversations that are stored (store, metadata) or stay in a cache for a day (prompt_cache_retention). They are
// sent only where the deployment allows them. What makes an answer longer, such as reasoning_effort, is not among them: the
// limits of keys count its tokens.
var restrictedOptions = []string{"store", "metadata", "service_tier", "prompt_cache_retention", "web_search_options", "modalities", "audio"}

// CheckAllowedOptions returns an error for a name that is no restricted parameter.
func CheckAllowedOptions(names []string) error {
	for _, name := range names {
		if name != "*" && !slices.Contains(restrictedOptions, name) {
			return fmt.Errorf("%q is none of %s", name, strings.Join(restrictedOptions, ", "))
		}
	}
	return nil
}

// mayForward reports whether a parameter is sent to the model. That nothing is to be stored is always sent on.
func (d *decoder) mayForward(name string, value json.RawMessage) bool {
	return !slices.Contains(restrictedOptions, name) || slices.Contains(d.allowedOptions, "*") || slices.Contains(d.allowedOptions, name) ||
		name == "store" && string(value) == "false"
}

// optionCheck returns the value that is sent, or what is wrong with the given one.
type optionCheck func(raw json.RawMessage) (json.RawMessage, error)

// decodeOptions collects the parameters for the model.
func (d *decoder) decodeOptions(out *request) error {
	out.Options = map[string]json.RawMessage{}
	if raw, ok := d.metadata(); ok && d.mayForward("metadata", raw) && d.mayForward("store", json.RawMessage(`true`)) {
		out.Options["metadata"] = raw
	}
	for _, name := range slices.Sorted(maps.Keys(d.raw)) { // the first invalid one is reported
		raw := d.raw[name]
		check, known := forwardedOptions[name]
		if name == "tool_choice" {
			check, known = toolChoice, true
		}
		if !known || string(raw) == "null" {
			continue
		}
		value, err := check(raw)
		if err != nil {
			if err := d.reject(name, fault.Newf(fault.Invalid, "%s must be %s.", name, err.Error()).WithParam(name)); err != nil {
				return err
			}
			continue
		}
		if name == "tool_choice" {
			out.ToolChoice = value
			continue
		}
		if d.mayForward(name, value) {
			out.Options[name] = value
		}
	}
	return nil
}

// metadata returns the parameter metadata if OpenAI takes it: texts only, and only with store. Voice servers send other things
// under this name, which stay here.
func (d *decoder) metadata() (json.RawMessage, bool) {
	var texts map[string]string
	var store bool
	return d.raw["metadata"], json.Unmarshal(d.raw["metadata"], &texts) == nil && texts != nil && json.Unmarshal(d.raw["store"], &store) == nil && store
}

func numberBetween(low, high float64) optionCheck {
	return func(raw json.RawMessage) (json.RawMessage, error) {
		var n float64
		if json.Unmarshal(raw, &n) != nil || n < low || n > high {
			return nil, fmt.Errorf("from %v to %v", low, high)
		}
		return raw, nil
	}
}

// tokenLimit accepts a number of tokens and lowers it to the limit.
func tokenLimit(raw json.RawMessage) (json.RawMessage, error) {
	var n float64
	if json.Unmarshal(raw, &n) != nil || n < 1 || n != math.Trunc(n) {
		return nil, errors.New("a whole number of at least 1")
	}
	return fmt.Appendf(nil, "%d", int(min(n, maxTokens))), nil
}

func wholeNumber(raw json.RawMessage) (json.RawMessage, error) {
	var n int64
	if json.Unmarshal(raw, &n) != nil {
		return nil, errors.New("a whole number")
	}
	return raw, nil
}

func text(raw json.RawMessage) (json.RawMessage, error) { return ofType[string](raw, "a string") }
func flag(raw json.RawMessage) (json.RawMessage, error) { return ofType[bool](raw, "true or false") }
func list(raw json.RawMessage) (json.RawMessage, error) { return ofType[[]any](raw, "a list") }
func object(raw json.RawMessage) (json.RawMessage, error) {
	if isEmptyList(raw) { // PHP's empty object
		return json.RawMessage(`{}`), nil
	}
	return ofType[map[string]any](raw, "an object")
}

func ofType[T any](raw json.RawMessage, name string) (json.RawMessage, error) {
	var v T
	if json.Unmarshal(raw, &v) != nil {
		return nil, errors.New(name)
	}
	return raw, nil
}

// stopTexts accepts a text or a list of texts.
func stopTexts(raw json.RawMessage) (json.RawMessage, error) {
	var one string
	var several []string
	if json.Unmarshal(raw, &one) != nil && json.Unmarshal(raw, &several) != nil {
		return nil, errors.New("a string or a list of strings")
	}
	return raw, nil
}

// toolChoice accepts a word or an object. A word that there is not is left to the model's server.
func toolChoice(raw json.RawMessage) (json.RawMessage, error) {
	var word string
	var choice map[string]any
	if json.Unmarshal(raw, &word) != nil && json.Unmarshal(raw, &choice) != nil {
		return nil, errors.New("a string or an object")
	}
	return raw, nil
}
