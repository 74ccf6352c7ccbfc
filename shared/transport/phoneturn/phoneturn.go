// Package phoneturn takes the turns of phone calls with the chat use case, as the chat routes do for voice servers.
package phoneturn

import (
	"context"
	"encoding/json"
	"log/slog"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/transport/voiceturn"
	"example.com/aurora/shared/usecase/chat"
	"example.com/aurora/shared/usecase/phonecall"
)

// Service prepares turns: *chat.Service, except in tests.
type Service interface {
	Turn(ctx context.Context, r chat.Request) (*chat.Turn, error)
}

// Conversation takes turns of phone calls.
type Conversation struct {
	Service Service
	Timing  voiceturn.Timing // the zero value means voiceturn.DefaultTiming
}

// accountName is the name under which the use of all phone calls is counted. They have no API key.
const accountName = "phone"

// secondFiller is said when a turn goes on after the default filler.
const secondFiller = "I'm still working on that. One moment, please. "

// newRequest returns the request of a turn. The call's id is Twilio's, by which tools and the history know it.
func newRequest(r phonecall.TurnRequest) chat.Request {
	session := &chat.Session{ID: r.Call.SID, AssistantID: r.Call.AssistantID, CallerPhoneNumber: string(r.Call.Customer)}
	if r.Call.RecordID != "" {
		id, _ := json.Marshal(r.Call.RecordID) // a string: cannot fail
		session.Extra = map[string]json.RawMessage{"callRecordId": id}
	}
	return chat.Request{Channel: chat.Phone, Lenient: true, TargetAssistantID: r.Call.AssistantID, Session: session, Messages: r.Messages,
		Customer: chat.Customer{Number: aurora.Text(r.Call.Customer)}, Principal: auth.Principal{Name: accountName}}
}

// Speak takes a turn. It always says something, unless the turn is stopped or ends the call.
func (c *Conversation) Speak(ctx context.Context, r phonecall.TurnRequest, out phonecall.Output) phonecall.TurnResult {
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx, _ = trace.New(ctx)
	request := newRequest(r)
	turn, err := c.Service.Turn(ctx, request)
	if err != nil {
		if out.Stopped() == nil {
			slog.ErrorContext(ctx, "turn could not begin", "event", "turn.failed", "error", err)
		}
		turn = chat.NewFailedTurn(ctx, request, err)
	}
	after := context.WithoutCancel(whole)
	defer turn.Settle(after)
	v := &voiceturn.Turn{Chat: turn, Timing: c.Timing, Cancel: cancel, Out: out, Filler: voiceturn.DefaultFiller, ToolsMayTakeLong: true, Stopped: out.Stopped,
		BeforeTools: func(tools []agent.Tool) error { return out.BeforeTools(ctx, tools) }}
	end, err := v.Speak(ctx)
	stopped := out.Stopped()
	if stopped != nil {
		err = nil
	}
	turn.RecordEnd(after, chat.Delivery{FillerSpoken: v.FillerSpoken, Fallback: v.Fallback, Stopped: stopped, Err: err})
	return newResult(v, end, turn)
}

func newResult(v *voiceturn.Turn, end chat.Event, turn *chat.Turn) phonecall.TurnResult {
	result := phonecall.TurnResult{Filler: turn.FillerPhrase(voiceturn.DefaultFiller)}
	if v.FillerSpoken && result.Filler == voiceturn.DefaultFiller {
		result.Filler = secondFiller
	}
	if end.End == nil {
		return result
	}
	result.Messages, result.Action = end.End.Messages, end.End.Action
	if v.Fallback != nil { // as the caller heard it
		result.Messages = append(result.Messages, agent.Message{Role: agent.RoleAssistant, Content: turn.FallbackMessage(voiceturn.DefaultFallback), Sender: end.End.ActiveAgent})
	}
	return result
}
