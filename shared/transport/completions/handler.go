package completions

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// Service takes turns; it is *chat.Service but in tests.
type Service interface {
	Turn(ctx context.Context, r chat.Request) (*chat.Turn, error)
}

// Endpoint is the chat endpoints.
type Endpoint struct {
	Service Service
	Now     func() time.Time
	NewID   func() string // of a completion, such as chatcmpl-…
	Pace    Pace          // of /voice; DefaultPace where zero
}

// General serves /api/v1/openai/chat/completions: streamed where the request says so, whole where not.
func (e *Endpoint) General(w http.ResponseWriter, r *http.Request) error {
	in, err := decode(r)
	if err != nil {
		return err
	}
	a, err := e.begin(r.Context(), in)
	if err != nil {
		return err
	}
	if in.stream {
		return a.stream(r.Context(), w)
	}
	return a.whole(r.Context(), w)
}

// SMS serves /sms: one plain text message, whatever stream says.
func (e *Endpoint) SMS(w http.ResponseWriter, r *http.Request) error {
	in, err := decode(r)
	if err != nil {
		return err
	}
	in.Channel, in.Tools = chat.SMS, nil // a text message cannot hand a call back
	a, err := e.begin(r.Context(), in)
	if err != nil {
		return err
	}
	result, err := agent.Collect(a.turn.Events)
	if err != nil {
		a.turn.Finish(r.Context(), result, err)
		return err
	}
	text := SMS(result.Said, a.turn.SMSLimit())
	if text == "" && len(result.Calls) == 0 { // nothing, or a refusal without a word: somebody waits for an answer
		text = SMS(a.turn.Fallback(defaultFallback), a.turn.SMSLimit())
	}
	out := a.object(result, message{Role: agent.Assistant, Content: &text, short: true}, a.turn.Finish(r.Context(), result, nil))
	return web.JSON(w, http.StatusOK, out)
}

// Chat serves /chat: an answer for the web, of an assistant that must be named and exist.
func (e *Endpoint) Chat(w http.ResponseWriter, r *http.Request) error {
	in, err := decode(r)
	if err != nil {
		return err
	}
	switch {
	case in.Session == nil:
		return fault.New(fault.Invalid, "call is required: the session, such as {\"id\":\"…\"}.").In("call").Coded("missing_required_parameter")
	case in.TargetAssistantID == "":
		return fault.New(fault.Invalid, "target_assistant_id is required: the id of the assistant that is to answer.").
			In("target_assistant_id").Coded("missing_required_parameter")
	}
	in.Channel = chat.Web
	a, err := e.begin(r.Context(), in)
	if err != nil {
		return err
	}
	a.session = false
	return a.whole(r.Context(), w)
}

// begin prepares the turn and its answer.
func (e *Endpoint) begin(ctx context.Context, in request) (*answer, error) {
	turn, err := e.Service.Turn(ctx, in.Request)
	if err != nil {
		return nil, err
	}
	return &answer{id: e.NewID(), created: e.Now().Unix(), bare: in.bare, usage: in.usage, session: in.HasSession(), turn: turn}, nil
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
func (a *answer) whole(ctx context.Context, w http.ResponseWriter) error {
	result, err := agent.Collect(a.turn.Events)
	session := a.turn.Finish(ctx, result, err)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, a.object(result, messageOf(result), session))
}

// object is a whole answer.
func (a *answer) object(result *agent.Result, m message, session *chat.Session) completion {
	out := completion{ID: a.id, Object: "chat.completion", Created: a.created, Model: result.Model, Usage: result.Usage,
		Choices: []choice{{FinishReason: result.FinishReason, Message: m}}}
	if a.session {
		out.FullSession = session
	}
	return out
}

type completion struct {
	ID          string        `json:"id"`
	Object      string        `json:"object"`
	Created     int64         `json:"created"`
	Model       string        `json:"model"`
	Choices     []choice      `json:"choices"`
	Usage       agent.Usage   `json:"usage"`
	FullSession *chat.Session `json:"full_session,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      message `json:"message"`
	FinishReason string  `json:"finish_reason"`
}

// message has the document's tools_calls always, and OpenAI's tool_calls where there are any; one of /sms has neither.
type message struct {
	Role       string           `json:"role"`
	Content    *string          `json:"content"`
	ToolsCalls []agent.ToolCall `json:"tools_calls"`
	ToolCalls  []agent.ToolCall `json:"tool_calls,omitempty"`

	short bool
}

// MarshalJSON leaves out what /sms does not have.
func (m message) MarshalJSON() ([]byte, error) {
	if m.short {
		return json.Marshal(struct {
			Role    string  `json:"role"`
			Content *string `json:"content"`
		}{m.Role, m.Content})
	}
	type plain message
	return json.Marshal(plain(m))
}

func messageOf(r *agent.Result) message {
	m := message{Role: agent.Assistant, ToolsCalls: r.Calls, ToolCalls: r.Calls}
	if r.Said != "" || len(r.Calls) == 0 { // OpenAI has null beside tool calls
		m.Content = &r.Said
	}
	return m
}
