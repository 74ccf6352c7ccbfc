package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"example.com/aurora/shared/core/auth"
)

const chatPath = "/api/v1/openai/chat/completions"

// chatRoutes are the routes of turns, and the function URLs.
var chatRoutes = []struct {
	route
	streams bool
}{
	{bearer(http.MethodPost, chatPath, "chat-completions"), true},
	{bearer(http.MethodPost, chatPath+"/voice", "chat-completions-voice"), true},
	{bearer(http.MethodPost, "/api/v1/openai/voice/chat/completions", "chat-completions-voice"), true},
	{bearer(http.MethodPost, chatPath+"/sms", "chat-completions-sms"), false},
	{bearer(http.MethodPost, "/api/v1/openai/sms/chat/completions", "chat-completions-sms"), false},
	{bearer(http.MethodPost, chatPath+"/chat", "chat-completions-chat"), false},
	{bearer(http.MethodPost, "/api/v1/openai/chat/chat/completions", "chat-completions-chat"), false},
	{atURL(bearer(http.MethodPost, chatPath, "chat-completions")), true},
	{atURL(bearer(http.MethodPost, chatPath+"/voice", "chat-completions-voice")), true},
	{atURL(bearer(http.MethodPost, chatPath+"/sms", "chat-completions-sms")), false},
	{atURL(bearer(http.MethodPost, chatPath+"/chat", "chat-completions-chat")), false},
}

func bearer(method, path, function string) route {
	return route{method: method, path: path, function: function, kind: auth.KindAPI, header: "Authorization"}
}

// atURL returns the route at the function's URL.
func atURL(q route) route {
	q.atURL = true
	return q
}

// chatChecks take one turn on each route, and list the models.
func (r *run) chatChecks() []check {
	var checks []check
	for _, c := range chatRoutes {
		checks = append(checks, check{c.name(), func(ctx context.Context) (string, error) { return r.turn(ctx, c.route, c.streams) }})
	}
	list, one := bearer(http.MethodGet, "/api/v1/openai/models", "chat-completions"), bearer(http.MethodGet, "/api/v1/openai/models/{id}", "chat-completions")
	return append(checks,
		check{list.name(), func(ctx context.Context) (string, error) {
			id, err := r.firstModel(ctx, list)
			return id, err
		}},
		check{one.name(), func(ctx context.Context) (string, error) {
			id, err := r.firstModel(ctx, list)
			if err != nil {
				return "", err
			}
			a, err := r.send(ctx, one, list.path+"/"+url.PathEscape(id), nil)
			if err == nil && a.status != http.StatusOK {
				err = r.fail(one, a, "200")
			}
			return id, err
		}})
}

// firstModel returns the first model of the list.
func (r *run) firstModel(ctx context.Context, q route) (string, error) {
	a, err := r.send(ctx, q, "", nil)
	if err != nil {
		return "", err
	}
	var list struct{ Data []struct{ ID string } }
	if a.status != http.StatusOK || json.Unmarshal(a.body, &list) != nil || len(list.Data) == 0 {
		return "", r.fail(q, a, "200 and a list of models")
	}
	return list.Data[0].ID, nil
}

// turn takes one turn and measures the time to its first byte.
func (r *run) turn(ctx context.Context, q route, streams bool) (seen string, err error) {
	body := map[string]any{
		"stream": streams, "messages": []map[string]string{{"role": "user", "content": "Please say one word."}},
		"call": map[string]any{"id": r.call, "caller_phone_number": caller, "assistant_config": map[string]string{"assistantId": AssistantID}},
	}
	if q.function == "chat-completions-chat" {
		body["target_assistant_id"] = AssistantID
	}
	a, err := r.send(ctx, q, "", body)
	if err != nil {
		return "", err
	}
	if a.status != http.StatusOK {
		return "", r.fail(q, a, "200")
	}
	words, err := r.wordsOf(q, a, streams)
	if err == nil && strings.TrimSpace(words) == "" {
		err = errors.New("model: the turn has no words" + r.logHint(q.function))
	}
	return fmt.Sprintf("first byte after %d ms", a.firstByte.Milliseconds()), err
}

// turnEvent is an answer that is sent whole, or one event of a stream.
type turnEvent struct {
	Choices []struct {
		Message struct{ Content string }
		Delta   struct{ Content string }
	}
	Error       *turnError
	FullSession struct{ Error *turnError } `json:"full_session"`
}

type turnError struct{ Code, Message string }

// wordsOf returns the words of a turn. A turn that failed, also one with a fallback message, is an error.
func (r *run) wordsOf(q route, a answer, streams bool) (words string, err error) {
	events := []string{string(a.body)}
	if streams {
		text, ended := strings.CutSuffix(strings.TrimSpace(string(a.body)), "data: [DONE]")
		if !ended && strings.HasPrefix(strings.TrimSpace(text), "data:") && !strings.Contains(text, `"error"`) {
			return "", fmt.Errorf("function %s: the stream ended without [DONE]%s", q.function, r.logHint(q.function))
		}
		if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
			return "", fmt.Errorf("function %s: the answer is %s, not a stream", q.function, kind)
		}
		events = strings.Split(text, "\n\n")
	}
	for _, event := range events {
		event = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(event), "data:"))
		if event == "" {
			continue
		}
		var e turnEvent
		if err := json.Unmarshal([]byte(event), &e); err != nil {
			return "", fmt.Errorf("function %s: the answer cannot be read: %w: %.200s", q.function, err, event)
		}
		if failed := e.Error; failed != nil || e.FullSession.Error != nil {
			if failed == nil {
				failed = e.FullSession.Error
			}
			return "", fmt.Errorf("%sthe turn failed: %s %s%s", r.brokenPart(q, http.StatusBadGateway, failed.Code, failed.Message), failed.Code, failed.Message, r.logHint(q.function))
		}
		for _, c := range e.Choices {
			words += c.Message.Content + c.Delta.Content
		}
	}
	return words, nil
}
