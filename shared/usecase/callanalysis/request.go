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
	maxTranscriptTokens = 12_000 // estimated; about an hour of conversation
	maxUtteranceBytes   = 4_000  // a longer utterance is cut
	maxAnswerTokens     = 2_000  // including the tokens of reasoning models
	maxDataAnswerTokens = 6_000  // if data is extracted, too
)

// answerSpec says what a model is asked for. Topics and action items are always asked for.
type answerSpec struct {
	summary, outcome, sentiment bool
	dataSchema                  json.RawMessage             // of the data; nil if no data is asked for
	validate                    func(json.RawMessage) error // checks the data against the schema
}

// answerField is one field of the answer.
type answerField struct {
	name, description string
	schema            string
}

func (s answerSpec) fields() []answerField {
	const text, texts = `{"type":"string"}`, `{"type":"array","items":{"type":"string"}}`
	var all []answerField
	if s.summary {
		all = append(all, answerField{"summary", "what the call was about and what came of it, in one to three sentences, at most 1,000 characters, in the language of the call", text})
	}
	if s.outcome {
		all = append(all, answerField{"outcome", "what came of it: resolved (the caller got what they wanted), unresolved (they did not), transferred (the caller was put through to somebody else), " +
			"voicemail (the other side was a machine), dropped (it broke off before that could be known), error (the assistant failed)", enumSchema(outcomes)})
	}
	if s.sentiment {
		all = append(all, answerField{"sentiment", "how the caller felt by the end: positive, neutral or negative", enumSchema(sentiments)})
	}
	all = append(all,
		answerField{"topics", "what the call was about: up to five topics of one to three words, in lower case, the most important first, worded so that other calls about the same thing get the same words", texts},
		answerField{"actionItems", "what somebody at the business still has to do after this call, each one sentence in the language of the call, at most ten; empty where nothing is left to do", texts})
	if s.dataSchema != nil {
		all = append(all, answerField{"data", "what the business wants to know of each call, as its schema says; what was not said in the call is left out, never invented", string(embedSchema(s.dataSchema))})
	}
	return all
}

// jsonSchema returns the JSON Schema of the answer. Models write the fields in this order.
func (s answerSpec) jsonSchema() json.RawMessage {
	var b bytes.Buffer
	var names []string
	b.WriteString(`{"type":"object","properties":{`)
	for i, f := range s.fields() {
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

// embedSchema returns an assistant's schema as a part of the answer's schema: references inside it get a new root.
func embedSchema(schema json.RawMessage) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return json.RawMessage(`{"type":"object"}`) // cannot happen: the schema was compiled before
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

// rebaseRefs changes the references of a schema that becomes the answer's member data.
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

// request returns the request to the model.
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
			"strict": q.spec.dataSchema == nil, // strict mode supports only a part of JSON Schema
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

// renderCall returns the call as JSON, one object on each line, so that nothing that was said can look like the end of it.
func (q *query) renderCall() string {
	var b strings.Builder
	facts := map[string]any{"assistant": text.Line(string(q.assistant.AssistantName), 100), "direction": q.report.Direction,
		"endedReason": text.Line(q.report.EndedReason, 200), "seconds": q.report.Seconds, "transferred": q.report.Transferred,
		"language": text.Line(q.assistant.Language, 35)}
	writeJSONLine(&b, map[string]any{"call": facts})
	head, omitted, tail := trimTranscript(q.transcript, q.tokenBudget)
	for _, u := range head {
		writeJSONLine(&b, map[string]any{string(u.Who): u.Text})
	}
	if omitted > 0 {
		writeJSONLine(&b, map[string]any{"leftOut": fmt.Sprintf("%d turns of the conversation are left out here", omitted)})
	}
	for _, u := range tail {
		writeJSONLine(&b, map[string]any{string(u.Who): u.Text})
	}
	return b.String()
}

func writeJSONLine(b *strings.Builder, v any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // strings and numbers into memory: cannot fail
}

// trimTranscript removes utterances from the middle until the rest fits into a number of tokens. A third of it is the
// beginning and two thirds are the end. An utterance that is very long is cut first. omitted is the number of utterances
// that were removed.
func trimTranscript(transcript []providermsg.Utterance, budget int) (head []providermsg.Utterance, omitted int, tail []providermsg.Utterance) {
	all := make([]providermsg.Utterance, len(transcript))
	total := 0
	for i, u := range transcript {
		if len(u.Text) > maxUtteranceBytes {
			u.Text = text.Clip(u.Text, maxUtteranceBytes) + " …"
		}
		all[i] = u
		total += estimateTokens(u)
	}
	if total <= budget {
		return all, 0, nil
	}
	first, used := 0, 0
	for first < len(all) && used+estimateTokens(all[first]) <= budget/3 {
		used += estimateTokens(all[first])
		first++
	}
	last := len(all)
	for last > first && used+estimateTokens(all[last-1]) <= budget {
		last--
		used += estimateTokens(all[last])
	}
	return all[:first], last - first, all[last:]
}

// estimateTokens estimates the tokens of one utterance and its line.
func estimateTokens(u providermsg.Utterance) int {
	ascii, other := 0, 0
	for _, r := range u.Text {
		if r < 0x80 {
			ascii++
		} else {
			other++
		}
	}
	return 8 + (ascii+3)/4 + other
}
