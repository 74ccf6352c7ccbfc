package fakeopenai

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"

	wire "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/core/text"
)

// answerSchema returns the default model's answer to a request for JSON with a schema.
func answerSchema(r Request) (answer string, asked bool) {
	format := r.Body.ResponseFormat
	if format == nil || format.Type != wire.ChatCompletionResponseFormatTypeJSONSchema || format.JSONSchema == nil || format.JSONSchema.Schema == nil {
		return "", false
	}
	b, err := format.JSONSchema.Schema.MarshalJSON()
	var schema any
	if err != nil || json.Unmarshal(b, &schema) != nil {
		return "", false
	}
	heard := ""
	for _, m := range r.Body.Messages {
		if m.Role == "user" {
			heard += plainTextOf(messageText(m)) + "\n"
		}
	}
	f := &schemaFiller{root: schema, input: strings.TrimSpace(heard), budget: maxValues}
	return mustJSON(f.value(schema, "", 0)), true
}

// plainTextOf returns the words of a text. For lines that are JSON objects it returns their strings.
func plainTextOf(s string) string {
	var said []string
	for line := range strings.Lines(s) {
		var object map[string]any
		if json.Unmarshal([]byte(line), &object) != nil {
			said = append(said, strings.TrimSpace(line))
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if v, ok := object[name].(string); ok {
				said = append(said, v)
			}
		}
	}
	return strings.Join(said, " ")
}

// schemaFiller fills a schema from the words of the messages.
type schemaFiller struct {
	root   any
	input  string
	budget int // remaining number of values
}

// maxDepth bounds recursive schemas.
const (
	maxDepth  = 8
	maxValues = 2000
)

func (f *schemaFiller) value(schema any, path string, depth int) any {
	s := f.resolve(schema)
	if f.budget--; s == nil || depth > maxDepth || f.budget < 0 {
		return nil
	}
	if v, ok := s["const"]; ok {
		return v
	}
	if of, ok := s["enum"].([]any); ok && len(of) > 0 {
		return f.choose(of, path)
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if of, ok := s[key].([]any); ok {
			for _, one := range of {
				if inner := f.resolve(one); inner != nil && schemaType(inner) != "null" {
					return f.value(inner, path, depth+1)
				}
			}
		}
	}
	switch schemaType(s) {
	case "object":
		return f.object(s, path, depth)
	case "array":
		return f.array(s, path, depth)
	case "string":
		return f.stringValue(s)
	case "integer", "number":
		return f.numberValue(s)
	case "boolean":
		return f.hash(path)%2 == 0
	}
	return nil
}

// resolve returns the schema with its $ref and allOf merged in. It returns nil for a value that is not a schema.
func (f *schemaFiller) resolve(schema any) map[string]any {
	s, ok := schema.(map[string]any)
	for range maxDepth {
		ref, is := s["$ref"].(string)
		if !ok || !is || !strings.HasPrefix(ref, "#") {
			break
		}
		at := f.root
		for name := range strings.SplitSeq(strings.TrimPrefix(strings.TrimPrefix(ref, "#"), "/"), "/") {
			if name != "" {
				object, _ := at.(map[string]any)
				at = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
			}
		}
		s, ok = at.(map[string]any)
	}
	all, _ := s["allOf"].([]any)
	if len(all) == 0 {
		return s
	}
	s = maps.Clone(s)
	delete(s, "allOf")
	for _, part := range all {
		inner, _ := part.(map[string]any)
		for name, v := range inner {
			if properties, ok := s[name].(map[string]any); ok && name == "properties" {
				more, _ := v.(map[string]any)
				v = maps.Collect(allEntries(properties, more))
			}
			s[name] = v
		}
	}
	return s
}

func allEntries(a, b map[string]any) func(func(string, any) bool) {
	return func(yield func(string, any) bool) {
		for _, m := range []map[string]any{a, b} {
			for name, v := range m {
				if !yield(name, v) {
					return
				}
			}
		}
	}
}

func schemaType(s map[string]any) string {
	switch t := s["type"].(type) {
	case string:
		return t
	case []any:
		for _, one := range t {
			if name, ok := one.(string); ok && name != "null" {
				return name
			}
		}
		return "null"
	}
	if _, ok := s["properties"]; ok {
		return "object"
	}
	if _, ok := s["items"]; ok {
		return "array"
	}
	return "string"
}

