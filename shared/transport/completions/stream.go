package completions

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// writeStream runs the turn and sends its events as they come. An error before the first word becomes the status of the response.
// After it, the session is sent as far as the conversation went, and then the error event.
func (a *response) writeStream(w http.ResponseWriter) error {
	web.StartSSE(w)
	c := chunkWriter{response: a, w: w}
	for e, err := range a.turn.Events {
		switch {
		case e.End != nil:
			return a.endStream(&c, e, err)
		case err != nil:
			return err
		case e.Text == "":
			continue
		}
		first := !c.started
		if err := c.writeChunk(e.Text, e.Model, e.LogProbs); err != nil {
			return err // the reader has disconnected; leaving the loop ends the turn
		}
		if first {
			a.turn.Sent()
		}
	}
	return nil
}

// endStream sends the end of the stream. If the turn failed, that is the session; package web adds the error event.
func (a *response) endStream(c *chunkWriter, end chat.Event, failed error) error {
	if failed == nil {
		return a.closeStream(c, end)
	}
	if !c.started {
		return withRetryHint(c.w, end, failed)
	}
	if a.includeSession {
		if err := c.writeSession(end.Session); err != nil {
			return err
		}
	}
	return failed
}

// closeStream sends the end of a successful stream: the finish reason, the session, the usage, and [DONE].
func (a *response) closeStream(c *chunkWriter, end chat.Event) error {
	result := end.End
	c.setModel(result.Model)
	if err := c.writeFinish(result); err != nil {
		return err
	}
	if a.includeSession {
		if err := c.writeSession(end.Session); err != nil {
			return err
		}
	}
	if a.includeUsage {
		if err := c.writeUsage(result.Usage); err != nil {
			return err
		}
	}
	return web.WriteEvent(c.w, []byte("[DONE]"))
}

// chunkWriter sends chunks. It reuses one buffer for all of them.
type chunkWriter struct {
	*response
	w       http.ResponseWriter
	prefix  []byte // the beginning of every chunk: data: {"id":…,"model":"…",
	started bool
	buf     []byte
}

// setModel builds the prefix, as soon as the model's name is known.
func (c *chunkWriter) setModel(name string) {
	if c.prefix != nil {
		return
	}
	h := append([]byte(nil), `data: {"id":`...)
	h = appendString(h, c.id)
	h = append(h, `,"object":"chat.completion.chunk","created":`...)
	h = strconv.AppendInt(h, c.created, 10)
	h = append(h, `,"model":`...)
	c.prefix = append(appendString(h, name), ',')
	c.buf = make([]byte, 0, 1024)
}

// WriteText sends a piece of a spoken answer.
func (c *chunkWriter) WriteText(text, model string, _ bool) error { return c.writeText(text, model) }

// writeText sends a piece of text. The first one has the role.
func (c *chunkWriter) writeText(text, model string) error { return c.writeChunk(text, model, nil) }

// writeChunk sends a piece of text with the log probabilities of its tokens, which are nil if the request did not ask for
// them.
func (c *chunkWriter) writeChunk(text, model string, logProbs json.RawMessage) error {
	c.setModel(model)
	b := append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{`...)
	b = append(c.appendRole(b), `"content":`...)
	b = append(appendString(b, text), '}')
	if logProbs != nil {
		from := len(b)
		b = escapeBreaks(append(append(b, `,"logprobs":`...), logProbs...), from)
	}
	return c.send(append(b, `,"finish_reason":null}]}`...))
}

// appendRole adds the role to the first chunk.
func (c *chunkWriter) appendRole(b []byte) []byte {
	if c.started {
		return b
	}
	c.started = true
	return append(b, `"role":"assistant",`...)
}

// writeFinish sends the tool calls for the caller in one chunk, and then the finish reason.
func (c *chunkWriter) writeFinish(r *agent.TurnResult) error {
	if !c.started && len(r.CallerToolCalls) == 0 { // an empty message still has its role
		if err := c.writeText("", r.Model); err != nil {
			return err
		}
	}
	if len(r.CallerToolCalls) > 0 {
		if err := c.writeToolCalls(r); err != nil {
			return err
		}
	}
	b := append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{},"finish_reason":`...)
	return c.send(append(appendString(b, r.FinishReason), `}]}`...))
}

func (c *chunkWriter) writeToolCalls(r *agent.TurnResult) error {
	b := append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{`...)
	b = append(c.appendRole(b), `"tool_calls":[`...)
	for i, call := range r.CallerToolCalls {
		if i > 0 {
			b = append(b, ',')
		}
		object, err := json.Marshal(call)
		if err != nil {
			return err
		}
		b = append(b, `{"index":`...)
		b = append(strconv.AppendInt(b, int64(i), 10), ',')
		b = append(b, object[1:]...)
	}
	b = append(b, ']')
	if extra := newMessage(r).extra; len(extra) > 0 { // what the model's server needs back
		object, err := json.Marshal(extra)
		if err != nil {
			return err
		}
		b = append(append(b, ','), object[1:len(object)-1]...)
	}
	return c.send(append(escapeBreaks(b, 0), `},"finish_reason":null}]}`...))
}

// writeSession sends the session, as an event of its own or inside a chunk that OpenAI clients can read.
func (c *chunkWriter) writeSession(s json.Marshaler) error {
	full, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	b := append(c.buf[:0], `data: {`...)
	if !c.bareSession {
		b = append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{},"finish_reason":null}],`...)
	}
	b = append(append(b, `"full_session":`...), full...)
	return c.send(append(escapeBreaks(b, 0), '}'))
}

func (c *chunkWriter) writeUsage(u agent.Usage) error {
	usage, err := json.Marshal(u)
	if err != nil {
		return err
	}
	b := append(append(c.buf[:0], c.prefix...), `"choices":[],"usage":`...)
	return c.send(append(append(b, usage...), '}'))
}

// send ends the event and sends it in one write.
func (c *chunkWriter) send(b []byte) error {
	c.buf = append(b, "\n\n"...)
	_, err := c.w.Write(c.buf)
	return err
}

// appendString appends a string as JSON. Invalid UTF-8 becomes U+FFFD. All kinds of line breaks are escaped, so that no text can
// end an event.
func appendString(b []byte, s string) []byte {
	from := len(b)
	b, _ = jsontext.AppendQuote(b, s) // the error only reports the bytes that were replaced
	return escapeBreaks(b, from)
}

// lineBreaks are line breaks of Unicode, but not of SSE. A reader that splits a stream by Unicode's rules, such as Python's
// splitlines, would see the end of an event there.
var lineBreaks = []struct{ raw, escaped []byte }{
	{[]byte("\u0085"), []byte(`\u0085`)}, {[]byte("\u2028"), []byte(`\u2028`)}, {[]byte("\u2029"), []byte(`\u2029`)},
}

// escapeBreaks escapes lineBreaks in the JSON in b[from:]. In JSON they can only occur inside strings.
func escapeBreaks(b []byte, from int) []byte {
	for _, br := range lineBreaks {
		if bytes.Contains(b[from:], br.raw) {
			b = append(b[:from], bytes.ReplaceAll(b[from:], br.raw, br.escaped)...)
		}
	}
	return b
}
