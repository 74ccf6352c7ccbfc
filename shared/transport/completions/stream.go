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

// writeStream passes the turn on as it happens. An error before the first word is returned before anything was written, and
// becomes a status; one after it follows the session that was gathered.
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
		if err := c.writeText(e.Text, e.Model); err != nil {
			return err // the reader is gone; leaving the loop ends the model's stream too
		}
	}
	return nil
}

// endStream closes the stream. A turn that failed ends with its session, and web adds the error.
func (a *response) endStream(c *chunkWriter, end chat.Event, failed error) error {
	if failed == nil {
		return a.closeStream(c, end)
	}
	if c.started && a.includeSession {
		if err := c.writeSession(end.Session); err != nil {
			return err
		}
	}
	return failed
}

// closeStream ends a stream properly: the reason, the session, the usage, [DONE].
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

// chunkWriter writes chunks into one buffer that it keeps.
type chunkWriter struct {
	*response
	w       http.ResponseWriter
	prefix  []byte // data: {"id":…,"model":"…",
	started bool
	buf     []byte
}

// setModel fixes what all chunks begin with, once the model's name is known.
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

// writeText sends one piece of text, the first with the role.
func (c *chunkWriter) writeText(text, model string) error {
	c.setModel(model)
	b := append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{`...)
	b = append(c.appendRole(b), `"content":`...)
	b = append(appendString(b, text), `},"finish_reason":null}]}`...)
	return c.send(b)
}

// appendRole says once who speaks.
func (c *chunkWriter) appendRole(b []byte) []byte {
	if c.started {
		return b
	}
	c.started = true
	return append(b, `"role":"assistant",`...)
}

// writeFinish sends the calls that are handed back, whole, and then the reason.
func (c *chunkWriter) writeFinish(r *agent.TurnResult) error {
	if !c.started && len(r.CallerToolCalls) == 0 { // a message without a word still has its role
		if err := c.writeText("", r.Model); err != nil {
			return err
		}
	}
	if len(r.CallerToolCalls) > 0 {
		if err := c.writeToolCalls(r.CallerToolCalls); err != nil {
			return err
		}
	}
	b := append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{},"finish_reason":`...)
	return c.send(append(appendString(b, r.FinishReason), `}]}`...))
}

func (c *chunkWriter) writeToolCalls(calls []agent.ToolCall) error {
	b := append(append(c.buf[:0], c.prefix...), `"choices":[{"index":0,"delta":{`...)
	b = append(c.appendRole(b), `"tool_calls":[`...)
	for i, call := range calls {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, `,"id":`...)
		b = appendString(b, call.ID)
		b = append(b, `,"type":"function","function":{"name":`...)
		b = appendString(b, call.Name)
		b = append(b, `,"arguments":`...)
		b = append(appendString(b, call.Arguments), `}}`...)
	}
	return c.send(append(b, `]},"finish_reason":null}]}`...))
}

// writeSession sends the session: bare, as the document has it, or in a chunk, as everybody else can read it.
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

// send ends the event and writes it in one piece.
func (c *chunkWriter) send(b []byte) error {
	c.buf = append(b, "\n\n"...)
	_, err := c.w.Write(c.buf)
	return err
}

// appendString quotes a string as JSON. Bytes that are no UTF-8 become U+FFFD; line breaks of every kind are escaped, so
// that no text can end an event.
func appendString(b []byte, s string) []byte {
	from := len(b)
	b, _ = jsontext.AppendQuote(b, s) // its error tells of the bytes that it replaced
	return escapeBreaks(b, from)
}

// lineBreaks are what Unicode calls a line break and SSE does not. Readers that split a stream by Unicode's rules, as
// Python's splitlines does, would see an event end there.
var lineBreaks = []struct{ raw, escaped []byte }{
	{[]byte("\u0085"), []byte(`\u0085`)}, {[]byte("\u2028"), []byte(`\u2028`)}, {[]byte("\u2029"), []byte(`\u2029`)},
}

// escapeBreaks escapes them in the JSON that b holds from a place on, where they can only stand inside strings.
func escapeBreaks(b []byte, from int) []byte {
	for _, br := range lineBreaks {
		if bytes.Contains(b[from:], br.raw) {
			b = append(b[:from], bytes.ReplaceAll(b[from:], br.raw, br.escaped)...)
		}
	}
	return b
}
