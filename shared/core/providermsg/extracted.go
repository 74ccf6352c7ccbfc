package providermsg

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"example.com/aurora/shared/core/aurora"
)

// The places where Vapi's server messages hold what was extracted from a conversation, the most specific first.
// https://github.com/VapiAI/server-sdk-typescript: Analysis, Artifact, ServerMessageEndOfCallReport, Call
var (
	structuredDataPaths    = []string{"analysis.structuredData", "call.analysis.structuredData", "structuredData", "artifact.structuredData", "call.structuredData"}
	structuredMultiPaths   = []string{"analysis.structuredDataMulti", "call.analysis.structuredDataMulti", "structuredDataMulti"}
	structuredOutputsPaths = []string{"artifact.structuredOutputs", "call.artifact.structuredOutputs", "structuredOutputs", "analysis.structuredOutputs", "call.structuredOutputs"}
)

// extractedData returns the data that the provider extracted, from all places of the message. Of two values with one name,
// the one from the first place is used. dropped names what cannot be read or stored.
func (m Message) extractedData() (data json.RawMessage, dropped []string) {
	all := map[string]any{}
	add := func(found map[string]any) {
		for name, value := range found {
			if _, known := all[name]; !known {
				all[name] = value
			}
		}
	}
	for _, path := range structuredDataPaths {
		switch v := expandJSON(m.lookup(path)).(type) {
		case map[string]any:
			add(v)
		case nil:
		default:
			if v != "" {
				dropped = append(dropped, path)
			}
		}
	}
	for _, path := range slices.Concat(structuredMultiPaths, structuredOutputsPaths) {
		var outputs namedOutputs
		outputs.collect(path, expandJSON(m.lookup(path)))
		add(outputs.values)
		dropped = append(dropped, outputs.dropped...)
	}
	data, unstorable := aurora.SanitizeExtracted(all)
	return data, append(dropped, unstorable...)
}

// namedOutputs are the values of structured outputs by their names.
type namedOutputs struct {
	values  map[string]any
	dropped []string // the names or places of what cannot be used
}

// collect reads outputs by id ({"id": {"name": …, "result": …}}), values by name ({"name": value}), and lists of either.
func (o *namedOutputs) collect(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) { // sorted, so that of two with one name the same one is always used
			if output, name := asOutput(v[key]); output != nil {
				o.add(cmp.Or(name, key), output["result"])
			} else {
				o.add(key, v[key])
			}
		}
	case []any:
		for _, item := range v {
			item = expandWhole(item)
			if output, name := asOutput(item); name != "" {
				o.add(name, output["result"])
			} else if _, isList := item.([]any); isList {
				o.dropped = append(o.dropped, path)
			} else {
				o.collect(path, item)
			}
		}
	case nil:
	default:
		if v != "" {
			o.dropped = append(o.dropped, path)
		}
	}
}

// add stores a value. A null means that the provider found nothing.
func (o *namedOutputs) add(name string, value any) {
	if value = expandWhole(value); value == nil {
		return
	}
	if _, taken := o.values[name]; taken {
		o.dropped = append(o.dropped, name)
		return
	}
	if o.values == nil {
		o.values = map[string]any{}
	}
	o.values[name] = value
}

// asOutput returns v and its name if it is a structured output: an object with a result, and with a name or nothing else.
func asOutput(v any) (output map[string]any, name string) {
	output, _ = expandWhole(v).(map[string]any)
	name = Message{fields: output}.Text("name", "key")
	if _, ok := output["result"]; !ok || name == "" && len(output) > 1 {
		return nil, ""
	}
	return output, name
}

// expandWhole returns the object or list that a text holds, if the whole text is JSON: "[1] is the first" stays a text.
func expandWhole(v any) any {
	if s, ok := v.(string); ok && !json.Valid([]byte(s)) {
		return v
	}
	return expandJSON(v)
}
