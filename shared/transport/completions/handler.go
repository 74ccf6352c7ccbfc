package completions

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/transport/smstext"
	"example.com/aurora/shared/transport/voiceturn"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// Service prepares turns: *chat.Service, except in tests.
type Service interface {
	Turn(ctx context.Context, r chat.Request) (*chat.Turn, error)
}

// Handler serves the chat routes.
type Handler struct {
	Service Service
	Now     func() time.Time
	NewID   func() string // returns the id of a completion, such as chatcmpl-…
	Models  []string      // that a request may name, the default one first
	// AllowedOptions are the restricted parameters that a request may set, see CheckAllowedOptions; "*" means all.
	AllowedOptions []string
	VoiceTiming    VoiceTiming // for /voice; the zero value means voiceturn.DefaultTiming
}

// ServeGeneral serves /api/v1/openai/chat/completions: as a stream if the request asks for one, otherwise whole.
func (e *Handler) ServeGeneral(w http.ResponseWriter, r *http.Request) (err error) {
	in, err := e.decode(r)
	if err != nil {
		return err
	}
	a, err := e.startTurn(r.Context(), in)
	if err != nil {
		return err
	}
	defer a.turn.Settle(r.Context())
	defer func() { a.turn.RecordEnd(r.Context(), chat.Delivery{CompletionID: a.id, Err: err}) }()
	if in.stream {
		return a.writeStream(w)
	}
	return a.writeJSON(w)
}

// ServeSMS serves /sms: one plain text message. It ignores stream.
func (e *Handler) ServeSMS(w http.ResponseWriter, r *http.Request) (err error) {
	in, err := e.decode(r)
	if err != nil {
		return err
	}
	in.Channel, in.Tools, in.ToolChoice = chat.SMS, nil, nil // a text message cannot return a tool call
	a, err := e.startTurn(r.Context(), in)
	if err != nil {
		return err
	}
	defer a.turn.Settle(r.Context())
	var fallback error
	defer func() {
		a.turn.RecordEnd(r.Context(), chat.Delivery{CompletionID: a.id, Fallback: fallback, Err: err})
	}()
	end, err := chat.Collect(a.turn.Events)
	if err != nil {
		return withRetryHint(w, end, err)
	}
	result := end.End
	text := result.Text
	if !in.wantsJSON() { // JSON is for a program, and cut it would not be JSON
		text = smstext.Format(text, a.turn.SMSLimit())
	}
	if text == "" && len(result.CallerToolCalls) == 0 { // no text: the sender still gets an answer
		fallback = voiceturn.ErrEmptyAnswer
		metric.CountFailure(r.Context(), "TurnGivenUp", voiceturn.ErrEmptyAnswer)
		text = smstext.Format(a.turn.FallbackMessage(defaultFallback), a.turn.SMSLimit())
	}
	out := a.newCompletion(end, message{Role: agent.RoleAssistant, Content: &text, textOnly: true})
	return web.WriteJSON(w, http.StatusOK, out)
}

// ServeChat serves /chat, for web pages: a whole answer of an assistant that the request must name.
func (e *Handler) ServeChat(w http.ResponseWriter, r *http.Request) (err error) {
	in, err := e.decode(r)
	if err != nil {
		return err
	}
	switch {
	case in.Session == nil:
		return fault.New(fault.Invalid, "call is required: the session, such as {\"id\":\"…\"}.").WithParam("call").WithCode("missing_required_parameter")
	case in.TargetAssistantID == "":
		return fault.New(fault.Invalid, "target_assistant_id is required: the id of the assistant that is to answer.").
			WithParam("target_assistant_id").WithCode("missing_required_parameter")
	}
	in.Channel = chat.Web
	a, err := e.startTurn(r.Context(), in)
	if err != nil {
		return err
	}
	defer a.turn.Settle(r.Context())
	defer func() { a.turn.RecordEnd(r.Context(), chat.Delivery{CompletionID: a.id, Err: err}) }()
	a.includeSession = false
	return a.writeJSON(w)
}

// startTurn prepares the turn and its response.
func (e *Handler) startTurn(ctx context.Context, in request) (*response, error) {
	turn, err := e.Service.Turn(ctx, in.Request)
	if err != nil {
		return nil, err
	}
	return e.newResponse(in, turn), nil
}

func (e *Handler) newResponse(in request, turn *chat.Turn) *response {
	return &response{id: e.NewID(), created: e.Now().Unix(), bareSession: in.bareSession, includeUsage: in.includeUsage,
		includeSession: in.HasSession(), turn: turn}
}

// response is an answer in the making, streamed or whole.
type response struct {
	id             string
	created        int64
	bareSession    bool // of a stream: the session is an event of its own
	includeUsage   bool // of a stream: there is a usage chunk
	includeSession bool
	turn           *chat.Turn
}

