package agent_test

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// Everything that is sent to a model counts, wherever in a request it stands.
func TestCharacters(t *testing.T) {
	long := strings.Repeat("ü", 1000)
	quoted := json.RawMessage(`"` + long + `"`)
	for name, c := range map[string]struct {
		r    agent.ModelRequest
		want int
	}{
		"nothing":                  {agent.ModelRequest{Options: json.RawMessage(`{}`)}, 0},
		"text":                     {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleUser, Content: long}, {Role: agent.RoleSystem, Content: "ab"}}}, 1002},
		"a part":                   {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"image_url","image_url":{"url":"data:` + long + `"}}]`)}}}, 1050},
		"a person's name":          {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleUser, Name: "dana"}}}, 4},
		"a tool call":              {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "c1", Name: "book", Arguments: long}}}}}, 1006},
		"what a tool call carries": {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{Extra: agent.Extra{"x": quoted}, FunctionExtra: agent.Extra{"y": quoted}}}}}}, 2006},
		"a tool's result":          {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleTool, ToolCallID: "c1", Content: long}}}, 1002},
		"thoughts":                 {agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleAssistant, Extra: agent.Extra{"reasoning": quoted}}}}, 1011},
		"a tool":                   {agent.ModelRequest{Tools: []agent.Tool{{Name: "book", Description: long, Parameters: json.RawMessage(`{"type":"object"}`)}}}, 1021},
		"the parameters":           {agent.ModelRequest{Options: json.RawMessage(`{"prediction":` + string(quoted) + `}`)}, 1017},
		"the tool choice":          {agent.ModelRequest{ToolChoice: quoted}, 1002},
	} {
		if got := c.r.Characters(); got != c.want {
			t.Errorf("%s: %d characters, want %d", name, got, c.want)
		}
	}
}

func TestMaxCharacters(t *testing.T) {
	big := toolReturning("read", agent.ToolResult{Content: strings.Repeat("x", 500)})
	t.Run("the first request can be measured", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{big}, textReply("Hello"))
		turn.Agent.Instructions, turn.ToolChoice, turn.Options = strings.Repeat("p", 995), json.RawMessage(`"auto"`), json.RawMessage(`{"seed":1}`)
		before := turn.Characters()
		check(t, "text", collect(t, turn).Text, "Hello")
		check(t, "characters", before, model.requests[0].Characters())
		check(t, "characters", before, len("read")+len("Hi")+995+len(`"auto"`)+len(`{"seed":1}`))
	})
	t.Run("a turn that grows longer gives up", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{big}, toolCallReply("", "read {}"), toolCallReply("", "read {}"), textReply("Done"))
		turn.MaxCharacters = 1000
		result := collect(t, turn)
		check(t, "model requests", len(model.requests), 2)
		check(t, "text", result.Text, giveUpText)
		check(t, "code of the soft error", codeOf(result.SoftError), "conversation_too_long")
		for i := range model.requests {
			if n := model.requests[i].Characters(); n > 1000 {
				t.Errorf("request %d has %d characters, want at most 1000", i, n)
			}
		}
	})
	t.Run("a handoff to an agent with a long prompt gives up", func(t *testing.T) {
		next := agent.Agent{Name: "B", ModelName: "m", Instructions: strings.Repeat("p", 1001)}
		turn, model := newTurn([]agent.Tool{toolReturning("transfer", agent.ToolResult{Handoff: &next})}, toolCallReply("", "transfer {}"), textReply("Done"))
		turn.MaxCharacters = 1000
		check(t, "text", collect(t, turn).Text, giveUpText)
		check(t, "model requests", len(model.requests), 1)
	})
	t.Run("without a limit", func(t *testing.T) {
		turn, _ := newTurn([]agent.Tool{big}, toolCallReply("", "read {}"), toolCallReply("", "read {}"), textReply("Done"))
		check(t, "text", collect(t, turn).Text, "Done")
	})
}

// stoppedModel sends chunks and then fails, or goes on until the consumer stops.
type stoppedModel struct {
	chunks []agent.Chunk
	err    error
}

func (m stoppedModel) Stream(context.Context, agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		for _, c := range m.chunks {
			if !yield(c, nil) {
				return
			}
		}
		yield(agent.Chunk{}, m.err)
	}
}

func TestTokens(t *testing.T) {
	usage := agent.Chunk{Usage: &agent.Usage{PromptTokens: 30, CompletionTokens: 4}}
	for name, c := range map[string]struct {
		model stoppedModel
		want  int
	}{
		"the server's figures":                {stoppedModel{chunks: append(textReply("Hello"), usage)}, 34},
		"no figures: an estimate":             {stoppedModel{chunks: textReply(strings.Repeat("x", 40))}, 60},
		"an error in the middle: an estimate": {stoppedModel{chunks: []agent.Chunk{textChunk(strings.Repeat("x", 40))}, err: fault.New(fault.Upstream, "cut")}, 60},
		"no answer in time: the prompt":       {stoppedModel{err: fault.New(fault.Timeout, "late")}, 50},
		"a request that was rejected":         {stoppedModel{err: fault.New(fault.RateLimited, "no")}, 0},
	} {
		turn, _ := newTurn(nil)
		turn.Model, turn.Agent.Instructions = c.model, strings.Repeat("p", 198)
		result, _ := agent.Collect(turn.Run(t.Context()))
		check(t, "tokens of "+name, result.Tokens, c.want)
	}
	t.Run("a consumer that stops", func(t *testing.T) {
		turn, _ := newTurn(nil)
		turn.Model, turn.Agent.Instructions = stoppedModel{chunks: append(textReply(strings.Repeat("x", 40)), usage)}, strings.Repeat("p", 198)
		var soFar *agent.TurnResult
		for e := range turn.Run(t.Context()) {
			soFar = e.SoFar
			break
		}
		check(t, "tokens", soFar.Tokens, 60)
	})
}
