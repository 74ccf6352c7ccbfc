package fakeopenai_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	wire "github.com/sashabaranov/go-openai"
	"go.uber.org/goleak"

	"example.com/aurora/shared/dev/fakeopenai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func client(t *testing.T, url string) *wire.Client {
	config := wire.DefaultConfig("key")
	config.BaseURL = url
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	config.HTTPClient = &http.Client{Transport: transport}
	return wire.NewClientWithConfig(config)
}

func userRequest(text string) wire.ChatCompletionRequest {
	return wire.ChatCompletionRequest{Model: "gpt-4o", Messages: []wire.ChatCompletionMessage{{Role: "user", Content: text}}, StreamOptions: &wire.StreamOptions{IncludeUsage: true}}
}

func collect(t *testing.T, c *wire.Client, text string) (words []string, finish string, usage *wire.Usage, err error) {
	t.Helper()
	stream, err := c.CreateChatCompletionStream(t.Context(), userRequest(text))
	if err != nil {
		return nil, "", nil, err
	}
	defer func() { _ = stream.Close() }()
	for {
		chunk, err := stream.Recv()
		if err != nil {
			return words, finish, usage, err
		}
		if chunk.Usage != nil {
			usage = chunk.Usage
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Content != "" {
				words = append(words, choice.Delta.Content)
			}
			if choice.FinishReason != "" {
				finish = string(choice.FinishReason)
			}
		}
	}
}

func TestDefaultModelSaysItIsFake(t *testing.T) {
	double := fakeopenai.Serve(t, nil)
	words, finish, usage, err := collect(t, client(t, double.URL), "Hello there")
	want := "This is Aurora's stand-in model, no real model is configured. You said: Hello there"
	if err != io.EOF || strings.Join(words, "") != want || len(words) != len(strings.Fields(want)) || finish != "stop" || usage == nil || usage.CompletionTokens != (len(want)+3)/4 {
		t.Errorf("streamed %q, finish %q, usage %+v, error %v; want the default reply word by word", words, finish, usage, err)
	}
	request := userRequest("Hello there")
	request.StreamOptions = nil
	reply, err := client(t, double.URL).CreateChatCompletion(t.Context(), request)
	if err != nil || reply.Choices[0].Message.Content != want || reply.Choices[0].FinishReason != "stop" || reply.Usage.TotalTokens == 0 {
		t.Errorf("reply %+v, error %v; want the default reply", reply, err)
	}
	request.Messages = append(request.Messages, wire.ChatCompletionMessage{Role: "tool", ToolCallID: "1", Content: "42"})
	if reply, err = client(t, double.URL).CreateChatCompletion(t.Context(), request); err != nil || !strings.HasSuffix(reply.Choices[0].Message.Content, "The tool answered: 42") {
		t.Errorf("reply %+v, error %v; want the tool result repeated", reply, err)
	}
	models, err := client(t, double.URL).ListModels(t.Context())
	if err != nil || len(models.Models) != 1 {
		t.Errorf("models %+v, error %v; want one", models, err)
	}
	if _, err := client(t, double.URL).GetModel(t.Context(), "gpt-4o"); err != nil {
		t.Error(err)
	}
}