// writeJSON runs the turn to its end and sends a whole answer.
func (a *response) writeJSON(w http.ResponseWriter) error {
	end, err := chat.Collect(a.turn.Events)
	if err != nil {
		return withRetryHint(w, end, err)
	}
	return web.WriteJSON(w, http.StatusOK, a.newCompletion(end, newMessage(end.End)))
}

// withRetryHint tells OpenAI's clients not to repeat the request if tools have run: they would run again. Without the header
// these clients repeat it after each of our statuses 409, 429 and 5xx
// (https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py). It returns the error.
func withRetryHint(w http.ResponseWriter, end chat.Event, failed error) error {
	if end.End != nil && slices.ContainsFunc(end.End.Messages, func(m agent.Message) bool { return m.Role == agent.RoleTool }) {
		w.Header().Set("X-Should-Retry", "false")
	}
	return failed
}

// ServeModels serves /models and /models/{id}: the models that a request may name, as OpenAI's clients list them.
func (e *Handler) ServeModels(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if id == "" {
		list := modelList{Object: "list", Data: make([]modelEntry, len(e.Models))}
		for i, name := range e.Models {
			list.Data[i] = newModelEntry(name)
		}
		return web.WriteJSON(w, http.StatusOK, list)
	}
	if !slices.Contains(e.Models, id) {
		return fault.New(fault.NotFound, "This model is not available here.").WithParam("model").WithCode("model_not_found")
	}
	return web.WriteJSON(w, http.StatusOK, newModelEntry(id))
}

type modelList struct {
	Object string       `json:"object"`
	Data   []modelEntry `json:"data"`
}

type modelEntry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"` // required by OpenAI's clients; 0, because it is not known
	OwnedBy string `json:"owned_by"`
}

func newModelEntry(id string) modelEntry {
	return modelEntry{ID: id, Object: "model", OwnedBy: "aurora"}
}

// newCompletion returns a whole answer.
func (a *response) newCompletion(end chat.Event, m message) completion {
	result := end.End
	out := completion{ID: a.id, Object: "chat.completion", Created: a.created, Model: result.Model, Usage: result.Usage,
		Choices: []choice{{FinishReason: result.FinishReason, Message: m, LogProbs: joinLogProbs(result.LogProbs)}}}
	if a.includeSession {
		out.FullSession = end.Session
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
	Index        int       `json:"index"`
	Message      message   `json:"message"`
	FinishReason string    `json:"finish_reason"`
	LogProbs     *logProbs `json:"logprobs"` // null if the request did not ask for them
}

// logProbs are the log probabilities of an answer's tokens.
type logProbs struct {
	Content []json.RawMessage `json:"content"`
	Refusal []json.RawMessage `json:"refusal"`
}

// joinLogProbs puts the log probabilities of the pieces of an answer into one object; nil if there are none.
func joinLogProbs(pieces []json.RawMessage) *logProbs {
	var all *logProbs
	for _, raw := range pieces {
		var piece logProbs
		if json.Unmarshal(raw, &piece) != nil {
			continue // in a form of the server's own
		}
		if all == nil {
			all = &logProbs{}
		}
		all.Content, all.Refusal = append(all.Content, piece.Content...), append(all.Refusal, piece.Refusal...)
	}
	return all
}

// message always has the API document's tools_calls, and OpenAI's tool_calls if there are any. A message of /sms has neither.
type message struct {
	Role       string           `json:"role"`
	Content    *string          `json:"content"`
	ToolsCalls []agent.ToolCall `json:"tools_calls"`
	ToolCalls  []agent.ToolCall `json:"tool_calls,omitempty"`
	Refusal    *string          `json:"refusal"` // always null: a refusal is said like other text, and the finish reason is content_filter

	textOnly bool
	extra    agent.Extra // what the model's server needs back with the tool calls
}

// MarshalJSON leaves the tool calls out of a message of /sms.
func (m message) MarshalJSON() ([]byte, error) {
	if m.textOnly {
		return json.Marshal(struct {
			Role    string  `json:"role"`
			Content *string `json:"content"`
			Refusal *string `json:"refusal"`
		}{m.Role, m.Content, m.Refusal})
	}
	type plain message
	return agent.AppendExtra(plain(m), m.extra)
}

func newMessage(r *agent.TurnResult) message {
	m := message{Role: agent.RoleAssistant, ToolsCalls: r.CallerToolCalls, ToolCalls: r.CallerToolCalls}
	if r.Text != "" || len(r.CallerToolCalls) == 0 { // as in OpenAI's API, the content is null beside tool calls without text
		m.Content = &r.Text
	}
	if n := len(r.Messages); n > 0 && len(r.CallerToolCalls) > 0 {
		m.extra = r.Messages[n-1].Extra
	}
	return m
}
