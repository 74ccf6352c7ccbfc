package completions

import (
	"context"
	"net/http"
	"time"

	"aurora/shared/chat"
	"aurora/shared/swarm"
	"aurora/shared/web"
)

// Service takes turns; it is *chat.Service but in tests.
type Service interface {
	Turn(ctx context.Context, r chat.Request) (*chat.Turn, error)
}

// Endpoint is one of the chat endpoints.
type Endpoint struct {
	Service Service
	Now     func() time.Time
	NewID   func() string // of a completion, such as chatcmpl-…
}

// General serves /api/v1/openai/chat/completions: streamed where the request says so, whole where not.
func (e *Endpoint) General(w http.ResponseWriter, r *http.Request) error {
	in, err := decode(r)
	if err != nil {
		return err
	}
	turn, err := e.Service.Turn(r.Context(), in.Request)
	if err != nil {
		return err
	}
	a := answer{id: e.NewID(), created: e.Now().Unix(), bare: in.bare, usage: in.usage, session: in.HasSession(), turn: turn}
	if in.stream {
		return a.stream(w)
	}
	return a.whole(w)
}

// answer is what an answer is made of, in either form.
type answer struct {
	id      string
	created int64
	bare    bool // the session as a bare line
	usage   bool // a usage chunk
	session bool // a session at all
	turn    *chat.Turn
}

// whole collects the turn into one JSON object.
func (a *answer) whole(w http.ResponseWriter) error {
	result, err := swarm.Collect(a.turn.Events)
	if err != nil {
		return err
	}
	out := completion{ID: a.id, Object: "chat.completion", Created: a.created, Model: result.Model, Usage: result.Usage,
		Choices: []choice{{FinishReason: result.FinishReason, Message: messageOf(result)}}}
	if a.session {
		out.FullSession = a.turn.Session(result, nil)
	}
	return web.JSON(w, http.StatusOK, out)
}

type completion struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	Created     int64         `json:"created"`
	Model       string        `json:"model"`
	Choices     []choice      `json:"choices"`
	Usage       swarm.Usage   `json:"usage"`
	FullSession *chat.Session `json:"full_session,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      message `json:"message"`
	FinishReason string  `json:"finish_reason"`
}

// message has the document's tools_calls always, and OpenAI's tool_calls where there are any.
type message struct {
	Role       string           `json:"role"`
	Content    *string          `json:"content"`
	ToolsCalls []swarm.ToolCall `json:"tools_calls"`
	ToolCalls  []swarm.ToolCall `json:"tool_calls,omitempty"`
}

func messageOf(r *swarm.Result) message {
	m := message{Role: swarm.Assistant, ToolsCalls: r.Calls, ToolCalls: r.Calls}
	content := ""
	for i := range r.Messages {
		if r.Messages[i].Role == swarm.Assistant {
			content += r.Messages[i].Content
		}
	}
	if content != "" || len(r.Calls) == 0 { // OpenAI has null beside tool calls
		m.Content = &content
	}
	return m
}