func TestScript(t *testing.T) {
	gate := make(chan struct{})
	answers := []fakeopenai.Answer{
		fakeopenai.Status(429, `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, "Retry-After", "1"),
		fakeopenai.ToolCall("call_1", "get_weather", `{"city":"Cluj"}`).ToolCall("call_2", "get_time", `{}`),
		fakeopenai.Text("Hel", "lo").Finish("length").Usage(7, 2),
		fakeopenai.Text("Hel", "lo").Gate(gate),
	}
	double := fakeopenai.Serve(t, func(n int, _ fakeopenai.Request) fakeopenai.Answer { return answers[n] })
	c := client(t, double.URL)
	var api *wire.APIError
	if _, _, _, err := collect(t, c, "a"); !errors.As(err, &api) || api.HTTPStatusCode != 429 {
		t.Errorf("error %v, want status 429", err)
	}
	reply, err := c.CreateChatCompletion(t.Context(), wire.ChatCompletionRequest{Model: "m"})
	if err != nil || len(reply.Choices[0].Message.ToolCalls) != 2 || reply.Choices[0].FinishReason != "tool_calls" || reply.Choices[0].Message.ToolCalls[1].Function.Name != "get_time" {
		t.Errorf("reply %+v, error %v; want two tool calls", reply, err)
	}
	words, finish, usage, err := collect(t, c, "c")
	if err != io.EOF || strings.Join(words, "|") != "Hel|lo" || finish != "length" || usage.PromptTokens != 7 {
		t.Errorf("streamed %q, finish %q, usage %+v, error %v; want Hel and lo, length, 7 prompt tokens", words, finish, usage, err)
	}
	close(gate)
	if words, _, _, err = collect(t, c, "d"); err != io.EOF || len(words) != 2 {
		t.Errorf("streamed %q, error %v; want two words", words, err)
	}
	got := double.Requests()
	if len(got) != 4 || got[2].Last("user") != "c" || got[3].Number != 3 || !json.Valid(got[0].Raw) || got[0].Header.Get("Authorization") != "Bearer key" {
		t.Errorf("requests %+v; want the four requests as they were sent", got)
	}
}

// TestStreamEndings reads the raw response, because go-openai hides the difference between most of these endings.
func TestStreamEndings(t *testing.T) {
	tests := []struct {
		name   string
		answer fakeopenai.Answer
		want   []string // must be in the body, in order
		not    string
		broken bool // the connection breaks
	}{
		{"reply", fakeopenai.Text("a", "b"), []string{`"content":"a"`, `"content":"b"`, `"finish_reason":"stop"`, "data: [DONE]"}, "", false},
		{"no finish", fakeopenai.Text("a").NoFinish(), []string{`"content":"a"`, "[DONE]"}, `"stop"`, false},
		{"no done", fakeopenai.Text("a").NoDone(), []string{`"stop"`}, "[DONE]", false},
		{"close", fakeopenai.Close("a", "b"), []string{`"content":"b"`}, `"stop"`, false},
		{"close after one of two", fakeopenai.Text("a", "b").CloseAfter(1), []string{`"content":"a"`}, `"content":"b"`, false},
		{"close in a line", fakeopenai.Text("a", "b").CloseAfter(1).MidLine(), []string{`"content":"a"`, `data: {"id"`}, `"logprobs":null,"finish_reason":null}]}` + "\n\ndata: [", false},
		{"reset", fakeopenai.Reset("a"), nil, `"stop"`, true},
		{"reset before headers", fakeopenai.Reset(), nil, "", true},
		{"chunks", fakeopenai.Chunks(`{"choices":[]}`, `{ "error":{"message":"x"}}`), []string{"data: {\"choices\":[]}\n\n", `data: { "error"`}, "[DONE]", false},
		{"raw", fakeopenai.Raw(": comment\n\n", "data:{}\r\n\r\n"), []string{": comment\n\ndata:{}\r\n\r\n"}, "[DONE]", false},
		{"html", fakeopenai.Status(200, "<html>", "Content-Type", "text/html"), []string{"<html>"}, "data", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			double := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return test.answer })
			response, err := post(t.Context(), t, double.URL)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(response.Body)
				_ = response.Body.Close()
			}
			if (err != nil) != test.broken {
				t.Errorf("error %v after %q; want one only if the connection breaks", err, body)
			}
			rest := string(body)
			for _, want := range test.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("no %s in %q", want, rest)
				}
				rest = after
			}
			if test.not != "" && strings.Contains(string(body), test.not) {
				t.Errorf("%s must not be in %q", test.not, body)
			}
		})
	}
}

func TestHang(t *testing.T) {
	headers := make(chan struct{})
	answers := []fakeopenai.Answer{fakeopenai.Hang(), fakeopenai.Text("a", "b").HangAfter(1).OnHeaders(func() { close(headers) })}
	came := make(chan struct{}, len(answers))
	double := fakeopenai.Serve(t, func(n int, _ fakeopenai.Request) fakeopenai.Answer { came <- struct{}{}; return answers[n] })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		defer func() { _ = recover() }()
		_, err := post(ctx, t, double.URL)
		done <- err
	}()
	<-came
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("a request that hangs before the headers: error %v, want context.Canceled", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	response, err := post(ctx, t, double.URL)
	if err != nil {
		t.Fatal(err)
	}
	<-headers
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), `"content":"a"`) {
	}
	cancel()
	if rest, err := io.ReadAll(response.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("after a word: %q %v", rest, err)
	}
	_ = response.Body.Close()
}

func post(ctx context.Context, t *testing.T, url string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/chat/completions", strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}