// choose returns the first value that occurs in the messages, else mostly the first one. It is deterministic.
func (f *schemaFiller) choose(of []any, path string) any {
	words := strings.FieldsFunc(strings.ToLower(f.input), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	spoken := " " + strings.Join(words, " ") + " "
	for _, v := range of {
		if s, ok := v.(string); ok && strings.Contains(spoken, " "+strings.ToLower(s)+" ") {
			return v
		}
	}
	if h := f.hash(path); h%3 == 0 {
		return of[int(h/3%uint32(len(of)))]
	}
	return of[0]
}

func (f *schemaFiller) hash(path string) uint32 {
	h := fnv.New32a()
	_, _ = fmt.Fprint(h, path, "\n", f.input) // a hash never fails
	return h.Sum32()
}

func (f *schemaFiller) object(s map[string]any, path string, depth int) any {
	out := map[string]any{}
	properties, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		out[name] = f.value(properties[name], path+"/"+name, depth+1)
	}
	required, _ := s["required"].([]any)
	for _, v := range required {
		if name, ok := v.(string); ok && out[name] == nil && properties[name] == nil {
			out[name] = f.stringValue(nil)
		}
	}
	return out
}

// array returns up to three long words, or one value of another type.
func (f *schemaFiller) array(s map[string]any, path string, depth int) any {
	least, most := intKeyword(s, "minItems", 0), intKeyword(s, "maxItems", 3)
	out := []any{}
	if least == 0 && strings.HasSuffix(strings.ToLower(path), "actionitems") && !strings.Contains(strings.ToLower(f.input), "call me back") {
		return out // most conversations have no action items
	}
	items := f.resolve(s["items"])
	if items == nil || schemaType(items) == "string" && items["enum"] == nil && items["const"] == nil {
		for _, word := range f.longWords() {
			if len(out) < min(3, most) {
				out = append(out, text.ClipRunes(word, intKeyword(items, "maxLength", 500)))
			}
		}
		for i := len(out); i < min(least, maxValues); i++ {
			out = append(out, fmt.Sprint("stand-in ", i))
		}
		return out
	}
	for i := range min(max(1, least), most, maxValues) {
		out = append(out, f.value(items, fmt.Sprint(path, "/", i), depth+1))
	}
	return out
}

// commonWords are long words without information about a conversation.
var commonWords = []string{"about", "again", "calling", "could", "goodbye", "great", "hello", "looking", "moment", "please", "right", "sorry", "speaking", "thank", "thanks", "there", "today", "welcome", "would", "yours"}

func (f *schemaFiller) longWords() []string {
	var long []string
	for word := range strings.FieldsFuncSeq(strings.ToLower(f.input), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len([]rune(word)) >= 5 && !slices.Contains(long, word) && !slices.Contains(commonWords, word) {
			long = append(long, word)
		}
	}
	return long
}

// stringValue returns a string that names the fake and repeats the messages, or a value of the requested format.
func (f *schemaFiller) stringValue(s map[string]any) string {
	switch s["format"] {
	case "date":
		return "2026-01-01"
	case "date-time":
		return "2026-01-01T00:00:00Z"
	case "time":
		return "00:00:00Z"
	case "email":
		return "stand-in@example.com"
	case "uri":
		return "https://example.com/stand-in"
	}
	said := "This is from Aurora's stand-in model, which heard: " + strings.Join(strings.Fields(f.input), " ")
	said = text.ClipRunes(said, min(300, intKeyword(s, "maxLength", 300)))
	if n := intKeyword(s, "minLength", 0) - len([]rune(said)); n > 0 {
		said += strings.Repeat(".", n)
	}
	return said
}

// numberValue returns the number of words, within the limits of the schema.
func (f *schemaFiller) numberValue(s map[string]any) any {
	n := float64(len(strings.Fields(f.input)))
	if v, ok := s["maximum"].(float64); ok {
		n = math.Floor(min(n, v))
	}
	if v, ok := s["minimum"].(float64); ok {
		n = max(n, math.Ceil(v))
	}
	return n
}

// intKeyword returns an integer keyword of a schema, or the default.
func intKeyword(s map[string]any, name string, otherwise int) int {
	if n, ok := s[name].(float64); ok && n >= 0 && n < 1e6 {
		return int(n)
	}
	return otherwise
}
