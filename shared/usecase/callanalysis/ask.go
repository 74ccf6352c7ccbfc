package callanalysis

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

//go:embed prompt.md
var prompt string

const (
	maxTranscriptTokens = 12_000 // estimated tokens of conversation: about an hour of talk
	maxUtteranceBytes   = 4_000  // bytes of one turn's words
	maxAnswerTokens     = 2_000  // at most, models that think included
	maxDataAnswerTokens = 6_000  // where data is extracted too
)

// answerSpec is what a model is asked to find out. Topics and actions always are.
type answerSpec struct {
	summary, outcome, sentiment bool
	dataSchema                  json.RawMessage             // of the data; nil where none is asked for
	validate                    func(json.RawMessage) error // of the data
}

// answerField is one field of the answer.
type answerField struct {
	name, description string
	schema            string
}

func (w answerSpec) fields() []answerField {
	const text, texts = `{"type":"string"}`, `{"type":"array","items":{"type":"string"}}`
	var all []answerField
	if w.summary {
		all = append(all, answerField{"summary", "what the call was about and what came of it, in one to three sentences, at most 1,000 characters, in the language of the call", text})
	}
	if w.outcome {
		all = append(all, answerField{"outcome", "what came of it: resolved (the caller got what they wanted), unresolved (they did not), transferred (the caller was put through to somebody else), " +
			"voicemail (the other side was a machine), dropped (it broke off before that could be known), error (the assistant failed)", enumSchema(outcomes)})
	}
	if w.sentiment {
		all = append(all, answerField{"sentiment", "how the caller felt by the end: positive, neutral or negative", enumSchema(sentiments)})
	}
	all = append(all,
		answerField{"topics", "what the call was about: up to five topics of one to three words, in lower case, the most important first, worded so that other calls about the same thing get the same words", texts},
		answerField{"actionItems", "what somebody at the business still has to do after this call, each one sentence in the language of the call, at most ten; empty where nothing is left to do", texts})
	if w.dataSchema != nil {
		all = append(all, answerField{"data", "what the business wants to know of each call, as its schema says; what was not said in the call is left out, never invented", string(embedSchema(w.dataSchema))})
	}
	return all
}

// jsonSchema is the answer's JSON Schema. The fields stand in the order in which they are to be thought of.
func (w answerSpec) jsonSchema() json.RawMessage {
	var b bytes.Buffer
	var names []string
	b.WriteString(`{"type":"object","properties":{`)
	for i, f := range w.fields() {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.name, f.schema)
		names = append(names, f.name)
	}
	required, _ := json.Marshal(names) // strings: cannot fail
	fmt.Fprintf(&b, `},"required":%s,"additionalProperties":false}`, required)
	return b.Bytes()
}

func enumSchema[T ~string](of []T) string {
	b, _ := json.Marshal(of) // strings: cannot fail
	return `{"type":"string","enum":` + string(b) + `}`
}

// embedSchema is an assistant's schema as it stands inside ours: what it refers to in itself has moved.
func embedSchema(schema json.RawMessage) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return json.RawMessage(`{"type":"object"}`) // it compiled: cannot happen
	}
	if object, ok := v.(map[string]any); ok {
		delete(object, "$schema")
		delete(object, "$id")
	}
	b, err := json.Marshal(rebaseRefs(v))
	if err != nil {
		return json.RawMessage(`{"type":"object"}`)
	}
	return b
}

func rebaseRefs(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if ref, ok := inner.(string); ok && name == "$ref" && strings.HasPrefix(ref, "#") {
				v[name] = "#/properties/data" + strings.TrimPrefix(ref, "#")
			} else {
				v[name] = rebaseRefs(inner)
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = rebaseRefs(inner)
		}
	}
	return v
}

// request is the question as it goes out.
func (q *query) request() agent.ModelRequest {
	var system strings.Builder
	system.WriteString(prompt)
	system.WriteByte('\n')
	for _, f := range q.spec.fields() {
		fmt.Fprintf(&system, "- %s: %s\n", f.name, f.description)
	}
	options := map[string]any{"temperature": 0, "max_tokens": maxAnswerTokens}
	if q.spec.dataSchema != nil {
		options["max_tokens"] = maxDataAnswerTokens
	}
	format := q.spec.jsonSchema()
	if q.noResponseFormat {
		fmt.Fprintf(&system, "\nIt must fit this JSON Schema:\n%s\n", format)
	} else {
		options["response_format"] = map[string]any{"type": "json_schema", "json_schema": map[string]any{
			"name": "call_analysis", "schema": format,
			"strict": q.spec.dataSchema == nil, // strict knows only some of JSON Schema
		}}
	}
	b, _ := json.Marshal(options) // plain values and checked JSON: cannot fail
	r := agent.ModelRequest{Options: b, Messages: []agent.Message{{Role: agent.RoleSystem, Content: system.String()}, {Role: agent.RoleUser, Content: q.renderCall()}}}
	if q.complaint != "" {
		r.Messages = append(r.Messages, agent.Message{Role: agent.RoleAssistant, Content: q.answer},
			agent.Message{Role: agent.RoleUser, Content: "This answer cannot be used: " + q.complaint + " Answer again, with the JSON object alone."})
	}
	return r
}

// renderCall is the call as JSON, one object a line.
func (q *query) renderCall() string {
	var b strings.Builder
	known := map[string]any{"assistant": text.Line(string(q.assistant.AssistantName), 100), "direction": q.report.Direction,
		"endedReason": text.Line(q.report.EndedReason, 200), "seconds": q.report.Seconds, "transferred": q.report.Transferred,
		"language": text.Line(q.assistant.Language, 35)}
	writeJSONLine(&b, map[string]any{"call": known})
	head, left, tail := trimTranscript(q.transcript, q.tokenBudget)
	for _, t := range head {
		writeJSONLine(&b, map[string]any{string(t.Who): t.Text})
	}
	if left > 0 {
		writeJSONLine(&b, map[string]any{"leftOut": fmt.Sprintf("%d turns of the conversation are left out here", left)})
	}
	for _, t := range tail {
		writeJSONLine(&b, map[string]any{string(t.Who): t.Text})
	}
	return b.String()
}

func writeJSONLine(b *strings.Builder, v any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings and numbers into memory: cannot fail
}

// trimTranscript takes turns out of the middle until the rest fits into so many tokens, two thirds of which are the end's. A turn
// that is a speech by itself is cut first.
func trimTranscript(said []providermsg.Utterance, budget int) (head []providermsg.Utterance, left int, tail []providermsg.Utterance) {
	turns := make([]providermsg.Utterance, len(said))
	all := 0
	for i, t := range said {
		if len(t.Text) > maxUtteranceBytes {
			t.Text = text.Clip(t.Text, maxUtteranceBytes) + " …"
		}
		turns[i] = t
		all += estimateTokens(t)
	}
	if all <= budget {
		return turns, 0, nil
	}
	first, used := 0, 0
	for first < len(turns) && used+estimateTokens(turns[first]) <= budget/3 {
		used += estimateTokens(turns[first])
		first++
	}
	last := len(turns)
	for last > first && used+estimateTokens(turns[last-1]) <= budget {
		last--
		used += estimateTokens(turns[last])
	}
	return turns[:first], last - first, turns[last:]
}

// estimateTokens is an estimate for one turn, what stands around its words included.
func estimateTokens(t providermsg.Utterance) int {
	ascii := 0
	other := 0
	for _, r := range t.Text {
		if r < 0x80 {
			ascii++
		} else {
			other++
		}
	}
	return 8 + (ascii+3)/4 + other
}
